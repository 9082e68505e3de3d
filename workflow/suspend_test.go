package workflow

import (
	"context"
	"testing"

	"latchkey/connectors/fake"
	"latchkey/storage"
)

func (h *house) suspend(who string, id storage.CredentialID, reason string) error {
	_, err := h.Suspend(context.Background(), h.people[who], id, reason)
	return err
}

func (h *house) resume(who string, id storage.CredentialID, reason string) error {
	_, err := h.Resume(context.Background(), h.people[who], id, reason)
	return err
}

// Who may suspend and resume what, and that the vendor does it, with receipts.
func TestSuspendAndResume(t *testing.T) {
	t.Parallel()
	h := open(t)
	c := h.active(t, "alice")
	k := h.vendor.Live()[0]
	h.sync(t)
	for who, rule := range map[string]string{"frank": RuleAdminOnly, "dana": RuleAdminOnly, "olga": RuleOutsider, "guest": RuleGuest, "stranger": RuleUnlinked} {
		refused(t, who, h.suspend(who, c.ID, "because"), rule)
	}
	refused(t, "an admin without a reason", h.suspend("erin", c.ID, " "), RuleReason)
	refused(t, "a key that is not there", h.suspend("erin", 999, "because"), RuleUnknown)
	if err := h.resume("alice", c.ID, ""); err != nil { // it works already
		t.Error(err)
	}
	step := func(what string, err error, state storage.CredentialState) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		h.workAll(t)
		h.sync(t) // which sees it as it is
		if got := h.credential(t, c.ID); got.State != state || h.vendor.Works(k.Secret) != (state == storage.CredentialActive) {
			t.Errorf("%s: %s, works %v", what, got.State, h.vendor.Works(k.Secret))
		}
	}
	step("by its owner", h.suspend("alice2", c.ID, ""), storage.CredentialSuspended)
	step("again", h.suspend("erin", c.ID, "again"), storage.CredentialSuspended)
	step("back by its owner", h.resume("alice", c.ID, ""), storage.CredentialActive)
	step("by an admin", h.suspend("erin", c.ID, "seen in a ticket"), storage.CredentialSuspended)
	refused(t, "the owner, against an admin", h.resume("alice", c.ID, ""), RuleAdminOnly)
	step("back by an admin", h.resume("erin", c.ID, "it was another one"), storage.CredentialActive)
	var verbs []string
	for _, r := range h.receipts(t, c.ID) {
		verbs = append(verbs, r.Verb)
	}
	if want := "[suspend resume suspend resume]"; len(verbs) != 4 || verbs[0] != "suspend" || verbs[3] != "resume" {
		t.Errorf("receipts %v, want %s", verbs, want)
	}
	step("once more", h.suspend("erin", c.ID, "seen in a ticket"), storage.CredentialSuspended)
	if _, err := h.Revoke(t.Context(), h.people["erin"], c.ID, "leaked"); err != nil {
		t.Fatal(err)
	}
	h.settle(t)
	refused(t, "what is revoked", h.resume("erin", c.ID, "please"), RuleDecided)
	h.check(t)
}

// Unmanaged keys can be suspended too, and brokered ones stop by themselves.
func TestSuspendOfOtherKeys(t *testing.T) {
	t.Parallel()
	h := open(t)
	k := h.seed(fake.Key{Owner: mailOf("bob"), Scopes: []string{"files:write"}})
	h.sync(t)
	if err := h.suspend("erin", h.found(t, k.ID).ID, "not asked for"); err != nil {
		t.Fatal(err)
	}
	h.workAll(t)
	if row := h.found(t, k.ID); row.State != storage.CredentialSuspended || h.vendor.Works(k.Secret) {
		t.Errorf("%s", row.State)
	}
	r := h.submit(t, "alice", Ask{Connection: "tempo", Kind: APIKey, Scopes: []string{"files:read"}, Lifetime: day, Reason: "r"})
	h.workAll(t)
	id := h.keyOf(t, r.ID).ID
	if err := h.suspend("alice", id, ""); err != nil {
		t.Fatal(err)
	}
	if jobs := h.jobs(t, MatchStateArgs{}.Kind()); len(jobs) != 0 || h.credential(t, id).State != storage.CredentialSuspended {
		t.Errorf("%d jobs for the vendor", len(jobs))
	}
	h.check(t)
}

// A system that can't suspend says so.
func TestSuspendWhereTheSystemCant(t *testing.T) {
	t.Parallel()
	h := withConnector(t, houseDocument(), withoutVerify)
	k := h.seed(fake.Key{Owner: mailOf("bob")})
	h.sync(t)
	id := h.found(t, k.ID).ID
	refused(t, "suspend", h.suspend("erin", id, "because"), RuleNotPossible)
	if v, err := h.Show(t.Context(), h.people["erin"], id); err != nil || v.Can.Suspend {
		t.Errorf("%+v, %v", v.Can, err)
	}
}

