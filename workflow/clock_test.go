package workflow

import (
	"testing"
	"time"

	"latchkey/storage"
)

// A request ends at its deadline, not a moment later: a vote at that very
// time comes too late.
func TestARequestLapses(t *testing.T) {
	t.Parallel()
	h := open(t)
	byVote, bySweep := h.submit(t, "alice", write()), h.submit(t, "alice", write())
	freeze := func(at time.Time) {
		h.exec(t, `CREATE OR REPLACE FUNCTION latchkey_now() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT timestamptz `+"''"+at.Format(time.RFC3339Nano)+"'''")
	}
	if life := byVote.LapsesAt.Sub(byVote.CreatedAt); life.Round(time.Second) != 24*time.Hour {
		t.Errorf("it waits %s, the rule says a day", life)
	}
	freeze(byVote.LapsesAt.Add(-time.Microsecond))
	if err := h.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := h.request(t, byVote.ID); got.State != storage.RequestPending {
		t.Fatalf("before its time: %s", got.State)
	}
	freeze(byVote.LapsesAt)
	r, err := h.approves("bob", byVote.ID)
	refused(t, "a vote at the deadline", err, RuleLapsed)
	if r.State != storage.RequestLapsed {
		t.Errorf("the vote found it late, and left it %s", r.State)
	}
	_, err = h.approves("carol", byVote.ID)
	refused(t, "a vote after it", err, RuleDecided)
	freeze(bySweep.LapsesAt)
	for range 2 {
		if err := h.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := h.request(t, bySweep.ID); got.State != storage.RequestLapsed || got.StateReason == "" {
		t.Errorf("at its time: %s", got.State)
	}
	h.check(t)
}

// The clock of a grant starts when the key does, and a key ends when its time
// is up, at the vendor too, whose own clock may be behind.
func TestAKeyExpires(t *testing.T) {
	t.Parallel()
	h := open(t)
	r, c := h.approved(t, "alice")
	h.clock(t, 24*time.Hour) // it took a day
	if err := h.Issue(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	native := h.keyOf(t, r.ID)
	if left := native.ExpiresAt.Sub(native.ActivatedAt); left.Round(time.Second) != 5*24*time.Hour {
		t.Errorf("after a day of waiting it lives %s", left)
	}
	brokered := h.submit(t, "alice", Ask{Connection: "tempo", Kind: APIKey, Scopes: []string{"files:read"}, Lifetime: 5 * day, Reason: "r"})
	h.settle(t)
	keys := map[string]storage.CredentialID{"native": native.ID, "brokered": h.keyOf(t, brokered.ID).ID}
	collect := func(id storage.CredentialID) {
		token := h.ticket(t, id)
		if _, _, err := h.Reveal(t.Context(), token, ""); err != nil {
			t.Fatal(err)
		}
	}
	collect(keys["native"])
	collect(keys["brokered"])
	h.clock(t, 6*24*time.Hour-time.Minute)
	h.vendor.SetClock(func() time.Time { return time.Now().Add(-time.Hour) }) // the vendor's clock stays behind
	h.settle(t)
	for name, id := range keys {
		if got := h.credential(t, id); got.State != storage.CredentialActive {
			t.Errorf("%s before its end: %s", name, got.State)
		}
	}
	h.clock(t, 6*24*time.Hour+time.Minute)
	h.vendor.SetClock(func() time.Time { return time.Now().Add(-time.Hour) })
	h.settle(t)
	for name, id := range keys {
		if got := h.credential(t, id); got.State != storage.CredentialExpired || got.EndedAt.IsZero() || !got.NextActionAt.IsZero() {
			t.Errorf("%s after its end: %+v", name, got)
		}
		_, err := h.Revoke(t.Context(), h.people["erin"], id, "too late")
		refused(t, "revoking what expired", err, RuleDecided)
	}
	if n := len(h.vendor.Live()); n != 0 {
		t.Errorf("the vendor has %d live keys of expired ones", n)
	}
	h.check(t)
}

// A suspended key expires too.
func TestASuspendedKeyExpires(t *testing.T) {
	t.Parallel()
	h := open(t)
	c := h.active(t, "alice")
	h.exec(t, `UPDATE credential SET state = 'suspended' WHERE id = $1`, c.ID)
	h.exec(t, `INSERT INTO audit_event (actor, action, subject, subject_id, before, after) VALUES ('test', 'credential.suspended', 'credential', $1, 'active', 'suspended')`, c.ID)
	h.clock(t, 6*24*time.Hour)
	h.settle(t)
	if got := h.credential(t, c.ID); got.State != storage.CredentialExpired {
		t.Errorf("%s", got.State)
	}
	h.check(t)
}

// The clock stepping back does not bring anything back.
func TestTheClockStepsBack(t *testing.T) {
	t.Parallel()
	h := open(t)
	r := h.submit(t, "alice", write())
	c := h.active(t, "alice")
	h.clock(t, 10*24*time.Hour)
	h.settle(t)
	h.clock(t, -time.Hour)
	h.settle(t)
	if got := h.credential(t, c.ID); got.State != storage.CredentialExpired {
		t.Errorf("the key is %s", got.State)
	}
	_, err := h.approves("bob", r.ID)
	refused(t, "a vote on what lapsed", err, RuleDecided)
	h.check(t)
}
