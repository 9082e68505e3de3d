package double

import (
	"context"
	"sync"
)

// waiting is how many calls a closed gate counts before their arrival is
// received.
const waiting = 1024

// Gate stops calls on their way in. The zero value is open. It is safe for
// concurrent use.
type Gate struct {
	mu     sync.Mutex
	closed *hold
}

type hold struct{ arrived, release chan struct{} }

// Hold makes every call wait from now on. arrived receives once per waiting
// call, and release, which may be called again, lets them and all later ones
// go on.
func (g *Gate) Hold() (arrived <-chan struct{}, release func()) {
	h := &hold{make(chan struct{}, waiting), make(chan struct{})}
	g.mu.Lock()
	g.closed = h
	g.mu.Unlock()
	return h.arrived, sync.OnceFunc(func() {
		g.mu.Lock()
		if g.closed == h {
			g.closed = nil
		}
		g.mu.Unlock()
		close(h.release)
	})
}

// Pass waits while the gate is closed. It is false when the caller went away
// first.
func (g *Gate) Pass(ctx context.Context) bool {
	g.mu.Lock()
	h := g.closed
	g.mu.Unlock()
	if h == nil {
		return true
	}
	select {
	case h.arrived <- struct{}{}:
	case <-h.release:
	}
	select {
	case <-h.release:
		return true
	case <-ctx.Done():
		return false
	}
}
