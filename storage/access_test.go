package storage

import (
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"
)

func (b *keyBundle) strings(t *testing.T, sql string, args ...any) []string {
	t.Helper()
	rows, err := b.pool.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestWriteAccess(t *testing.T) {
	t.Parallel()
	b := openKeys(t)
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	batch := []Access{
		{CredentialID: 7, At: at, Method: "GET", Route: "/4/worklogs/{id}", Status: 200, BytesIn: 1, BytesOut: 990,
			Took: 1500 * time.Microsecond, Client: netip.MustParseAddr("203.0.113.9")},
		{CredentialID: 8, At: at, Method: "POST", Route: "-", Status: 403, Client: netip.MustParseAddr("2001:db8::1")},
		{CredentialID: 9, At: at, Method: "GET", Route: "-", Status: 401},
	}
	if err := b.WriteAccess(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	got := b.strings(t, `SELECT concat_ws(' ', credential_id, method, route, status, bytes_in, bytes_out, took_us, host(client)) FROM access_log ORDER BY credential_id`)
	want := []string{"7 GET /4/worklogs/{id} 200 1 990 1500 203.0.113.9", "8 POST - 403 0 0 0 2001:db8::1", "9 GET - 401 0 0 0"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	batch[1].Route = "bad\x00route"
	if err := b.WriteAccess(t.Context(), batch); err == nil {
		t.Error("a row Postgres can't store was accepted")
	}
	if n := len(b.strings(t, `SELECT route FROM access_log`)); n != 3 {
		t.Errorf("a refused batch left %d rows, want the 3 of before", n)
	}
}

func TestTouchLastUsedNeverGoesBack(t *testing.T) {
	t.Parallel()
	b := openKeys(t)
	never, older, newer := b.insert(t, "never", b.alice), b.insert(t, "older", b.alice), b.insert(t, "newer", b.alice)
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	b.exec(t, `UPDATE credential SET last_used_at = $2 WHERE id = $1`, older, at.Add(-time.Hour))
	b.exec(t, `UPDATE credential SET last_used_at = $2 WHERE id = $1`, newer, at.Add(time.Hour))
	before := b.strings(t, `SELECT changed_at::text FROM credential ORDER BY id`)
	var replicas sync.WaitGroup
	for range 4 {
		replicas.Go(func() {
			for range 10 {
				if err := b.TouchLastUsed(t.Context(), map[CredentialID]time.Time{never: at, older: at, newer: at, 999: at}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	replicas.Wait()
	for id, want := range map[CredentialID]time.Time{never: at, older: at, newer: at.Add(time.Hour)} {
		c, err := b.Credential(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if !c.LastUsedAt.Equal(want) {
			t.Errorf("%s (%s): last used %s, want %s", c.Label, id, c.LastUsedAt, want)
		}
	}
	if diff := cmp.Diff(before, b.strings(t, `SELECT changed_at::text FROM credential ORDER BY id`)); diff != "" {
		t.Errorf("use counts as a change of the key:\n%s", diff)
	}
	if err := b.TouchLastUsed(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

func TestEndpointUse(t *testing.T) {
	t.Parallel()
	b := openKeys(t)
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	row := func(id CredentialID, minutes int, method, route string, status int) Access {
		return Access{CredentialID: id, At: at.Add(time.Duration(minutes) * time.Minute), Method: method, Route: route, Status: status}
	}
	err := b.WriteAccess(t.Context(), []Access{
		row(1, 1, "GET", "/a", 200), row(1, 3, "GET", "/a", 502), row(1, 2, "GET", "/a", 200),
		row(1, 5, "POST", "/a", 201), row(1, -1, "GET", "/old", 200), row(2, 1, "GET", "/other", 200), row(1, 0, "GET", "/b", 403),
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := b.EndpointUse(t.Context(), 1, at)
	if err != nil {
		t.Fatal(err)
	}
	want := []EndpointUse{
		{"GET", "/a", 3, at.Add(3 * time.Minute), 502},
		{"GET", "/b", 1, at, 403},
		{"POST", "/a", 1, at.Add(5 * time.Minute), 201},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateApproxTime(0)); diff != "" {
		t.Errorf("use (-want +got):\n%s", diff)
	}
}

func TestUseByDay(t *testing.T) {
	t.Parallel()
	b := openKeys(t)
	b.setClock(t, "2026-11-21 23:30:00-05") // the 22nd in UTC
	at := func(day, hour int) time.Time { return time.Date(2026, 11, day, hour, 0, 0, 0, time.UTC) }
	err := b.WriteAccess(t.Context(), []Access{
		{CredentialID: 1, At: at(19, 0), Method: "GET", Route: "/a", Status: 200, BytesIn: 1, BytesOut: 10},
		{CredentialID: 1, At: at(19, 23), Method: "GET", Route: "/b", Status: 404, BytesIn: 2, BytesOut: 20},
		{CredentialID: 1, At: at(22, 1), Method: "GET", Route: "/a", Status: 200},
		{CredentialID: 1, At: at(18, 23), Method: "GET", Route: "/a", Status: 200},
		{CredentialID: 2, At: at(20, 1), Method: "GET", Route: "/a", Status: 200},
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := b.UseByDay(t.Context(), 1, at(19, 12))
	if err != nil {
		t.Fatal(err)
	}
	want := []DayUse{{at(19, 0), 2, 1, 3, 30}, {Day: at(20, 0)}, {Day: at(21, 0)}, {at(22, 0), 1, 0, 0, 0}}
	if diff := cmp.Diff(want, got, cmpopts.EquateApproxTime(0)); diff != "" {
		t.Errorf("use (-want +got):\n%s", diff)
	}
	if got, err := b.UseByDay(t.Context(), 1, time.Time{}); err != nil || len(got) != maxUseDays+1 {
		t.Errorf("since ever: %d days, %v", len(got), err)
	}
	if got, err := b.UseByDay(t.Context(), 1, at(24, 0)); err != nil || len(got) != 0 {
		t.Errorf("since the day after tomorrow: %v, %v", got, err)
	}
}

func TestUnusedScopes(t *testing.T) {
	t.Parallel()
	b := openKeys(t)
	id := b.insert(t, "key", b.alice)
	b.exec(t, `UPDATE credential SET scopes = '{view,manage,plans}', activated_at = latchkey_now() - interval '10 days' WHERE id = $1`, id)
	now := time.Now()
	err := b.WriteAccess(t.Context(), []Access{
		{CredentialID: id, At: now.Add(-time.Hour), Method: "GET", Route: "/worklogs", Status: 200},
		{CredentialID: id, At: now.Add(-48 * time.Hour), Method: "POST", Route: "/worklogs", Status: 201},
		{CredentialID: id, At: now, Method: "GET", Route: "-", Status: 400},
		{CredentialID: id, At: now, Method: "GET", Route: "/admin", Status: 403},
	})
	if err != nil {
		t.Fatal(err)
	}
	allows := func(method, route string) []string {
		return map[string][]string{"GET /worklogs": {"other", "view", "manage"}, "POST /worklogs": {"manage"}, "GET /admin": {"admin"}}[method+" "+route]
	}
	for _, tt := range []struct {
		days int
		want []string
	}{{1, []string{"manage", "plans"}}, {3, []string{"plans"}}, {11, nil}} {
		got, err := b.UnusedScopes(t.Context(), id, now.AddDate(0, 0, -tt.days), allows)
		if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
			t.Errorf("for %d days: %v (-want +got):\n%s", tt.days, err, diff)
		}
	}
	if got, err := b.UnusedScopes(t.Context(), 999, now, allows); got != nil || err != nil {
		t.Errorf("of no credential: %v, %v", got, err)
	}
}

func TestDropAccessOlder(t *testing.T) {
	t.Parallel()
	b := openKeys(t)
	for _, day := range []string{"18", "19", "20", "21"} {
		b.setClock(t, "2026-11-"+day+" 12:00:00Z")
		if err := b.EnsureAccessPartitions(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.DropAccessOlder(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	want := []string{"access_log_20261119", "access_log_20261120", "access_log_20261121", "access_log_default"}
	if diff := cmp.Diff(want, b.partitions(t)); diff != "" {
		t.Errorf("partitions (-want +got):\n%s", diff)
	}
}

const partitionRows = `
	SELECT tableoid::regclass || ' ' || credential_id FROM access_log ORDER BY credential_id`

func (b *keyBundle) partitions(t *testing.T) []string {
	t.Helper()
	return b.strings(t, `SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'access_log'::regclass ORDER BY 1`)
}

func (b *keyBundle) setClock(t *testing.T, at string) {
	t.Helper()
	b.exec(t, `CREATE OR REPLACE FUNCTION latchkey_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT timestamptz ''`+at+`'''`)
}

func TestAccessPartitions(t *testing.T) {
	t.Parallel()
	b := openKeys(t)
	b.setClock(t, "2026-11-21 23:30:00-05") // the 22nd in UTC
	day := func(d int) time.Time { return time.Date(2026, 11, d, 23, 59, 59, 999999000, time.UTC) }
	write := func(id CredentialID, at time.Time) {
		t.Helper()
		if err := b.WriteAccess(t.Context(), []Access{{CredentialID: id, At: at, Method: "GET", Route: "/"}}); err != nil {
			t.Fatal(err)
		}
	}
	write(1, day(22)) // before there is a partition for it
	write(2, day(25))

	var replicas sync.WaitGroup
	for range 4 {
		replicas.Go(func() {
			if err := b.EnsureAccessPartitions(t.Context(), 1); err != nil {
				t.Error(err)
			}
		})
	}
	replicas.Wait()
	want := []string{"access_log_20261122", "access_log_20261123", "access_log_default"}
	if diff := cmp.Diff(want, b.partitions(t)); diff != "" {
		t.Fatalf("partitions (-want +got):\n%s", diff)
	}
	write(3, day(22).Add(time.Microsecond))
	wantRows := []string{"access_log_20261122 1", "access_log_default 2", "access_log_20261123 3"}
	if diff := cmp.Diff(wantRows, b.strings(t, partitionRows)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}

	if err := b.DropAccessBefore(t.Context(), day(22)); err != nil {
		t.Fatal(err)
	}
	if n := len(b.partitions(t)); n != 3 {
		t.Errorf("a day that is not over was dropped: %d partitions", n)
	}
	write(4, day(20)) // late, into the default partition
	if err := b.DropAccessBefore(t.Context(), day(22).Add(time.Microsecond)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"access_log_default 2", "access_log_20261123 3"}, b.strings(t, partitionRows)); diff != "" {
		t.Errorf("rows after dropping (-want +got):\n%s", diff)
	}
	b.setClock(t, "2026-11-25 00:00:00Z")
	if err := b.EnsureAccessPartitions(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"access_log_20261125 2", "access_log_20261123 3"}, b.strings(t, partitionRows)); diff != "" {
		t.Errorf("rows after the clock moved (-want +got):\n%s", diff)
	}
}
