package workflow

import (
	"context"
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"latchkey/storage"
)

// benchRows is the variable that says how many credentials there are, of which
// one in a hundred is due. The goals are about 1000000.
const benchRows = "LATCHKEY_BENCH_ROWS"

// BenchmarkSweep compares a sweep over a large house, of which one key in a
// hundred has come to a rung of its ladder, with the bare statement that
// claims and updates as many rows in batches of the same size. Both work on
// the same rows, which are put back in between, and take turns at going first.
// The goals: x-of-floor, our median time as a part of the floor's, at most 3;
// heap-MiB, the most heap in use beyond what was before, under 64.
//
//	LATCHKEY_BENCH_ROWS=1000000 go test ./workflow -run '^$' -bench '^BenchmarkSweep$' -benchtime 5x
func BenchmarkSweep(b *testing.B) {
	n := benchSize(b, 20_000)
	h := crowdedHouse(b, n)
	var ours, floor []time.Duration
	var heap uint64
	for i := range b.N {
		us := func() {
			h.makeDue(b, n)
			took, grew := h.timeSweep(b)
			ours, heap = append(ours, took), max(heap, grew)
			h.holdsNotices(b, n/100)
		}
		them := func() {
			h.makeDue(b, n)
			floor = append(floor, h.claimAndUpdate(b, n/100))
		}
		if i%2 == 0 {
			us()
			them()
		} else {
			them()
			us()
		}
	}
	slices.Sort(ours)
	slices.Sort(floor)
	ourTime, floorTime := ours[len(ours)/2], floor[len(floor)/2]
	b.ReportMetric(float64(ourTime)/float64(floorTime), "x-of-floor")
	b.ReportMetric(float64(n/100)/ourTime.Seconds(), "due/s")
	b.ReportMetric(float64(n/100)/floorTime.Seconds(), "floor-due/s")
	b.ReportMetric(float64(heap)/(1<<20), "heap-MiB")
	b.ReportMetric(0, "ns/op") // an iteration is one of each and says nothing
}

