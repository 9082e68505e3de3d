package workflow

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"latchkey/connectors/fake"
	"latchkey/storage"
)

const (
	keeps  = storage.CampaignKeep
	reduce = storage.CampaignReduce
	end    = storage.CampaignRevoke
)

// actions are what the log says happened to a key, the oldest first.
func (h *house) actions(t testing.TB, id storage.CredentialID) []string {
	t.Helper()
	events, err := h.DB.Events(t.Context(), storage.SubjectCredential, int64(id))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range events {
		out = append(out, strings.TrimPrefix(e.Action, "credential."))
	}
	return out
}

// Every decision, repeated and changed, is what the row, the key and the log
// say.
func TestDecisionsAreCarriedOutAndUndone(t *testing.T) {
	t.Parallel()
	h := openCampaign(t, lenient())
	both, read := []string{"files:read", "files:write"}, []string{"files:read"}
	for i, step := range []struct {
		decision storage.CampaignDecision
		scopes   []string
		access   string
		rule     string
		adds     []string
	}{
		{decision: keeps, access: "write", adds: []string{"kept"}},
		{decision: keeps, access: "write"},
		{decision: reduce, scopes: both, access: "write", rule: RuleNotPossible},
		{decision: reduce, access: "write", rule: RuleNotPossible},
		{decision: reduce, scopes: []string{"files:read", "people:admin"}, access: "write", rule: RuleNotPossible},
		{decision: "silence", access: "write", rule: RuleUnknown},
		{decision: reduce, scopes: read, access: "read", adds: []string{"narrowed"}},
		{decision: reduce, scopes: read, access: "read"},
		{decision: reduce, scopes: []string{"files:write"}, access: "write", adds: []string{"scopes_restored", "narrowed"}},
		{decision: keeps, access: "write", adds: []string{"scopes_restored", "kept"}},
		{decision: reduce, scopes: read, access: "read", adds: []string{"narrowed"}},
		{decision: end, access: "read", adds: []string{"revoking"}},
		{decision: end, access: "read"},
		{decision: keeps, access: "read", rule: RuleDecided},
	} {
		before := h.actions(t, h.brokered)
		err := h.decide("alice", h.brokered, step.decision, step.scopes...)
		if step.rule != "" {
			refused(t, string(step.decision), err, step.rule)
		} else if err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		c, it := h.credential(t, h.brokered), h.item(t, h.brokered)
		if got := h.actions(t, h.brokered)[len(before):]; !slices.Equal(got, step.adds) || c.Access != step.access {
			t.Errorf("step %d: the log adds %v, want %v; access %s", i, got, step.adds, c.Access)
		}
		if step.rule == "" && (it.Decision != step.decision || it.DecidedBy != h.person("alice") || !slices.Equal(it.ScopesBefore, both)) {
			t.Errorf("step %d: %+v", i, it)
		}
		if kept := it.Decision == keeps; kept && (it.ScopesAfter != nil || !slices.Equal(c.Scopes, both)) {
			t.Errorf("step %d: kept with %v, %+v", i, c.Scopes, it)
		}
	}
	if c := h.credential(t, h.brokered); c.StateReason != "not needed any more (campaign Autumn review)" {
		t.Errorf("revoked because %q", c.StateReason)
	}
	refused(t, "a key that its system gave its scopes", h.decide("alice", h.alices, reduce, "files:read"), RuleNotPossible)
	h.workAll(t)
	h.checkNoSecrets(t)
}

