package workflow

import (
	"net/http"
	"testing"
	"time"

	"latchkey/storage"
)

func TestHomeShowsUse(t *testing.T) {
	t.Parallel()
	h := open(t)
	c := h.active(t, "alice")
	h.exec(t, `UPDATE credential SET connection = 'tempo', brokered = true WHERE id = $1`, c.ID)
	now, err := h.DB.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	use := func(at time.Time, status int) {
		t.Helper()
		err := h.DB.WriteAccess(t.Context(), []storage.Access{{CredentialID: c.ID, At: at, Method: http.MethodGet, Route: "/4/worklogs", Status: status}})
		if err != nil {
			t.Fatal(err)
		}
	}
	use(now, http.StatusOK)
	use(now.Add(-48*time.Hour), http.StatusForbidden)
	use(now.Add(-10*24*time.Hour), http.StatusOK) // in two weeks, and not in the last one
	home := func(who string) HomeView {
		t.Helper()
		v, err := h.Home(t.Context(), h.people[who])
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	counted := func(days []storage.DayUse) (calls, failed int64) {
		for _, d := range days {
			calls, failed = calls+d.Count, failed+d.Failed
		}
		return calls, failed
	}
	alice := home("alice")
	if calls, failed := counted(alice.Keys[0].Days); len(alice.Keys[0].Days) != 14 || calls != 3 || failed != 1 || alice.Busiest != nil {
		t.Errorf("Alice sees %+v and of all systems %v", alice.Keys[0].Days, alice.Busiest)
	}
	busiest := func() storage.ConnectionUse {
		t.Helper()
		v := home("erin").Busiest
		if len(v) != 1 || v[0].Connection != "tempo" || v[0].Keys != 1 || len(v[0].Days) != 7 {
			t.Fatalf("Erin sees %+v", v)
		}
		return v[0]
	}
	if calls, failed := counted(busiest().Days); calls != 2 || failed != 1 {
		t.Errorf("in the last week: %d calls, %d failed", calls, failed)
	}
	use(now, http.StatusOK)
	if n := busiest().Count(); n != 2 {
		t.Errorf("the log was read anew at once: %d calls", n)
	}
	h.clock(t, 2*busyFor)
	if n := busiest().Count(); n != 3 {
		t.Errorf("the log was not read anew later: %d calls", n)
	}
}
