package storage

import (
	"context"
	"io"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"latchkey/storage/auditlog"
)

// benchedRows is how many rows a benchmark works on: few, unless asked.
func benchedRows(b *testing.B, few int) int {
	b.Helper()
	given := os.Getenv(benchRows)
	if given == "" {
		return few
	}
	n, err := strconv.Atoi(given)
	if err != nil {
		b.Fatalf("%s: %v", benchRows, err)
	}
	return n
}

// BenchmarkAudited compares state changes as they are, each with its event in
// one transaction and the sequencer giving events their place beside, with the
// same changes without event and sequencer. They take turns; what the sequencer
// has left at the end of a turn it does in its next. The goal: x-of-bare,
// changes a second as a part of those without audit, at least 0.8.
//
//	go test ./storage -run '^$' -bench '^BenchmarkAudited$' -benchtime 20000x
func BenchmarkAudited(b *testing.B) {
	const workers, rounds = 8, 16
	h := openHouse(b)
	signer := h.auditKeys(b)
	alice := h.person(b, "alice")
	var mine [workers]Credential
	for i := range mine {
		mine[i] = h.credential(b, h.request(b, alice, strconv.Itoa(i)))
		h.activate(b, &mine[i])
	}
	each := max(b.N/(rounds*workers), 1)
	move := func(audited bool) {
		var all sync.WaitGroup
		for i := range mine {
			all.Go(func() {
				for range each {
					if err := h.toggle(&mine[i], audited); err != nil {
						b.Error(err)
					}
				}
			})
		}
		all.Wait()
	}
	move(true) // statements are prepared, connections open
	move(false)
	h.placeAll(b, signer)
	var with, without []time.Duration
	for round := range rounds {
		for side := range 2 {
			start := time.Now()
			if (round+side)%2 == 0 {
				move(false)
				without = append(without, time.Since(start))
				continue
			}
			stop := h.sequenceBeside(b, signer)
			move(true)
			stop()
			with = append(with, time.Since(start))
		}
	}
	left := h.count(b, `SELECT count(*) FROM audit_event e WHERE NOT EXISTS (SELECT FROM audit_leaf l WHERE l.event_id = e.id)`)
	changes := float64(each * workers)
	b.ReportMetric(float64(left)/changes, "turns-behind")
	b.ReportMetric(median(without).Seconds()/median(with).Seconds(), "x-of-bare")
	b.ReportMetric(changes/median(with).Seconds(), "changes/s")
	b.ReportMetric(changes/median(without).Seconds(), "bare-changes/s")
	b.ReportMetric(0, "ns/op") // an iteration is one of each and says nothing
}

// toggle suspends a credential or resumes it.
func (h *house) toggle(c *Credential, audited bool) error {
	to := CredentialSuspended
	if c.State == to {
		to = CredentialActive
	}
	return h.InTx(context.Background(), func(ctx context.Context, tx Tx) error {
		if audited {
			return tx.MoveCredential(ctx, c, to, System("bench"), "because")
		}
		n, err := tx.exec(ctx, `
			UPDATE credential
			SET state = $3, state_reason = $4, attempts = $5, vendor_ref = nullif($6, ''), key_prefix = nullif($7, ''),
			    key_last4 = nullif($8, ''), activated_at = $9, expires_at = $10, ended_at = $11, next_action_at = $12, lease_until = $13
			WHERE id = $1 AND state = $2`,
			c.ID, c.State, to, "because", c.Attempts, c.VendorRef, c.KeyPrefix, c.KeyLast4, nullTime(c.ActivatedAt), nullTime(c.ExpiresAt),
			nullTime(c.EndedAt), nullTime(c.NextActionAt), nullTime(c.LeaseUntil))
		if err == nil && n != 1 {
			err = ErrConflict
		}
		c.State = to
		return err
	})
}

// placeAll gives all events their place.
func (h *house) placeAll(b *testing.B, signer AuditSigner) {
	b.Helper()
	s := NewSequencer(h.DB)
	for n := 1; n > 0; {
		var err error
		if n, err = s.Next(context.Background(), signer.Open, signer.Sign, 2000); err != nil {
			b.Fatal(err)
		}
	}
}

