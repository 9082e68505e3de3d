package bot

import (
	"strings"
	"testing"

	"latchkey/storage"
	"latchkey/workflow"
)

// Admins read the whole audit log, everybody else what is theirs, and nobody
// gets further by typing.
func TestAuditLogInSlack(t *testing.T) {
	t.Parallel()
	h := newHouse(t, workflow.Enforcement{})
	seed(h.acme, "deploy bot", "alice@example.com")
	seed(h.acme, "report bot", "bob@example.com")
	h.sync()
	alices, bobs := h.key("deploy bot"), h.key("report bot")
	h.slash("U0ERIN", "/tokens suspend "+bobs+" Looks odd.")
	for range 5 { // ten events of Alice's key
		h.slash("U0ERIN", "/tokens suspend "+alices+" A short look.")
		h.slash("U0ERIN", "/tokens resume "+alices+" Nothing was found.")
	}
	h.slash("U0ERIN", "/tokens suspend "+alices+" Leaked in a repository.")

	all := h.slash("U0ERIN", "/tokens audit")
	if !says(all, "*Audit log*, everything", "*"+alices+"*: suspended (`active` → `suspended`)", "by Erin Evans", "Why: Leaked in a repository.", "in the log") || says(all, bobs) {
		t.Fatalf("Erin is shown:\n%s", all.Show())
	}
	older := auditPage{Before: lastShown(h, 10, "")}
	h.click("U0ERIN", all.Place(), verbAuditMore, older.String())
	h.await("the older page", func() bool { m, _ := h.sim.User("U0ERIN").Last("C0GENERAL"); return says(m, bobs) })
	second, _ := h.sim.User("U0ERIN").Last("C0GENERAL")
	if second.TS != all.TS || !offers(second, verbAuditMore, auditPage{}.String()) {
		t.Errorf("the older page is not in the first one's place, or can't go back:\n%s", second.Show())
	}

	if got := h.slash("U0ERIN", "/tokens audit "+bobs); !says(got, "what happened to `"+bobs+"`", "Looks odd.") || says(got, alices) {
		t.Errorf("of Bob's key Erin is shown:\n%s", got.Show())
	}
	if got := h.slash("U0ERIN", "/tokens audit @alice"); !says(got, "what one person did", alices) || says(got, bobs) {
		t.Errorf("of Alice Erin is shown:\n%s", got.Show())
	}
	own := h.slash("U0ALICE", "/tokens audit")
	if !says(own, "what you did, and what happened to what is yours", alices) || says(own, bobs) {
		t.Errorf("Alice is shown:\n%s", own.Show())
	}
	for typed, want := range map[string]string{
		bobs:        "holds nothing of this that you may see",
		"@bob":      "can see what others did",
		"yesterday": "is not an ID",
	} {
		if got := h.slash("U0ALICE", "/tokens audit "+typed); !says(got, want) || says(got, "Looks odd.") {
			t.Errorf("of %s Alice is shown:\n%s", typed, got.Show())
		}
	}

	// The same log stands behind a key's details.
	shown := h.slash("U0ALICE", "/tokens show "+alices)
	_, id, err := storage.ParseID(alices)
	h.must(err)
	h.click("U0ALICE", shown.Place(), verbAudit, ofKey(id).String())
	h.told("U0ALICE", "C0GENERAL", "*Audit log*, what happened to `"+alices+"`", "A short look.")
	h.click("U0ALICE", own.Place(), verbAuditMore, auditPage{Before: lastShown(h, 10, alices)}.String())
	h.await("Alice's older page", func() bool {
		for _, m := range h.sim.User("U0ALICE").Messages("C0GENERAL") {
			if m.TS == own.TS && !says(m, "Leaked") && !strings.Contains(m.Show(), bobs) {
				return true
			}
		}
		return false
	})
}

// lastShown is the event that a page of some size ends with: of all events, or
// of what is Alice's.
func lastShown(h *house, size int, key string) (id int64) {
	h.t.Helper()
	mine := ""
	if key != "" {
		mine = `WHERE e.subject <> 'credential' AND e.actor_id = p.id OR e.subject = 'person' AND e.subject_id = p.id OR e.subject = 'credential' AND e.subject_id IN (SELECT id FROM credential WHERE owner_id = p.id)`
	}
	h.must(h.db.Pool().QueryRow(h.ctx, `
		SELECT min(id) FROM (
			SELECT e.id FROM audit_event e JOIN person p ON p.email = 'alice@example.com' `+mine+`
			ORDER BY e.id DESC LIMIT $1) shown`, size).Scan(&id))
	return id
}
