package workflow

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"latchkey/connectors/fake"
	"latchkey/storage"
)

// crowded opens a house whose acme has keys of alice, bob and nobody we know,
// managed and not.
func crowded(t *testing.T, each int) *house {
	t.Helper()
	h := open(t)
	h.active(t, "alice")
	for i := range each {
		for _, who := range []string{"alice", "bob", "unknown"} {
			h.seed(fake.Key{Label: fmt.Sprint(who, i), Owner: mailOf(who), Scopes: []string{"files:read"}})
		}
	}
	h.sync(t)
	return h
}

func (h *house) revokeMany(who string, sel Selection, typed string, expected int, reason, key string) (storage.Batch, error) {
	return h.RevokeMany(context.Background(), h.people[who], sel, typed, expected, reason, key)
}

// A mass revoke needs an admin, the typed words, a reason and the count that
// was seen; anything else does nothing.
func TestAMassRevokeIsConfirmed(t *testing.T) {
	t.Parallel()
	h := crowded(t, 2)
	all := Selection{Connection: "acme"}
	_, err := h.LookAtMassRevoke(t.Context(), h.people["alice"], all)
	refused(t, "by somebody", err, RuleAdminOnly)
	plan, err := h.LookAtMassRevoke(t.Context(), h.people["erin"], all)
	if err != nil || plan.Count != 7 || plan.Confirm != "acme" || plan.BySys["acme"] != 7 {
		t.Fatalf("%+v, %v", plan, err)
	}
	person, err := h.LookAtMassRevoke(t.Context(), h.people["erin"], Selection{Owner: h.person("alice"), Connection: "acme"})
	if err != nil || person.Count != 3 || person.Confirm != "alice" || !strings.Contains(person.Title, "on acme") {
		t.Fatalf("%+v, %v", person, err)
	}
	for what, tt := range map[string]struct {
		who      string
		sel      Selection
		typed    string
		expected int
		reason   string
		rule     string
	}{
		"no admin":        {"alice", all, "acme", 7, "a breach", RuleAdminOnly},
		"the wrong words": {"erin", all, "tempo", 7, "a breach", RuleNotPossible},
		"no words":        {"erin", all, "", 7, "a breach", RuleNotPossible},
		"no reason":       {"erin", all, "acme", 7, " ", RuleReason},
		"a huge reason":   {"erin", all, "acme", 7, strings.Repeat("x", maxReason+1), RuleReason},
		"more by now":     {"erin", all, "acme", 6, "a breach", RuleNotPossible},
		"no such system":  {"erin", Selection{Connection: "nothing"}, "nothing", 7, "a breach", RuleUnknown},
		"nothing at all":  {"erin", Selection{}, "", 7, "a breach", RuleUnknown},
		"no such person":  {"erin", Selection{Owner: 999}, "", 7, "a breach", RuleUnknown},
		"an empty system": {"erin", Selection{Connection: "tempo"}, "tempo", 7, "a breach", RuleNotPossible},
	} {
		_, err := h.revokeMany(tt.who, tt.sel, tt.typed, tt.expected, tt.reason, fresh())
		refused(t, what, err, tt.rule)
	}
	h.workAll(t)
	if n := len(h.vendor.Live()); n != 7 || len(h.batches(t)) != 0 {
		t.Errorf("%d keys live after refusals, %d batches", n, len(h.batches(t)))
	}
}

// What is confirmed is done, once, however often it is sent, and comes to its
// end when every vendor has answered.
func TestAMassRevoke(t *testing.T) {
	t.Parallel()
	h := crowded(t, 20)
	theirs := Selection{Owner: h.person("alice")}
	var ids [3]storage.BatchID
	var all sync.WaitGroup
	for i := range ids { // Slack sends it again and again
		all.Go(func() {
			b, err := h.revokeMany("erin", theirs, " Alice ", 21, "a breach", "view:1")
			if err != nil {
				t.Error(err)
			}
			ids[i] = b.ID
		})
	}
	all.Wait()
	if ids[0] == 0 || ids[0] != ids[1] || ids[1] != ids[2] {
		t.Fatalf("batches %v", ids)
	}
	b, err := h.LookAtBatch(t.Context(), ids[0])
	if err != nil || b.Total != 21 || b.Begun != 0 || b.State != storage.BatchRunning {
		t.Fatalf("%+v, %v", b, err)
	}
	h.vendor.Inject(fake.VerbRevoke, fake.ServerError, 0)
	h.workAll(t)
	if b, _ := h.LookAtBatch(t.Context(), b.ID); b.State != storage.BatchRunning || b.Begun != 21 || b.ByState[storage.CredentialRevoking] != 21 {
		t.Errorf("while the vendor fails: %+v", b)
	}
	h.vendor.Heal()
	h.settle(t)
	done, err := h.LookAtBatch(t.Context(), b.ID)
	if err != nil || done.State != storage.BatchDone || done.ByState[storage.CredentialRevoked] != 21 || done.EndedAt.IsZero() {
		t.Errorf("%+v, %v", done, err)
	}
	for _, row := range h.inventory(t, storage.InventoryFilter{Connection: "acme", Ended: true}) {
		if (row.State == storage.CredentialRevoked) != (row.OwnerID == h.person("alice")) {
			t.Errorf("%s of %d is %s", row.ID, row.OwnerID, row.State)
		}
		if row.State == storage.CredentialRevoked && (row.StateReason != "a breach" || len(h.receipts(t, row.ID)) != 1) {
			t.Errorf("%s: %q, receipts %v", row.ID, row.StateReason, h.receipts(t, row.ID))
		}
	}
	again, err := h.revokeMany("erin", theirs, "alice", 21, "a breach", "view:1") // when nothing is left
	if err != nil || again.ID != b.ID {
		t.Errorf("sent again: %+v, %v", again, err)
	}
	h.check(t)
}