// Authority comes from who answers for the key now.
func TestWhoDecidesInACampaign(t *testing.T) {
	t.Parallel()
	h := openCampaign(t, lenient())
	orphan := h.orphans[0]
	refused(t, "somebody about frank's", h.decide("alice", h.franks, keeps), RuleAdminOnly)
	refused(t, "somebody about an orphan", h.decide("alice", orphan, keeps), RuleAdminOnly)
	refused(t, "an outsider", h.decide("olga", orphan, keeps), RuleOutsider)
	refused(t, "a guest", h.decide("guest", orphan, keeps), RuleGuest)
	stray := h.seed(fake.Key{Label: "new", Owner: mailOf("alice"), Scopes: []string{"files:read"}})
	h.sync(t)
	refused(t, "a key that came later", h.decide("alice", h.rowOf(t, stray), keeps), RuleUnknown)
	_, err := h.DecideInCampaign(t.Context(), h.people["alice"], 999, CampaignChoice{h.alices, keeps, nil})
	refused(t, "no such campaign", err, RuleUnknown)
	byKey := h.people["alice"]
	byKey.Key = 1
	_, err = h.DecideInCampaign(t.Context(), byKey, h.campaign.ID, CampaignChoice{h.alices, keeps, nil})
	refused(t, "a key of ours", err, RuleKeyOnly)

	h.mustDecide(t, "bob", orphan, keeps)
	err = h.decide("carol", orphan, end)
	refused(t, "after somebody else", err, RuleDecided)
	if !strings.Contains(err.Error(), "bob decided") || !strings.Contains(err.Error(), "still needed") {
		t.Errorf("carol is told %q", err)
	}
	refused(t, "the same, after somebody else", h.decide("erin", orphan, keeps), RuleDecided)
	h.mustDecide(t, "bob2", orphan, keeps) // the same person
	h.mustDecide(t, "erin", h.franks, keeps)
	refused(t, "frank, after an admin", h.decide("frank", h.franks, end), RuleDecided)

	// Handed over: the new owner may, the old one not.
	h.in(t, func(ctx context.Context, tx storage.Tx) error {
		c, err := tx.LockCredential(ctx, h.alices)
		if err != nil {
			return err
		}
		return tx.SetOwner(ctx, &c, h.person("dana"), storage.System("test"), "")
	})
	refused(t, "who owned it", h.decide("alice", h.alices, keeps), RuleAdminOnly)
	h.mustDecide(t, "dana", h.alices, keeps)
	h.setActive(t, "dana", false)
	refused(t, "who left", h.decide("dana", h.alices, end), RuleInactive)
}

// rowOf is the ID of a vendor's key.
func (h *house) rowOf(t testing.TB, k fake.Key) storage.CredentialID {
	t.Helper()
	return h.found(t, k.ID).ID
}

// Twenty clicks at once by three people: one decision, one row in the log, and
// everybody else is told whose it is.
func TestTheFirstOneDecides(t *testing.T) {
	t.Parallel()
	h := openCampaign(t, lenient())
	other := h.service(t, lenient(), nil)
	orphan := h.orphans[0]
	var mu sync.Mutex
	winners := map[storage.PersonID]int{}
	var all sync.WaitGroup
	for i := range 20 {
		who := []string{"bob", "carol", "erin"}[i%3]
		svc := []*Service{h.Service, other}[i%2]
		decision := []storage.CampaignDecision{keeps, end, keeps}[i%3]
		all.Go(func() {
			_, err := svc.DecideInCampaign(context.Background(), h.people[who], h.campaign.ID, CampaignChoice{orphan, decision, nil})
			r, refusal := AsRefusal(err)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				winners[h.person(who)]++
			case !refusal || r.Rule != RuleDecided || !strings.Contains(r.Reason, "decided on "+orphan.String()+" first"):
				t.Errorf("%s is told %v", who, err)
			}
		})
	}
	all.Wait()
	it := h.item(t, orphan)
	if len(winners) != 1 || winners[it.DecidedBy] == 0 {
		t.Errorf("%v decided, the row says %+v", winners, it)
	}
	acts := slices.DeleteFunc(h.actions(t, orphan), func(a string) bool { return a != "kept" && a != "revoking" })
	if len(acts) != 1 {
		t.Errorf("the log has %v", acts)
	}
}

