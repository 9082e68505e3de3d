package gateway

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"latchkey/storage"
)

const (
	meterBatch     = 4 << 10 // records that do not wait for the next flush
	meterTimeout   = 10 * time.Second
	partitionEvery = time.Hour
	partitionDays  = 3 // made ahead

	// flushesPerTouch is how many flushes go by before last uses are written:
	// a key in steady use needs no row update a second.
	flushesPerTouch = 5
)

// Metering is how the access log is kept. Zero means the default.
type Metering struct {
	Every      time.Duration // it is written: 1s
	Records    int           // that are not yet written, which a crash can lose: 32768
	Strict     bool          // beyond that, refuse requests rather than let them pass unlogged
	RetainDays int           // 90
}

func (m Metering) withDefaults() Metering {
	orDefault(&m.Every, time.Second)
	orDefault(&m.Records, 32<<10)
	orDefault(&m.RetainDays, 90)
	return m
}

// meter writes the access log and the keys' last use in batches. A request
// never waits for it: when the database is away for long, records are lost
// and counted, or, if the meter is strict, requests are refused.
type meter struct {
	db     *storage.DB
	log    zerolog.Logger
	every  time.Duration
	most   int64
	strict bool
	retain int
	kept   atomic.Int64 // records reserved and not yet written
	lost   atomic.Int64

	mu      sync.Mutex
	waiting []record
	plenty  chan struct{} // holds one token once a batch waits

	// The rest belongs to run alone.
	spare []record // the other slice of waiting
	batch []storage.Access
	used  map[storage.CredentialID]time.Time
}

type record struct {
	access storage.Access
	used   bool // the request got through to the vendor
}

func newMeter(db *storage.DB, log zerolog.Logger, m Metering) *meter {
	return &meter{
		db:     db,
		log:    log,
		every:  m.Every,
		most:   int64(m.Records),
		strict: m.Strict,
		retain: m.RetainDays,
		plenty: make(chan struct{}, 1),
		used:   map[storage.CredentialID]time.Time{},
	}
}

// reserve makes room for one record, which must then be recorded. Without
// room, a record is lost unless the meter is strict.
func (m *meter) reserve() bool {
	if m.kept.Add(1) <= m.most {
		return true
	}
	m.kept.Add(-1)
	if !m.strict {
		m.lost.Add(1)
	}
	return false
}

// record keeps a record for which there is room.
func (m *meter) record(a storage.Access, used bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.waiting = append(m.waiting, record{a, used})
	if len(m.waiting) != meterBatch {
		return
	}
	select {
	case m.plenty <- struct{}{}:
	default:
	}
}

// queued is how many records wait.
func (m *meter) queued() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.waiting)
}

// run writes batches until ctx ends, then the rest.
func (m *meter) run(ctx context.Context) error {
	tick := time.NewTicker(m.every)
	defer tick.Stop()
	for flushes := 1; ; {
		select {
		case <-ctx.Done():
			return m.finish(context.WithoutCancel(ctx))
		case <-m.plenty:
			m.flush(ctx)
		case <-tick.C:
			m.flush(ctx)
			if flushes++; flushes%flushesPerTouch == 0 {
				m.touch(ctx)
			}
		}
	}
}

// take makes a batch of what waits.
func (m *meter) take() {
	m.mu.Lock()
	taken := m.waiting
	m.waiting = m.spare[:0]
	m.mu.Unlock()
	for _, r := range taken {
		m.batch = append(m.batch, r.access)
		if r.used && r.access.At.After(m.used[r.access.CredentialID]) {
			m.used[r.access.CredentialID] = r.access.At
		}
	}
	m.spare = taken
}

// flush writes what was gathered. While the database is away it is kept, and
// new records wait; what the database refuses is lost.
func (m *meter) flush(ctx context.Context) {
	if len(m.batch) == 0 {
		m.take()
	}
	if len(m.batch) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, meterTimeout)
	defer cancel()
	err := m.db.WriteAccess(ctx, m.batch)
	if err != nil && !storage.IsUnavailable(err) {
		err = m.db.WriteAccess(ctx, m.batch) // a partition may have been made meanwhile
	}
	if err != nil {
		m.log.Warn().Err(err).Int("records", len(m.batch)).Msg("could not write access log")
		if storage.IsUnavailable(err) {
			return
		}
		m.lost.Add(int64(len(m.batch)))
	}
	m.kept.Add(-int64(len(m.batch)))
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

// finish writes everything that is left: the batch that could not be written
// before, if there is one, and what waits.
func (m *meter) finish(ctx context.Context) error {
	for len(m.batch) > 0 || m.queued() > 0 {
		m.flush(ctx)
		if len(m.batch) > 0 {
			left := len(m.batch) + m.queued()
			m.lost.Add(int64(left))
			return fmt.Errorf("write access log: %d records lost at shutdown", left)
		}
	}
	m.touch(ctx)
	return nil
}

// keepPartitions makes the access log's partitions ahead of time, and drops
// those that are old enough, until ctx ends. It is beside run, because it
// waits for locks.
func (m *meter) keepPartitions(ctx context.Context) {
	again := time.NewTicker(partitionEvery)
	defer again.Stop()
	for {
		err := m.turnPartitions(ctx)
		if err != nil && ctx.Err() == nil {
			m.log.Warn().Err(err).Msg("could not turn access log partitions")
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return
		}
	}
}

func (m *meter) turnPartitions(ctx context.Context) error {
	if err := m.db.EnsureAccessPartitions(ctx, partitionDays); err != nil {
		return err
	}
	return m.db.DropAccessOlder(ctx, m.retain)
}
