package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"latchkey/storage"
)

const (
	pollTimeout   = 15 * time.Second // enough for a change of every key at once
	listenTimeout = 5 * time.Second
	loadTimeout   = 2 * time.Minute

	// loadShare keeps loads of very many keys from taking more than a
	// twentieth of the time. A load that is needed does not wait.
	loadShare = 19
)

// keeper keeps the snapshot fresh: it hears of changes as they commit, polls
// for what it did not hear, and loads everything anew from time to time. Only
// the poll proves freshness.
type keeper struct {
	db          *storage.DB
	doubt       func(since time.Time) error
	grants      *grants
	log         zerolog.Logger
	now         func() time.Time
	maxStale    time.Duration
	pollEvery   time.Duration
	reloadEvery time.Duration

	snapshot atomic.Pointer[snapshot]
	reading  atomic.Pointer[reading]
	closed   atomic.Pointer[error] // why the database's word on keys does not count; nil: it does

	mu      sync.Mutex
	heard   map[storage.CredentialID]struct{}
	lost    bool          // changes may have been missed
	listens bool          // it did once
	unsure  time.Time     // when the database was last lost sight of, so that an older one may have taken its place
	hearing chan struct{} // holds one token while heard or lost is set

	// The rest belongs to run alone.
	mark     time.Time            // of the last poll
	due      bool                 // everything must be loaded, after the next poll that succeeds
	loading  bool                 // a load is under way
	began    time.Time            // the last load
	rested   time.Time            // when the next may begin without need
	loaded   chan *snapshot       // takes the result of a load; nil if it failed
	meantime []storage.GatewayKey // changes since the load began
}

// reading is a look at the database's clock.
type reading struct {
	db time.Time // what it showed
	at time.Time // by our own clock, just before the look
}

var errNotLoaded = errors.New("keys are not loaded yet")

// clock returns the database's time at our own time now, or an error when the
// keys are too old to be trusted.
func (k *keeper) clock(now time.Time) (time.Time, error) {
	if why := k.closed.Load(); why != nil {
		return time.Time{}, *why
	}
	seen := k.reading.Load()
	if seen == nil || k.snapshot.Load() == nil {
		return time.Time{}, errNotLoaded
	}
	age := now.Sub(seen.at)
	if age > k.maxStale {
		return time.Time{}, fmt.Errorf("keys were last confirmed %s ago", age.Round(time.Millisecond))
	}
	return seen.db.Add(age), nil
}

// run keeps the snapshot until ctx ends.
func (k *keeper) run(ctx context.Context) {
	var listener sync.WaitGroup
	listener.Go(func() { _ = k.db.ListenKeys(ctx, k.hear) })
	defer listener.Wait()

	poll := time.NewTicker(k.pollEvery)
	defer poll.Stop()
	reload := time.NewTicker(k.reloadEvery)
	defer reload.Stop()

	k.due = true
	k.poll(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.hearing:
			k.listen(ctx)
		case <-poll.C:
			k.poll(ctx)
		case <-reload.C:
			k.due = k.due || !k.now().Before(k.rested)
		case next := <-k.loaded:
			k.install(next)
		}
	}
}

// hear notes what the listener says. Nil means that it has just begun to
// listen.
func (k *keeper) hear(ids []storage.CredentialID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if ids == nil {
		if k.listens {
			k.unsure = k.now()
		}
		k.listens, k.lost = true, true
	}
	for _, id := range ids {
		k.heard[id] = struct{}{}
	}
	select {
	case k.hearing <- struct{}{}:
	default:
	}
}

// listen reads the keys that were heard of. If that fails the poll will find
// them, because its mark stands still as long as the database is away.
func (k *keeper) listen(ctx context.Context) {
	k.mu.Lock()
	ids := make([]storage.CredentialID, 0, len(k.heard))
	for id := range k.heard {
		ids = append(ids, id)
	}
	clear(k.heard)
	lost := k.lost
	k.lost = false
	k.mu.Unlock()

	if lost {
		k.due = true
		k.poll(ctx)
	}
	if len(ids) == 0 {
		return
	}
	query, cancel := context.WithTimeout(ctx, listenTimeout)
	defer cancel()
	changed, err := k.db.GatewayKeysByID(query, ids)
	if err != nil {
		k.loseSight()
		if ctx.Err() == nil {
			k.log.Warn().Err(err).Msg("could not read changed keys")
		}
		return
	}
	k.apply(changed)
}