// A sync that comes before the vendor has done it does not undo what a person
// here decided, and a vendor that forgot is told again.
func TestASyncDoesNotUndoASuspend(t *testing.T) {
	t.Parallel()
	h := open(t)
	c := h.active(t, "alice")
	k := h.vendor.Live()[0]
	h.sync(t)
	h.vendor.Inject(fake.VerbSuspend, fake.ServerError, 1)
	if err := h.suspend("erin", c.ID, "seen in a ticket"); err != nil {
		t.Fatal(err)
	}
	for _, j := range h.jobs(t, MatchStateArgs{}.Kind()) {
		if err := h.MatchState(t.Context(), storage.CredentialID(j.ID)); err == nil {
			t.Error("a failed call is taken for done")
		}
	}
	check := func(when string) {
		t.Helper()
		for range 2 {
			h.sync(t)
		}
		if got := h.credential(t, c.ID); got.State != storage.CredentialSuspended || got.StateReason != "seen in a ticket" {
			t.Errorf("%s: %s, %q", when, got.State, got.StateReason)
		}
		h.workAll(t)
		if h.vendor.Works(k.Secret) {
			t.Errorf("%s: the key works", when)
		}
	}
	check("while the vendor does not do it")
	h.vendor.SetState(k.ID, fake.StateActive)
	check("after somebody there undid it")
	h.check(t)
}

// What is suspended and resumed at the system itself is shown so.
func TestASyncFollowsItsSystem(t *testing.T) {
	t.Parallel()
	h := open(t)
	c := h.active(t, "alice")
	h.sync(t)
	for _, tt := range []struct {
		there fake.State
		here  storage.CredentialState
	}{{fake.StateSuspended, storage.CredentialSuspended}, {fake.StateActive, storage.CredentialActive}} {
		h.vendor.SetState(c.VendorRef, tt.there)
		_ = h.told(t)
		h.sync(t)
		if got := h.credential(t, c.ID); got.State != tt.here || h.told(t)[subject(c.ID)] != 1 {
			t.Errorf("%s there, %s here", tt.there, got.State)
		}
	}
	if n := len(h.jobs(t, MatchStateArgs{}.Kind())); n != 0 {
		t.Errorf("the vendor is told %d times what it said", n)
	}
	h.check(t)
}

// A system that refuses for good leaves the row as the key is.
func TestARefusedSuspendIsTakenBack(t *testing.T) {
	t.Parallel()
	h := open(t)
	c := h.active(t, "alice")
	h.vendor.Inject(fake.VerbSuspend, fake.Refused, 0)
	if err := h.suspend("erin", c.ID, "seen in a ticket"); err != nil {
		t.Fatal(err)
	}
	_ = h.told(t)
	h.workAll(t)
	if got := h.credential(t, c.ID); got.State != storage.CredentialActive || h.told(t)[subject(c.ID)] == 0 {
		t.Errorf("%s, %q", got.State, got.StateReason)
	}
	h.check(t)
}

// The answer to a suspend arrives after a resume was done: the vendor ends up
// as the row says.
func TestALateSuspendDoesNotWin(t *testing.T) {
	t.Parallel()
	h := open(t)
	c := h.active(t, "alice")
	k := h.vendor.Live()[0]
	if err := h.suspend("alice", c.ID, ""); err != nil {
		t.Fatal(err)
	}
	_ = h.jobs(t, MatchStateArgs{}.Kind())
	gate := h.vendor.Hold(fake.VerbSuspend, fake.Before)
	late := make(chan error, 1)
	go func() { late <- h.MatchState(context.Background(), c.ID) }()
	<-gate.Arrived()
	if err := h.resume("alice", c.ID, ""); err != nil {
		t.Fatal(err)
	}
	h.workAll(t)
	gate.Release()
	if err := <-late; err != nil {
		t.Fatal(err)
	}
	h.workAll(t)
	if got := h.credential(t, c.ID); got.State != storage.CredentialActive || !h.vendor.Works(k.Secret) {
		t.Errorf("%s, works %v", got.State, h.vendor.Works(k.Secret))
	}
	h.check(t)
}

// A key gives back its owner's keys only as far as its owner could: not what
// somebody else stopped.
func TestAKeyDoesNotResumeWhatOthersTookFromItsOwner(t *testing.T) {
	t.Parallel()
	h := openWithOwn(t)
	robot := h.keyed(t, "alice", ScopeRevoke)
	mine, theirs := h.held(t, "alice", ofTempo("files:read", 10*day)), h.held(t, "frank", ofTempo("files:read", 10*day))
	by := func(id storage.CredentialID) error {
		_, err := h.Resume(t.Context(), robot, id, "needed again")
		return err
	}
	for _, id := range []storage.CredentialID{mine.ID, theirs.ID} {
		if err := h.suspend("erin", id, "seen in a ticket"); err != nil {
			t.Fatal(err)
		}
	}
	refused(t, "what an admin suspended", by(mine.ID), RuleKeyOnly)
	if err := by(theirs.ID); err != nil {
		t.Errorf("somebody else's: %v", err)
	}
	if err := h.resume("erin", mine.ID, "it was another one"); err != nil {
		t.Fatal(err)
	}
	if err := by(mine.ID); err != nil {
		t.Errorf("what works already: %v", err)
	}
	if err := h.suspend("alice", mine.ID, ""); err != nil {
		t.Fatal(err)
	}
	if err := by(mine.ID); err != nil || h.credential(t, mine.ID).State != storage.CredentialActive {
		t.Errorf("what its owner suspended: %v", err)
	}
}
