package googletest

import (
	"context"
	"sync"
)

// hold stops calls on their way in.
type hold struct {
	arrived chan struct{}
	release chan struct{}
}

// Hold makes every call wait from now on. arrived receives once per waiting
// call, and release, which may be called again, lets them and all later ones
// go on.
func (d *Double) Hold() (arrived <-chan struct{}, release func()) {
	h := &hold{arrived: make(chan struct{}, 1024), release: make(chan struct{})}
	d.mu.Lock()
	d.held = h
	d.mu.Unlock()
	return h.arrived, sync.OnceFunc(func() {
		d.mu.Lock()
		if d.held == h {
			d.held = nil
		}
		d.mu.Unlock()
		close(h.release)
	})
}

// wait is false when the caller went away first.
func (h *hold) wait(ctx context.Context) bool {
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
