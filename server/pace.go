package server

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"latchkey/storage"
)

// How fast one key may call the API, at each replica.
const (
	callsEachSecond = 10
	callsAtOnce     = 20
	maxPaces        = 4096
)

// paces limits how fast each key calls. Only keys that live get here, so there
// are not many.
type paces struct {
	now func() time.Time

	mu    sync.Mutex
	byKey map[storage.CredentialID]*rate.Limiter
}

func newPaces(now func() time.Time) *paces {
	return &paces{now: now, byKey: map[storage.CredentialID]*rate.Limiter{}}
}

// take charges a key for a call and says how many it may make right after; or,
// if it has to pause first, says for how long and charges nothing.
func (p *paces) take(key storage.CredentialID) (left int, wait time.Duration) {
	p.mu.Lock()
	l := p.byKey[key]
	if l == nil {
		if len(p.byKey) >= maxPaces {
			clear(p.byKey)
		}
		l = rate.NewLimiter(callsEachSecond, callsAtOnce)
		p.byKey[key] = l
	}
	p.mu.Unlock()
	now := p.now()
	turn := l.ReserveN(now, 1)
	delay := turn.DelayFrom(now)
	if delay > 0 {
		turn.CancelAt(now)
		return 0, delay
	}
	return max(0, int(l.TokensAt(now))), 0
}
