package server

import (
	"hash/maphash"
	"net/http"
	"net/netip"
	"time"

	"golang.org/x/time/rate"
)

// How many wrong tickets one client may try: a few at once, then one every few
// seconds. Tickets that exist cost nothing.
const (
	guessBurst   = 20
	guessEvery   = 3 * time.Second
	guessBuckets = 2048
)

// guesses limits how fast one client may guess tickets. It has a fixed number
// of buckets, so no number of clients can fill the memory. Clients that share
// a bucket by chance share its allowance; nobody can choose with whom.
type guesses struct {
	now     func() time.Time
	seed    maphash.Seed
	buckets [guessBuckets]*rate.Limiter
}

func newGuesses(now func() time.Time) *guesses {
	g := &guesses{now: now, seed: maphash.MakeSeed()}
	for i := range g.buckets {
		g.buckets[i] = rate.NewLimiter(rate.Every(guessEvery), guessBurst)
	}
	return g
}

func (g *guesses) bucket(r *http.Request) *rate.Limiter {
	client := clientOf(r)
	if client.Is6() {
		// A whole /64 belongs to one client.
		client = netip.PrefixFrom(client, 64).Masked().Addr()
	}
	return g.buckets[maphash.Comparable(g.seed, client)%guessBuckets]
}

// wait is how long a client must pause before it may try a ticket: zero is
// now.
func (g *guesses) wait(r *http.Request) time.Duration {
	missing := 1 - g.bucket(r).TokensAt(g.now())
	if missing <= 0 {
		return 0
	}
	return time.Duration(missing * float64(guessEvery))
}

// wrong charges a client for a wrong ticket. Many tried at the same moment
// leave a debt.
func (g *guesses) wrong(r *http.Request) {
	g.bucket(r).ReserveN(g.now(), 1)
}
