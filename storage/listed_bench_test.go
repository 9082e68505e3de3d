package storage

import (
	"context"
	"maps"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// benchRows is the variable that says how many credentials BenchmarkSync
// walks. The goals are about 100000.
const benchRows = "LATCHKEY_BENCH_ROWS"

// benchBatch is how many credentials a walk stores in one transaction.
const benchBatch = 5000

// BenchmarkSync compares a walk over a system that nobody ever walked, as
// workflow does it, with COPY into temporary tables and one upsert of the
// same rows on raw pgx; then it walks the unchanged system again. Every
// iteration does the one and the other in databases of their own and takes
// turns at going first. The goals: x-of-floor, our median time as a part of
// the floor's, at most 1.3; rows-rewritten 0; heap-MiB the same for any number
// of rows.
//
//	LATCHKEY_BENCH_ROWS=100000 go test ./storage -run '^$' -bench '^BenchmarkSync$' -benchtime 5x
func BenchmarkSync(b *testing.B) {
	system := madeSystem{credentials: 10_000}
	if testing.Short() {
		system.credentials = 2000
	}
	if given := os.Getenv(benchRows); given != "" {
		n, err := strconv.Atoi(given)
		if err != nil {
			b.Fatalf("%s: %v", benchRows, err)
		}
		system.credentials = n
	}
	var ours, floor, again, floorAgain []time.Duration
	rewritten, heap := 0, uint64(0)
	for i := range b.N {
		us := func() {
			h := openHouse(b)
			w := walk{house: h, system: system}
			ours = append(ours, w.whole(b))
			heap = max(heap, w.grew)
			h.holds(b, system)
			before := h.horizon(b)
			again = append(again, w.whole(b))
			heap = max(heap, w.grew)
			rewritten += h.writtenSince(b, before)
		}
		them := func() {
			h := openHouse(b)
			floor = append(floor, h.copyAndUpsert(b, system))
			h.holds(b, system)
			floorAgain = append(floorAgain, h.copyAndUpsert(b, system))
		}
		if i%2 == 0 {
			us()
			them()
		} else {
			them()
			us()
		}
	}
	ourTime, floorTime := median(ours), median(floor)
	b.ReportMetric(float64(ourTime)/float64(floorTime), "x-of-floor")
	b.ReportMetric(float64(system.credentials)/ourTime.Seconds(), "rows/s")
	b.ReportMetric(float64(system.credentials)/floorTime.Seconds(), "floor-rows/s")
	b.ReportMetric(float64(median(again).Milliseconds()), "again-ms")
	b.ReportMetric(float64(median(floorAgain).Milliseconds()), "floor-again-ms")
	b.ReportMetric(float64(rewritten), "rows-rewritten")
	b.ReportMetric(float64(heap)/(1<<20), "heap-MiB")
	b.ReportMetric(0, "ns/op") // an iteration is one of each and says nothing
}

// madeSystem is a system of that many credentials, of twenty to an owner, which
// it lists far from one another.
type madeSystem struct{ credentials int }

func (s madeSystem) owner(i int) VendorAccount {
	n := strconv.Itoa(i * 7 % max(s.credentials/20, 1))
	return VendorAccount{ExternalID: "712020:" + n, Email: "person" + n + "@example.com", Name: "Person " + n, Service: len(n) == 1}
}

func (s madeSystem) credential(i int) Listed {
	n := strconv.Itoa(i)
	made := time.Date(2025, 1, 1, 0, 0, i, 0, time.UTC)
	l := Listed{Ref: "user-token/" + s.owner(i).ExternalID + "/" + n, Kind: "api_key", Class: "user token", Label: "deploy job " + n,
		Scopes: []string{"read:jira-work", "write:jira-work"}, Access: "write", CreatedAt: made, ExpiresAt: made.AddDate(2, 0, 0), UseKnown: true}
	if i%3 != 0 {
		l.LastUsedAt = made.AddDate(0, 3, 0)
	}
	return l
}

// walk stores a system batch by batch, and remembers what a walk must.
type walk struct {
	*house
	system madeSystem
	grew   uint64 // the most heap in use after a batch, beyond what was before the walk
}

func (w *walk) whole(b *testing.B) time.Duration {
	b.Helper()
	owners, seen := map[string]AccountID{}, []CredentialID(nil)
	before := heapInUse(true)
	w.grew = 0
	var took time.Duration
	for from := 0; from < w.system.credentials; from += benchBatch {
		start := time.Now()
		w.in(b, func(ctx context.Context, tx Tx) error {
			ids, err := walkBatch(ctx, tx, w.system, from, min(from+benchBatch, w.system.credentials), owners)
			seen = append(seen, ids...)
			return err
		})
		took += time.Since(start)
		if now := heapInUse(false); now > before {
			w.grew = max(w.grew, now-before)
		}
	}
	if len(seen) != w.system.credentials {
		b.Fatalf("saw %d of %d", len(seen), w.system.credentials)
	}
	return took
}

// walkBatch stores a part of a system and returns the keys of its rows. Owners
// are those that the walk met, and their accounts.
func walkBatch(ctx context.Context, tx Tx, system madeSystem, from, to int, owners map[string]AccountID) (seen []CredentialID, err error) {
	var strangers []VendorAccount
	batch, holders := make([]Listed, 0, to-from), make([]string, 0, to-from)
	for i := from; i < to; i++ {
		owner := system.owner(i)
		if _, known := owners[owner.ExternalID]; !known {
			owners[owner.ExternalID] = 0
			strangers = append(strangers, owner)
		}
		batch, holders = append(batch, system.credential(i)), append(holders, owner.ExternalID)
	}
	saved, err := tx.SaveVendorAccounts(ctx, "acme", strangers)
	if err != nil {
		return nil, err
	}
	maps.Copy(owners, saved)
	for i := range batch {
		batch[i].AccountID = owners[holders[i]]
	}
	sightings, err := tx.Sight(ctx, "acme", batch)
	if err != nil {
		return nil, err
	}
	var found, changed []Listed
	for i, s := range sightings {
		switch {
		case s.ID == 0:
			found = append(found, batch[i])
		case s.Changed:
			changed = append(changed, batch[i])
		}
		if s.ID != 0 {
			seen = append(seen, s.ID)
		}
	}
	if len(found) > 0 {
		added, err := tx.AddListed(ctx, "acme", found)
		if err != nil {
			return nil, err
		}
		seen = append(seen, added...)
	}
	if len(changed) > 0 {
		_, err = tx.RefreshListed(ctx, "acme", changed)
	}
	return seen, err
}

// copyAndUpsert is the floor: every row goes by COPY into temporary tables,
// and from there by one statement into each table.
func (h *house) copyAndUpsert(b *testing.B, system madeSystem) time.Duration {
	b.Helper()
	start := time.Now()
	err := pgx.BeginFunc(context.Background(), h.pool, func(tx pgx.Tx) error { return copyAndUpsert(context.Background(), tx, system) })
	if err != nil {
		b.Fatal(err)
	}
	return time.Since(start)
}

func copyAndUpsert(ctx context.Context, tx pgx.Tx, system madeSystem) error {
	_, err := tx.Exec(ctx, `CREATE TEMPORARY TABLE walked_account (external_id text, email text, name text, is_service boolean) ON COMMIT DROP`)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		CREATE TEMPORARY TABLE walked (ref text, class text, label text, holder text, scopes text[], access text, created timestamptz,
		                               expires timestamptz, used timestamptz, use_known boolean) ON COMMIT DROP`)
	if err != nil {
		return err
	}
	owners, i := map[string]bool{}, 0
	_, err = tx.CopyFrom(ctx, pgx.Identifier{"walked_account"}, []string{"external_id", "email", "name", "is_service"},
		pgx.CopyFromFunc(func() ([]any, error) {
			for ; i < system.credentials; i++ {
				if o := system.owner(i); !owners[o.ExternalID] {
					owners[o.ExternalID] = true
					return []any{o.ExternalID, o.Email, o.Name, o.Service}, nil
				}
			}
			return nil, nil
		}))
	if err != nil {
		return err
	}
	i = 0
	_, err = tx.CopyFrom(ctx, pgx.Identifier{"walked"}, []string{"ref", "class", "label", "holder", "scopes", "access", "created", "expires", "used", "use_known"},
		pgx.CopyFromFunc(func() ([]any, error) {
			if i == system.credentials {
				return nil, nil
			}
			l, holder := system.credential(i), system.owner(i).ExternalID
			i++
			return []any{l.Ref, l.Class, l.Label, holder, l.Scopes, l.Access, nullTime(l.CreatedAt), nullTime(l.ExpiresAt), nullTime(l.LastUsedAt), l.UseKnown}, nil
		}))
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO account (system, external_id, email, name, is_service)
		SELECT 'acme', external_id, email, name, is_service FROM walked_account
		ON CONFLICT (system, team, external_id) DO UPDATE SET email = excluded.email, name = excluded.name, is_service = excluded.is_service`)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO credential (connection, kind, brokered, managed, label, scopes, lifetime_s, state, vendor_ref, expires_at, last_used_at,
		                        use_known, account_id, owner_id, class, access, vendor_scopes, vendor_created_at)
		SELECT 'acme', 'api_key', false, false, w.label, w.scopes, 0, 'active', w.ref, w.expires, w.used, w.use_known, a.id, a.person_id,
		       w.class, w.access, w.scopes, w.created
		FROM walked w JOIN account a ON a.system = 'acme' AND a.team = '' AND a.external_id = w.holder
		ON CONFLICT (connection, vendor_ref) WHERE vendor_ref IS NOT NULL AND state NOT IN ('revoked', 'expired', 'issue_failed') DO UPDATE
		SET label = excluded.label, scopes = excluded.scopes, expires_at = excluded.expires_at, last_used_at = excluded.last_used_at,
		    use_known = excluded.use_known, account_id = excluded.account_id, owner_id = excluded.owner_id, class = excluded.class,
		    access = excluded.access, vendor_scopes = excluded.vendor_scopes, vendor_created_at = excluded.vendor_created_at`)
	return err
}

// holds fails unless the whole system is stored.
func (h *house) holds(b *testing.B, system madeSystem) {
	b.Helper()
	n := h.count(b, `
		SELECT count(*) FROM credential c JOIN account a ON a.id = c.account_id
		WHERE c.connection = 'acme' AND c.state = 'active' AND c.vendor_ref LIKE 'user-token/' || a.external_id || '/%'
		  AND c.vendor_scopes = '{read:jira-work,write:jira-work}' AND c.expires_at > c.vendor_created_at`)
	if n != system.credentials {
		b.Fatalf("%d credentials are stored, want %d", n, system.credentials)
	}
}

func heapInUse(collected bool) uint64 {
	if collected {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
