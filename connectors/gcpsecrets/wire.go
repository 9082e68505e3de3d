package gcpsecrets

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
	"latchkey/connectors/rest"
)

const (
	maxBody           = 4 << 20
	defaultRetryAfter = 10 * time.Second
)

// wire is the transport as Google's client sees it. What that client would
// lose is an error here: a redirect, a limit with its time, an answer that
// does not end.
type wire struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.next.RoundTrip(r)
	if err != nil {
		return nil, &lostCall{err}
	}
	body, err := rest.ReadAll(resp.Body, maxBody)
	_ = resp.Body.Close()
	switch {
	case err != nil:
		return nil, &lostCall{err}
	case resp.StatusCode == http.StatusTooManyRequests:
		after, ok := connectors.RetryAfter(resp.Header, time.Now())
		if !ok {
			after = defaultRetryAfter
		}
		return nil, &lostCall{&connectors.RateLimitedError{After: after}}
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		return nil, &lostCall{&rest.Error{Method: r.Method, Path: r.URL.EscapedPath(), Status: resp.StatusCode}}
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// lostCall is a call without an answer for Google's client. Its text is what
// our side knows: the other side could have our secret in its own.
type lostCall struct{ err error }

// Error implements error.
func (l *lostCall) Error() string {
	if op, ok := errors.AsType[*net.OpError](l.err); ok {
		return op.Error()
	}
	if bad, ok := errors.AsType[*tls.CertificateVerificationError](l.err); ok {
		return bad.Error()
	}
	if limited, ok := errors.AsType[*connectors.RateLimitedError](l.err); ok {
		return limited.Error()
	}
	if status, ok := errors.AsType[*rest.Error](l.err); ok {
		return status.Error()
	}
	for _, known := range []error{context.Canceled, context.DeadlineExceeded, rest.ErrTooLarge} {
		if errors.Is(l.err, known) {
			return known.Error()
		}
	}
	return "no answer"
}

// Unwrap implements the errors package's interface.
func (l *lostCall) Unwrap() error { return l.err }