// BenchmarkSweepIdle times a sweep that finds nothing to do. The goal: under
// 50 ms, and the same for 10000 credentials and for 1000000.
//
//	LATCHKEY_BENCH_ROWS=1000000 go test ./workflow -run '^$' -bench '^BenchmarkSweepIdle$'
func BenchmarkSweepIdle(b *testing.B) {
	h := crowdedHouse(b, benchSize(b, 10_000))
	for b.Loop() {
		if err := h.Sweep(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

func benchSize(b *testing.B, n int) int {
	b.Helper()
	if given := os.Getenv(benchRows); given != "" {
		var err error
		if n, err = strconv.Atoi(given); err != nil {
			b.Fatalf("%s: %v", benchRows, err)
		}
	}
	return n
}

// crowdedHouse is a house with so many live brokered keys, of 2000 to an
// owner, none of them due before a week has passed.
func crowdedHouse(b *testing.B, n int) *house {
	b.Helper()
	h := openWith(b, houseDocument(), nil)
	owners := max(n/2000, 1)
	h.exec(b, `INSERT INTO person (email, name) SELECT 'owner' || i || '@example.com', 'Owner ' || i FROM generate_series(1, $1::int) i`, owners)
	h.exec(b, `
		INSERT INTO account (system, team, external_id, person_id, email, name)
		SELECT 'slack', 'T1', 'UOWNER' || p.id, p.id, p.email, p.name FROM person p WHERE p.email LIKE 'owner%'`)
	h.exec(b, `
		INSERT INTO credential (connection, kind, brokered, managed, owner_id, label, scopes, lifetime_s, state, use_known, vendor_ref, access, policy_name,
		                        activated_at, expires_at, next_action_at)
		SELECT 'tempo', 'api_key', true, true, p.id, 'key ' || i, '{files:read}', 7776000, 'active', true, 'ref-' || i, 'read', 'read',
		       latchkey_now() - interval '60 days', latchkey_now() + interval '30 days' + i * interval '1 second', latchkey_now() + interval '20 days'
		FROM generate_series(1, $1::int) i JOIN person p ON p.email = 'owner' || (i % $2 + 1) || '@example.com'`, n, owners)
	h.exec(b, `VACUUM ANALYZE`)
	return h
}

// makeDue puts everything back, and one key in a hundred a moment behind a
// rung of its ladder.
func (h *house) makeDue(b *testing.B, n int) {
	b.Helper()
	for _, q := range []string{`DELETE FROM notice`, `DELETE FROM reminder`, `DELETE FROM digest`, `DELETE FROM river_job`,
		`UPDATE credential SET next_action_at = latchkey_now() - interval '1 minute' - id % 1000 * interval '1 millisecond', noticed_until = NULL,
		        expires_at = latchkey_now() + interval '7 days' - interval '1 minute'
		 WHERE label LIKE 'key %' AND id % 100 = 0`,
		`VACUUM ANALYZE credential`, `VACUUM ANALYZE notice`, `CHECKPOINT`} {
		h.exec(b, q)
	}
	var due int
	if err := h.DB.Pool().QueryRow(b.Context(), `SELECT count(*) FROM credential WHERE next_action_at <= latchkey_now()`).Scan(&due); err != nil {
		b.Fatal(err)
	}
	if due != n/100 {
		b.Fatalf("%d are due, want %d", due, n/100)
	}
}

// timeSweep sweeps once, and watches the heap from beside.
func (h *house) timeSweep(b *testing.B) (took time.Duration, grew uint64) {
	b.Helper()
	runtime.GC()
	before := heapInUse()
	done, most := make(chan struct{}), make(chan uint64)
	go func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		var top uint64
		for {
			top = max(top, heapInUse())
			select {
			case <-tick.C:
			case <-done:
				most <- top
				return
			}
		}
	}()
	start := time.Now()
	err := h.Sweep(b.Context())
	took = time.Since(start)
	close(done)
	if top := <-most; top > before {
		grew = top - before
	}
	if err != nil {
		b.Fatal(err)
	}
	return took, grew
}

func heapInUse() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// holdsNotices fails unless each due key is told of once, in one digest for
// each owner, and nothing is due any more.
func (h *house) holdsNotices(b *testing.B, want int) {
	b.Helper()
	var told, digests, owners, due int
	err := h.DB.Pool().QueryRow(b.Context(), `
		SELECT (SELECT count(*) FROM notice WHERE digest_id IS NOT NULL), (SELECT count(*) FROM digest), (SELECT count(DISTINCT person_id) FROM notice),
		       (SELECT count(*) FROM credential WHERE next_action_at <= latchkey_now())`).Scan(&told, &digests, &owners, &due)
	if err != nil {
		b.Fatal(err)
	}
	if told != want || digests != owners || due != 0 {
		b.Fatalf("%d told in %d digests for %d people, want %d; %d still due", told, digests, owners, want, due)
	}
}

// claimAndUpdate is the floor: rows are claimed by index, a batch at a time,
// and their next turn is written.
func (h *house) claimAndUpdate(b *testing.B, want int) time.Duration {
	b.Helper()
	start := time.Now()
	for done := 0; ; {
		var n int
		err := h.DB.InTx(b.Context(), func(ctx context.Context, tx storage.Tx) error {
			res, err := tx.ExecContext(ctx, `
				UPDATE credential SET next_action_at = expires_at, noticed_until = latchkey_now()
				WHERE id IN (SELECT id FROM credential WHERE next_action_at <= latchkey_now() ORDER BY next_action_at LIMIT ? FOR UPDATE SKIP LOCKED)`, sweepBatch)
			if err != nil {
				return err
			}
			rows, err := res.RowsAffected()
			n = int(rows)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
		if done += n; n < sweepBatch {
			if done != want {
				b.Fatalf("the floor claimed %d, want %d", done, want)
			}
			return time.Since(start)
		}
	}
}
