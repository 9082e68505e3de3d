package gateway

import (
	"bufio"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"latchkey/connectors"
)

const (
	lookEvery  = 500 * time.Millisecond // at whether what is under way may go on
	tunnelIdle = idleTimeout            // how long nothing may move in one
)

// Why a tunnel ended, in the log. One that both sides ended has no reason.
var (
	errTunnelKey  = errors.New("the key may not open this any more")
	errTunnelTime = errors.New("the tunnel was open as long as a request may take")
	errTunnelIdle = errors.New("nothing moved in the tunnel")
	errTunnelStop = errors.New("the gateway stops")
)

// asksWebSocket reports whether a request is a WebSocket handshake and nothing
// more (RFC 6455, section 4.1). HTTP/2 has another one, which is refused.
func asksWebSocket(r *http.Request) bool {
	h := r.Header
	return h["Upgrade"] != nil && r.Method == http.MethodGet && r.ProtoMajor == 1 && r.ProtoMinor == 1 &&
		r.ContentLength == 0 && len(r.TransferEncoding) == 0 &&
		saysOnly(h["Upgrade"], connectors.WebSocket) && saysOnly(h["Connection"], "upgrade") &&
		saysOnly(h["Sec-Websocket-Version"], "13") && isHandshakeKey(h["Sec-Websocket-Key"])
}

// saysOnly reports whether a header is there once, with one word in it.
func saysOnly(values []string, word string) bool {
	return len(values) == 1 && strings.EqualFold(values[0], word)
}

func isHandshakeKey(values []string) bool {
	if len(values) != 1 {
		return false
	}
	nonce, err := base64.StdEncoding.Strict().DecodeString(values[0])
	return err == nil && len(nonce) == 16
}

// askUpgrade asks the vendor for what the client asks for, but for the
// extensions: compression would hide the vendor's secret in what comes back.
func askUpgrade(h http.Header) {
	h["Connection"], h["Upgrade"] = []string{"Upgrade"}, []string{connectors.WebSocket}
	delete(h, "Sec-Websocket-Extensions")
}

// tunnel is a connection that was upgraded.
type tunnel struct {
	client *guardedConn
	vendor io.ReadWriteCloser
	x      *exchange
	opened time.Time
	moved  atomic.Int64 // when something last did, in nanoseconds since opened
	sent   atomic.Int64 // to the client
}

// tunnel passes on what client and vendor say to each other, after the vendor
// agreed to change the protocol. It ends when one of them ends it, when the
// request would not be let through any more, after the time that a request may
// take, or when nothing moves.
func (g *Gateway) tunnel(w *recorder, r *http.Request, t target, x *exchange, resp *http.Response) {
	vendor, ok := resp.Body.(io.ReadWriteCloser)
	if !ok || !saysOnly(resp.Header["Upgrade"], connectors.WebSocket) || resp.Header["Sec-Websocket-Extensions"] != nil {
		w.refuse(errUpstream)
		return
	}
	client := g.takeOver(w)
	if client == nil {
		return
	}
	defer g.crowd.leave(client)
	w.status = http.StatusSwitchingProtocols
	tun := &tunnel{client: client, vendor: vendor, x: x, opened: time.Now()}
	var ways sync.WaitGroup
	ends := make(chan error, 2)
	ways.Go(func() { ends <- tun.up() })
	ways.Go(func() { ends <- tun.down(w.agreement(resp.Header, x.mask())) })
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for open := true; open; {
		select {
		case <-ends: //nolint:errcheck // it has ended, which is all that is wanted
			open = false
		case <-look.C:
			w.failed = g.mayGoOn(r, t, tun)
			open = w.failed == nil
		}
	}
	if w.failed != nil {
		client.drop()
	}
	_ = client.Conn.Close()
	_ = vendor.Close()
	ways.Wait()
	w.sent = tun.sent.Load()
}

// takeOver takes the client's connection from net/http, or returns nil. A
// client that said more than its handshake did not wait for the answer, and
// gets none: what it said may be a request, which was not judged.
func (g *Gateway) takeOver(w *recorder) *guardedConn {
	conn, ahead, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		w.refuse(errUpgrade)
		return nil
	}
	client, ok := conn.(*guardedConn)
	if ok && ahead.Reader.Buffered() == 0 && client.letThrough() {
		return client
	}
	w.refused, w.status = errUpgrade, errUpgrade.status
	if ok {
		client.refused.Store(errUpgrade)
		g.crowd.leave(client)
	}
	_ = conn.Close()
	return nil
}

// agreement is the answer that changes the protocol.
func (r *recorder) agreement(from http.Header, secrets *mask) []byte {
	b := []byte("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nRequest-Id: " + r.id[0] + "\r\n")
	for _, name := range []string{"Sec-Websocket-Accept", "Sec-Websocket-Protocol"} {
		if values := from[name]; len(values) == 1 && !secrets.among(values) {
			b = append(b, name+": "+values[0]+"\r\n"...)
		}
	}
	return append(b, "\r\n"...)
}

// mayGoOn judges the request of a tunnel again, as it would be judged now.
func (g *Gateway) mayGoOn(r *http.Request, t target, tun *tunnel) error {
	switch open := time.Since(tun.opened); {
	case open > tun.x.upstream.bounds.duration:
		return errTunnelTime
	case open-time.Duration(tun.moved.Load()) > tunnelIdle:
		return errTunnelIdle
	}
	if !g.closing.TryRLock() {
		return errTunnelStop
	}
	defer g.closing.RUnlock()
	switch why := g.refusedNow(r, t, tun.x); why {
	case nil:
		return nil
	case errStale:
		return errStale
	}
	return errTunnelKey
}

// up passes on what the client says.
func (t *tunnel) up() error {
	buf, _ := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(buf)
	for {
		n, err := t.client.Read(buf[:])
		if n > 0 {
			t.move()
			t.x.received.Add(int64(n))
			if _, err := t.vendor.Write(buf[:n]); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
}

// down passes on the vendor's agreement and then its frames.
func (t *tunnel) down(agreement []byte) error {
	to := bufio.NewWriterSize(counted{t}, bufferSize)
	if _, err := to.Write(agreement); err != nil {
		return err
	}
	if err := to.Flush(); err != nil {
		return err
	}
	return passFrames(to, bufio.NewReaderSize(t.vendor, bufferSize), t.x.mask())
}

func (t *tunnel) move() { t.moved.Store(int64(time.Since(t.opened))) }

// counted writes to the client of a tunnel.
type counted struct{ *tunnel }

// Write implements io.Writer.
func (c counted) Write(p []byte) (int, error) {
	n, err := c.client.Write(p)
	c.sent.Add(int64(n))
	c.move()
	return n, err
}
