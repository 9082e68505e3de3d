package workflow

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/connectors/fake"
	"latchkey/storage"
)

// Two replicas that look for work all the time never walk a system at once.
func TestTwoReplicasNeverWalkOneSystem(t *testing.T) {
	t.Parallel()
	quick := func(d *Deps) {
		d.SweepEach, d.SyncEvery = 10*time.Millisecond, map[string]time.Duration{"acme": time.Millisecond}
	}
	h := openWith(t, houseDocument(), quick)
	h.seed(fake.Key{Scopes: []string{"files:read"}})
	gate := h.vendor.Hold(fake.VerbList, fake.Before)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for _, s := range []*Service{h.Service, h.service(t, houseDocument(), quick)} {
		running.Go(func() { s.RunSync(ctx) })
	}
	<-gate.Arrived()
	for range 20 { // both look again and again meanwhile
		if _, err := h.DB.ClaimSync(t.Context(), time.Minute); !errors.Is(err, storage.ErrNotFound) {
			t.Fatalf("somebody else could walk too: %v", err)
		}
	}
	select {
	case <-gate.Arrived():
		t.Error("two walks at once")
	default:
	}
	gate.Release()
	for h.connection(t, "acme").Attempts < 6 { // and they do go on
		next := h.vendor.Hold(fake.VerbList, fake.After)
		<-next.Arrived()
		next.Release()
	}
	stop()
	running.Wait()
	if n := len(h.inventory(t, storage.InventoryFilter{Connection: "acme"})); n != 1 {
		t.Errorf("%d rows", n)
	}
}

// A walk whose claim was taken over writes nothing any more.
func TestAWalkThatWasTakenOverDoesNotCount(t *testing.T) {
	t.Parallel()
	h := open(t)
	known := h.seed(fake.Key{Label: "before", Scopes: []string{"files:read"}})
	h.sync(t)
	h.seed(fake.Key{Label: "since", Scopes: []string{"files:read"}})
	h.due(t)
	gate := h.vendor.Hold(fake.VerbList, fake.After)
	slow := make(chan error, 1)
	go func() { slow <- h.SyncDue(context.Background()) }()
	<-gate.Arrived()
	h.exec(t, `UPDATE connection SET sync_lease_until = clock_timestamp()`)
	taken, err := h.DB.ClaimSync(t.Context(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	h.vendor.SetState(known.ID, fake.StateSuspended) // the slow walk's page says active
	gate.Release()
	if err := <-slow; err != nil {
		t.Fatal(err)
	}
	if n := len(h.inventory(t, storage.InventoryFilter{Connection: "acme", Ended: true})); n != 1 {
		t.Errorf("%d rows: the late batch counted", n)
	}
	if c := h.connection(t, "acme"); c.Attempts != taken.Attempts || c.Problem != "" {
		t.Errorf("the late walk ended the other's: %+v", c)
	}
	if _, err := h.DB.ClaimSync(t.Context(), time.Minute); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("the late walk freed the other's claim: %v", err)
	}
}

// A vendor that takes long for a page does not lose a walk its claim.
func TestASlowWalkKeepsItsClaim(t *testing.T) {
	t.Parallel()
	h := openWith(t, houseDocument(), func(d *Deps) { d.SyncHold = 300 * time.Millisecond })
	h.seed(fake.Key{Scopes: []string{"files:read"}})
	h.due(t)
	gate := h.vendor.Hold(fake.VerbList, fake.Before)
	done := make(chan error, 1)
	go func() { done <- h.SyncDue(context.Background()) }()
	<-gate.Arrived()
	until := func() (at time.Time) {
		if err := h.DB.Pool().QueryRow(t.Context(), `SELECT sync_lease_until FROM connection WHERE name = 'acme'`).Scan(&at); err != nil {
			t.Fatal(err)
		}
		return at
	}
	for first, now := until(), until(); !now.After(first.Add(600 * time.Millisecond)); now = until() { // well beyond its first end
		runtime.Gosched()
	}
	gate.Release()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if c := h.connection(t, "acme"); c.Seen != 1 || c.Attempts != 1 || c.Problem != "" {
		t.Errorf("%+v", c)
	}
}

// A replica that does not know a system says so and learns nothing from it.
func TestASystemThatThisReplicaDoesNotKnow(t *testing.T) {
	t.Parallel()
	h := open(t)
	for range 3 {
		h.seed(fake.Key{Scopes: []string{"files:read"}})
	}
	h.sync(t)
	other := h.service(t, houseDocument(), nil)
	delete(other.Connectors, "acme")
	h.due(t)
	if err := other.SyncDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c := h.connection(t, "acme"); !strings.Contains(c.Problem, "configuration") || c.Seen != 3 {
		t.Errorf("%+v", c)
	}
	for _, row := range h.inventory(t, storage.InventoryFilter{Connection: "acme"}) {
		if row.Has(storage.FlagMissing) {
			t.Errorf("%s is missing", row.VendorRef)
		}
	}
}

// A sync on demand, by admins only, and only of what can be listed.
func TestSyncNow(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.sync(t)
	refused(t, "by somebody", h.SyncNow(t.Context(), h.people["alice"], "acme"), RuleAdminOnly)
	refused(t, "of a brokered system", h.SyncNow(t.Context(), h.people["erin"], "tempo"), RuleNotPossible)
	h.seed(fake.Key{Scopes: []string{"files:read"}})
	if err := h.SyncNow(t.Context(), h.people["erin"], "acme"); err != nil {
		t.Fatal(err)
	}
	if err := h.SyncDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c := h.connection(t, "acme"); c.Seen != 1 {
		t.Errorf("%+v", c)
	}
}
