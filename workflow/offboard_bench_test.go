package workflow

import (
	"context"
	"fmt"
	"maps"
	"math"
	"net/http"
	"runtime"
	"slices"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/double"
	"latchkey/connectors/fake"
	"latchkey/storage"
)

// The vendors of BenchmarkOffboard: how long each takes to answer. Keys are
// reached over the Transport of production, with its rate limit.
var benchLatency = map[string]time.Duration{"forge": 120 * time.Millisecond, "hub": 180 * time.Millisecond, "directory": 220 * time.Millisecond, "mail": 350 * time.Millisecond}

// What the Transport of production allows, and what a revocation takes: the
// revoke, and the question whether the key is dead.
const (
	benchRate, benchBurst = 10.0, 10.0
	callsPerKey           = 2
	keysPerSystem         = 10
)

// BenchmarkOffboard has a person leave who holds 50 credentials at five
// systems, ten of them brokered, while workers, sweep and walks run. The
// goals: fence-p99-ms, of the transaction that stops all we enforce, under 50
// (bare-p99-ms is what a change of one row takes on the same machine meanwhile);
// gateway-s, until the gateway's own view of the rows refuses them all, under
// 1; over-s, the time to the last receipt less 1.5 times the floor, under 5.
// The floor is computed from the latencies and rates of the vendors in the run,
// and from the calls that have to be made.
//
//	go test ./workflow -run '^$' -bench '^BenchmarkOffboard$' -benchtime 3x
func BenchmarkOffboard(b *testing.B) {
	const fences = 150
	h := benchHouse(b, fences+b.N)
	p50, p99, gateway := h.timeFences(b, 0, fences)
	h.exec(b, `DELETE FROM river_job`)
	h.exec(b, `UPDATE offboarding SET state = 'undone', page_at = NULL, look_at = NULL`)
	runs(b, h.Service, Silent{})
	floor := benchFloor()
	var worst, closing time.Duration
	for i := range b.N {
		last, closed := h.timeLeave(b, fences+i)
		worst, closing = max(worst, last), max(closing, closed)
	}
	b.ReportMetric(float64(p50)/1e6, "fence-p50-ms")
	b.ReportMetric(float64(p99)/1e6, "fence-p99-ms")
	b.ReportMetric(gateway.Seconds(), "gateway-s")
	b.ReportMetric(floor.Seconds(), "floor-s")
	b.ReportMetric(worst.Seconds(), "last-receipt-s")
	b.ReportMetric((worst - floor*3/2).Seconds(), "over-s")
	b.ReportMetric(closing.Seconds(), "closed-s")
	b.ReportMetric(0, "ns/op") // an iteration is one leaver and says nothing
	if p99 > 50*time.Millisecond || gateway > time.Second || worst > floor*3/2+5*time.Second {
		b.Log("a goal is missed")
	}
}

// benchFloor is the least time in which the slowest system can end its share:
// all workers of it busy all the time, or its rate used up.
func benchFloor() time.Duration {
	var floor time.Duration
	for _, latency := range benchLatency {
		rounds := math.Ceil(float64(keysPerSystem) / vendorWorkers)
		busy := time.Duration(rounds * callsPerKey * float64(latency))
		limited := time.Duration((keysPerSystem*callsPerKey - benchBurst) / benchRate * float64(time.Second))
		floor = max(floor, busy, limited)
	}
	return floor
}

