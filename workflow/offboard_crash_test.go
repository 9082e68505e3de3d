package workflow

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/fake"
	"latchkey/storage"
)

// runCase is a whole process: it hears that a person left, and does all there
// is to do until their case is closed.
func runCase(ctx context.Context, s *Service, person storage.PersonID) error {
	people, err := s.DB.People(ctx, person)
	if err != nil {
		return err
	}
	body, err := json.Marshal([]connectors.PersonEvent{{ID: "left", Account: connectors.AccountRef{Email: people[person].Email}, At: time.Unix(1_800_000_000, 0)}})
	if err != nil {
		return err
	}
	if _, err := s.TakeEvents(ctx, "hr", nil, body); err != nil {
		return err
	}
	w, err := s.NewWorkers(Silent{})
	if err != nil {
		return err
	}
	if err := w.Start(ctx); err != nil {
		return err
	}
	go s.RunSweep(ctx)
	go s.RunSync(ctx)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		cases, err := s.DB.Offboardings(ctx, person, false, 1)
		if err != nil || len(cases) == 1 && cases[0].State == storage.OffboardingClosed {
			return err
		}
	}
	return nil
}

// A process is killed at the first point it comes to; the next one, which goes
// on, at the second; and so on until one comes through. Then the case is
// closed, each credential has its receipt, and each change was made once.
func TestAKilledOffboardingIsFinished(t *testing.T) {
	t.Parallel()
	h := open(t)
	ours := h.brokeredKey(t, "alice")
	for range offboardStep + 5 {
		h.seed(fake.Key{Owner: mailOf("alice"), Scopes: []string{"files:read"}})
	}
	mine := h.active(t, "alice")
	h.sync(t)
	pending := h.submit(t, "alice", write())
	deaths := 0
	for n := 1; h.dies(t, h.person("alice"), n); n += 1 + n/8 {
		if deaths++; deaths == 2 {
			h.seed(fake.Key{Owner: mailOf("alice"), Scopes: []string{"files:write"}}) // while it goes on
		}
		h.timePasses(t)
	}
	cases := h.cases(t, "alice")
	if deaths < 10 || len(cases) != 1 {
		t.Fatalf("%d deaths, %d cases", deaths, len(cases))
	}
	v := h.isClosed(t, cases[0].ID)
	if len(v.Items) != offboardStep+8 || len(h.vendor.Live()) != 0 || h.honoured(t, ours.ID) {
		t.Errorf("%d items, %d live", len(v.Items), len(h.vendor.Live()))
	}
	for _, it := range v.Items {
		if len(it.Receipts) != 1 {
			t.Errorf("%s has %d receipts", it.CredentialID, len(it.Receipts))
		}
	}
	if a := h.auditOf(t, storage.SubjectPerson, int64(h.person("alice"))); a["person.left"] != 1 {
		t.Errorf("%v", a)
	}
	if a := h.auditOf(t, storage.SubjectRequest, int64(pending.ID)); a["request.canceled"] != 1 {
		t.Errorf("%v", a)
	}
	if h.credential(t, mine.ID).State != storage.CredentialRevoked {
		t.Error("the key that was asked for here lives")
	}
	h.settle(t)
	h.check(t)
	t.Logf("killed %d times", deaths)
}

// dies runs a process that does the case of a person and is killed at the n-th
// point; false if it came to the end.
func (h *house) dies(t testing.TB, person storage.PersonID, n int) bool {
	t.Helper()
	job, err := json.Marshal(doomed{DSN: h.dsn, Vendor: h.url, Token: h.vendor.Token().Expose(), ID: storage.CredentialID(person), Verb: "run", Point: fmt.Sprint("#", n)})
	if err != nil {
		t.Fatal(err)
	}
	worker := exec.CommandContext(t.Context(), os.Args[0])
	worker.Env = append(os.Environ(), crashVariable+"="+string(job))
	out, err := worker.CombinedOutput()
	if err == nil {
		return false
	}
	status, ok := worker.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
		t.Fatalf("it failed at the %d. point: %v\n%s", n, err, out)
	}
	return true
}

// timePasses has all leases end that a dead process held, and its jobs rescued
// as River does.
func (h *house) timePasses(t testing.TB) {
	t.Helper()
	h.exec(t, `UPDATE credential SET lease_until = clock_timestamp() WHERE lease_until IS NOT NULL`)
	h.exec(t, `UPDATE credential SET next_action_at = latchkey_now() WHERE state IN ('issuing', 'revoking', 'revoke_failed')`)
	h.exec(t, `UPDATE connection SET sync_lease_until = clock_timestamp() WHERE sync_lease_until IS NOT NULL`)
	h.exec(t, `UPDATE river_job SET state = CASE WHEN attempt < max_attempts THEN 'available' ELSE 'discarded' END::river_job_state,
		finalized_at = CASE WHEN attempt < max_attempts THEN NULL ELSE now() END, scheduled_at = now() WHERE state IN ('running', 'retryable')`)
}
