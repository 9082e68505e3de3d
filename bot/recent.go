package bot

import (
	"context"
	"sync"
	"time"
)

// answer is what a handler says: what to put into the ack, and what to do
// once that is sent.
type answer struct {
	ack      any
	after    func(context.Context) error
	again    bool // don't ack: Slack shall send it again
	repeated bool // set for repeats: the first one does what comes after
}

// recent lets a repeated envelope have the first one's ack without doing
// anything twice. It saves trouble, not truth: after a crash or on another
// replica the database's unique keys make repeats harmless.
type recent struct {
	mu   sync.Mutex
	seen map[string]*remembered
	last time.Time
}

type remembered struct {
	done chan struct{}
	out  answer
	at   time.Time
}

// rememberFor covers Slack's second retry, five minutes after the first try.
const rememberFor = 10 * time.Minute

func newRecent() recent { return recent{seen: map[string]*remembered{}} }

// do runs fn once per key and gives repeats its answer.
func (r *recent) do(key string, fn func() answer) answer {
	if key == "" {
		return fn()
	}
	r.mu.Lock()
	now := time.Now()
	if now.Sub(r.last) > time.Minute {
		for k, m := range r.seen {
			if now.Sub(m.at) > rememberFor {
				delete(r.seen, k)
			}
		}
		r.last = now
	}
	m, known := r.seen[key]
	if !known {
		m = &remembered{done: make(chan struct{}), at: now}
		r.seen[key] = m
	}
	r.mu.Unlock()
	if known {
		<-m.done
		out := m.out
		out.repeated = true
		return out
	}
	m.out.again = true // what waiters see if fn panics
	defer func() {
		if m.out.again {
			r.mu.Lock()
			delete(r.seen, key)
			r.mu.Unlock()
		}
		close(m.done)
	}()
	out := fn()
	m.out = out
	return out
}