// sequenceBeside does what workflow does, four times as often, until it is
// stopped.
func (h *house) sequenceBeside(b *testing.B, signer AuditSigner) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s := NewSequencer(h.DB)
		tick := time.NewTicker(time.Second / 4)
		defer tick.Stop()
		for {
			if _, err := s.Next(ctx, signer.Open, signer.Sign, 2000); err != nil && ctx.Err() == nil {
				b.Error(err)
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
	return func() { cancel(); <-ended }
}

// BenchmarkAuditExport places events in the tree, exports all of them and
// compares that with COPY of the same rows, verifies the file as an auditor
// does, and lets the service look through the log. The goals for a million:
// x-of-copy, our median time as a part of COPY's, at most 3; heap-MiB under
// 100, and the same for any number of rows.
//
//	LATCHKEY_BENCH_ROWS=1000000 go test ./storage -run '^$' -bench '^BenchmarkAuditExport$' -benchtime 3x -timeout 30m
func BenchmarkAuditExport(b *testing.B) {
	n := benchedRows(b, 10_000)
	ctx := context.Background()
	h := openHouse(b)
	signer := h.auditKeys(b)
	h.exec(b, `INSERT INTO audit_event (actor, action, subject, subject_id, before, after, reason, policy_hash, ref)
		SELECT 'Erin Evans', 'credential.revoked', 'credential', n, 'active', 'revoked', 'the project ended in week ' || n % 52, $2, 'slack:' || n
		FROM generate_series(1, $1::int) n`, n, housePolicy)
	start := time.Now()
	h.placeAll(b, signer)
	b.ReportMetric(float64(n)/time.Since(start).Seconds(), "placed/s")
	h.exec(b, `ANALYZE audit_event, audit_leaf`)

	name := b.TempDir() + "/export.jsonl"
	var ours, floor, verified, checked []time.Duration
	var size, heap, heapOfVerify uint64
	for range b.N {
		start := time.Now()
		h.copyOut(b)
		floor = append(floor, time.Since(start))

		f, err := os.Create(name)
		if err != nil {
			b.Fatal(err)
		}
		start = time.Now()
		heap = max(heap, grown(func(look func()) { err = h.exportLooking(f, look) }))
		ours = append(ours, time.Since(start))
		if err != nil {
			b.Fatal(err)
		}
		at, _ := f.Seek(0, io.SeekEnd)
		size = uint64(at)

		start = time.Now()
		heapOfVerify = max(heapOfVerify, grown(func(look func()) {
			_, err = f.Seek(0, io.SeekStart)
			if err == nil {
				_, err = auditlog.Verify(&looked{f, look, 0}, auditlog.Known{Public: signer.Public})
			}
		}))
		verified = append(verified, time.Since(start))
		if err != nil {
			b.Fatal(err)
		}
		_ = f.Close()

		start = time.Now()
		if tree, err := h.CheckAudit(ctx, signer.Open, tlog.Tree{}); err != nil || tree.N != int64(n) {
			b.Fatal(tree, err)
		}
		checked = append(checked, time.Since(start))
	}
	b.ReportMetric(median(ours).Seconds()/median(floor).Seconds(), "x-of-copy")
	b.ReportMetric(float64(n)/median(ours).Seconds(), "exported/s")
	b.ReportMetric(float64(n)/median(floor).Seconds(), "copied/s")
	b.ReportMetric(float64(n)/median(verified).Seconds(), "verified/s")
	b.ReportMetric(float64(n)/median(checked).Seconds(), "checked/s")
	b.ReportMetric(float64(heap)/(1<<20), "heap-MiB")
	b.ReportMetric(float64(heapOfVerify)/(1<<20), "verify-heap-MiB")
	b.ReportMetric(float64(size)/(1<<20), "file-MiB")
	b.ReportMetric(0, "ns/op") // an iteration is one of each and says nothing
}

// copyOut is the floor: the rows of an export as Postgres itself writes them.
func (h *house) copyOut(b *testing.B) {
	b.Helper()
	ctx := context.Background()
	conn, err := h.pool.Acquire(ctx)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Release()
	_, err = conn.Conn().PgConn().CopyTo(ctx, io.Discard, `COPY (
		SELECT l.position, l.salt, l.commitments, l.hash, `+entryColumns+`
		FROM audit_leaf l
		JOIN audit_event e ON e.id = l.event_id
		ORDER BY l.position) TO STDOUT`)
	if err != nil {
		b.Fatal(err)
	}
}

func (h *house) exportLooking(out io.Writer, look func()) error {
	ctx := context.Background()
	header, err := h.AuditHeader(ctx, AuditRange{})
	if err != nil {
		return err
	}
	w, err := auditlog.NewWriter(out, auditlog.FormatJSONL, &header, SubjectName)
	if err != nil {
		return err
	}
	return h.ExportAudit(ctx, &header, w, func(n int64) {
		if n%100_000 == 0 {
			look()
		}
	})
}

// looked looks now and then at the heap while it is read.
type looked struct {
	io.Reader
	look func()
	n    int
}

func (l *looked) Read(p []byte) (int, error) {
	if l.n++; l.n%1000 == 0 {
		l.look()
	}
	return l.Reader.Read(p)
}

// grown is the most that the heap had while something was done, over what it
// had before.
func grown(do func(look func())) uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	before, most := m.HeapAlloc, uint64(0)
	look := func() {
		runtime.ReadMemStats(&m)
		most = max(most, m.HeapAlloc)
	}
	do(look)
	look()
	return most - min(before, most)
}