// poll reads what changed since the last poll, and the clock, and begins the
// load that is due.
func (k *keeper) poll(ctx context.Context) {
	query, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	at := k.now()
	changed, clock, err := k.db.GatewayKeysSince(query, k.mark)
	if err != nil {
		k.loseSight()
		if ctx.Err() == nil {
			k.log.Warn().Err(err).Msg("could not poll for changed keys")
		}
		return
	}
	if err := k.judge(query); err != nil {
		k.loseSight()
		if ctx.Err() == nil {
			k.log.Warn().Err(err).Msg("could not poll for a quarantine")
		}
		return
	}
	k.apply(changed)
	k.mark = clock.Mark
	k.reading.Store(&reading{db: clock.Now, at: at})
	if k.due && !k.loading && k.sure() {
		k.load(ctx)
	}
}

// errQuarantined means that the database may have forgotten what has ended.
var errQuarantined = errors.New("the database is in quarantine until `latchkey audit accept`")

// judge closes while the database is in quarantine, or this replica doubts it
// by itself. After that everything is loaded anew before anything passes.
func (k *keeper) judge(ctx context.Context) error {
	quarantined, err := k.db.Quarantined(ctx)
	if err != nil {
		return err
	}
	why := k.doubt(time.Time{})
	if quarantined {
		why = errQuarantined
	}
	was := k.closed.Load() != nil
	switch {
	case why != nil:
		k.closed.Store(&why)
	case was:
		k.snapshot.Store(nil)
		k.due = true
		k.closed.Store(nil)
	}
	return nil
}

// loseSight notes that the database was away. What answers next may be an
// older state of it, in which keys live that have ended.
func (k *keeper) loseSight() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.unsure = k.now()
}

// sure tells whether nothing speaks against bringing keys to life: the database
// was never lost sight of, or was compared with what is published of it since.
func (k *keeper) sure() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.unsure.IsZero() && k.doubt(k.unsure) == nil {
		k.unsure = time.Time{}
	}
	return k.unsure.IsZero()
}

// apply makes changes seen. While a load is under way they are kept as well,
// because it may have begun before them. While it is not sure that the
// database knows what has ended, only ends count, and a load brings the rest.
func (k *keeper) apply(changed []storage.GatewayKey) {
	if len(changed) > 0 && !k.sure() {
		changed = slices.DeleteFunc(changed, func(row storage.GatewayKey) bool { return row.Alive })
		k.due = true
	}
	if len(changed) == 0 {
		return
	}
	if k.loading {
		k.meantime = append(k.meantime, changed...)
	}
	if now := k.snapshot.Load(); now != nil {
		k.snapshot.Store(now.with(changed, k.grants))
	}
}

// load reads every key, beside the loop, so that no revocation waits for it.
func (k *keeper) load(ctx context.Context) {
	k.due, k.loading = false, true
	k.began = k.now()
	before := k.snapshot.Load()
	if before == nil {
		before = &snapshot{}
	}
	go func() {
		query, cancel := context.WithTimeout(ctx, loadTimeout)
		defer cancel()
		next := &snapshot{}
		err := k.db.GatewayKeys(query, func(row storage.GatewayKey) error {
			next.fill(row, before, k.grants)
			return nil
		})
		if err != nil {
			next = nil
			if ctx.Err() == nil {
				k.log.Warn().Err(err).Msg("could not load keys")
			}
		}
		k.loaded <- next
	}()
}

// install makes a loaded snapshot the one that counts. A load that failed is
// due again, and so is one during which the database was lost sight of.
func (k *keeper) install(next *snapshot) {
	meantime := k.meantime
	k.loading, k.meantime = false, nil
	k.rested = k.now().Add(loadShare * k.now().Sub(k.began))
	if next == nil || !k.sure() {
		k.due = true
		return
	}
	k.snapshot.Store(next.with(meantime, k.grants))
}
