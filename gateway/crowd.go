package gateway

import (
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// crowd bounds how many clients are connected. Who waits longest without a
// whole request goes when another comes: a client that sends its request at
// once gets in however many dawdle.
type crowd struct {
	most int
	shed atomic.Int64 // connections closed for others

	mu    sync.Mutex
	conns map[*guardedConn]struct{}
}

// candidates is how many connections are looked at for the one that goes. A
// full crowd must not be searched through at each new connection.
const candidates = 64

func (c *crowd) enter(conn *guardedConn) {
	c.mu.Lock()
	var out *guardedConn
	if len(c.conns) >= c.most {
		out = c.longestWaiting()
		if out == nil {
			out = conn // all are busy
		}
		delete(c.conns, out)
		c.shed.Add(1)
	}
	if out != conn {
		c.conns[conn] = struct{}{}
	}
	c.mu.Unlock()
	if out != nil {
		out.drop()
	}
}

// longestWaiting picks from the first candidates, which a map gives in random
// order.
func (c *crowd) longestWaiting() *guardedConn {
	var longest *guardedConn
	var since int64
	seen := 0
	for conn := range c.conns {
		if at := conn.waits.Load(); at != 0 && (longest == nil || at < since) {
			longest, since = conn, at
		}
		if seen++; seen == candidates && longest != nil {
			break
		}
	}
	return longest
}

func (c *crowd) size() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.conns)
}

// watch is the server's ConnState. A connection becomes active when the first
// byte of a request comes out of the guard, which is when its head is whole,
// or, if it speaks HTTP/2, when it has a request under way.
func (c *crowd) watch(conn net.Conn, state http.ConnState) {
	g, ok := conn.(*guardedConn)
	if !ok {
		return
	}
	switch state {
	case http.StateNew, http.StateIdle:
		g.lingers.Store(false)
		g.waits.Store(time.Now().UnixNano())
	case http.StateActive, http.StateHijacked: // a tunnel leaves by itself
		g.waits.Store(0)
	case http.StateClosed:
		c.leave(g)
	}
}

func (c *crowd) leave(g *guardedConn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.conns, g)
}
