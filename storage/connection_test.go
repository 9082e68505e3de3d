package storage

import (
	"context"
	"errors"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"latchkey/storage/storagetest"
)

const day = 24 * time.Hour

// connect configures connections; those that are named are listed.
func (h *house) connect(t testing.TB, names ...string) {
	t.Helper()
	all := []Connection{{Name: "unlisted", Kind: "fake"}}
	for _, name := range names {
		all = append(all, Connection{Name: name, Kind: "fake", Listed: true})
	}
	if err := h.SaveConnections(t.Context(), all); err != nil {
		t.Fatal(err)
	}
}

func (h *house) connection(t testing.TB, name string) Connection {
	t.Helper()
	all, err := h.Connections(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c, ok := all[name]
	if !ok {
		t.Fatalf("no connection %s in %v", name, all)
	}
	return c
}

// claim takes a walk that must be due.
func (h *house) claim(t testing.TB) Connection {
	t.Helper()
	c, err := h.ClaimSync(t.Context(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (h *house) nothingDue(t testing.TB, when string) {
	t.Helper()
	if c, err := h.ClaimSync(t.Context(), time.Hour); !errors.Is(err, ErrNotFound) {
		t.Errorf("%s: claimed %s, %v", when, c.Name, err)
	}
}

func (h *house) endSync(c Connection, whole bool, problem string, again time.Duration) error {
	return h.InTx(context.Background(), func(ctx context.Context, tx Tx) error { return tx.EndSync(ctx, c, whole, problem, again) })
}

func (h *house) holdSync(c Connection, hold time.Duration) error {
	return h.InTx(context.Background(), func(ctx context.Context, tx Tx) error { return tx.HoldSync(ctx, c, hold) })
}

func TestSaveConnectionsKeepsDueTimesAndRetires(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	h.connect(t, "jira", "github")
	if c := h.connection(t, "jira"); !c.Listed || time.Since(c.DueAt).Abs() > time.Hour || !c.SyncedAt.IsZero() || c.Kind != "fake" || c.Attempts != 0 {
		t.Errorf("a new one: %+v", c)
	}
	if c := h.connection(t, "unlisted"); c.Listed || !c.DueAt.IsZero() {
		t.Errorf("one that can't be listed: %+v", c)
	}
	for range 2 {
		c := h.claim(t)
		c.Seen = 7
		if err := h.endSync(c, true, "", day); err != nil {
			t.Fatal(err)
		}
	}
	before := h.connection(t, "jira")
	if err := h.SaveConnections(t.Context(), []Connection{{Name: "jira", Kind: "atlassian", Brokered: true, Listed: true}}); err != nil {
		t.Fatal(err)
	}
	after := h.connection(t, "jira")
	want := before
	want.Kind, want.Brokered = "atlassian", true
	if diff := cmp.Diff(want, after); diff != "" {
		t.Errorf("saved again (-want +got):\n%s", diff)
	}
	if after.DueAt.Before(time.Now().Add(23*time.Hour)) || after.Seen != 7 || after.SyncedAt.IsZero() {
		t.Errorf("after a walk: %+v", after)
	}
	if c := h.connection(t, "github"); c.Listed || !c.DueAt.IsZero() || c.Seen != 7 || c.SyncedAt.IsZero() || c.Kind != "fake" {
		t.Errorf("one that left the configuration: %+v", c)
	}
	h.exec(t, `UPDATE connection SET sync_due_at = sync_due_at - interval '2 days'`)
	if c := h.claim(t); c.Name != "jira" {
		t.Errorf("%s was claimed", c.Name)
	}
	h.nothingDue(t, "a retired one")
	h.connect(t, "github")
	if c := h.claim(t); c.Name != "github" {
		t.Errorf("%s was claimed, want the one that came back", c.Name)
	}
	if c := h.connection(t, "jira"); c.Listed {
		t.Errorf("retired during its walk: %+v", c)
	}
	h.connect(t)
	h.exec(t, `UPDATE connection SET sync_lease_until = NULL`)
	h.nothingDue(t, "an empty configuration")
}

// A connection that leaves the configuration while it is walked is not due
// again by the end of the walk.
func TestEndSyncDoesNotBringBackARetiredConnection(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	h.connect(t, "jira")
	c := h.claim(t)
	h.connect(t)
	if err := h.endSync(c, true, "", -time.Hour); err != nil {
		t.Fatal(err)
	}
	if c := h.connection(t, "jira"); c.Listed || !c.DueAt.IsZero() {
		t.Errorf("after its walk: %+v", c)
	}
	h.nothingDue(t, "retired during its walk")
}

func TestClaimSyncTakesTheLongestDue(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	h.connect(t, "a", "b", "c", "later")
	for name, ago := range map[string]time.Duration{"a": time.Hour, "b": 3 * time.Hour, "c": 2 * time.Hour, "later": -time.Hour} {
		h.exec(t, `UPDATE connection SET sync_due_at = latchkey_now() - $2::interval WHERE name = $1`, name, ago)
	}
	var got []string
	for range 3 {
		c := h.claim(t)
		if c.Attempts != 1 || !c.Listed || c.Kind != "fake" {
			t.Errorf("claimed %+v", c)
		}
		got = append(got, c.Name)
	}
	if diff := cmp.Diff([]string{"b", "c", "a"}, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	h.nothingDue(t, "all are claimed")
}

func TestClaimSyncIsForOneWalkerAtATime(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	names := []string{"a", "b", "c"}
	h.connect(t, names...)
	const walkers = 8
	type outcome struct {
		c   Connection
		err error
	}
	results := make(chan outcome, walkers)
	for range walkers {
		go func() {
			c, err := h.ClaimSync(context.Background(), time.Hour)
			results <- outcome{c, err}
		}()
	}
	claimed := map[string]int{}
	for range walkers {
		got := <-results
		switch {
		case got.err == nil:
			claimed[got.c.Name]++
		case !errors.Is(got.err, ErrNotFound):
			t.Error(got.err)
		}
	}
	for name, n := range claimed {
		if n != 1 {
			t.Errorf("%s was claimed %d times", name, n)
		}
	}
	for range len(names) - len(claimed) { // walkers that met at a row may have gone away with nothing
		claimed[h.claim(t).Name]++
	}
	if diff := cmp.Diff(map[string]int{"a": 1, "b": 1, "c": 1}, claimed); diff != "" {
		t.Errorf("claimed (-want +got):\n%s", diff)
	}
	h.nothingDue(t, "all are claimed")
}

// A claimer does not wait for one that is about to commit.
func TestClaimSyncSkipsALockedRow(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	h.connect(t, "a", "b")
	h.exec(t, `UPDATE connection SET sync_due_at = sync_due_at - interval '1 hour' WHERE name = 'a'`)
	h.in(t, func(ctx context.Context, tx Tx) error {
		if _, err := tx.exec(ctx, `SELECT FROM connection WHERE name = $1 FOR UPDATE`, "a"); err != nil {
			return err
		}
		if c := h.claim(t); c.Name != "b" {
			t.Errorf("claimed %s", c.Name)
		}
		return nil
	})
}

func TestACrashedWalkIsTakenOver(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	h.connect(t, "jira")
	crashed := h.claim(t)
	h.nothingDue(t, "within the lease")
	if err := h.holdSync(crashed, 2*time.Hour); err != nil {
		t.Fatal(err)
	}
	if n := h.count(t, `SELECT count(*) FROM connection WHERE sync_lease_until > clock_timestamp() + interval '90 minutes'`); n != 1 {
		t.Error("the lease was not prolonged")
	}
	h.exec(t, `UPDATE connection SET sync_lease_until = clock_timestamp()`)
	if err := h.holdSync(crashed, time.Hour); err != nil { // late, but nobody came meanwhile
		t.Errorf("a hold after the lease: %v", err)
	}
	h.nothingDue(t, "within the lease of a late hold")
	h.exec(t, `UPDATE connection SET sync_lease_until = clock_timestamp()`)
	second := h.claim(t)
	if second.Name != "jira" || second.Attempts != crashed.Attempts+1 {
		t.Errorf("taken over as %+v", second)
	}
	if err := h.holdSync(crashed, time.Hour); !errors.Is(err, ErrConflict) {
		t.Errorf("the crashed walk holds: %v", err)
	}
	if err := h.endSync(crashed, true, "", day); !errors.Is(err, ErrConflict) {
		t.Errorf("the crashed walk ends: %v", err)
	}
	if c := h.connection(t, "jira"); !c.SyncedAt.IsZero() || c.DueAt.After(time.Now().Add(time.Hour)) {
		t.Errorf("though its word must not count: %+v", c)
	}
	if err := h.holdSync(second, time.Hour); err != nil {
		t.Errorf("the second walk holds: %v", err)
	}
	if err := h.endSync(second, true, "", day); err != nil {
		t.Errorf("the second walk ends: %v", err)
	}
	h.nothingDue(t, "after its end")
}

// A batch of a walk that lost its claim must not stay.
func TestALostClaimUndoesItsBatch(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	h.connect(t, "acme")
	lost := h.claim(t)
	h.exec(t, `UPDATE connection SET sync_lease_until = clock_timestamp()`)
	h.claim(t)
	err := h.InTx(t.Context(), func(ctx context.Context, tx Tx) error {
		if _, err := tx.AddListed(ctx, "acme", []Listed{listed("k")}); err != nil {
			return err
		}
		return tx.HoldSync(ctx, lost, time.Hour)
	})
	if n := h.count(t, `SELECT count(*) FROM credential`); !errors.Is(err, ErrConflict) || n != 0 {
		t.Errorf("%v, %d rows", err, n)
	}
}

func TestEndSyncTellsAWholeWalkFromABrokenOne(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	h.connect(t, "jira")
	first := h.claim(t)
	first.Seen = 120
	if err := h.endSync(first, true, "", day); err != nil {
		t.Fatal(err)
	}
	whole := h.connection(t, "jira")
	want := Connection{Name: "jira", Kind: "fake", Listed: true, Seen: 120, Attempts: 1}
	if diff := cmp.Diff(want, whole, cmpopts.IgnoreFields(Connection{}, "SyncedAt", "DueAt")); diff != "" {
		t.Errorf("a whole walk (-want +got):\n%s", diff)
	}
	if time.Since(whole.SyncedAt).Abs() > time.Hour || (whole.DueAt.Sub(whole.SyncedAt)-day).Abs() > time.Minute {
		t.Errorf("synced at %s, due at %s", whole.SyncedAt, whole.DueAt)
	}
	h.exec(t, `UPDATE connection SET sync_due_at = latchkey_now(), synced_at = synced_at - interval '1 day' WHERE name = 'jira'`)
	second := h.claim(t)
	second.Seen = 3
	if err := h.endSync(second, false, "the vendor answered 500", time.Hour); err != nil {
		t.Fatal(err)
	}
	broken := h.connection(t, "jira")
	if broken.Problem != "the vendor answered 500" || broken.Seen != 120 || !broken.SyncedAt.Equal(whole.SyncedAt.Add(-day)) || broken.Attempts != 2 {
		t.Errorf("a broken walk: %+v", broken)
	}
	h.exec(t, `UPDATE connection SET sync_due_at = latchkey_now() WHERE name = 'jira'`)
	third := h.claim(t) // its lease ended with the walk
	third.Seen = 119
	if err := h.endSync(third, true, "", day); err != nil {
		t.Fatal(err)
	}
	if c := h.connection(t, "jira"); c.Problem != "" || c.Seen != 119 || !c.SyncedAt.After(broken.SyncedAt) {
		t.Errorf("whole again: %+v", c)
	}
}

func TestSyncSoon(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	h.connect(t, "jira")
	soon := func(name string) error {
		return h.InTx(t.Context(), func(ctx context.Context, tx Tx) error { return tx.SyncSoon(ctx, name) })
	}
	if err := h.endSync(h.claim(t), true, "", day); err != nil {
		t.Fatal(err)
	}
	h.nothingDue(t, "a day before")
	if err := soon("jira"); err != nil {
		t.Fatal(err)
	}
	due := h.connection(t, "jira").DueAt
	if err := soon("jira"); err != nil || !h.connection(t, "jira").DueAt.Equal(due) {
		t.Errorf("asked twice, it lost its place: %v", err)
	}
	h.claim(t)
	for _, name := range []string{"unlisted", "nowhere"} {
		if err := soon(name); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever time zone the database's operator likes.
func TestNeverIsZeroInEveryTimeZone(t *testing.T) {
	t.Parallel()
	dsn, err := url.Parse(storagetest.Database(t, migratedTemplate(t)))
	if err != nil {
		t.Fatal(err)
	}
	query := dsn.Query()
	query.Set("timezone", "America/New_York")
	dsn.RawQuery = query.Encode()
	h := &house{DB: openDSN(t, dsn.String(), 2)}
	h.connect(t)
	if c := h.connection(t, "unlisted"); !c.DueAt.IsZero() || !c.SyncedAt.IsZero() {
		t.Errorf("due at %s, synced at %s", c.DueAt, c.SyncedAt)
	}
}
