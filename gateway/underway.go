package gateway

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// underWay holds the requests that were forwarded and have not ended, those
// that began first in front. Safe for concurrent use.
type underWay struct {
	mu          sync.Mutex
	first, last *forwarded
}

// forwarded is a request under way at its vendor.
type forwarded struct {
	request *http.Request
	target  target
	x       *exchange
	began   time.Time
	cancel  context.CancelCauseFunc

	before, after *forwarded // guarded by underWay
	left          bool       // guarded by underWay
}

func (u *underWay) enter(f *forwarded) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if f.before = u.last; f.before != nil {
		f.before.after = f
	} else {
		u.first = f
	}
	u.last = f
}

// leave may be called twice.
func (u *underWay) leave(f *forwarded) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if f.left {
		return
	}
	f.left = true
	if f.before != nil {
		f.before.after = f.after
	} else {
		u.first = f.after
	}
	if f.after != nil {
		f.after.before = f.before
	} else {
		u.last = f.before
	}
	f.before, f.after = nil, nil
}

// since returns those that began before a time.
func (u *underWay) since(before time.Time) []*forwarded {
	u.mu.Lock()
	defer u.mu.Unlock()
	var out []*forwarded
	for f := u.first; f != nil && f.began.Before(before); f = f.after {
		out = append(out, f)
	}
	return out
}

// watch breaks off what is under way once it would not be let through any
// more. A request that ends before the next look costs it nothing.
func (g *Gateway) watch(ctx context.Context) {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		for _, f := range g.underWay.since(time.Now().Add(-lookEvery / 2)) {
			if why := g.refusedNow(f.request, f.target, f.x); why != nil {
				f.cancel(why)
			}
		}
	}
}

// refusedNow judges a request that was let through again, as it would be
// judged now.
func (g *Gateway) refusedNow(r *http.Request, t target, x *exchange) *refusal {
	now, err := g.keeper.clock(g.now())
	if err != nil {
		return errStale
	}
	key := g.findKey(r.Header)
	if key == nil || key.id != x.key.id || !key.lives(now) {
		return errKey
	}
	_, refused := g.authorize(r, t, &exchange{at: now, key: key, upgrade: x.upgrade})
	return refused
}
