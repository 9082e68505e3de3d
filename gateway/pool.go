package gateway

import (
	"bufio"
	"fmt"
	"net"
	"slices"
	"sync"
	"syscall"
	"time"
)

const (
	maxIdle    = 512
	idleExpiry = 90 * time.Second
)

// pool keeps a vendor's idle connections. The one that was used last is taken
// first, so that those which are not needed grow old and are closed.
type pool struct {
	most   int
	expiry time.Duration

	mu    sync.Mutex
	idle  []*wireConn // the last is the one that was used last
	sweep *time.Timer // nil while none is idle
}

// take returns an idle connection on which nothing has happened since it was
// put back, or nil. Until is its deadline.
func (p *pool) take(until time.Time) *wireConn {
	for {
		p.mu.Lock()
		last := len(p.idle) - 1
		if last < 0 {
			p.mu.Unlock()
			return nil
		}
		c := p.idle[last]
		p.idle[last] = nil
		p.idle = p.idle[:last]
		p.mu.Unlock()
		if c.quiet(until) {
			return c
		}
		_ = c.Close()
	}
}

// put keeps a connection for the next request.
func (p *pool) put(c *wireConn) {
	c.since = time.Now()
	p.mu.Lock()
	full := len(p.idle) >= p.most
	if !full {
		p.idle = append(p.idle, c)
		if p.sweep == nil {
			p.sweep = time.AfterFunc(p.expiry, p.expire)
		}
	}
	p.mu.Unlock()
	if full {
		_ = c.Close()
	}
}

// expire closes what was idle for too long.
func (p *pool) expire() {
	p.mu.Lock()
	old := 0
	for old < len(p.idle) && time.Since(p.idle[old].since) >= p.expiry {
		old++
	}
	p.drop(old)
}

// clear closes every idle connection.
func (p *pool) clear() {
	p.mu.Lock()
	p.drop(len(p.idle))
}

// drop closes the n connections that were idle for longest, and looks again
// when the next one will have been. It unlocks the pool, because a close over
// TLS says goodbye.
func (p *pool) drop(n int) {
	dropped := p.idle[:n]
	p.idle = slices.Clone(p.idle[n:])
	p.sweep = nil
	if len(p.idle) > 0 {
		p.sweep = time.AfterFunc(p.expiry-time.Since(p.idle[0].since), p.expire)
	}
	p.mu.Unlock()
	for _, c := range dropped {
		_ = c.Close()
	}
}

// wireConn is a connection to a vendor. One exchange at a time has it.
type wireConn struct {
	net.Conn
	r     *bufio.Reader
	raw   syscall.RawConn // of the TCP connection below
	tls   bool
	since time.Time // when it became idle
	text  []byte    // a head being written or read
	heard bool      // a byte of the present exchange's answer came
}

// newWireConn makes one of a connection and of the TCP connection below it,
// which is the same without TLS.
func newWireConn(line, tcp net.Conn) (*wireConn, error) {
	c := &wireConn{Conn: line, r: bufio.NewReaderSize(line, readerSize), tls: line != tcp}
	socket, ok := tcp.(syscall.Conn)
	if !ok {
		return nil, fmt.Errorf("%T is no socket", tcp)
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("open socket: %w", err)
	}
	c.raw = raw
	return c, nil
}

// quiet reports whether an idle connection is open and has nothing to be
// read. What a vendor sends unasked would be taken for the answer to the next
// request, and go to another client. Until becomes its deadline.
func (c *wireConn) quiet(until time.Time) bool {
	if err := c.SetDeadline(until); err != nil || c.r.Buffered() > 0 || !silent(c.raw) {
		return false
	}
	if !c.tls {
		return true
	}
	// TLS may hold more than the socket does. A read that has no time asks it.
	if err := c.SetReadDeadline(past()); err != nil {
		return false
	}
	_, err := c.r.Peek(1)
	return isTimeout(err) && c.SetReadDeadline(until) == nil
}

// past is a deadline that ends what waits.
func past() time.Time { return time.Unix(1, 0) }
