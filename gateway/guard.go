package gateway

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	firstBuffer = 4 << 10
	lingerTime  = 500 * time.Millisecond
	lingerBytes = 256 << 10
)

// refusedMethod is the method of the request that the guard hands to the
// server in place of one it refuses. A client that sends it gains a refusal.
const refusedMethod = "REFUSED"

const refusedRequest = refusedMethod + " / HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n"

// guard wraps a listener so that every byte is judged before net/http parses
// it, because net/http accepts, or repairs, framing that the next server may
// read differently: Content-Length beside Transfer-Encoding, folded lines,
// bare line feeds, chunk extensions. The listener may be one of TLS.
type guard struct {
	net.Listener
	crowd   *crowd
	maxHead int
}

// Accept implements net.Listener.
func (g guard) Accept() (net.Conn, error) {
	c, err := g.Listener.Accept()
	if err != nil {
		return nil, err
	}
	conn := &guardedConn{Conn: c, maxHead: g.maxHead}
	conn.waits.Store(time.Now().UnixNano())
	g.crowd.enter(conn)
	return conn, nil
}

// guardedConn lets a request's head through only once all of it was judged,
// and its body only as far as it keeps to its framing. In place of a head
// that is refused the server gets refusedRequest, so that the answer takes its
// turn behind those of pipelined requests; then the connection ends.
//
// A client that speaks HTTP/2 is let through from its preface on. net/http
// reads the very same bytes as a preface, and checkHTTP2 judges the requests.
//
// Only one goroutine reads at a time; net/http sees to that.
type guardedConn struct {
	net.Conn
	maxHead int
	refused atomic.Pointer[refusal] // why the connection ends
	waits   atomic.Int64            // for what the client has to send, since then in nanoseconds; zero while it does not
	lingers atomic.Bool             // the client may still send a body that nobody reads

	begun   bool // what the client speaks is known
	through bool // whatever comes may pass
	buf     []byte
	r, w    int   // buf[r:w] is read from the wire and not yet let through
	judged  int   // bytes from r on that may pass
	scanned int   // bytes from r on whose lines were judged
	head    head  // the head being read
	body    body  // the body being read
	ended   error // set once nothing more may pass
}

// Read implements net.Conn.
func (g *guardedConn) Read(p []byte) (int, error) {
	for {
		switch {
		case g.judged > 0:
			n := copy(p, g.buf[g.r:g.r+g.judged])
			g.r += n
			g.judged -= n
			return n, nil
		case g.ended != nil:
			return 0, g.ended
		case g.through:
			g.buf = nil
			return g.Conn.Read(p)
		case g.body.open():
			return g.readBody(p)
		case !g.begun:
			if !g.begin() {
				if err := g.fill(); err != nil {
					return 0, err
				}
			}
			continue
		}
		done, refused := g.scanHead()
		switch {
		case refused != nil:
			g.refuse(refused)
		case done:
			g.judged, g.scanned = g.scanned, 0
			g.body = g.head.body()
			g.head = head{}
		default:
			if err := g.fill(); err != nil {
				return 0, err
			}
		}
	}
}

// begin looks at the first bytes for what the client speaks, and returns false
// while they do not tell. Inside TLS the handshake has said it already.
func (g *guardedConn) begin() bool {
	sent := g.buf[g.r:g.w]
	if len(sent) == 0 {
		return false
	}
	http1, http2 := negotiated(g.Conn)
	n := min(len(sent), len(preface))
	switch same := string(sent[:n]) == preface[:n]; {
	case http2 && same && n < len(preface):
		return false
	case http2 && same:
		g.through, g.judged = true, len(sent)
	case !http1:
		g.refuse(badFraming("The client agreed on HTTP/2 and does not speak it."))
	}
	g.begun = true
	return true
}

// scanHead judges the complete lines in the buffer and says whether the head
// is complete.
func (g *guardedConn) scanHead() (done bool, refused *refusal) {
	for {
		line, ok, refused := nextLine(g.buf[g.r+g.scanned : g.w])
		if refused != nil {
			return false, refused
		}
		if !ok {
			if g.w-g.r >= g.maxHead {
				return false, errHeadSize
			}
			return false, nil
		}
		g.scanned += len(line) + 2
		if done, refused := g.head.line(line); done || refused != nil {
			return done, refused
		}
	}
}

