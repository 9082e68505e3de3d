package rest

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"latchkey/connectors"
)

// DefaultRetryAfter is for a 429 that does not say when to come back.
const DefaultRetryAfter = 10 * time.Second

// Error is an answer outside 2xx other than 429. It wraps ErrUnrecoverable
// where the vendor understood and refused: 4xx without the few that ask to try
// again. Anything else leaves open what the vendor did.
type Error struct {
	Method string
	Path   string
	Status int
	Detail string // the vendor's own words, cut and cleaned; may be empty
}

// Error implements error.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s %s: answered %d %s", e.Method, e.Path, e.Status, http.StatusText(e.Status))
	if e.Status >= 300 && e.Status < 400 {
		s += ", a redirect, which is never followed"
	}
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	return s
}

// Unwrap implements the errors package's interface.
func (e *Error) Unwrap() error {
	switch {
	case e.Status < 400 || e.Status > 499,
		e.Status == http.StatusRequestTimeout,
		e.Status == http.StatusTooEarly,
		e.Status == http.StatusTooManyRequests:
		return nil
	}
	return connectors.ErrUnrecoverable
}

// Status returns the vendor's status if err is an *Error, else zero.
func Status(err error) int {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Status
	}
	return 0
}

func (c *Client) rateLimited(r Request, resp *http.Response) error {
	after, ok := connectors.RetryAfter(resp.Header, c.cfg.Now())
	if !ok {
		after = DefaultRetryAfter
	}
	return fmt.Errorf("%s %s: %w", r.Method, r.Path, &connectors.RateLimitedError{After: after})
}

func (c *Client) refusal(r Request, resp *http.Response) error {
	e := &Error{Method: r.Method, Path: r.Path, Status: resp.StatusCode}
	if isJSON(resp.Header) {
		body, err := ReadAll(resp.Body, maxErrorBody)
		if err == nil && depthWithin(body, c.cfg.MaxDepth) {
			e.Detail = c.redact(detail(body))
		}
	}
	return e
}

// failure says what went wrong with a call, with its method and path but
// without its query: net/http's own errors quote the whole URL.
func (c *Client) failure(r Request, err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	return &failure{text: fmt.Sprintf("%s %s: %s", r.Method, r.Path, c.redact(err.Error())), err: err}
}

// failure keeps the cause for errors.Is and prints the redacted text.
type failure struct {
	text string
	err  error
}

// Error implements error.
func (f *failure) Error() string { return f.text }

// Unwrap implements the errors package's interface.
func (f *failure) Unwrap() error { return f.err }

// redact takes the credential out of a text that a vendor had a hand in.
func (c *Client) redact(text string) string {
	whole := c.cfg.Credential.Expose()
	if whole == "" {
		return text
	}
	text = strings.ReplaceAll(text, whole, c.cfg.Credential.String())
	if _, token, ok := strings.Cut(whole, " "); ok && token != "" {
		text = strings.ReplaceAll(text, token, c.cfg.Credential.String())
	}
	return text
}