// benchHouse is a house with so many people, each with as many keys at each
// system and as many brokered ones.
func benchHouse(b *testing.B, people int) *house {
	b.Helper()
	d := houseDocument()
	d.Offboarding.Breaker = Breaker{MinCount: 1_000_000}
	conns := map[string]connectors.Connector{}
	for name, latency := range benchLatency {
		v := fake.NewVendor()
		v.SetPage(1000)
		slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			timer := time.NewTimer(latency)
			defer timer.Stop()
			<-timer.C
			v.ServeHTTP(w, r)
		})
		s := v.Settings(name, double.Serve(b, slow))
		c, err := fake.Open(s, connectors.NewTransport(s))
		if err != nil {
			b.Fatal(err)
		}
		d.Connections[name], conns[name] = ConnectionRules{Kind: "fake", Owners: "it-admins"}, c
		for p := range people * keysPerSystem {
			v.Seed(fake.Key{Label: fmt.Sprint("key ", p), Owner: mailOf(fmt.Sprint("person", p/keysPerSystem)), Scopes: []string{"files:read"}})
		}
	}
	h := openWith(b, d, func(deps *Deps) {
		delete(deps.Connectors, "acme")
		maps.Copy(deps.Connectors, conns)
		deps.LeaseFor, deps.SweepEach = 30*time.Second, 250*time.Millisecond
	})
	h.exec(b, `INSERT INTO person (email, name) SELECT 'person' || i || '@example.com', 'person' || i FROM generate_series(0, $1::int - 1) i`, people)
	h.exec(b, `
		INSERT INTO credential (connection, kind, brokered, managed, owner_id, label, scopes, lifetime_s, state, use_known, vendor_ref, access, policy_name,
		                        key_hash, activated_at, expires_at, next_action_at)
		SELECT 'tempo', 'api_key', true, true, p.id, 'ours', '{files:read}', 7776000, 'active', true, 'ref-' || p.id || '-' || i, 'read', 'read',
		       sha256((p.email || i)::bytea), latchkey_now(), latchkey_now() + interval '30 days', latchkey_now() + interval '20 days'
		FROM person p, generate_series(1, $1::int) i WHERE p.name LIKE 'person%'`, keysPerSystem)
	if err := h.SyncDue(b.Context()); err != nil {
		b.Fatal(err)
	}
	h.exec(b, `VACUUM ANALYZE`)
	return h
}

func (h *house) personAt(b testing.TB, i int) storage.PersonID {
	b.Helper()
	var id storage.PersonID
	if err := h.DB.Pool().QueryRow(context.Background(), `SELECT id FROM person WHERE name = $1`, fmt.Sprint("person", i)).Scan(&id); err != nil {
		b.Fatal(err)
	}
	return id
}

func leftNow(id storage.PersonID) Leave {
	return Leave{Person: id, Source: "hr", SourceKey: fresh(), By: storage.System("hr"), Reason: "left"}
}

// timeFences fences people, one after the other, and brings the middle, the
// 99th percentile, and the longest time until what a gateway hears has it
// refuse every key of one.
func (h *house) timeFences(b *testing.B, from, to int) (p50, p99, gateway time.Duration) {
	b.Helper()
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	refused := make(chan struct{}, 10_000)
	listening := make(chan struct{}, 1)
	go func() {
		_ = h.DB.ListenKeys(ctx, func(ids []storage.CredentialID) {
			if ids == nil {
				listening <- struct{}{}
				return
			}
			keys, err := h.DB.GatewayKeysByID(ctx, ids)
			for _, k := range keys {
				if err == nil && !k.Alive {
					refused <- struct{}{}
				}
			}
		})
	}()
	<-listening
	var took, bare []time.Duration
	for i := from; i < to; i++ {
		id := h.personAt(b, i)
		bare = append(bare, h.bareChange(b, id))
		start := time.Now()
		if _, err := h.Offboard(b.Context(), leftNow(id)); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start))
		for range keysPerSystem {
			select {
			case <-refused:
			case <-time.After(time.Minute):
				b.Fatal("the gateway never hears of it")
			}
		}
		gateway = max(gateway, time.Since(start))
	}
	slices.Sort(took)
	slices.Sort(bare)
	b.ReportMetric(float64(bare[len(bare)*99/100])/1e6, "bare-p99-ms")
	return took[len(took)/2], took[len(took)*99/100], gateway
}

