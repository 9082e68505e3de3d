package gitlab

import (
	"fmt"
	"net/http"
	"sync/atomic"

	"latchkey/connectors"
)

const maxBody = 8 << 20 // bytes of one answer, after decompression

var errShut = fmt.Errorf("%w: GitLab said that this connection's token is revoked or expired, so it is not used again "+
	"(using a rotated-out token revokes its successor); put the current one into the configuration", connectors.ErrUnrecoverable)

// gate stands between the client and the wire. It caps what an answer may
// hold, and lets nothing out any more once GitLab said that our own token is
// dead: GitLab takes the use of a rotated-out token for theft and revokes the
// token that replaced it.
type gate struct {
	next http.RoundTripper
	shut atomic.Bool
}

// RoundTrip implements http.RoundTripper.
func (g *gate) RoundTrip(r *http.Request) (*http.Response, error) {
	if g.shut.Load() {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, errShut
	}
	resp, err := g.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = http.MaxBytesReader(nil, resp.Body, maxBody)
	return resp, nil
}
