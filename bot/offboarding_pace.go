package bot

import (
	"sync"
	"time"
)

// maxPaced bounds what is remembered of when messages were edited. Forgetting
// costs an edit too many.
const maxPaced = 10_000

// paces remembers when messages were edited, so that one that changes all the
// time is not edited all the time. Safe for concurrent use.
type paces struct {
	mu   sync.Mutex
	last map[int64]time.Time // by message
}

func newPaces() *paces { return &paces{last: map[int64]time.Time{}} }

// began notes that a message is being edited now.
func (p *paces) began(id int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.last) >= maxPaced {
		clear(p.last)
	}
	p.last[id] = time.Now()
}

// wait is how long a message has to stay as it is; zero is no longer.
func (p *paces) wait(id int64, each time.Duration) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(each-time.Since(p.last[id]), 0)
}
