package connectors

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/time/rate"
)

// The limits of one connection's calls to its vendor. They are below what the
// strictest general API of our vendors allows.
const (
	callsPerSecond = 10
	callBurst      = 10
	extraTries     = 2
	maxRetryWait   = 5 * time.Second // longer waits belong to the job queue
	firstBackoff   = 500 * time.Millisecond
	maxRetryAfter  = 15 * time.Minute // a vendor can't park our work for a year
	drainLimit     = 64 << 10
)

// NewTransport is the Transport of production: addresses are judged by the
// Dialer, calls are spread by a rate limit, and a GET answered 429 or 5xx is
// tried at most twice more, honouring Retry-After. It never follows redirects
// and uses no proxy, because a proxy would dial where the Dialer can't see.
func NewTransport(s Settings) http.RoundTripper {
	wire := &http.Transport{
		DialContext:            Dialer(s.AllowPrivate).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: authorities(s.Certificate)},
		TLSHandshakeTimeout:    5 * time.Second,
		ResponseHeaderTimeout:  20 * time.Second,
		ExpectContinueTimeout:  time.Second,
		IdleConnTimeout:        60 * time.Second,
		MaxIdleConnsPerHost:    8,
		MaxConnsPerHost:        32,
		MaxResponseHeaderBytes: 64 << 10,
		ForceAttemptHTTP2:      true,
	}
	return &retrier{next: &witnessed{&limited{next: wire, limiter: rate.NewLimiter(callsPerSecond, callBurst)}}}
}

// authorities trusts the one in the PEM; nil, for none, trusts the machine's.
func authorities(pem string) *x509.CertPool {
	if pem == "" {
		return nil
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(pem)) // one that can't be read trusts nobody
	return pool
}

// limited delays calls to keep their rate.
type limited struct {
	next    http.RoundTripper
	limiter *rate.Limiter
}

// RoundTrip implements http.RoundTripper. A call whose turn would come after
// its deadline is not made.
func (l *limited) RoundTrip(r *http.Request) (*http.Response, error) {
	err := l.limiter.Wait(r.Context())
	if err == nil {
		return l.next.RoundTrip(r)
	}
	if r.Body != nil {
		_ = r.Body.Close()
	}
	if ctxErr := r.Context().Err(); ctxErr != nil {
		return nil, ctxErr
	}
	return nil, &RateLimitedError{After: time.Second}
}

// retrier repeats a GET the vendor could not answer now.
type retrier struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper. The last answer is returned as it
// is, so that the caller sees the vendor's own status and Retry-After.
func (t *retrier) RoundTrip(r *http.Request) (*http.Response, error) {
	for try := 0; ; try++ {
		resp, err := t.next.RoundTrip(r)
		if err != nil || try == extraTries || !repeatable(r, resp.StatusCode) {
			return resp, err
		}
		wait := firstBackoff << try
		if after, ok := RetryAfter(resp.Header, time.Now()); ok {
			wait = after
		}
		if wait > maxRetryWait {
			return resp, nil
		}
		_, _ = io.CopyN(io.Discard, resp.Body, drainLimit)
		_ = resp.Body.Close()
		if err := pause(r.Context(), wait); err != nil {
			return nil, err
		}
	}
}

func repeatable(r *http.Request, status int) bool {
	if r.Method != http.MethodGet || r.Body != nil && r.Body != http.NoBody {
		return false
	}
	return status == http.StatusTooManyRequests || status >= 500 && status != http.StatusNotImplemented
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// RetryAfter reads a Retry-After header in either of its forms, seconds or a
// date. The result is between zero and 15 minutes; ok is false when the header
// is absent or unreadable.
func RetryAfter(h http.Header, now time.Time) (after time.Duration, ok bool) {
	v := h.Get("Retry-After")
	if v == "" {
		return 0, false
	}
	if n, err := strconv.ParseUint(v, 10, 32); err == nil {
		return min(time.Duration(n)*time.Second, maxRetryAfter), true
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0, false
	}
	return min(max(at.Sub(now), 0), maxRetryAfter), true
}
