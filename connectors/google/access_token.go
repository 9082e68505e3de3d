package google

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"golang.org/x/oauth2"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

const defaultRetryAfter = 10 * time.Second

// ask gets an access token for the service account's own signature (RFC 7523).
func (b *bearer) ask(ctx context.Context) (*oauth2.Token, error) {
	wire := &within{ctx: ctx, next: b.next}
	client := &http.Client{Transport: wire, CheckRedirect: neverFollow}
	token, err := b.conf.TokenSource(context.WithValue(ctx, oauth2.HTTPClient, client)).Token()
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case wire.err != nil: // the library keeps its text alone
		return nil, fmt.Errorf("ask for an access token: %w", wire.err)
	case err != nil:
		return nil, fmt.Errorf("ask for an access token: %w", b.refusal(err))
	case token.AccessToken == "" || token.Type() != "Bearer" || token.Expiry.IsZero():
		return nil, errors.New("ask for an access token: the answer holds none")
	}
	return token, nil
}

// refusal says what a token endpoint answered without its words: they may
// quote our signature.
func (b *bearer) refusal(err error) error {
	answer, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		return errors.New("the answer is not the JSON expected")
	}
	if answer.Response.StatusCode == http.StatusTooManyRequests {
		return rateLimited(answer.Response.Header)
	}
	var body struct {
		Error string `json:"error"`
	}
	_ = json.Unmarshal(answer.Body, &body) // no code, then
	refused := &rest.Error{
		Method: http.MethodPost, Path: "token_uri", Status: answer.Response.StatusCode, Detail: word(body.Error),
	}
	switch body.Error {
	case "unauthorized_client", "access_denied":
		return fmt.Errorf("%w; the service account may not act for others with the scopes %v: grant it domain-wide delegation for them",
			refused, delegated())
	case "invalid_grant":
		return fmt.Errorf("%w; the key was deleted, the subject is no user, or this machine's clock is wrong", refused)
	}
	return refused
}

// within makes a library's calls end with a context that it does not pass on,
// and keeps the error that it would only quote.
type within struct {
	ctx  context.Context
	next http.RoundTripper
	err  error
}

// RoundTrip implements http.RoundTripper.
func (w *within) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.next.RoundTrip(r.WithContext(w.ctx))
	if err != nil {
		w.err = errLost(err)
	}
	return resp, err
}

// errLost keeps what the errors package can find in a failed call. Its text is
// kept where our side wrote it: a server could have our signature in its own.
func errLost(err error) error {
	text := "no answer"
	if op, ok := errors.AsType[*net.OpError](err); ok {
		text = op.Error()
	}
	return &lostCall{err: err, text: text}
}

func rateLimited(h http.Header) error {
	after, ok := connectors.RetryAfter(h, time.Now())
	if !ok {
		after = defaultRetryAfter
	}
	return &connectors.RateLimitedError{After: after}
}
