package workflow

import (
	"context"
	"io"
	"os"
	"path"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/storage"
	"latchkey/storage/auditlog"
)

// grants fills a house with grants of the last year, each with its request,
// approval and events; half of them ended.
func (h *house) grants(b *testing.B, n int) {
	b.Helper()
	h.exec(b, `
		INSERT INTO request (requester_id, account_id, connection, kind, scopes, lifetime_s, reason, policy_hash, policy_name, granted_scopes, granted_s, state, source_key, created_at, decided_at)
		SELECT $1, $2, 'acme', 'api_key', '{files:write}', 864000, 'reason ' || n, $3, 'write', '{files:write}', 864000, 'fulfilled', 'bench ' || n,
		       latchkey_now() - n * interval '1 second', latchkey_now() - n * interval '1 second'
		FROM generate_series(1, $4::bigint) n`, h.person("alice"), h.people["alice"].Account.ID, h.Rules().Hash, n)
	h.exec(b, `INSERT INTO step (request_id, position, group_name, quorum, eligible) SELECT id, 0, 'it-admins', 1, ARRAY[$1::bigint] FROM request`, h.person("carol"))
	h.exec(b, `
		INSERT INTO review (request_id, reviewer_id, account_id, position, decision, scopes, lifetime_s, source_key, created_at)
		SELECT id, $1, $2, 0, 'approve', scopes, lifetime_s, source_key, created_at FROM request`, h.person("carol"), h.people["carol"].Account.ID)
	h.exec(b, `
		INSERT INTO credential (connection, kind, brokered, managed, owner_id, request_id, scopes, lifetime_s, state, vendor_ref, use_known, created_at, activated_at, expires_at, ended_at, policy_name)
		SELECT connection, kind, false, true, requester_id, id, scopes, lifetime_s, CASE WHEN id % 2 = 0 THEN 'revoked' ELSE 'active' END, 'ref ' || id, true,
		       created_at, created_at, created_at + interval '10 days', CASE WHEN id % 2 = 0 THEN created_at + interval '1 second' END, policy_name
		FROM request`)
	h.exec(b, `INSERT INTO receipt (credential_id, at, verb, answer, liveness, attempts) SELECT id, ended_at, 'revoke', 'DELETE: 204', 'dead', 1 FROM credential WHERE state = 'revoked'`)
	h.exec(b, `
		INSERT INTO audit_event (at, actor, action, subject, subject_id, after)
		SELECT created_at, 'Alice', 'request.pending', 'request', id, 'pending' FROM request
		UNION ALL SELECT created_at, 'Carol', 'review.approve', 'request', id, 'approve' FROM request
		UNION ALL SELECT activated_at, 'system: issue', 'credential.active', 'credential', id, 'active' FROM credential
		UNION ALL SELECT activated_at, 'Alice', 'credential.revoking', 'credential', id, 'revoking' FROM credential WHERE state = 'revoked'
		UNION ALL SELECT ended_at, 'system: revoke', 'credential.revoked', 'credential', id, 'revoked' FROM credential WHERE state = 'revoked'`)
	h.exec(b, `ANALYZE`)
	signer, err := h.AuditSigner(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	if err := sequence(b.Context(), storage.NewSequencer(h.DB), signer); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkEvidence makes and checks the evidence of a year with many grants:
// LATCHKEY_BENCH_ROWS says how many. peak-MiB is the most that was in use on
// the heap while it was made.
func BenchmarkEvidence(b *testing.B) {
	n := 200
	if rows := os.Getenv("LATCHKEY_BENCH_ROWS"); rows != "" {
		n, _ = strconv.Atoi(rows)
	}
	h := open(b)
	h.grants(b, n)
	ask := EvidenceAsk{From: time.Now().AddDate(-1, 0, 0), To: time.Now(), Seed: "bench"}
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	peak := watchHeap(ctx)
	var checking time.Duration
	for b.Loop() {
		dir := b.TempDir()
		pack, err := h.WriteEvidencePack(b.Context(), "bench", ask, onDisk(b, dir))
		if err != nil || countOf(b, pack.Populations, "grants") != int64(n) || len(pack.Samples) == 0 {
			b.Fatal(len(pack.Samples), err)
		}
		began := time.Now()
		check, err := CheckEvidence(os.DirFS(dir), auditlog.Known{Public: pack.Public})
		if err != nil || len(check.Problems) > 0 {
			b.Fatal(check.Problems, err)
		}
		checking += time.Since(began)
	}
	b.ReportMetric(float64(peak.Load())/(1<<20), "peak-MiB")
	b.ReportMetric(checking.Seconds()/float64(b.N), "s-check/op")
}

// watchHeap keeps the most that was in use on the heap.
func watchHeap(ctx context.Context) *atomic.Uint64 {
	var most atomic.Uint64
	go func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		var m runtime.MemStats
		for {
			runtime.ReadMemStats(&m)
			most.Store(max(most.Load(), m.HeapInuse))
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
	return &most
}

func onDisk(b *testing.B, dir string) func(string) (io.WriteCloser, error) {
	b.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = root.Close() })
	return func(name string) (io.WriteCloser, error) {
		if err := root.MkdirAll(path.Dir(name), 0o700); err != nil {
			return nil, err
		}
		return root.Create(name)
	}
}