// What ends otherwise is no longer asked about, and what is being replaced
// can't be reduced.
func TestKeysChangeDuringACampaign(t *testing.T) {
	t.Parallel()
	h := openCampaign(t, lenient())
	if _, err := h.Revoke(t.Context(), h.people["alice"], h.alices, ""); err != nil {
		t.Fatal(err)
	}
	refused(t, "after it was given back", h.decide("alice", h.alices, keeps), RuleDecided)
	h.turn(t)
	if it := h.item(t, h.alices); it.Decision != storage.CampaignGone {
		t.Errorf("%+v", it)
	}
	refused(t, "after it is gone", h.decide("alice", h.alices, keeps), RuleDecided)

	h.exec(t, `INSERT INTO credential (connection, kind, brokered, managed, owner_id, replaces_id, label, scopes, lifetime_s, state, use_known)
		SELECT connection, kind, brokered, managed, owner_id, id, label, scopes, lifetime_s, 'issuing', true FROM credential WHERE id = $1`, h.brokered)
	h.exec(t, `INSERT INTO rotation (new_id, old_id, way, ends_at, overlap_s, quiet_s, reason, source_key)
		SELECT id, replaces_id, 'overlap', latchkey_now(), 0, 0, '', 'x' FROM credential WHERE replaces_id = $1`, h.brokered)
	refused(t, "one that is being replaced", h.decide("alice", h.brokered, reduce, "files:read"), RuleNotPossible)
	h.mustDecide(t, "alice", h.brokered, keeps)
}

// The owner leaves: those who answer for the key are asked instead, and hear
// of it; their own messages are brought up to date.
func TestAnOwnerLeavesDuringACampaign(t *testing.T) {
	t.Parallel()
	h := openCampaign(t, lenient())
	h.setActive(t, "frank", false)
	h.told(t)
	h.turn(t)
	if got := h.item(t, h.franks).Deciders; len(got) != 3 || slices.Contains(got, h.person("frank")) {
		t.Fatalf("asked: %v", got)
	}
	if told := h.told(t); told["campaign 1"] != 1 {
		t.Errorf("told %v", told)
	}
	for _, p := range h.look(t).Parts {
		if p.Person.ID == h.person("bob") && p.Open != 3 || p.Person.ID == h.person("frank") {
			t.Errorf("%+v", p)
		}
	}
	h.turn(t)
	if told := h.told(t); told["campaign 1"] != 0 {
		t.Errorf("told again: %v", told)
	}
	refused(t, "who left", h.decide("frank", h.franks, keeps), RuleInactive)
	h.mustDecide(t, "carol", h.franks, keeps)

	// A group that can't be read asks nobody else, and nobody is forgotten.
	h.exec(t, `UPDATE group_source SET refreshed_at = now() - interval '1 hour'`)
	h.turn(t)
	if got := h.item(t, h.orphans[0]).Deciders; len(got) != 3 {
		t.Errorf("asked while the group is unknown: %v", got)
	}
}

// After the deadline nobody changes their mind, but a key that nobody spoke
// for can be saved while it lives.
func TestLateDecisions(t *testing.T) {
	t.Parallel()
	d := lenient()
	d.Enforcement.Breaker = Breaker{MaxPercent: 10, MinCount: 1}
	h := openCampaign(t, d)
	h.mustDecide(t, "alice", h.brokered, keeps)
	h.passDeadline(t)
	refused(t, "another decision", h.decide("alice", h.brokered, end), RuleLapsed)
	h.turn(t)
	h.mustDecide(t, "alice", h.brokered, keeps) // a repeat
	held := h.batches(t)
	if len(held) != 1 || held[0].State != storage.BatchHeld || held[0].Total != 4 {
		t.Fatalf("%+v", held)
	}
	h.mustDecide(t, "frank", h.franks, keeps)
	refused(t, "and another one", h.decide("frank", h.franks, end), RuleLapsed)
	if _, err := h.DecideBatch(t.Context(), h.people["erin"], held[0].ID, true); err != nil {
		t.Fatal(err)
	}
	h.windUp(t)
	if c := h.credential(t, h.franks); c.State != storage.CredentialActive {
		t.Errorf("frank's key is %s", c.State)
	}
	for _, id := range h.orphans {
		if c := h.credential(t, id); c.State != storage.CredentialRevoked || !strings.Contains(c.StateReason, "nobody said until the deadline") {
			t.Errorf("an orphan is %s: %s", c.State, c.StateReason)
		}
	}
	if v := h.look(t); v.Campaign.State != storage.CampaignDone || v.Counts[storage.CampaignSilence] != 3 || v.Counts[keeps] != 2 {
		t.Errorf("%+v", v)
	}
	refused(t, "when it is over", h.decide("frank", h.franks, keeps), RuleLapsed)
	h.checkCampaign(t, h.campaign.ID)
	h.check(t)
}
