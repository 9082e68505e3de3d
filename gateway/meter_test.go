package gateway

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"latchkey/storage"
)

// runReplica runs a gateway without serving.
func runReplica(t testing.TB, b *bundle) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	eventually(t, "the gateway to be ready", func() bool { return b.Ready() == nil })
}

func TestMetersEveryRequestOfAKnownKey(t *testing.T) {
	t.Parallel()
	b := start(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusCreated)
		}
		_, _ = io.WriteString(w, "0123456789")
	}, func(d *Deps) {
		d.Metering.Every = time.Hour // the shutdown writes
		d.Limits.Body = 10
		d.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	used, usedID := b.issue(t, "tempo", "worklogs:manage")
	large, largeID := b.issue(t, "tempo", "worklogs:manage")
	refused, refusedID := b.issue(t, "tempo", "plans:view")
	dead, deadID := b.issue(t, "tempo", "worklogs:view")
	b.exec(t, `UPDATE credential SET state = 'revoked', ended_at = latchkey_now() WHERE id = $1`, deadID)
	hash := b.box.Hash(dead)
	eventually(t, "the revocation", func() bool { return !b.keeper.snapshot.Load().find(hash).alive })

	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for range 5 {
				b.send(t, "POST", "/tempo/4/worklogs/17", used, "four", "X-Forwarded-For", "198.51.100.7, 203.0.113.9, 127.0.0.5")
			}
		})
	}
	clients.Wait()
	b.send(t, "GET", "/tempo/4/worklogs/1", used, "")
	b.send(t, "PUT", "/tempo/4/worklogs/1", refused, "not read")
	b.send(t, "GET", "/tempo/9/unheard", refused, "")
	b.send(t, "GET", "/tempo/4/../x", refused, "")
	b.send(t, "GET", "/tempo/4/worklogs", dead, "")
	b.send(t, "POST", "/tempo/4/worklogs", large, "12345678901")
	b.send(t, "GET", "/tempo/4/worklogs", "lk_live_unknown", "")
	if err := b.stop(); err != nil {
		t.Fatal(err)
	}

	got := b.strings(t, `
		SELECT concat_ws(' ', credential_id, method, route, status, bytes_in, bytes_out > 0, coalesce(host(client), '-'), count(*))
		FROM access_log
		WHERE took_us > 0 AND at BETWEEN latchkey_now() - interval '1 minute' AND latchkey_now() + interval '1 second'
		GROUP BY credential_id, method, route, status, bytes_in, bytes_out > 0, client
		ORDER BY credential_id, count(*) DESC, status, method DESC`)
	want := []string{
		fmt.Sprint(int64(usedID), " POST /4/worklogs/** 201 4 t 203.0.113.9 20"),
		fmt.Sprint(int64(usedID), " GET /4/worklogs/{id} 200 0 t 127.0.0.1 1"),
		fmt.Sprint(int64(largeID), " POST /4/worklogs/** 413 0 t 127.0.0.1 1"),
		fmt.Sprint(int64(refusedID), " GET - 400 0 t 127.0.0.1 1"),
		fmt.Sprint(int64(refusedID), " PUT /4/worklogs/** 403 0 t 127.0.0.1 1"),
		fmt.Sprint(int64(refusedID), " GET /** 403 0 t 127.0.0.1 1"),
		fmt.Sprint(int64(deadID), " GET - 401 0 t 127.0.0.1 1"),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("access log (-want +got):\n%s", diff)
	}
	for id, wantUsed := range map[storage.CredentialID]bool{usedID: true, largeID: false, refusedID: false, deadID: false} {
		c, err := b.db.Credential(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if used := !c.LastUsedAt.IsZero(); used != wantUsed {
			t.Errorf("%s: last used %s, want used %t", id, c.LastUsedAt, wantUsed)
		}
	}
	if lost := b.meter.lost.Load(); lost != 0 {
		t.Errorf("%d records lost", lost)
	}
}

func TestMeterKeepsRecordsWhileTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	db := open(t)
	away, err := storage.Open(t.Context(), storage.Config{DSN: "postgres://127.0.0.1:1/none?connect_timeout=1", Logger: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	defer away.Close()
	const most = 500
	m := newMeter(away, zerolog.Nop(), Metering{Every: time.Hour, Records: most})
	fill := func(n int) {
		for range n {
			if m.reserve() {
				m.record(storage.Access{CredentialID: 1, At: time.Now(), Method: "GET", Route: "/"}, true)
			}
		}
	}
	fill(10)
	m.flush(t.Context())
	if len(m.batch) != 10 || m.lost.Load() != 0 {
		t.Errorf("%d records kept, %d lost", len(m.batch), m.lost.Load())
	}
	fill(most - 10 + 5)
	if m.lost.Load() != 5 {
		t.Errorf("%d records lost of 5 too many", m.lost.Load())
	}
	m.db = db
	if err := m.finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := db.Pool().QueryRow(t.Context(), `SELECT count(*) FROM access_log`).Scan(&n); err != nil || n != most {
		t.Errorf("%d records written of %d (%v)", n, most, err)
	}
	m.db = away
	fill(3)
	if err := m.finish(t.Context()); err == nil || !strings.Contains(err.Error(), "3 records lost") || m.lost.Load() != 8 {
		t.Errorf("err = %v, %d lost", err, m.lost.Load())
	}
}

func TestMeterDropsWhatTheDatabaseRefuses(t *testing.T) {
	t.Parallel()
	db := open(t)
	m := newMeter(db, zerolog.Nop(), Metering{Every: time.Hour, Records: 10})
	m.reserve()
	m.record(storage.Access{CredentialID: 1, At: time.Now(), Method: "GET", Route: "a\x00b"}, false)
	m.flush(t.Context())
	if len(m.batch) != 0 || m.lost.Load() != 1 || m.kept.Load() != 0 {
		t.Errorf("%d records kept, %d lost", len(m.batch), m.lost.Load())
	}
}

func TestMeterFrees(t *testing.T) {
	t.Parallel()
	m := newMeter(open(t), zerolog.Nop(), Metering{Every: time.Hour, Records: 2, Strict: true})
	for round := range 3 {
		for i, want := range []bool{true, true, false} {
			if got := m.reserve(); got != want {
				t.Fatalf("round %d, record %d: room is %t", round, i, got)
			}
		}
		m.record(storage.Access{CredentialID: 1, At: time.Now(), Method: "GET", Route: "/"}, false)
		m.record(storage.Access{CredentialID: 1, At: time.Now(), Method: "GET", Route: "/"}, false)
		m.flush(t.Context())
	}
	if m.lost.Load() != 0 {
		t.Errorf("%d lost", m.lost.Load())
	}
}

// What is not yet written never exceeds the bound: beyond it records are lost
// and counted, or requests are refused.
func TestMeterIsBounded(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		strict   bool
		statuses []int
		lost     int64
	}{
		{false, []int{200, 200, 200, 200, 200}, 2},
		{true, []int{200, 200, 200, 503, 503}, 0},
	} {
		b := start(t, nil, func(d *Deps) { d.Metering = Metering{Every: time.Hour, Records: 3, Strict: tt.strict} })
		key, _ := b.issue(t, "tempo", "everything")
		var got []int
		var last answer
		for range tt.statuses {
			last = b.send(t, "GET", "/tempo/x", key, "")
			got = append(got, last.Status)
		}
		if diff := cmp.Diff(tt.statuses, got); diff != "" {
			t.Errorf("strict %t (-want +got):\n%s", tt.strict, diff)
		}
		if tt.strict && (last.detail(t).Code != "not_metered" || last.Header.Get("Retry-After") != "1" || len(b.vendor.seen()) != 3) {
			t.Errorf("refusal %+v, the vendor saw %d", last, len(b.vendor.seen()))
		}
		if err := b.stop(); err != nil {
			t.Fatal(err)
		}
		if n := b.strings(t, `SELECT count(*)::text FROM access_log`)[0]; n != "3" || b.meter.lost.Load() != tt.lost {
			t.Errorf("strict %t: %s records written, %d lost", tt.strict, n, b.meter.lost.Load())
		}
	}
}

