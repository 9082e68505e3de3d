package gateway

import (
	"crypto/tls"
	"errors"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"latchkey/connectors"
)

// upstream is one connection, ready to take requests.
type upstream struct {
	name   string
	base   *url.URL
	prefix string // of every path, without a slash at its end
	scopes *scopes
	proxy  *httputil.ReverseProxy
	mask   mask
	counts counts
}

// NewTransport is how the gateway dials vendors: addresses are judged by the
// Dialer, connections are kept, nothing is compressed, redirected, repeated
// at will or sent through a proxy.
func NewTransport(u connectors.Upstream) http.RoundTripper {
	return &http.Transport{
		DialContext:            connectors.Dialer(u.AllowPrivate).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    5 * time.Second,
		ResponseHeaderTimeout:  60 * time.Second,
		ExpectContinueTimeout:  time.Second,
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConnsPerHost:    512,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
	}
}

var errBase = errors.New("base URL must be http or https with a host, and without user, query or fragment")

func newUpstream(u connectors.Upstream, transport http.RoundTripper, log zerolog.Logger) (*upstream, error) {
	base := u.BaseURL
	if base == nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, errBase
	}
	compiled, err := compileScopes(u.Scopes)
	if err != nil {
		return nil, err
	}
	up := &upstream{
		name:   u.Connection,
		base:   base,
		prefix: prefixOf(base),
		scopes: compiled,
		mask:   newMask(u.Credential),
	}
	fixed := http.Header{"Accept-Encoding": {"identity"}}
	for name, value := range u.Extra {
		fixed.Set(name, value)
	}
	if u.Header == "" || u.Credential.Empty() {
		return nil, errors.New("no credential, or no header to send it in")
	}
	fixed.Set(u.Header, u.Credential.Expose())
	up.proxy = &httputil.ReverseProxy{
		Rewrite:        func(p *httputil.ProxyRequest) { prepare(p, fixed) },
		Transport:      transport,
		BufferPool:     &bufferPool{},
		ModifyResponse: up.clean,
		ErrorHandler:   proxyError,
		ErrorLog:       newErrorLog(log.With().Str("connection", u.Connection).Logger(), &up.mask),
	}
	return up, nil
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

// prepare makes the request to the vendor. The proxy mends queries it finds
// odd; what was judged goes on instead.
func prepare(p *httputil.ProxyRequest, fixed http.Header) {
	p.Out.URL.RawQuery = p.In.URL.RawQuery
	p.Out.Host = ""
	dropHeaders(p.Out.Header)
	for name, values := range fixed {
		p.Out.Header[name] = values
	}
}

// clean takes out of an answer what is the vendor's and the gateway's alone.
func (u *upstream) clean(resp *http.Response) error {
	if resp.StatusCode == http.StatusUnauthorized {
		return errRefused
	}
	for _, name := range answerDropped {
		delete(resp.Header, name)
	}
	u.mask.headers(resp.Header)
	resp.Trailer = nil
	if resp.Body != http.NoBody && resp.StatusCode != http.StatusSwitchingProtocols {
		resp.Body = &maskedBody{ReadCloser: resp.Body, mask: &u.mask, resp: resp}
	}
	return nil
}

const bufferSize = 16 << 10

// bufferPool implements httputil.BufferPool.
type bufferPool struct{ pool sync.Pool }

// Get implements httputil.BufferPool.
func (p *bufferPool) Get() []byte {
	if b, ok := p.pool.Get().(*[bufferSize]byte); ok {
		return b[:]
	}
	return new([bufferSize]byte)[:]
}

// Put implements httputil.BufferPool.
func (p *bufferPool) Put(b []byte) { p.pool.Put((*[bufferSize]byte)(b)) }

// newErrorLog takes what the proxy and the server complain of. Clients and
// vendors cause it at will and may put anything into it.
func newErrorLog(to zerolog.Logger, m *mask) *log.Logger {
	return log.New(errorLog{to, m}, "", 0)
}

type errorLog struct {
	log  zerolog.Logger
	mask *mask
}

const maxLogged = 300

// Write implements io.Writer.
func (l errorLog) Write(p []byte) (int, error) {
	l.log.Debug().Str("said", cut(strings.TrimSpace(l.mask.text(string(p))))).Msg("http library complained")
	return len(p), nil
}

// cut bounds what is logged of a text that others made.
func cut(text string) string { return text[:min(len(text), maxLogged)] }
