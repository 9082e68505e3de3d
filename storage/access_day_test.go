package storage

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// useOfThree writes what three keys of two connections were used for, and
// returns their IDs: two of acme, one of tempo.
func useOfThree(t *testing.T, b *keyBundle) (one, two, other CredentialID) {
	t.Helper()
	b.setClock(t, "2026-11-21 23:30:00-05") // the 22nd in UTC
	one, two, other = b.insert(t, "one", b.alice), b.insert(t, "two", b.alice), b.insert(t, "other", b.alice)
	b.exec(t, `INSERT INTO connection (name, kind, brokered) VALUES ('busy', 'fake', true)`)
	b.exec(t, `UPDATE credential SET connection = 'busy' WHERE id = $1`, other)
	at := func(day, hour int) time.Time { return time.Date(2026, 11, day, hour, 0, 0, 0, time.UTC) }
	err := b.WriteAccess(t.Context(), []Access{
		{CredentialID: one, At: at(21, 0), Method: "GET", Route: "/a", Status: 200, BytesIn: 1, BytesOut: 10},
		{CredentialID: one, At: at(22, 3), Method: "GET", Route: "/b", Status: 404},
		{CredentialID: two, At: at(22, 1), Method: "GET", Route: "/a", Status: 200},
		{CredentialID: two, At: at(19, 23), Method: "GET", Route: "/a", Status: 200}, // too old
		{CredentialID: other, At: at(20, 1), Method: "GET", Route: "/a", Status: 500},
		{CredentialID: other, At: at(20, 2), Method: "GET", Route: "/a", Status: 200},
		{CredentialID: other, At: at(20, 2), Method: "GET", Route: "/a", Status: 200},
		{CredentialID: other, At: at(22, 2), Method: "GET", Route: "/a", Status: 200},
	})
	if err != nil {
		t.Fatal(err)
	}
	return one, two, other
}

func TestUseByDayOfSeveral(t *testing.T) {
	t.Parallel()
	b := openKeys(t)
	one, two, _ := useOfThree(t, b)
	day := func(n int) time.Time { return time.Date(2026, 11, n, 0, 0, 0, 0, time.UTC) }
	got, err := b.UseByDayOf(t.Context(), []CredentialID{one, two, 999}, day(20).Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	want := map[CredentialID][]DayUse{
		one: {{Day: day(20)}, {day(21), 1, 0, 1, 10}, {day(22), 1, 1, 0, 0}},
		two: {{Day: day(20)}, {Day: day(21)}, {Day: day(22), Count: 1}},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateApproxTime(0)); diff != "" {
		t.Errorf("use (-want +got):\n%s", diff)
	}
	for id := range want { // what is said of several is what is said of each
		alone, err := b.UseByDay(t.Context(), id, day(20))
		if diff := cmp.Diff(alone, got[id]); err != nil || diff != "" {
			t.Errorf("%s: %v (-alone +among several):\n%s", id, err, diff)
		}
	}
	if got, err := b.UseByDayOf(t.Context(), nil, day(20)); err != nil || len(got) != 0 {
		t.Errorf("of none: %v, %v", got, err)
	}
}

func TestBusiestConnections(t *testing.T) {
	t.Parallel()
	b := openKeys(t)
	one, _, _ := useOfThree(t, b)
	row, err := b.Credential(t.Context(), one)
	if err != nil {
		t.Fatal(err)
	}
	day := func(n int) time.Time { return time.Date(2026, 11, n, 0, 0, 0, 0, time.UTC) }
	got, err := b.BusiestConnections(t.Context(), day(20), 5)
	if err != nil {
		t.Fatal(err)
	}
	want := []ConnectionUse{
		{"busy", 1, []DayUse{{Day: day(20), Count: 3, Failed: 1}, {Day: day(21)}, {Day: day(22), Count: 1}}},
		{row.Connection, 2, []DayUse{{Day: day(20)}, {Day: day(21), Count: 1}, {Day: day(22), Count: 2, Failed: 1}}},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateApproxTime(0)); diff != "" {
		t.Errorf("busiest (-want +got):\n%s", diff)
	}
	if n := got[0].Count(); n != 4 {
		t.Errorf("the busiest was used %d times", n)
	}
	if got, err := b.BusiestConnections(t.Context(), day(20), 1); err != nil || len(got) != 1 || got[0].Connection != "busy" {
		t.Errorf("the busiest: %v, %v", got, err)
	}
}

// BenchmarkBusiestConnections reads a week's log as an admin's App Home does.
func BenchmarkBusiestConnections(b *testing.B) {
	rows := 10_000
	if n, err := strconv.Atoi(os.Getenv("LATCHKEY_BENCH_ROWS")); err == nil {
		rows = n
	}
	db := openKeys(b)
	id := db.insert(b, "key", db.alice)
	_, err := db.Pool().Exec(b.Context(), fmt.Sprintf(`
		INSERT INTO access_log (credential_id, at, method, route, status, bytes_in, bytes_out, took_us)
		SELECT %d, latchkey_now() - n %% 600000 * interval '1 second', 'GET', '/a', 200, 1, 1, 1 FROM generate_series(1, %d) n`, id, rows))
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for b.Loop() {
		if _, err := db.BusiestConnections(b.Context(), time.Now().AddDate(0, 0, -6), 5); err != nil {
			b.Fatal(err)
		}
	}
}

// What a home shows of its keys is read by their index, however much other
// keys were used.
func TestUseIsReadByIndex(t *testing.T) {
	t.Parallel()
	b := openKeys(t)
	mine, other := b.insert(t, "mine", b.alice), b.insert(t, "other", b.alice)
	for _, days := range []int{0, 40} {
		b.exec(t, `
			INSERT INTO access_log (credential_id, at, method, route, status, bytes_in, bytes_out, took_us)
			SELECT CASE WHEN n % 1000 = 0 THEN $1::bigint ELSE $2::bigint END, latchkey_now() - $3 * interval '1 day', 'GET', '/a', 200, 1, 1, 1
			FROM generate_series(1, 20000) n`, mine, other, days)
	}
	b.exec(t, `ANALYZE`)
	plan := strings.Join(b.strings(t, `EXPLAIN (COSTS OFF) `+strings.NewReplacer("$1", fmt.Sprintf("'{%d}'::bigint[]", mine), "$2", "latchkey_now() - interval '13 days'", "$3", "400").Replace(useByDayOf)), "\n")
	if !strings.Contains(plan, "credential_id_at_idx") || strings.Contains(plan, "Seq Scan on access_log") {
		t.Errorf("the log is not read by its index:\n%s", plan)
	}
}
