package bot

import (
	"fmt"
	"strings"
	"testing"

	"latchkey/connectors/fake"
	"latchkey/workflow"
)

// A mass revoke needs the typed words, and ends with what each system said;
// what only a person can end is asked for with its steps.
func TestMassRevokeNeedsTheWordsAndTellsTheEnd(t *testing.T) {
	t.Parallel()
	h := newHouse(t, workflow.Enforcement{})
	for i := range 3 {
		seed(h.acme, fmt.Sprint("bot ", i), "frank@example.com")
	}
	left := seed(h.vault, "root", "frank@example.com")
	h.sync()
	h.open("U0ERIN", "/tokens revoke @frank He left.", callbackRevokeMany)
	form := h.awaitModal("U0ERIN", callbackRevokeMany)
	for _, part := range []string{"every key of Frank Fisher", "4 keys", "acme", "vault"} {
		if !strings.Contains(form.Show(), part) {
			t.Errorf("the form lacks %q:\n%s", part, form.Show())
		}
	}
	h.fill("U0ERIN", blockConfirm, "acme")
	got, err := h.sim.User("U0ERIN").Submit(h.ctx)
	h.must(err)
	if got.Errors[blockConfirm] == "" || len(h.acme.Live()) != 3 {
		t.Fatalf("the wrong words: %v, %d keys live", got.Errors, len(h.acme.Live()))
	}
	h.fill("U0ERIN", blockConfirm, "frank fisher")
	h.submit("U0ERIN")
	done := h.told("U0ERIN", "", "Done", "3 revoked, 1 not confirmed, a person is needed", h.key("root"), "He left.")
	if len(h.acme.Live()) != 0 {
		t.Error("acme has live keys left")
	}
	hand := h.told("U0ERIN", "C0APPROVALS", h.key("root"), "Delete the key "+left.ID, "Latchkey looks again at each sync")
	if !done.Edited {
		t.Error("the progress was not told in one message")
	}
	h.told("U0FRANK", "", "bot 0", "was revoked by Erin Evans", "He left.")
	h.told("U0FRANK", "", "root", "is being revoked by Erin Evans")

	h.vault.SetState(left.ID, fake.StateRevoked)
	h.sync()
	h.sweep()
	h.told("U0FRANK", "", "root", "was revoked by Erin Evans")
	h.await("the task to be closed", func() bool {
		for _, m := range h.sim.User("U0ERIN").Messages("C0APPROVALS") {
			if m.TS == hand.TS {
				return says(m, "is done with")
			}
		}
		return false
	})
}

// The rules warn an owner once; where the breaker stops them, an admin
// decides in the approvals channel.
func TestRulesWarnAndTheBreakerAsks(t *testing.T) {
	t.Parallel()
	h := newHouse(t, workflow.Enforcement{Unmanaged: workflow.Unmanaged{Read: "report", Write: "warn", After: days(7), Then: "revoke"}, Breaker: workflow.Breaker{MaxPercent: 5, MinCount: 1}})
	seed(h.acme, "deploy bot", "alice@example.com")
	seed(h.acme, "mystery", "ghost@example.com")
	h.sync()
	alices, ghosts := h.key("deploy bot"), h.key("mystery")
	warned := h.told("U0ALICE", "", alices, "has to go", "nobody asked for it here")
	if !offers(warned, verbKeep, alices) || !offers(warned, verbGiveBack, alices) {
		t.Errorf("the warning offers too little:\n%s", warned.Show())
	}
	h.told("U0ERIN", "C0APPROVALS", ghosts, "has to go", "Nobody could be told")
	h.sync()
	if n := h.countMessages("U0ALICE", "has to go"); n != 1 {
		t.Errorf("Alice was warned %d times", n)
	}
	if got := h.slash("U0ERIN", "/tokens enforce acme"); !says(got, "waiting for the deadline", alices, "This is a dry run: nothing was done.") {
		t.Errorf("the dry run:\n%s", got.Show())
	}
	if got := h.slash("U0ALICE", "/tokens enforce"); !says(got, "Only an admin") {
		t.Errorf("Alice is shown:\n%s", got.Show())
	}

	_, err := h.db.Pool().Exec(h.ctx, `UPDATE credential SET enforce_at = latchkey_now()`)
	h.must(err)
	h.sync()
	held := h.told("U0ERIN", "C0APPROVALS", "Revoke 2 keys?", "The breaker stopped", alices)
	if len(h.acme.Live()) != 2 {
		t.Fatal("the breaker let keys be revoked")
	}
	var id int64
	h.must(h.db.Pool().QueryRow(h.ctx, `SELECT id FROM batch`).Scan(&id))
	h.click("U0BOB", held.Place(), verbRunBatch, fmt.Sprint(id))
	h.told("U0BOB", "C0APPROVALS", "Only an admin")
	h.click("U0ERIN", held.Place(), verbRunBatch, fmt.Sprint(id))
	done := h.told("U0ERIN", "C0APPROVALS", "Done", "2 revoked", "decided by Erin Evans")
	if done.TS != held.TS || offers(done, verbRunBatch, fmt.Sprint(id)) {
		t.Error("the question was not answered in its place")
	}
	h.told("U0ALICE", "", alices, "was revoked")
	h.told("U0ALICE", "", "The warning about key", "has come to its end")
}

// countMessages counts what somebody's direct messages say.
func (h *house) countMessages(who, part string) int {
	n := 0
	for _, m := range h.sim.User(who).Messages(h.sim.User(who).DM()) {
		if says(m, part) {
			n++
		}
	}
	return n
}
