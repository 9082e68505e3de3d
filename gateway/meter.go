package gateway

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"latchkey/storage"
)

const (
	meterQueue     = 16 << 10 // records that wait for a batch
	meterBatch     = 4 << 10  // records of one COPY
	meterTimeout   = 10 * time.Second
	partitionEvery = time.Hour
	partitionDays  = 3 // made ahead

	// flushesPerTouch is how many batches go by before last uses are written:
	// a key in steady use needs no row update a second.
	flushesPerTouch = 5
)

// meter writes the access log and the keys' last use in batches. A request
// never waits for it: when the database is away for long, records are lost
// and counted.
type meter struct {
	db    *storage.DB
	log   zerolog.Logger
	every time.Duration
	queue chan record
	lost  atomic.Int64

	// The rest belongs to run alone.
	batch   []storage.Access
	used    map[storage.CredentialID]time.Time
	flushes int
}

type record struct {
	access storage.Access
	used   bool // the request got through to the vendor
}

func newMeter(db *storage.DB, log zerolog.Logger, every time.Duration) *meter {
	return &meter{
		db:    db,
		log:   log,
		every: every,
		queue: make(chan record, meterQueue),
		batch: make([]storage.Access, 0, meterBatch),
		used:  map[storage.CredentialID]time.Time{},
	}
}

func (m *meter) record(a storage.Access, used bool) {
	select {
	case m.queue <- record{a, used}:
	default:
		m.lost.Add(1)
	}
}

// run writes batches until ctx ends, then the rest.
func (m *meter) run(ctx context.Context) error {
	flush := time.NewTicker(m.every)
	defer flush.Stop()
	for {
		queue := m.queue
		if len(m.batch) == meterBatch {
			queue = nil // the database is away: new records wait in the queue
		}
		select {
		case <-ctx.Done():
			return m.finish(context.WithoutCancel(ctx))
		case r := <-queue:
			m.add(r)
			if len(m.batch) == meterBatch {
				m.flush(ctx)
			}
		case <-flush.C:
			m.flush(ctx)
			if m.flushes++; m.flushes%flushesPerTouch == 0 {
				m.touch(ctx)
			}
		}
	}
}

func (m *meter) add(r record) {
	m.batch = append(m.batch, r.access)
	if r.used && r.access.At.After(m.used[r.access.CredentialID]) {
		m.used[r.access.CredentialID] = r.access.At
	}
}

// flush writes what was gathered. While the database is away it is kept; what
// the database refuses is lost.
func (m *meter) flush(ctx context.Context) {
	if len(m.batch) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, meterTimeout)
	defer cancel()
	err := m.db.WriteAccess(ctx, m.batch)
	if err != nil {
		m.log.Warn().Err(err).Int("records", len(m.batch)).Msg("could not write access log")
		if storage.IsUnavailable(err) {
			return
		}
		m.lost.Add(int64(len(m.batch)))
	}
	m.batch = m.batch[:0]
}

// touch writes the keys' last use. It is kept until that succeeds.
func (m *meter) touch(ctx context.Context) {
	if len(m.used) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, meterTimeout)
	defer cancel()
	if err := m.db.TouchLastUsed(ctx, m.used); err != nil {
		m.log.Warn().Err(err).Int("keys", len(m.used)).Msg("could not write last use")
		return
	}
	clear(m.used)
}

// finish writes everything that is left.
func (m *meter) finish(ctx context.Context) error {
	for len(m.queue) > 0 || len(m.batch) > 0 {
		for len(m.queue) > 0 && len(m.batch) < meterBatch {
			m.add(<-m.queue)
		}
		m.flush(ctx)
		if left := len(m.batch) + len(m.queue); len(m.batch) > 0 {
			m.lost.Add(int64(left))
			return fmt.Errorf("write access log: %d records lost at shutdown", left)
		}
	}
	m.touch(ctx)
	return nil
}

// keepPartitions makes the access log's partitions ahead of time until ctx
// ends. It is beside run, because it waits for locks.
func (m *meter) keepPartitions(ctx context.Context) {
	again := time.NewTicker(partitionEvery)
	defer again.Stop()
	for {
		err := m.db.EnsureAccessPartitions(ctx, partitionDays)
		if err != nil && ctx.Err() == nil {
			m.log.Warn().Err(err).Msg("could not make access log partitions")
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return
		}
	}
}
