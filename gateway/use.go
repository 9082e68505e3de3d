package gateway

import (
	"sync/atomic"
	"time"
)

// use is what a key, or a connection, does at the moment. A key's outlives
// reloads of the key.
type use struct {
	due    atomic.Int64 // nanoseconds since the gateway's start by which what was let through is paid for
	flying atomic.Int32 // requests under way
}

// rate is how fast requests may come: so many per second in the long run, and
// so many at once. It is the generic cell rate algorithm, a token bucket that
// fits into one number. The zero rate is no bound.
type rate struct {
	every time.Duration // per request
	burst time.Duration // every * (requests at once)
}

func newRate(perSecond, burst int) rate {
	if perSecond == 0 {
		return rate{}
	}
	every := time.Second / time.Duration(perSecond)
	return rate{every: every, burst: every * time.Duration(burst)}
}

// take lets a request through, or says when the next would be.
func (r rate) take(u *use, now time.Duration) (after time.Duration, ok bool) {
	for r.every > 0 {
		old := u.due.Load()
		due := max(time.Duration(old), now) + r.every
		if due > now+r.burst {
			return due - now - r.burst, false
		}
		if u.due.CompareAndSwap(old, int64(due)) {
			return 0, true
		}
	}
	return 0, true
}

// enter counts a request under way; false means that there are too many, and
// that it was not counted.
func (u *use) enter(most int) bool {
	if int(u.flying.Add(1)) > most {
		u.flying.Add(-1)
		return false
	}
	return true
}

func (u *use) leave() { u.flying.Add(-1) }
