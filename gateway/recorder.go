package gateway

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// recorder is the client's side of an exchange: it notes what was sent.
type recorder struct {
	http.ResponseWriter
	id      [1]string // of the request, as a header has it
	status  int       // zero until the answer began
	sent    int64
	refused *refusal // the gateway's own answer
	failed  error    // why there is no answer of the vendor's
}

// refuse answers with a refusal.
func (r *recorder) refuse(why *refusal) {
	r.refused = why
	why.write(r)
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.Header()["Request-Id"] = r.id[:]
	r.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(p []byte) (int, error) {
	n, err := r.ResponseWriter.Write(p)
	r.sent += int64(n)
	return n, err
}

// flush sends what was written so far.
func (r *recorder) flush() error { return http.NewResponseController(r.ResponseWriter).Flush() }

// requestID names a request in the answer and in the log. It is no secret.
func requestID() string {
	var raw [8]byte
	var text [16]byte
	binary.BigEndian.PutUint64(raw[:], rand.Uint64()) //nolint:gosec // no secret
	hex.Encode(text[:], raw[:])
	return string(text[:])
}

// clientAddr is the address of the client: the peer, or, behind proxies that
// are trusted, the last address of X-Forwarded-For that is not one of theirs.
func clientAddr(r *http.Request, trusted []netip.Prefix) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr := peer.Addr().Unmap().WithZone("")
	if len(trusted) == 0 || !within(addr, trusted) {
		return addr
	}
	hops := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
	for _, hop := range slices.Backward(hops) {
		hop, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			return addr
		}
		addr = hop.Unmap().WithZone("")
		if !within(addr, trusted) {
			return addr
		}
	}
	return addr
}

func within(addr netip.Addr, prefixes []netip.Prefix) bool {
	for _, p := range prefixes {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}
