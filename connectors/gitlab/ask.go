package gitlab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	gl "gitlab.com/gitlab-org/api/client-go"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

const (
	defaultRetryAfter = 10 * time.Second // for a 429 that does not say when to come back
	maxRetryAfter     = 15 * time.Minute // GitLab can't park our work for a year
)

// ask makes one call of the client and turns what it answers into the errors
// of package connectors. Without an error the answer is not nil.
func ask[T any](ctx context.Context, c *Connector, call func(gl.RequestOptionFunc) (*T, *gl.Response, error)) (*T, *gl.Response, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	answer, resp, err := call(gl.WithContext(ctx))
	if err != nil {
		return nil, resp, c.explain(ctx, resp, err)
	}
	if answer == nil {
		return nil, resp, fmt.Errorf("%s: the answer is empty", callName(resp))
	}
	return answer, resp, nil
}

// explain maps a failed call: 429 is a RateLimitedError, another status a
// *rest.Error, and anything else leaves open what GitLab did.
func (c *Connector) explain(ctx context.Context, resp *gl.Response, err error) error {
	if resp == nil {
		return c.unanswered(err)
	}
	switch status := resp.StatusCode; {
	case status == http.StatusTooManyRequests:
		return fmt.Errorf("%s: %w", callName(resp), &connectors.RateLimitedError{After: c.retryAfter(resp.Header)})
	case status >= 200 && status < 300:
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%s: the answer is not the JSON expected", callName(resp)) // its own words may quote a secret
	}
	body := bodyOf(err)
	if resp.StatusCode == http.StatusUnauthorized && isDeadToken(body) {
		c.gate.shut.Store(true)
	}
	return &rest.Error{
		Method: resp.Request.Method, Path: resp.Request.URL.EscapedPath(), Status: resp.StatusCode,
		Detail: c.redact(words(body)),
	}
}

// callName names the call an answer belongs to, without its query.
func callName(resp *gl.Response) string {
	return resp.Request.Method + " " + resp.Request.URL.EscapedPath()
}

// unanswered says what went wrong without the URL's query or our token, both
// of which net/http may quote.
func (c *Connector) unanswered(err error) error {
	text := err.Error()
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		text = strings.ToUpper(wrapped.Op) + ": " + wrapped.Err.Error()
		if u, bad := url.Parse(wrapped.URL); bad == nil {
			text = strings.ToUpper(wrapped.Op) + " " + u.EscapedPath() + ": " + wrapped.Err.Error()
		}
	}
	return &unanswered{text: c.redact(text), err: err}
}

// unanswered keeps the cause for errors.Is and prints the redacted text.
type unanswered struct {
	text string
	err  error
}

// Error implements error.
func (u *unanswered) Error() string { return u.text }

// Unwrap implements the errors package's interface.
func (u *unanswered) Unwrap() error { return u.err }

func (c *Connector) redact(text string) string {
	return strings.ReplaceAll(text, c.token.Expose(), c.token.String())
}

// retryAfter prefers Retry-After and falls back to RateLimit-Reset, which is a
// moment in Unix seconds.
func (c *Connector) retryAfter(h http.Header) time.Duration {
	if after, ok := connectors.RetryAfter(h, c.now()); ok {
		return after
	}
	reset, err := strconv.ParseInt(h.Get("RateLimit-Reset"), 10, 64)
	if err != nil {
		return defaultRetryAfter
	}
	return min(max(time.Unix(reset, 0).Sub(c.now()), 0), maxRetryAfter)
}

// notAvailable tells GitLab's answer to what a licence, an offering or a role
// does not have.
func notAvailable(err error) bool {
	status := rest.Status(err)
	return status == http.StatusForbidden || status == http.StatusNotFound
}

// bodyOf is the body of a refusal. The client keeps none for a 404.
func bodyOf(err error) []byte {
	if refusal, ok := errors.AsType[*gl.ErrorResponse](err); ok {
		return refusal.Body
	}
	return nil
}

// isDeadToken recognizes what GitLab answers to a token it has revoked or let
// expire. An unknown token gets another body.
func isDeadToken(body []byte) bool {
	var answer struct {
		Error string `json:"error"`
	}
	return json.Unmarshal(body, &answer) == nil && answer.Error == "invalid_token"
}

// words is the sentence in one of GitLab's error shapes, {"message":…} and
// {"error":…}, for people.
func words(body []byte) string {
	var v any
	if json.Unmarshal(body, &v) != nil {
		return ""
	}
	return rest.Clean(sentence(v, 4))
}

func sentence(v any, deep int) string {
	if deep == 0 {
		return ""
	}
	switch v := v.(type) {
	case string:
		return v
	case []any:
		if len(v) > 0 {
			return sentence(v[0], deep-1)
		}
	case map[string]any:
		for _, key := range []string{"error_description", "message", "error"} {
			if s := sentence(v[key], deep-1); s != "" {
				return s
			}
		}
		for _, field := range slices.Sorted(maps.Keys(v)) { // {"expires_at": ["must be …"]}
			if s := sentence(v[field], deep-1); s != "" {
				return field + " " + s
			}
		}
	}
	return ""
}
