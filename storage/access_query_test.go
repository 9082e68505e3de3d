package storage

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// walkAccess reads a listing to its end, so many lines at a time.
func (b *keyBundle) walkAccess(t *testing.T, f AccessFilter, page int) []string {
	t.Helper()
	var out []string
	f.Limit = page
	for {
		lines, err := b.AccessLog(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range lines {
			out = append(out, fmt.Sprintf("%s %d %s", l.At.UTC().Format(time.DateTime), l.CredentialID, l.Route))
		}
		if len(lines) < page {
			return out
		}
		f.Before = lines[len(lines)-1].Place
	}
}

// Lines of one microsecond, of several days and of no partition of their own
// yet are each read once, whatever the size of a page.
func TestAccessLogIsReadOnceEach(t *testing.T) {
	t.Parallel()
	b := openKeys(t)
	one, two := b.insert(t, "one", b.alice), b.insert(t, "two", b.alice)
	if err := b.EnsureAccessPartitions(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	now, err := b.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	day := now.UTC().Truncate(24 * time.Hour)
	var batch []Access
	for _, at := range []time.Time{day.Add(-time.Hour), day, day.Add(time.Hour), day.Add(25 * time.Hour)} {
		for i := range 5 {
			batch = append(batch, Access{CredentialID: []CredentialID{one, two}[i%2], At: at, Method: "GET", Route: fmt.Sprint("/", i), Status: 200})
		}
	}
	if err := b.WriteAccess(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	all := AccessFilter{From: day.Add(-2 * time.Hour), To: day.Add(48 * time.Hour)}
	whole := b.walkAccess(t, all, 100)
	if len(whole) != len(batch) || !slices.IsSortedFunc(whole, func(a, b string) int { return strings.Compare(b[:len(time.DateTime)], a[:len(time.DateTime)]) }) {
		t.Fatalf("%d lines of %d:\n%v", len(whole), len(batch), whole)
	}
	for page := 1; page <= 7; page++ {
		if diff := cmp.Diff(whole, b.walkAccess(t, all, page)); diff != "" {
			t.Errorf("by %d (-whole +pages):\n%s", page, diff)
		}
	}
}

func TestAccessLogIsFiltered(t *testing.T) {
	t.Parallel()
	b := openKeys(t)
	one, two := b.insert(t, "one", b.alice), b.insert(t, "two", b.alice)
	b.exec(t, `UPDATE credential SET owner_id = NULL WHERE id = $1`, two)
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	err := b.WriteAccess(t.Context(), []Access{
		{CredentialID: one, At: at, Method: "GET", Route: "/a", Status: 200},
		{CredentialID: one, At: at.Add(time.Minute), Method: "POST", Route: "/b", Status: 403},
		{CredentialID: two, At: at.Add(2 * time.Minute), Method: "GET", Route: "/b", Status: 502},
	})
	if err != nil {
		t.Fatal(err)
	}
	c, err := b.Credential(t.Context(), one)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		narrow func(*AccessFilter)
		want   int
	}{
		"all":             {func(*AccessFilter) {}, 3},
		"one key":         {func(f *AccessFilter) { f.CredentialID = one }, 2},
		"one person":      {func(f *AccessFilter) { f.OwnerID = c.OwnerID }, 2},
		"nobody":          {func(f *AccessFilter) { f.OwnerID = 999 }, 0},
		"one system":      {func(f *AccessFilter) { f.Connection = c.Connection }, 3},
		"another system":  {func(f *AccessFilter) { f.Connection = "nowhere" }, 0},
		"one method":      {func(f *AccessFilter) { f.Method = "GET" }, 2},
		"one endpoint":    {func(f *AccessFilter) { f.Method, f.Route = "GET", "/b" }, 1},
		"failures":        {func(f *AccessFilter) { f.Failed = true }, 2},
		"until, not with": {func(f *AccessFilter) { f.To = at.Add(2 * time.Minute) }, 2},
		"from, and with":  {func(f *AccessFilter) { f.From = at.Add(2 * time.Minute) }, 1},
	} {
		f := AccessFilter{From: at.Add(-time.Hour), To: at.Add(time.Hour)}
		tt.narrow(&f)
		if got := b.walkAccess(t, f, 2); len(got) != tt.want {
			t.Errorf("%s: %v, want %d lines", name, got, tt.want)
		}
	}
}
