package workflow

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"latchkey/connectors/fake"
	"latchkey/storage"
)

// A system that hangs holds up its own revocations and nobody else's.
func TestASystemThatHangsHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	slow, quick := fake.NewVendor(), fake.NewVendor()
	d := houseDocument()
	d.Offboarding.Breaker = Breaker{MinCount: 1000}
	change := func(deps *Deps) {
		for name, v := range map[string]*fake.Vendor{"slow": slow, "quick": quick} {
			c, err := fake.Open(v.Settings(name, v.Start(t)), &http.Transport{})
			if err != nil {
				t.Fatal(err)
			}
			deps.Connectors[name] = c
		}
		deps.SweepEach = 50 * time.Millisecond
	}
	for _, name := range []string{"slow", "quick"} {
		d.Connections[name] = ConnectionRules{Kind: "fake", Owners: "it-admins"}
	}
	h := openWith(t, d, change)
	for range 200 {
		slow.Seed(fake.Key{Owner: mailOf("alice"), Scopes: []string{"files:read"}})
	}
	for range 20 {
		quick.Seed(fake.Key{Owner: mailOf("alice"), Scopes: []string{"files:read"}})
	}
	h.sync(t)
	gate := slow.Hold(fake.VerbRevoke, fake.Before)
	t.Cleanup(gate.Release)
	o := h.gone(t, "alice")
	told := &recorder{changes: make(chan storage.CredentialID, 10_000)}
	runs(t, h.Service, told)
	until := func(what string, done func() bool) {
		t.Helper()
		deadline := time.After(60 * time.Second)
		for !done() {
			select {
			case <-told.changes:
			case <-deadline:
				t.Fatalf("%s: %+v", what, h.see(t, o.ID).Systems)
			}
		}
	}
	until("the quick system is never done", func() bool { return len(quick.Live()) == 0 })
	held := 0
	for range vendorWorkers {
		<-gate.Arrived()
		held++
	}
	select {
	case <-gate.Arrived():
		t.Errorf("more than %d calls are at the slow system", held)
	default:
	}
	if n := len(slow.Live()); n != 200 {
		t.Errorf("%d live at the slow system", n)
	}
	gate.Release()
	until("the slow system is never done", func() bool { return len(slow.Live()) == 0 })
	deadline := time.After(60 * time.Second)
	for h.see(t, o.ID).Case.State != storage.OffboardingClosed {
		select {
		case <-told.changes:
		case <-time.After(100 * time.Millisecond): // closing is told to another method
		case <-deadline:
			t.Fatalf("the case never closes: %+v", h.see(t, o.ID).Systems)
		}
	}
	h.isClosed(t, o.ID)
}

// What waits for its turn is not asked for again and again.
func TestTheSweepAddsNoJobsToThoseThatWait(t *testing.T) {
	t.Parallel()
	h := open(t)
	for range 30 {
		h.seed(fake.Key{Owner: mailOf("alice"), Scopes: []string{"files:read"}})
	}
	h.sync(t)
	o := h.gone(t, "alice")
	if err := h.RunOffboarding(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		h.exec(t, `UPDATE credential SET next_action_at = latchkey_now() WHERE state = 'revoking'`)
		if err := h.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := h.waiting(t, RevokeArgs{}); n != 30 {
		t.Errorf("%d jobs for 30 keys", n)
	}
	// The jobs of a process that died are nowhere; the sweep sees to that.
	h.exec(t, `UPDATE river_job SET state = 'running' WHERE kind = 'revoke_credential'`)
	h.exec(t, `UPDATE credential SET next_action_at = latchkey_now() WHERE state = 'revoking'`)
	if err := h.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := h.waiting(t, RevokeArgs{}); n != 30 {
		t.Errorf("%d jobs for 30 keys whose worker died", n)
	}
}

// Every name of a connection makes a queue that River takes, and no two the
// same one.
func TestVendorQueues(t *testing.T) {
	t.Parallel()
	grammar := regexp.MustCompile(`\A[a-z0-9]+(?:[_|\-]+[a-z0-9]+)*\z`)
	seen := map[string]string{}
	for _, name := range []string{"", "acme", "jira-prod", "Jira", "jira", "x", "x-", "-x", "a b", "ä", "x_1", "a.b", "a_b", strings.Repeat("long", 30), "x-y"} {
		q := vendorQueue(name)
		if !grammar.MatchString(q) || len(q) > 64 || seen[q] != "" {
			t.Errorf("%q: %q", name, q)
		}
		seen[q] = name + "!"
	}
}

// What a system that left the configuration has is not waited for in a queue
// that nobody works at.
func TestAKeyOfASystemThatIsGone(t *testing.T) {
	t.Parallel()
	h := open(t)
	c := h.active(t, "alice")
	delete(h.Connectors, "acme")
	h.in(t, func(ctx context.Context, tx storage.Tx) error { return h.revokeSoon(ctx, tx, c) })
	var queue string
	if err := h.DB.Pool().QueryRow(t.Context(), `SELECT queue FROM river_job WHERE kind = 'revoke_credential'`).Scan(&queue); err != nil || queue != "default" {
		t.Errorf("%q, %v", queue, err)
	}
}
