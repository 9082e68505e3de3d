package workflow

import (
	"net/http"
	"testing"

	"latchkey/storage"
)

// Whoever had a claim and took too long says nothing about it any more: it is
// another one's, whose answer counts.
func TestOnlyWhoHoldsAClaimSettlesIt(t *testing.T) {
	t.Parallel()
	h := openWithOwn(t)
	robot := h.keyed(t, "erin", ScopeRevoke)
	claim := func() (storage.Answer, error) { return h.ClaimAnswer(t.Context(), robot, "one", []byte("revoke it")) }
	slow, err := claim()
	if err != nil || slow.Status != 0 || slow.Again {
		t.Fatalf("%+v, %v", slow, err)
	}
	h.exec(t, `UPDATE api_answer SET held_until = clock_timestamp()`)
	next, err := claim()
	if err != nil || next.Status != 0 || !next.Again {
		t.Fatalf("%+v, %v", next, err)
	}
	for what, status := range map[string]int{"keeps its answer": http.StatusOK, "drops it": http.StatusConflict, "lets go of it": http.StatusInternalServerError} {
		slow.Status, slow.Body = status, []byte("late")
		if err := h.SettleAnswer(t.Context(), slow); err != nil {
			t.Fatal(err)
		}
		_, err := claim()
		refused(t, "after the slow one "+what, err, RuleInProgress)
	}
	next.Status, next.Body = http.StatusOK, []byte("done")
	if err := h.SettleAnswer(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	if got, err := claim(); err != nil || got.Status != http.StatusOK || string(got.Body) != "done" {
		t.Errorf("%d %q, %v", got.Status, got.Body, err)
	}
}
