package workflow

import (
	"strings"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/fake"
	"latchkey/storage"
)

// strict is a policy that warns of some keys and ends others.
func strict() Document {
	d := houseDocument()
	d.Enforcement = Enforcement{Unmanaged: Unmanaged{Read: actReport, Write: actWarn, Admin: actRevoke, After: 7 * day, Then: actRevoke},
		MaxAge: 365 * day, StaleAfter: 30 * day, Breaker: Breaker{MaxPercent: 100, MinCount: 1000}}
	return d
}

func (h *house) plan(t testing.TB) Enforcing {
	t.Helper()
	e, err := h.PlanEnforcement(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// batches are those of a system, newest first.
func (h *house) batches(t testing.TB) []storage.Batch {
	t.Helper()
	rows, err := h.DB.Pool().Query(t.Context(), `SELECT id FROM batch ORDER BY id DESC`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var ids []storage.BatchID
	for rows.Next() {
		var id storage.BatchID
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	var out []storage.Batch
	for _, id := range ids {
		b, err := h.LookAtBatch(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b)
	}
	return out
}

// A key whose use the vendor does not tell is stale only where the policy says
// that such keys are.
func TestUnknownUseIsNotStale(t *testing.T) {
	t.Parallel()
	for _, unknownCounts := range []bool{false, true} {
		d := strict()
		d.Enforcement.StaleUnknown = unknownCounts
		h := openWith(t, d, nil)
		long := time.Now().Add(-300 * 24 * time.Hour)
		keys := map[string]fake.Key{
			"unknown":      {CreatedAt: long},
			"never":        {CreatedAt: long, LastUsed: connectors.LastUsed{Known: true}},
			"never, young": {LastUsed: connectors.LastUsed{Known: true}},
			"lately":       {CreatedAt: long, LastUsed: used(time.Hour)},
			"long ago":     {CreatedAt: long, LastUsed: used(200 * 24 * time.Hour)},
		}
		for what, k := range keys {
			k.Scopes = []string{"files:read"}
			keys[what] = h.seed(k)
		}
		h.sync(t)
		want := map[string]bool{"unknown": unknownCounts, "never": true, "never, young": false, "lately": false, "long ago": true}
		for what, k := range keys {
			row := h.found(t, k.ID)
			if row.Has(storage.FlagStale) != want[what] || row.Has(storage.FlagNeverUsed) != strings.HasPrefix(what, "never") {
				t.Errorf("unknown counts %v, %s: %v", unknownCounts, what, row.FlagList)
			}
		}
	}
}

// More than the breaker lets through is held for an admin, and done when one
// says so.
func TestTheBreakerHoldsABatch(t *testing.T) {
	t.Parallel()
	d := strict()
	d.Enforcement.Breaker = Breaker{MaxPercent: 10, MinCount: 3}
	h := openWith(t, d, nil)
	var doomed []fake.Key
	for range 4 {
		doomed = append(doomed, h.seed(fake.Key{Owner: mailOf("bob"), Scopes: []string{"people:admin"}}))
	}
	for range 20 {
		h.seed(fake.Key{Owner: mailOf("bob"), Scopes: []string{"files:read"}})
	}
	for range 3 {
		h.sync(t)
		h.workAll(t)
	}
	held := h.batches(t)
	if len(held) != 1 || held[0].State != storage.BatchHeld || held[0].Total != 4 || held[0].Begun != 0 || len(h.vendor.Live()) != 24 {
		t.Fatalf("%+v, %d live keys", held, len(h.vendor.Live()))
	}
	if e := h.plan(t); !e.Tripped || e.Paused || !strings.Contains(held[0].Reason, "4 of the 24") {
		t.Errorf("%+v, %q", e.Tripped, held[0].Reason)
	}
	_, err := h.DecideBatch(t.Context(), h.people["bob2"], held[0].ID, true) // bob is an admin, by any account
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.DecideBatch(t.Context(), h.people["erin"], held[0].ID, false)
	refused(t, "after somebody decided", err, RuleDecided)
	_, err = h.DecideBatch(t.Context(), h.people["alice"], held[0].ID, true)
	refused(t, "by no admin", err, RuleAdminOnly)
	h.workAll(t)
	for _, k := range doomed {
		if row := h.found(t, k.ID); row.State != storage.CredentialRevoked || !strings.Contains(row.StateReason, "can admin") {
			t.Errorf("%s: %s, %q", k.ID, row.State, row.StateReason)
		}
	}
	if done := h.batches(t); done[0].State != storage.BatchDone || done[0].EndedAt.IsZero() || len(h.vendor.Live()) != 20 {
		t.Errorf("%+v", done)
	}
}

// Few enough are ended at once, without asking.
func TestTheBreakerLetsFewThrough(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		b       Breaker
		n, live int
		want    bool
	}{
		{Breaker{}, 10, 10, false}, {Breaker{}, 11, 11, true}, {Breaker{}, 11, 220, false}, {Breaker{}, 12, 220, true}, {Breaker{}, 0, 0, false},
		{Breaker{MaxPercent: 50, MinCount: 1}, 1, 1, false}, {Breaker{MaxPercent: 50, MinCount: 1}, 2, 3, true}, {Breaker{MaxPercent: 50, MinCount: 1}, 2, 4, false},
	} {
		if got := tt.b.tripped(tt.n, tt.live); got != tt.want {
			t.Errorf("%+v, %d of %d: %v", tt.b, tt.n, tt.live, got)
		}
	}
}

// What an admin let live stays for a week, however few are left by then.
func TestADroppedBatchStaysDropped(t *testing.T) {
	t.Parallel()
	d := strict()
	d.Enforcement.Breaker = Breaker{MaxPercent: 10, MinCount: 3}
	h := openWith(t, d, nil)
	var keys []fake.Key
	for range 5 {
		keys = append(keys, h.seed(fake.Key{Owner: mailOf("bob"), Scopes: []string{"people:admin"}}))
	}
	h.sync(t)
	b, err := h.DecideBatch(t.Context(), h.people["erin"], h.batches(t)[0].ID, false)
	if err != nil || b.State != storage.BatchDropped {
		t.Fatalf("%+v, %v", b, err)
	}
	quiet := func(when string) {
		t.Helper()
		h.setGroup(t, "slack:S0IT", slackGroups["S0IT"]...)
		h.sync(t)
		h.workAll(t)
		if all := h.batches(t); len(all) != 1 {
			t.Errorf("%s: %+v", when, all)
		}
		if !h.plan(t).Paused {
			t.Errorf("%s: the plan does not say that nothing is done", when)
		}
	}
	quiet("at once")
	for _, k := range keys[:3] {
		h.vendor.SetState(k.ID, fake.StateRevoked)
	}
	quiet("with few left")
	h.clock(t, 6*24*time.Hour)
	quiet("after six days")
	if n := len(h.vendor.Live()); n != 2 {
		t.Errorf("%d keys live", n)
	}
	h.clock(t, 8*24*time.Hour)
	h.sync(t)
	h.workAll(t)
	if n := len(h.vendor.Live()); n != 0 {
		t.Errorf("after a week %d keys live", n)
	}
}

// A key is warned of once, and ended at the deadline and not before.
func TestWarnedThenRevoked(t *testing.T) {
	t.Parallel()
	h := openWith(t, strict(), nil)
	k := h.seed(fake.Key{Owner: mailOf("bob"), Scopes: []string{"files:write"}})
	_ = h.told(t)
	h.sync(t)
	row := h.found(t, k.ID)
	if row.WarnedAt.IsZero() || row.EnforceAt.Sub(row.WarnedAt).Round(time.Hour) != 7*24*time.Hour || h.told(t)[subject(row.ID)] != 1 {
		t.Fatalf("%+v", row.Credential)
	}
	for _, passed := range []time.Duration{0, time.Hour, 7*24*time.Hour - time.Minute} {
		h.clock(t, passed)
		h.sync(t)
		h.workAll(t)
		again := h.found(t, k.ID)
		if again.State != storage.CredentialActive || !again.WarnedAt.Equal(row.WarnedAt) || !again.EnforceAt.Equal(row.EnforceAt) || h.told(t)[subject(row.ID)] != 0 {
			t.Errorf("after %s: %+v", passed, again.Credential)
		}
		if e := h.plan(t); e.Count(actWait) != 1 || len(e.Findings) != 1 || !e.Findings[0].At.Equal(row.EnforceAt) {
			t.Errorf("after %s: %+v", passed, e)
		}
	}
	h.clock(t, 7*24*time.Hour+time.Minute)
	h.sync(t)
	h.workAll(t)
	if got := h.found(t, k.ID); got.State != storage.CredentialRevoked || h.vendor.Works(k.Secret) || len(h.receipts(t, got.ID)) != 1 {
		t.Errorf("at the deadline: %s", got.State)
	}
	h.check(t)
}

// Where the last word is to report, people are warned once, and not again
// every week.
func TestWarnedThenReported(t *testing.T) {
	t.Parallel()
	d := strict()
	d.Enforcement.Unmanaged.Then = actReport
	h := openWith(t, d, nil)
	k := h.seed(fake.Key{Owner: mailOf("bob"), Scopes: []string{"files:write"}})
	for _, passed := range []time.Duration{0, 8 * 24 * time.Hour, 9 * 24 * time.Hour, 20 * 24 * time.Hour} {
		h.clock(t, passed)
		h.sync(t)
	}
	warned := 0
	for _, e := range h.events(t, h.found(t, k.ID).ID) {
		if e.Action == "credential.warned" {
			warned++
		}
	}
	if got := h.found(t, k.ID); warned != 1 || got.State != storage.CredentialActive {
		t.Errorf("warned %d times, %s", warned, got.State)
	}
}

func (h *house) events(t testing.TB, id storage.CredentialID) []storage.Event {
	t.Helper()
	all, err := h.DB.Events(t.Context(), storage.SubjectCredential, int64(id))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A key that somebody asks to keep is left alone meanwhile, also by a batch
// that was decided before; asking does not put its deadline off.
func TestAKeyThatIsAskedForIsLeft(t *testing.T) {
	t.Parallel()
	h := openWith(t, strict(), nil)
	warned := h.seed(fake.Key{Owner: mailOf("alice"), Scopes: []string{"files:write"}})
	h.sync(t)
	before := h.found(t, warned.ID)
	r := h.submit(t, "alice", Ask{Connection: "acme", Kind: APIKey, Scopes: []string{"files:write"}, Lifetime: day, Reason: "the nightly import", Adopts: before.ID})
	h.clock(t, 8*24*time.Hour)
	h.exec(t, `UPDATE request SET lapses_at = latchkey_now() + interval '1 hour'`)
	h.sync(t)
	h.workAll(t)
	if got := h.found(t, warned.ID); got.State != storage.CredentialActive || !got.EnforceAt.Equal(before.EnforceAt) {
		t.Fatalf("while asked for: %s, until %s", got.State, got.EnforceAt)
	}
	if e := h.plan(t); len(e.Findings) != 1 || e.Findings[0].Action != actReport || !strings.Contains(e.Findings[0].Why, r.ID.String()) {
		t.Errorf("%+v", e.Findings)
	}
	h.setGroup(t, "slack:S0IT", slackGroups["S0IT"]...)
	h.mustVote(t, "carol", r.ID, Vote{Decision: storage.Deny, Reason: "use the service account"})
	h.sync(t)
	h.workAll(t)
	if got := h.found(t, warned.ID); got.State != storage.CredentialRevoked {
		t.Errorf("after the denial: %s", got.State)
	}
	h.check(t)
}

// Between a held batch and its admin, one key is adopted and another is asked
// for: both are left, the others end, and the batch comes to its end.
func TestAHeldBatchLeavesWhatIsKeptSince(t *testing.T) {
	t.Parallel()
	d := strict()
	d.Enforcement.Unmanaged.Write = actRevoke
	d.Enforcement.Breaker = Breaker{MaxPercent: 10, MinCount: 1}
	h := openWith(t, d, nil)
	var keys []fake.Key
	for range 5 {
		keys = append(keys, h.seed(fake.Key{Owner: mailOf("alice"), Scopes: []string{"files:write"}}))
	}
	h.sync(t)
	held := h.batches(t)[0]
	keep := func(k fake.Key) storage.Request {
		return h.submit(t, "alice", Ask{Connection: "acme", Kind: APIKey, Scopes: []string{"files:write"}, Lifetime: day, Reason: "the nightly import", Adopts: h.found(t, k.ID).ID})
	}
	h.mustVote(t, "carol", keep(keys[0]).ID, Vote{Decision: storage.Approve})
	keep(keys[1])
	if _, err := h.DecideBatch(t.Context(), h.people["erin"], held.ID, true); err != nil {
		t.Fatal(err)
	}
	h.workAll(t)
	for i, k := range keys {
		if got := h.found(t, k.ID); (got.State == storage.CredentialActive) != (i < 2) {
			t.Errorf("key %d: %s", i, got.State)
		}
	}
	if b := h.batches(t)[0]; b.State != storage.BatchDone || b.Begun != 5 {
		t.Errorf("%+v", b)
	}
	h.check(t)
}

// What belongs to a service or to the organisation is reported, and one of
// these may be the key that we ourselves work with.
func TestServiceKeysAreOnlyReported(t *testing.T) {
	t.Parallel()
	d := strict()
	d.Enforcement.Unmanaged = Unmanaged{Read: actRevoke}
	h := openWith(t, d, nil)
	k := h.seed(fake.Key{Owner: connectors.AccountRef{ID: "org", Service: true}, Scopes: []string{"people:admin"}, CreatedAt: time.Now().Add(-800 * 24 * time.Hour)})
	h.sync(t)
	h.workAll(t)
	e := h.plan(t)
	if len(e.Findings) != 1 || e.Findings[0].Action != actReport || !strings.Contains(e.Findings[0].Why, "an admin has to decide") || !h.vendor.Works(k.Secret) {
		t.Errorf("%+v", e.Findings)
	}
}

// A policy that became milder takes its warnings back.
func TestAMilderPolicySparesWhatItWarnedOf(t *testing.T) {
	t.Parallel()
	for _, word := range []string{actReport, actIgnore} {
		h := openWith(t, strict(), nil)
		k := h.seed(fake.Key{Owner: mailOf("bob"), Scopes: []string{"files:write"}})
		h.sync(t)
		h.today.Enforcement.Unmanaged.Write = word
		h.sync(t)
		row := h.found(t, k.ID)
		if !row.WarnedAt.IsZero() || !row.EnforceAt.IsZero() {
			t.Errorf("%s: %+v", word, row.Credential)
		}
		if events := h.events(t, row.ID); events[len(events)-1].Action != "credential.spared" {
			t.Errorf("%s: %+v", word, events)
		}
	}
}

// A listing that was not whole is nothing to enforce on.
func TestAPartialListingEnforcesNothing(t *testing.T) {
	t.Parallel()
	h := openWith(t, strict(), nil)
	h.vendor.Inject(fake.VerbList, fake.PartialList, 1)
	for range 4 {
		h.seed(fake.Key{Owner: mailOf("bob"), Scopes: []string{"people:admin"}})
	}
	h.sync(t)
	h.workAll(t)
	if n := len(h.vendor.Live()); n != 4 || len(h.batches(t)) != 0 {
		t.Errorf("%d keys live", n)
	}
}

func TestWhoMaySeeThePlan(t *testing.T) {
	t.Parallel()
	h := openWith(t, strict(), nil)
	_, err := h.Enforcement(t.Context(), h.people["alice"], "acme")
	refused(t, "somebody", err, RuleAdminOnly)
	_, err = h.Enforcement(t.Context(), h.people["erin"], "nothing")
	refused(t, "no such system", err, RuleUnknown)
	if _, err := h.Enforcement(t.Context(), h.people["erin"], "acme"); err != nil {
		t.Error(err)
	}
}
