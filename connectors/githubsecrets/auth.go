package githubsecrets

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/google/go-github/v88/github"

	"latchkey/connectors"
	"latchkey/connectors/rest"
	"latchkey/secret"
)

// renewBefore is how long before its end a token is no longer used.
const renewBefore = 2 * time.Minute

// bearer signs calls with a token that stays.
type bearer struct {
	next  http.RoundTripper
	token secret.Value
}

// RoundTrip implements http.RoundTripper.
func (t *bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer func() { _ = r.Body.Close() }()
	}
	signed, err := sign(r, t.token)
	if err != nil {
		return nil, err
	}
	return t.next.RoundTrip(signed)
}

// installation signs calls with a token of the App's installation, which it
// asks for with the App's signature (under app) and keeps until it is old or
// refused.
type installation struct {
	app  *api
	id   int64
	next http.RoundTripper
	now  func() time.Time

	turn    chan struct{} // of one: whoever put something in may look at what follows
	token   secret.Value
	expires time.Time
}

// RoundTrip implements http.RoundTripper. A kept token that is refused is
// replaced once: nothing was done with it.
func (t *installation) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer func() { _ = r.Body.Close() }()
	}
	token, kept, err := t.current(r.Context(), secret.Value{})
	if err != nil {
		return nil, err
	}
	resp, err := t.send(r, token)
	if err != nil || resp.StatusCode != http.StatusUnauthorized || !kept {
		return resp, err
	}
	_ = resp.Body.Close()
	token, _, err = t.current(r.Context(), token)
	if err != nil {
		return nil, err
	}
	return t.send(r, token)
}

func (t *installation) send(r *http.Request, token secret.Value) (*http.Response, error) {
	signed, err := sign(r, token)
	if err != nil {
		return nil, err
	}
	return t.next.RoundTrip(signed)
}

// current is the token to use, and whether it is one from before. It is not
// the refused one. Waiting for another call's exchange ends with the context.
func (t *installation) current(ctx context.Context, refused secret.Value) (token secret.Value, kept bool, err error) {
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return secret.Value{}, false, ctx.Err()
	}
	if !t.token.Empty() && t.token.Expose() != refused.Expose() && t.now().Add(renewBefore).Before(t.expires) {
		return t.token, true, nil
	}
	t.token, t.expires, err = t.exchange(ctx)
	return t.token, false, err
}

// exchange asks for a token with all the installation may do.
func (t *installation) exchange(ctx context.Context) (secret.Value, time.Time, error) {
	var answer struct {
		Token     string           `json:"token"`
		ExpiresAt github.Timestamp `json:"expires_at"`
	}
	_, err := t.app.do(ctx, request{
		method: http.MethodPost,
		path:   rest.Path("app", "installations", strconv.FormatInt(t.id, 10), "access_tokens"),
		body:   github.InstallationTokenOptions{},
	}, &answer)
	if err == nil && !fitsHeader(answer.Token) {
		err = errors.New("the answer has no token")
	}
	if err != nil {
		return secret.Value{}, time.Time{}, &tokenError{err: err}
	}
	return secret.New(answer.Token), answer.ExpiresAt.Time, nil
}

// tokenError says that a call was not made. It hides the status of the
// exchange, whose 404 is not the call's, and keeps what a caller decides by.
type tokenError struct{ err error }

// Error implements error.
func (e *tokenError) Error() string { return fmt.Sprintf("get an installation token: %s", e.err) }

// Unwrap implements the errors package's interface.
func (e *tokenError) Unwrap() error {
	if errors.Is(e.err, connectors.ErrUnrecoverable) {
		return connectors.ErrUnrecoverable
	}
	return e.err
}

// sign copies a request, body included, as RoundTrippers must not change
// theirs.
func sign(r *http.Request, token secret.Value) (*http.Request, error) {
	signed := r.Clone(r.Context())
	signed.Header.Set("Authorization", "Bearer "+token.Expose())
	if r.GetBody == nil {
		return signed, nil
	}
	var err error
	if signed.Body, err = r.GetBody(); err != nil {
		return nil, fmt.Errorf("read the request again: %w", err)
	}
	return signed, nil
}
