package gcpsecrets

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"latchkey/connectors/rest"
)

const (
	scope     = "https://www.googleapis.com/auth/cloud-platform" // the one the API has
	tokenLife = time.Hour                                        // the most Google gives
	earlier   = time.Minute                                      // an access token is replaced before its end
)

// bearer sends requests with the service account's access token, which it gets
// within the context of the request that needs it.
type bearer struct {
	next http.RoundTripper
	key  serviceKey
	turn chan held // holds one element: who takes it may change it
}

// held is an access token and when to have another.
type held struct {
	token string
	until time.Time
}

// noToken is a call that was not made, for want of an access token.
type noToken struct{ err error }

// Error implements error.
func (n *noToken) Error() string { return "ask for an access token: " + n.err.Error() }

// Unwrap implements the errors package's interface.
func (n *noToken) Unwrap() error { return n.err }

func newBearer(key serviceKey, next http.RoundTripper) *bearer {
	b := &bearer{next: next, key: key, turn: make(chan held, 1)}
	b.turn <- held{}
	return b
}

// RoundTrip implements http.RoundTripper. A token that Google stopped taking
// before its end is replaced, once: a 401 says that nothing was done.
func (b *bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	token, fresh, err := b.token(r.Context(), "")
	if err != nil {
		closeBody(r)
		return nil, err
	}
	resp, err := b.next.RoundTrip(signed(r, token))
	if err != nil || fresh || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	again := r.Clone(r.Context())
	if r.GetBody != nil {
		if again.Body, err = r.GetBody(); err != nil {
			return resp, nil //nolint:nilerr // the answer stands
		}
	}
	token, _, err = b.token(r.Context(), token)
	if err != nil {
		closeBody(again)
		return nil, err
	}
	return b.next.RoundTrip(signed(again, token))
}

func signed(r *http.Request, token string) *http.Request {
	out := r.Clone(r.Context())
	out.Header.Set("Authorization", "Bearer "+token)
	return out
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
}

// token is the one at hand, or a fresh one when there is none or it is the
// refused one.
func (b *bearer) token(ctx context.Context, refused string) (token string, fresh bool, err error) {
	var h held
	select {
	case h = <-b.turn:
	case <-ctx.Done():
		return "", false, ctx.Err()
	}
	defer func() { b.turn <- h }()
	if h.token != "" && h.token != refused && time.Now().Before(h.until) {
		return h.token, false, nil
	}
	got, err := b.ask(ctx)
	if err != nil {
		return "", false, &noToken{err}
	}
	h = got
	return h.token, true, nil
}

// ask gets an access token for the service account's own signature (RFC 7523).
// Nothing of an answer is quoted but its code.
func (b *bearer) ask(ctx context.Context) (held, error) {
	now := time.Now()
	claim := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": b.key.email, "aud": b.key.tokenURL, "scope": scope, "iat": now.Unix(), "exp": now.Add(tokenLife).Unix(),
	})
	claim.Header["kid"] = b.key.id
	assertion, err := claim.SignedString(b.key.private)
	if err != nil {
		return held{}, errors.New("sign with the service account's key")
	}
	form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.key.tokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return held{}, errors.New("make the request")
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := b.next.RoundTrip(req)
	if err != nil {
		return held{}, err
	}
	text, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return held{}, errOddAnswer
	}
	return readToken(resp.StatusCode, text, now)
}

func readToken(status int, text []byte, asked time.Time) (held, error) {
	var answer struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int64  `json:"expires_in"`
		Error       string `json:"error"`
	}
	bad := json.Unmarshal(text, &answer)
	if status != http.StatusOK {
		return held{}, &rest.Error{Method: http.MethodPost, Path: "token_uri", Status: status, Detail: word(answer.Error)}
	}
	if bad != nil || answer.AccessToken == "" || answer.TokenType != "Bearer" || answer.ExpiresIn < 1 ||
		strings.ContainsFunc(answer.AccessToken, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return held{}, errOddAnswer
	}
	life := time.Duration(min(answer.ExpiresIn, int64(tokenLife/time.Second))) * time.Second
	return held{token: answer.AccessToken, until: asked.Add(life - earlier)}, nil
}
