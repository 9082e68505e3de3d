package github

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

// installation signs calls with a token of the App's installation, which lives
// an hour. The App's own signature (JWT) comes from ghinstallation, under app;
// its keeping of tokens is not used, because a waiting call does not end with
// its context there, a token that was refused is kept, and an answer of null
// panics.
type installation struct {
	app  *api
	id   int64
	next http.RoundTripper
	now  func() time.Time

	turn    chan struct{} // of one: whoever put something in may look at what follows
	token   secret.Value
	expires time.Time
}

func newInstallation(app *api, id int64, next http.RoundTripper, now func() time.Time) *installation {
	return &installation{app: app, id: id, next: next, now: now, turn: make(chan struct{}, 1)}
}

// RoundTrip implements http.RoundTripper. A kept token that the vendor does
// not know (any more) is replaced once: 401 means that nothing was done.
func (t *installation) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer func() { _ = r.Body.Close() }()
	}
	for again := false; ; again = true {
		token, kept, err := t.current(r.Context())
		if err != nil {
			return nil, err
		}
		signed, err := sign(r, token)
		if err != nil {
			return nil, err
		}
		resp, err := t.next.RoundTrip(signed)
		if err != nil || resp.StatusCode != http.StatusUnauthorized || !kept || again {
			return resp, err
		}
		_ = resp.Body.Close()
		if err := t.forget(r.Context(), token); err != nil {
			return nil, err
		}
	}
}

// current is the token to use, and whether it is one from before.
func (t *installation) current(ctx context.Context) (token secret.Value, kept bool, err error) {
	if err := t.take(ctx); err != nil {
		return secret.Value{}, false, err
	}
	defer t.give()
	if !t.token.Empty() && t.now().Add(renewBefore).Before(t.expires) {
		return t.token, true, nil
	}
	t.token, t.expires, err = t.exchange(ctx)
	return t.token, false, err
}

func (t *installation) forget(ctx context.Context, token secret.Value) error {
	if err := t.take(ctx); err != nil {
		return err
	}
	defer t.give()
	if t.token.Expose() == token.Expose() {
		t.token = secret.Value{}
	}
	return nil
}

func (t *installation) take(ctx context.Context) error {
	select {
	case t.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t *installation) give() { <-t.turn }

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
	if err != nil {
		return secret.Value{}, time.Time{}, &tokenError{err: err}
	}
	if !fitsHeader(answer.Token) {
		return secret.Value{}, time.Time{}, &tokenError{err: errors.New("the answer has no token")}
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

// sign copies a request, as RoundTrippers must not change theirs.
func sign(r *http.Request, token secret.Value) (*http.Request, error) {
	signed := r.Clone(r.Context())
	signed.Header.Set("Authorization", "Bearer "+token.Expose())
	if r.GetBody == nil {
		return signed, nil
	}
	body, err := r.GetBody()
	if err != nil {
		return nil, fmt.Errorf("read the request again: %w", err)
	}
	signed.Body = body
	return signed, nil
}