func TestDropsPartitionsThatAreOldEnough(t *testing.T) {
	t.Parallel()
	b := &bundle{db: open(t)}
	for _, day := range []int{-9, -8, -1, 0} {
		b.exec(t, fmt.Sprintf(`CREATE OR REPLACE FUNCTION latchkey_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
			AS 'SELECT statement_timestamp() + %d * interval ''1 day'''`, day))
		if err := b.db.EnsureAccessPartitions(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
	}
	m := newMeter(b.db, zerolog.Nop(), Metering{Every: time.Hour, Records: 1, RetainDays: 7})
	if err := m.turnPartitions(t.Context()); err != nil {
		t.Fatal(err)
	}
	n := b.strings(t, `SELECT count(*)::text FROM pg_inherits WHERE inhparent = 'access_log'::regclass`)[0]
	if want := fmt.Sprint(3 + partitionDays); n != want {
		t.Errorf("%s partitions are left, want %s: yesterday's, today's, those to come and the default", n, want)
	}
}

// A batch that meets the making of its partition is written all the same.
func TestMeterWritesWhilePartitionsAreMade(t *testing.T) {
	t.Parallel()
	db := open(t)
	m := newMeter(db, zerolog.Nop(), Metering{Every: time.Hour, Records: 1000})
	made := make(chan error, 1)
	go func() { made <- db.EnsureAccessPartitions(t.Context(), partitionDays) }()
	written := 0
	for done := false; !done; written++ {
		select {
		case err := <-made:
			if err != nil {
				t.Fatal(err)
			}
			done = true
		default:
		}
		m.reserve()
		m.record(storage.Access{CredentialID: 1, At: time.Now(), Method: "GET", Route: "/"}, false)
		m.flush(t.Context())
	}
	if m.lost.Load() != 0 {
		t.Errorf("%d of %d lost", m.lost.Load(), written)
	}
}

func TestMakesPartitionsAhead(t *testing.T) {
	t.Parallel()
	b := start(t, nil, nil)
	eventually(t, "partitions of four days beside the default", func() bool {
		return b.strings(t, `SELECT count(*)::text FROM pg_inherits WHERE inhparent = 'access_log'::regclass`)[0] == "5"
	})
}

// A request under way at the shutdown is answered and metered.
func TestShutdownWaitsForRequestsUnderWay(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}), make(chan struct{})
	b := start(t, func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-release
		_, _ = io.WriteString(w, "late")
	}, nil)
	key, id := b.issue(t, "tempo", "worklogs:view")
	got := make(chan answer, 1)
	go func() { got <- b.send(t, "GET", "/tempo/4/worklogs", key, "") }()
	<-arrived
	stopped := make(chan error, 1)
	go func() { stopped <- b.stop() }()
	eventually(t, "the gateway to let nothing in", func() bool {
		if !b.closing.TryRLock() {
			return true
		}
		b.closing.RUnlock()
		return false
	})
	close(release)
	if a := <-got; a.Status != http.StatusOK || a.Body != "late" {
		t.Errorf("answer %+v", a)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	rows := b.strings(t, `SELECT method || ' ' || status FROM access_log WHERE credential_id = $1`, id)
	if diff := cmp.Diff([]string{"GET 200"}, rows); diff != "" {
		t.Errorf("access log (-want +got):\n%s", diff)
	}
}

func TestClientAddr(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	tests := []struct {
		peer, forwarded, want string
		trusted               []netip.Prefix
	}{
		{"203.0.113.1:9", "1.1.1.1", "203.0.113.1", nil},
		{"203.0.113.1:9", "1.1.1.1", "203.0.113.1", trusted},
		{"10.0.0.1:9", "", "10.0.0.1", trusted},
		{"10.0.0.1:9", "6.6.6.6, 1.1.1.1, 10.0.0.2", "1.1.1.1", trusted},
		{"[::1]:9", "6.6.6.6,2001:db8::1", "2001:db8::1", trusted},
		{"[::ffff:10.0.0.1]:9", "1.1.1.1", "1.1.1.1", trusted},
		{"10.0.0.1:9", "6.6.6.6, junk, 10.0.0.2", "10.0.0.2", trusted},
		{"10.0.0.1:9", "10.0.0.3, 10.0.0.2", "10.0.0.3", trusted},
		{"@", "1.1.1.1", "invalid IP", trusted},
	}
	for _, tt := range tests {
		r := &http.Request{RemoteAddr: tt.peer, Header: http.Header{}}
		if tt.forwarded != "" {
			r.Header.Set("X-Forwarded-For", tt.forwarded)
		}
		if got := clientAddr(r, tt.trusted).String(); got != tt.want {
			t.Errorf("%s for %s: %s, want %s", tt.peer, tt.forwarded, got, tt.want)
		}
	}
}

func TestRate(t *testing.T) {
	t.Parallel()
	r, u := newRate(10, 3), &use{}
	at := time.Second
	for i, want := range []bool{true, true, true, false, false} {
		if after, ok := r.take(u, at); ok != want || !ok && after != 100*time.Millisecond {
			t.Errorf("request %d: %t, next after %s", i, ok, after)
		}
	}
	for _, tt := range []struct {
		at   time.Duration
		want bool
	}{{1050, false}, {1100, true}, {1101, false}, {1300, true}, {1300, true}, {1300, false}, {9000, true}, {9000, true}, {9000, true}, {9000, false}} {
		if _, ok := r.take(u, tt.at*time.Millisecond); ok != tt.want {
			t.Errorf("at %d ms: %t", tt.at, ok)
		}
	}
	for i, want := range []bool{true, true, false} {
		if got := u.enter(2); got != want {
			t.Errorf("entry %d: %t", i, got)
		}
	}
	u.leave()
	if !u.enter(2) {
		t.Error("a place that was left is not free")
	}
}
