package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"latchkey/connectors"
)

// upstream is one connection, ready to take requests.
type upstream struct {
	name      string
	base      *url.URL
	prefix    string // of every path, without a slash at its end
	scopes    *scopes
	fixed     http.Header       // the gateway's own headers, its credential among them
	header    string            // the one the credential is in
	wire      *vendorWire       // nil where transport is used for everything
	transport http.RoundTripper // for what the wire does not do
	mask      mask
	counts    counts
	bounds    bounds
	use       use // of all its keys
}

// NewTransport is how the gateway reaches vendors by HTTP/2: addresses are
// judged by the Dialer, connections are kept, nothing is compressed or sent
// through a proxy.
func NewTransport(u connectors.Upstream) http.RoundTripper {
	return &http.Transport{
		DialContext:            connectors.Dialer(u.AllowPrivate).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    handshakeTimeout,
		ResponseHeaderTimeout:  answerTimeout,
		IdleConnTimeout:        idleExpiry,
		MaxIdleConnsPerHost:    maxIdle,
		MaxResponseHeaderBytes: maxAnswerHead,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
	}
}

var (
	errBase       = errors.New("base URL must be http or https with a host, and without user, query or fragment")
	errCredential = errors.New("no credential, or no header to send it in")
)

// newUpstream takes the transport that is used for everything; nil means the
// gateway's own.
func newUpstream(u connectors.Upstream, transport func(connectors.Upstream) http.RoundTripper, common Limits) (*upstream, error) {
	base := u.BaseURL
	if base == nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, errBase
	}
	if u.Header == "" || u.Credential.Empty() {
		return nil, errCredential
	}
	compiled, err := compileScopes(u.Scopes)
	if err != nil {
		return nil, err
	}
	limits, err := newBounds(u.Limits, common)
	if err != nil {
		return nil, err
	}
	fixed := http.Header{}
	for name, value := range u.Extra {
		fixed.Set(name, value)
	}
	fixed.Set(u.Header, u.Credential.Expose())
	up := &upstream{
		base:   base,
		prefix: prefixOf(base),
		scopes: compiled,
		fixed:  fixed,
		header: http.CanonicalHeaderKey(u.Header),
		mask:   newMask(u.Credential),
		bounds: limits,
	}
	if transport != nil {
		up.transport = transport(u)
		return up, nil
	}
	up.wire, up.transport = newWire(u), NewTransport(u)
	return up, nil
}

// send sends a request to the vendor. It ends with its context, and when its
// time is over. The caller closes the answer's body, and then calls release.
func (u *upstream) send(r *http.Request, ends time.Time) (resp *http.Response, release func(), err error) {
	if u.wire != nil && u.wire.takes(r) {
		resp, err = u.wire.send(r, ends)
		if !errors.Is(err, errSpeaksHTTP2) {
			return resp, func() {}, err
		}
	}
	ctx, cancel := context.WithDeadline(r.Context(), ends)
	resp, err = u.transport.RoundTrip(r.WithContext(ctx))
	return resp, cancel, err
}

// closeIdle closes the connections that are not in use.
func (u *upstream) closeIdle() {
	if u.wire != nil {
		u.wire.pool.clear()
	}
	if t, ok := u.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// prefixOf is the path of a base URL as it stands before every path: with a
// slash in front, which url.JoinPath leaves out, and none behind.
func prefixOf(base *url.URL) string {
	path := strings.Trim(base.EscapedPath(), "/")
	if path == "" {
		return ""
	}
	return "/" + path
}

// address is where a judged target goes: its very bytes behind the base.
func (u *upstream) address(t target) *url.URL {
	return &url.URL{Scheme: u.base.Scheme, Host: u.base.Host, Opaque: u.prefix + t.path, RawQuery: t.query, ForceQuery: t.hasQuery}
}

// headers makes the headers of a request to the vendor, with the token of the
// key's owner where it has one, else with the connection's credential.
func (u *upstream) headers(client http.Header, own *token) http.Header {
	out := make(http.Header, len(client)+len(u.fixed))
	for name, values := range client {
		if goesOn(name) {
			out[name] = values
		}
	}
	maps.Copy(out, u.fixed)
	if own != nil {
		out[u.header] = []string{own.value.Expose()}
	}
	if _, ok := out["User-Agent"]; !ok {
		out["User-Agent"] = []string{""} // net/http would make one up
	}
	return out
}
