package google

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/jwt"

	"latchkey/connectors/rest"
)

const (
	maxBody    = 8 << 20
	drainLimit = 64 << 10
	earlier    = time.Minute // an access token is replaced before its end
)

// bearer sends requests with the service account's access token, which it gets
// and renews within the context of the request that needs it.
//
// The library's own transport asks for tokens under a context of its own, so
// that a caller who gave up would keep on waiting.
type bearer struct {
	next http.RoundTripper
	conf *jwt.Config
	turn chan struct{} // holds one element: who takes it may use token
	last *oauth2.Token
}

func newBearer(conf *jwt.Config, next http.RoundTripper) *bearer {
	b := &bearer{next: next, conf: conf, turn: make(chan struct{}, 1)}
	b.turn <- struct{}{}
	return b
}

// RoundTrip implements http.RoundTripper. A token that Google stopped taking
// before its end is replaced, once.
func (b *bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	token, fresh, err := b.token(r.Context(), "")
	if err != nil {
		closeBody(r)
		return nil, err
	}
	resp, err := b.send(r, token)
	if err != nil || fresh || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	again, ok := repeat(r)
	if !ok {
		return resp, nil
	}
	_, _ = io.CopyN(io.Discard, resp.Body, drainLimit)
	_ = resp.Body.Close()
	token, _, err = b.token(r.Context(), token)
	if err != nil {
		closeBody(again)
		return nil, err
	}
	return b.send(again, token)
}

// token is the one at hand, or a fresh one when there is none or it is the
// refused one.
func (b *bearer) token(ctx context.Context, refused string) (token string, fresh bool, err error) {
	select {
	case <-b.turn:
	case <-ctx.Done():
		return "", false, ctx.Err()
	}
	defer func() { b.turn <- struct{}{} }()
	if b.last != nil && b.last.AccessToken != refused && time.Now().Before(b.last.Expiry.Add(-earlier)) {
		return b.last.AccessToken, false, nil
	}
	got, err := b.ask(ctx)
	if err != nil {
		return "", false, err
	}
	b.last = got
	return got.AccessToken, true, nil
}

func (b *bearer) send(r *http.Request, token string) (*http.Response, error) {
	signed := r.Clone(r.Context())
	signed.Header.Set("Authorization", "Bearer "+token)
	resp, err := b.next.RoundTrip(signed)
	if err != nil {
		return nil, &lostCall{err: err, text: strings.ReplaceAll(err.Error(), token, "[redacted]")}
	}
	resp.Body = &cappedBody{ReadCloser: resp.Body, left: maxBody}
	return resp, nil
}

// lostCall is a call without an answer. Its text has no access token, though a
// hostile server can have one in what it sends.
type lostCall struct {
	err  error
	text string
}

// Error implements error.
func (l *lostCall) Error() string { return l.text }

// Unwrap implements the errors package's interface.
func (l *lostCall) Unwrap() error { return l.err }

// repeat is the request once more, if its body can be had again.
func repeat(r *http.Request) (*http.Request, bool) {
	again := r.Clone(r.Context())
	if r.Body == nil || r.Body == http.NoBody {
		return again, true
	}
	if r.GetBody == nil {
		return nil, false
	}
	body, err := r.GetBody()
	if err != nil {
		return nil, false
	}
	again.Body = body
	return again, true
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
}

// cappedBody fails instead of letting an answer fill our memory.
type cappedBody struct {
	io.ReadCloser
	left int64
}

// Read implements io.Reader.
func (c *cappedBody) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, rest.ErrTooLarge
	}
	n, err := c.ReadCloser.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}