// A worker is killed in the middle of a batch, and a second one works beside
// it: every key is ended once.
func TestAKilledBatchIsFinished(t *testing.T) {
	t.Parallel()
	for _, point := range []string{"batch:taken", "batch:step"} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			h := crowded(t, 40)
			b, err := h.revokeMany("erin", Selection{Connection: "acme"}, "acme", 121, "a breach", fresh())
			if err != nil {
				t.Fatal(err)
			}
			h.crash(t, "batch", storage.CredentialID(b.ID), point)
			b, err = h.LookAtBatch(t.Context(), b.ID)
			if want := map[string]int{"batch:taken": 0, "batch:step": batchStep}[point]; err != nil || b.Begun != want || b.State != storage.BatchRunning {
				t.Errorf("%d begun, want %d, %v", b.Begun, want, err)
			}
			other := h.service(t, houseDocument(), nil)
			var both sync.WaitGroup
			for _, s := range []*Service{h.Service, other} {
				both.Go(func() {
					if err := s.RunBatch(context.Background(), b.ID); err != nil {
						t.Error(err)
					}
				})
			}
			both.Wait()
			h.workAll(t)
			h.settle(t)
			if b, err = h.LookAtBatch(t.Context(), b.ID); err != nil || b.State != storage.BatchDone || len(h.vendor.Live()) != 0 {
				t.Errorf("%+v, %d live keys, %v", b, len(h.vendor.Live()), err)
			}
			h.check(t)
		})
	}
}

// batchWatcher counts what it is told of a batch.
type batchWatcher struct {
	Silent
	h     *house
	seen  []storage.BatchState
	after error
}

func (w *batchWatcher) BatchChanged(ctx context.Context, id storage.BatchID) error {
	b, err := w.h.DB.Batch(ctx, id)
	w.seen = append(w.seen, b.State)
	return errors.Join(err, w.after)
}

// People are told of a batch again and again until it is done, and then once
// more.
func TestPeopleFollowABatchToItsEnd(t *testing.T) {
	t.Parallel()
	h := crowded(t, 1)
	b, err := h.revokeMany("erin", Selection{Connection: "acme"}, "acme", 4, "a breach", fresh())
	if err != nil {
		t.Fatal(err)
	}
	if told := h.told(t); told[fmt.Sprintf("%s %d", storage.SubjectBatch, int64(b.ID))] != 1 {
		t.Errorf("told %v", told)
	}
	watcher := &batchWatcher{h: h}
	w := &notifyWorker{service: h.Service, notifier: watcher}
	tell := func() error {
		return w.Work(t.Context(), &river.Job[NotifyArgs]{JobRow: &rivertype.JobRow{}, Args: NotifyArgs{storage.SubjectBatch, int64(b.ID)}})
	}
	var snoozed *river.JobSnoozeError
	if err := tell(); !errors.As(err, &snoozed) || snoozed.Duration != batchAgain {
		t.Errorf("while it runs: %v", err)
	}
	watcher.after = &TryAgainError{After: time.Minute}
	if err := tell(); !errors.As(err, &snoozed) || snoozed.Duration != time.Minute {
		t.Errorf("while Slack asks to wait: %v", err)
	}
	watcher.after = nil
	h.workAll(t)
	if err := tell(); err != nil {
		t.Errorf("when it is done: %v", err)
	}
	if n := len(watcher.seen); n != 3 || watcher.seen[2] != storage.BatchDone {
		t.Errorf("told %v", watcher.seen)
	}
}
