package main

import (
	"slices"
	"testing"
)

// Envelopes that come twice, out of order, or again after a crash have one
// effect.
func TestRepeatedEnvelopes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sim.Knobs().Duplicate(1000)
	id := w.request("U0ALICE", "tempo", "write", "7d", "Fix last month's import of worklogs")
	w.click("U0BOB", id, "approve")
	w.click("U0CAROL", id, "approve")
	_, token := w.reveal("U0ALICE")
	w.slash("U0ERIN", "/tokens revoke "+token+" it leaked")
	w.await("the end of the key", func() bool {
		return w.count(`SELECT count(*) FROM credential WHERE managed AND state = 'revoked'`) == 1
	})
	w.sim.Knobs().Duplicate(0)

	before := w.effects()
	if before["request"] != 1 || before["review"] != 2 || before["credential"] != 1 {
		t.Fatalf("duplicates had effects: %v", before)
	}
	// A crash forgets everything but the database.
	w.must(w.main.Stop(w.ctx))
	fresh := w.replica()
	w.main = fresh
	all := w.sim.LastEnvelopes()
	slices.Reverse(all)
	for _, e := range all {
		if _, err := w.sim.Redeliver(w.ctx, e.ID); err != nil {
			t.Errorf("redelivered %s: %v", e.Type, err)
		}
	}
	if after := w.effects(); !equal(before, after) {
		t.Errorf("redelivery after a crash had effects:\nbefore %v\nafter  %v", before, after)
	}
}

// effects counts what must not double. What vendors have besides is found by
// sync, at a time of its own.
func (w *world) effects() map[string]int {
	out := map[string]int{}
	for _, table := range []string{"request", "review", "ticket", "step"} {
		out[table] = w.count(`SELECT count(*) FROM ` + table)
	}
	out["credential"] = w.count(`SELECT count(*) FROM credential WHERE managed`)
	out["audit_event"] = w.count(`
		SELECT count(*) FROM audit_event e
		WHERE subject IN ('request', 'credential')
		  AND NOT EXISTS (SELECT FROM credential c WHERE e.subject = 'credential' AND c.id = e.subject_id AND NOT c.managed)`)
	return out
}

func equal(a, b map[string]int) bool {
	for k, v := range a {
		if b[k] != v {
			return false
		}
	}
	return len(a) == len(b)
}
