package azurekeyvault

import (
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	timeout = 30 * time.Second // of one call with its retries
	maxBody = 1 << 20          // of an answer; a secret has 25 KB at most
)

// wire is how the vendor's client and the requests for tokens reach the
// network: no redirect is followed, and no answer is longer than it may be.
type wire struct{ client *http.Client }

func newWire(rt http.RoundTripper) *wire {
	return &wire{client: &http.Client{
		Transport:     bounded{rt},
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Do implements policy.Transporter.
func (w *wire) Do(r *http.Request) (*http.Response, error) { return w.client.Do(r) } //nolint:gosec // the address is the configured vault's

// bounded cuts answers off, which makes them no JSON, and takes out challenges
// on which the vendor's client panics.
type bounded struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = &cut{Reader: io.LimitReader(resp.Body, maxBody), Closer: resp.Body}
	if !sound(resp.Header.Get(challengeHeader)) {
		resp.Header.Del(challengeHeader)
	}
	return resp, nil
}

type cut struct {
	io.Reader
	io.Closer
}

const challengeHeader = "Www-Authenticate"

// sound says that an authorization in a challenge is an URL with a path, whose
// first segment the client takes for the directory without looking whether
// there is one. It splits the challenge as the client does.
func sound(challenge string) bool {
	for part := range strings.SplitSeq(strings.ReplaceAll(challenge, "Bearer ", ""), " ") {
		value, ok := strings.CutPrefix(part, "authorization=")
		value = strings.TrimSuffix(strings.ReplaceAll(value, `"`, ""), ",")
		if ok && value != "" && strings.Count(value, "/") < 3 {
			return false
		}
	}
	return true
}