// bareChange is the least that a fence could take on this machine now: one
// change of one row, committed.
func (h *house) bareChange(b *testing.B, id storage.PersonID) time.Duration {
	b.Helper()
	start := time.Now()
	err := h.DB.InTx(b.Context(), func(ctx context.Context, tx storage.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE person SET updated_at = latchkey_now() WHERE id = ?`, id)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return time.Since(start)
}

// timeLeave has one person leave while all is running, and brings the times
// until the last vendor's receipt and until the case is closed.
func (h *house) timeLeave(b *testing.B, i int) (last, closed time.Duration) {
	b.Helper()
	start := time.Now()
	o, err := h.Offboard(b.Context(), leftNow(h.personAt(b, i)))
	if err != nil {
		b.Fatal(err)
	}
	for h.see(b, o.ID).Case.State != storage.OffboardingClosed {
		if time.Since(start) > 5*time.Minute {
			b.Fatalf("the case is never closed: %+v", h.see(b, o.ID).Systems)
		}
		time.Sleep(20 * time.Millisecond) //nolint:forbidigo // a benchmark looks from outside
	}
	closed = time.Since(start)
	v := h.isClosed(b, o.ID)
	if len(v.Items) != keysPerSystem*(len(benchLatency)+1) {
		b.Fatalf("%d items", len(v.Items))
	}
	for _, it := range v.Items {
		for _, r := range it.Receipts {
			last = max(last, r.At.Sub(start))
		}
	}
	return last, closed
}

// BenchmarkMassLeave has people leave at once, as many as LATCHKEY_BENCH_ROWS
// says and few by default, with three keys at
// each of four systems that answer at once and a brokered one. The goals:
// fences-s, until all are fenced, under 60; walks, listings of one system,
// few; heap-MiB, the most in use beyond what was before, bounded; spread, the
// time of the last system as a part of the first one's, near 1.
//
//	LATCHKEY_BENCH_ROWS=1000 go test ./workflow -run '^$' -bench '^BenchmarkMassLeave$' -benchtime 1x
func BenchmarkMassLeave(b *testing.B) {
	const systems = 4
	people := benchSize(b, 20)
	for range b.N {
		tn := openTown(b, people, systems, func(d *Document) { d.Offboarding.Breaker = Breaker{MinCount: 1_000_000} })
		for _, v := range tn.vendors {
			for p := range people * 2 {
				v.Seed(fake.Key{Label: fmt.Sprint("key ", p), Owner: mailOf(fmt.Sprint("person", p/2)), Scopes: []string{"files:read"}})
			}
		}
		tn.sync(b)
		runtime.GC()
		before, top := heapInUse(), uint64(0)
		start := time.Now()
		tn.allLeave(b)
		fences := time.Since(start)
		if n := tn.fenced(b); n != people {
			b.Fatalf("%d fenced", n)
		}
		var lists []int
		for _, v := range tn.vendors {
			lists = append(lists, v.Calls()[fake.VerbList])
		}
		runs(b, tn.Service, Silent{})
		ended := make([]time.Duration, systems)
		for tn.count(b, storage.OffboardingClosed) < people {
			for i, v := range tn.vendors {
				if ended[i] == 0 && len(v.Live()) == 0 {
					ended[i] = time.Since(start)
				}
			}
			top = max(top, heapInUse())
			if time.Since(start) > 30*time.Minute {
				b.Fatalf("%d of %d closed", tn.count(b, storage.OffboardingClosed), people)
			}
			time.Sleep(200 * time.Millisecond) //nolint:forbidigo // a benchmark looks from outside
		}
		walks := 0
		for i, v := range tn.vendors {
			walks = max(walks, (v.Calls()[fake.VerbList]-lists[i])/max(people*3/500, 1))
		}
		b.ReportMetric(fences.Seconds(), "fences-s")
		b.ReportMetric(time.Since(start).Seconds(), "closed-s")
		if first := slices.Min(ended); first > 0 { // else it was over between two looks
			b.ReportMetric(float64(slices.Max(ended))/float64(first), "spread")
		}
		b.ReportMetric(float64(walks), "walks")
		b.ReportMetric(float64(max(top, before)-before)/(1<<20), "heap-MiB")
		b.ReportMetric(0, "ns/op")
	}
}
