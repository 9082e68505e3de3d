package workflow

import (
	"strings"
	"testing"
	"time"

	"latchkey/storage"
)

// neglected opens a house in which nobody uses twelve keys of alice's.
func neglected(t *testing.T) (*house, []storage.CredentialID) {
	t.Helper()
	d := idle()
	d.Enforcement.Breaker = Breaker{MaxPercent: 20, MinCount: 3}
	h := openWith(t, d, nil)
	var ids []storage.CredentialID
	for range 12 {
		ids = append(ids, h.held(t, "alice", ofTempo("files:read", 90*day)).ID)
	}
	h.enforceAt(t, 30*oneDay+time.Minute)
	h.enforceAt(t, 37*oneDay+2*time.Minute)
	held := h.batches(t)
	if len(held) != 1 || held[0].State != storage.BatchHeld || held[0].Total != 12 || !strings.Contains(held[0].Reason, "12 of the 12") {
		t.Fatalf("%+v", held)
	}
	for range 3 { // the sweep asks again and again, and there is one question
		h.enforceAt(t, 38*oneDay)
	}
	if n := len(h.batches(t)); n != 1 {
		t.Fatalf("%d batches", n)
	}
	for _, id := range ids {
		h.is(t, "held", id, storage.CredentialActive, true)
	}
	return h, ids
}

// What the breaker held is done when an admin says so, but for what is used,
// exempt or put off by then.
func TestAHeldBatchOfUnusedKeysRuns(t *testing.T) {
	t.Parallel()
	h, ids := neglected(t)
	h.use(t, ids[0])
	h.setGroup(t, "slack:S0IT", slackGroups["S0IT"]...)
	if _, err := h.Exempt(t.Context(), h.people["bob"], ids[1], time.Now().Add(80*oneDay), "once a quarter"); err != nil {
		t.Fatal(err)
	}
	_, err := h.DecideBatch(t.Context(), h.people["alice"], h.batches(t)[0].ID, true)
	refused(t, "by no admin", err, RuleAdminOnly)
	if _, err := h.DecideBatch(t.Context(), h.people["erin"], h.batches(t)[0].ID, true); err != nil {
		t.Fatal(err)
	}
	h.workAll(t)
	for i, id := range ids {
		state := storage.CredentialSuspended
		if i < 2 {
			state = storage.CredentialActive
		}
		h.is(t, "after it ran", id, state, i != 1) // what is used is spared at the next look
	}
	if done := h.batches(t); done[0].State != storage.BatchDone {
		t.Errorf("%+v", done)
	}
	h.enforceAt(t, 39*oneDay)
	h.is(t, "used", ids[0], storage.CredentialActive, false)
}

// What an admin let live stays for a week, and is asked about again.
func TestADroppedBatchOfUnusedKeys(t *testing.T) {
	t.Parallel()
	h, ids := neglected(t)
	h.setGroup(t, "slack:S0IT", slackGroups["S0IT"]...)
	if _, err := h.DecideBatch(t.Context(), h.people["erin"], h.batches(t)[0].ID, false); err != nil {
		t.Fatal(err)
	}
	h.enforceAt(t, 39*oneDay)
	h.enforceAt(t, 45*oneDay-time.Minute)
	if all := h.batches(t); len(all) != 1 || all[0].State != storage.BatchDropped {
		t.Errorf("within a week: %+v", all)
	}
	h.enforceAt(t, 45*oneDay+time.Hour)
	if all := h.batches(t); len(all) != 2 || all[0].State != storage.BatchHeld {
		t.Errorf("after a week: %+v", all)
	}
	for _, id := range ids {
		h.is(t, "all the time", id, storage.CredentialActive, true)
	}
}

// Another policy is in force for keys that are there, at the next look.
func TestAnotherPolicyReplans(t *testing.T) {
	t.Parallel()
	d := idle()
	d.Policies[0].StaleAfter, d.Policies[0].NotifyBefore = 0, []Duration{day}
	h := openWith(t, d, nil)
	c := h.held(t, "alice", ofTempo("files:read", 90*day))
	h.enforceAt(t, 40*oneDay)
	h.is(t, "without a rule", c.ID, storage.CredentialActive, false)
	d.Policies[0].StaleAfter, d.Policies[0].NotifyBefore = 30*day, []Duration{60 * day, 45 * day, day}
	h.Service = h.service(t, d, nil)
	h.enforceAt(t, 40*oneDay+time.Minute)
	h.is(t, "with one", c.ID, storage.CredentialActive, true)
	if got := h.said(t, "alice", c.ID); len(got) != 2 { // a rung that is past by now, and the warning
		t.Errorf("told %v", got)
	}
	var again int
	err := h.DB.Pool().QueryRow(t.Context(), `SELECT count(*) FROM river_job WHERE kind = 'replan' AND state = 'scheduled' AND scheduled_at > now() + interval '14 minutes'`).Scan(&again)
	if err != nil || again != 1 {
		t.Errorf("replanned once more: %d, %v", again, err)
	}
	d.Policies[0].StaleAfter = 60 * day
	h.Service = h.service(t, d, nil)
	h.enforceAt(t, 41*oneDay)
	h.is(t, "with a milder one", c.ID, storage.CredentialActive, false)
	h.enforceAt(t, 45*oneDay+time.Minute)
	if got := h.said(t, "alice", c.ID); len(got) != 3 {
		t.Errorf("told %v", got)
	}
	h.Service = h.service(t, d, nil) // the same again replans nothing
	if jobs := h.jobs(t, ReplanArgs{}.Kind()); len(jobs) != 0 {
		t.Errorf("%+v", jobs)
	}
}