// letThrough lets whatever comes from now on pass, unless something came
// already. Nobody may read meanwhile.
func (g *guardedConn) letThrough() bool {
	if g.ended != nil || g.r < g.w {
		return false
	}
	g.through = true
	return true
}

func (g *guardedConn) refuse(why *refusal) {
	g.refused.Store(why)
	g.ended = io.EOF
	g.buf, g.r, g.w = []byte(refusedRequest), 0, len(refusedRequest)
	g.judged = g.w
}

// readBody lets a piece of the body through, straight from the wire where its
// length is known.
func (g *guardedConn) readBody(p []byte) (int, error) {
	if g.r == g.w && g.body.left > 0 && !g.body.chunked {
		if int64(len(p)) > g.body.left {
			p = p[:g.body.left]
		}
		n, err := g.Conn.Read(p)
		g.body.left -= int64(n)
		return n, err
	}
	if g.r == g.w {
		if err := g.fill(); err != nil {
			return 0, err
		}
	}
	piece := g.buf[g.r:g.w]
	if len(piece) > len(p) {
		piece = piece[:len(p)]
	}
	n, ok := g.body.pass(piece)
	if !ok {
		g.refused.Store(errFraming)
		g.ended = errFraming
	}
	if n == 0 && len(p) > 0 {
		return 0, g.ended
	}
	copy(p, piece[:n])
	g.r += n
	return n, nil
}

// fill reads more from the wire behind what is buffered.
func (g *guardedConn) fill() error {
	if g.r == g.w {
		g.r, g.w = 0, 0
	}
	if g.w == len(g.buf) {
		size := len(g.buf)
		if g.w-g.r > size/2 || size == 0 {
			size = min(max(2*size, firstBuffer), g.maxHead)
		}
		grown := make([]byte, size)
		g.w = copy(grown, g.buf[g.r:g.w])
		g.r, g.buf = 0, grown
	}
	n, err := g.Conn.Read(g.buf[g.w:])
	g.w += n
	if n > 0 {
		return nil
	}
	return err
}

// CloseWrite lets net/http end a connection without losing the answer.
func (g *guardedConn) CloseWrite() error {
	if c, ok := g.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return nil
}

// Close implements net.Conn. What a refused client still sends is read for a
// moment: a reset in its face would take the answer away.
func (g *guardedConn) Close() error {
	if g.refused.Load() != nil || g.lingers.Load() {
		_ = g.CloseWrite()
		_ = g.Conn.SetReadDeadline(time.Now().Add(lingerTime))
		_, _ = io.CopyN(io.Discard, g.Conn, lingerBytes)
	}
	return g.Conn.Close()
}

// drop ends the connection without another word, and at once.
func (g *guardedConn) drop() {
	c := g.Conn
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn() // a goodbye could wait for the client
	}
	_ = c.Close()
}

type guardedConnKey struct{}

// withConn is the server's ConnContext: the handler must find the reason of a
// refused request.
func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, guardedConnKey{}, c)
}

// framingRefusal returns why the request that r stands for is refused for how
// it came.
func (g *Gateway) framingRefusal(w http.ResponseWriter, r *http.Request) *refusal {
	if r.ProtoMajor == 2 && r.Method != prefaceMethod {
		refused := g.checkHTTP2(r)
		if refused != nil {
			r.Method = refusedMethod // what it said is not fit to be logged
		}
		r.Body = &streamBody{r.Body, r.Context()}
		return refused
	}
	switch r.Method {
	case refusedMethod:
		return connRefusal(r.Context())
	case prefaceMethod: // the guard has let it through, so nothing after it is judged
		w.Header().Set("Connection", "close")
		return badFraming("The gateway speaks HTTP/1.1.")
	}
	return nil
}

// connRefusal returns why the guard lets nothing more through on the
// connection of a request.
func connRefusal(ctx context.Context) *refusal {
	g, ok := ctx.Value(guardedConnKey{}).(*guardedConn)
	if !ok {
		return nil
	}
	return g.refused.Load()
}
