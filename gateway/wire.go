package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"latchkey/connectors"
)

const (
	handshakeTimeout = 5 * time.Second
	answerTimeout    = 60 * time.Second // from the end of a request to its answer's head
	maxAnswerHead    = 64 << 10
	senderTimeout    = time.Second // for the sender of a body to say why it ends
	maxInterim       = 8           // answers before the answer
	readerSize       = 8 << 10
)

// vendorWire speaks HTTP/1.1 with one vendor on the caller's goroutine. net/http's
// transport hands every request to two goroutines of its connection, which
// takes longer than all that the gateway does itself. It takes those answers
// only that have one reading, and uses a connection again only when request
// and answer on it were whole. What is not plain HTTP/1.1 is not for it:
// HTTP/2 where the vendor offers it, changes of protocol.
type vendorWire struct {
	address    string // of the vendor, with a port
	dialer     *net.Dialer
	tls        *tls.Config   // nil without TLS
	answerWait time.Duration // answerTimeout
	pool       pool
	http2      atomic.Bool // the vendor speaks HTTP/2
}

// newWire returns nil for a vendor whose name can't be written as it is.
func newWire(u connectors.Upstream) *vendorWire {
	base := u.BaseURL
	if !isHost(base.Host) {
		return nil
	}
	w := &vendorWire{
		dialer:     connectors.Dialer(u.AllowPrivate),
		answerWait: answerTimeout,
		pool:       pool{most: maxIdle, expiry: idleExpiry},
	}
	port := base.Port()
	if base.Scheme == "https" {
		orDefault(&port, "443")
		w.tls = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: base.Hostname(), NextProtos: []string{"h2", "http/1.1"}}
	}
	orDefault(&port, "80")
	w.address = net.JoinHostPort(base.Hostname(), port)
	return w
}

// takes reports whether a request is for the wire.
func (w *vendorWire) takes(r *http.Request) bool {
	return !w.http2.Load() && r.Header["Upgrade"] == nil
}

// errSpeaksHTTP2 means that nothing was sent.
var errSpeaksHTTP2 = errors.New("the vendor speaks HTTP/2")

// send sends a request that has to be through by a time. A vendor may close a
// connection just when it is taken from the pool: then, if no byte came back
// and the request has nothing done, it is sent once more.
func (w *vendorWire) send(r *http.Request, ends time.Time) (*http.Response, error) {
	ctx := r.Context()
	until := ends
	if !hasBody(r) { // else the wait for the answer begins behind the body
		until = earliest(time.Now().Add(w.answerWait), ends)
	}
	if c := w.pool.take(until); c != nil {
		resp, err := w.exchange(c, r, ends)
		again := err != nil && !c.heard && ctx.Err() == nil && !isTimeout(err) &&
			!hasBody(r) && (r.Method == http.MethodGet || r.Method == http.MethodHead)
		if !again {
			return resp, err
		}
	}
	c, err := w.dial(ctx, ends)
	if err != nil {
		return nil, err
	}
	if err := c.SetDeadline(until); err != nil {
		_ = c.Close()
		return nil, err
	}
	return w.exchange(c, r, ends)
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// dial connects to the vendor.
func (w *vendorWire) dial(ctx context.Context, ends time.Time) (*wireConn, error) {
	ctx, cancel := context.WithDeadline(ctx, ends)
	defer cancel()
	conn, err := w.dialer.DialContext(ctx, "tcp", w.address)
	if err != nil {
		return nil, err
	}
	line := conn
	if w.tls != nil {
		if line, err = w.secure(ctx, conn); err != nil {
			_ = conn.Close()
			return nil, err
		}
	}
	c, err := newWireConn(line, conn)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return c, nil
}

// secure speaks TLS with the vendor, and finds out whether it has HTTP/2.
func (w *vendorWire) secure(ctx context.Context, conn net.Conn) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	secured := tls.Client(conn, w.tls)
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	if secured.ConnectionState().NegotiatedProtocol == "h2" {
		w.http2.Store(true)
		return nil, errSpeaksHTTP2
	}
	return secured, nil
}
