package rest

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"latchkey/connectors"
)

// maxWired is the most of an answer that a Wire hands on, in bytes.
const maxWired = 4 << 20

// Wire is a transport as a vendor's own client sees it. What that client would
// lose is a *LostCall here: a redirect, a limit with its time, an answer that
// does not end. Next must not be nil. Safe for concurrent use if Next is.
type Wire struct{ Next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (w *Wire) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.Next.RoundTrip(r)
	if err != nil {
		return nil, &LostCall{err}
	}
	body, err := ReadAll(resp.Body, maxWired)
	_ = resp.Body.Close()
	switch {
	case err != nil:
		return nil, &LostCall{err}
	case resp.StatusCode == http.StatusTooManyRequests:
		after, ok := connectors.RetryAfter(resp.Header, time.Now())
		if !ok {
			after = DefaultRetryAfter
		}
		return nil, &LostCall{&connectors.RateLimitedError{After: after}}
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		return nil, &LostCall{&Error{Method: r.Method, Path: r.URL.EscapedPath(), Status: resp.StatusCode}}
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// LostCall is a call that has no answer for the vendor's client. Its text is
// what our side knows: the other side could have our secret in its own.
type LostCall struct{ err error }

// Error implements error.
func (l *LostCall) Error() string {
	if op, ok := errors.AsType[*net.OpError](l.err); ok {
		return op.Error()
	}
	if bad, ok := errors.AsType[*tls.CertificateVerificationError](l.err); ok {
		return bad.Error()
	}
	if limited, ok := errors.AsType[*connectors.RateLimitedError](l.err); ok {
		return limited.Error()
	}
	if status, ok := errors.AsType[*Error](l.err); ok {
		return status.Error()
	}
	for _, known := range []error{context.Canceled, context.DeadlineExceeded, ErrTooLarge} {
		if errors.Is(l.err, known) {
			return known.Error()
		}
	}
	return "no answer"
}

// Unwrap implements the errors package's interface.
func (l *LostCall) Unwrap() error { return l.err }
