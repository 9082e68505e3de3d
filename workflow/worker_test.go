package workflow

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"latchkey/connectors"
	"latchkey/connectors/fake"
	"latchkey/storage"
)

// recorder is a Notifier that fails now and then, as Slack does.
type recorder struct {
	mu      sync.Mutex
	fail    int
	changes chan storage.CredentialID
}

func (r *recorder) RequestChanged(context.Context, storage.RequestID) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail > 0 {
		r.fail--
		return errors.New("Slack is away")
	}
	return nil
}

func (*recorder) BatchChanged(context.Context, storage.BatchID) error { return nil }

func (*recorder) DigestChanged(context.Context, storage.DigestID) error { return nil }

func (*recorder) CampaignChanged(context.Context, storage.CampaignID) error { return nil }

func (*recorder) OffboardingChanged(context.Context, storage.OffboardingID) error { return nil }

// LeakFound implements Notifier.
func (*recorder) LeakFound(context.Context, storage.LeakID) error { return nil }

// QuarantineChanged implements Notifier.
func (*recorder) QuarantineChanged(context.Context, storage.QuarantineID) error { return nil }

// AuditFound implements Notifier.
func (*recorder) AuditFound(context.Context, storage.FindingID) error { return nil }

func (r *recorder) CredentialChanged(_ context.Context, id storage.CredentialID) error {
	r.changes <- id
	return nil
}

// A request goes from filing to revoked by itself, with two replicas at work
// and a vendor that loses an answer.
func TestTheWorkersDoItAll(t *testing.T) {
	t.Parallel()
	quick := func(d *Deps) { d.LeaseFor, d.SweepEach = 2*time.Second, 50*time.Millisecond }
	h := openWith(t, houseDocument(), quick)
	told := &recorder{fail: 2, changes: make(chan storage.CredentialID, 1000)}
	for _, s := range []*Service{h.Service, h.service(t, houseDocument(), quick)} {
		w, err := s.NewWorkers(told)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Start(context.Background()); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		swept := make(chan struct{})
		go func() { defer close(swept); s.RunSweep(ctx) }()
		t.Cleanup(func() {
			stop()
			<-swept
			bye, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			if err := w.Stop(bye); err != nil {
				t.Errorf("stop: %v", err)
			}
		})
	}
	h.vendor.Inject(fake.VerbIssue, fake.LostAnswer, 1)
	h.vendor.Inject(fake.VerbRevoke, fake.Lying, 1)
	r := h.submit(t, "alice", write())
	h.mustVote(t, "bob", r.ID, Vote{Decision: storage.Approve})
	id := h.keyOf(t, r.ID).ID
	until := func(state storage.CredentialState) {
		t.Helper()
		deadline := time.After(60 * time.Second)
		for h.credential(t, id).State != state {
			select {
			case <-told.changes: // told after the commit: look again
			case <-deadline:
				t.Fatalf("%s is %s, and never %s", id, h.credential(t, id).State, state)
			}
		}
	}
	until(storage.CredentialActive)
	if _, err := h.Revoke(t.Context(), h.people["alice"], id, ""); err != nil {
		t.Fatal(err)
	}
	until(storage.CredentialRevoked)
	h.check(t)
}

func TestOutcomeOfAJob(t *testing.T) {
	t.Parallel()
	other := errors.New("other")
	if outcome(nil) != nil || !errors.Is(outcome(other), other) {
		t.Error("success or an unknown failure is changed")
	}
	for _, err := range []error{connectors.ErrUnrecoverable, storage.ErrNotFound} {
		if _, ok := errors.AsType[*river.JobCancelError](outcome(err)); !ok {
			t.Errorf("%v is tried again", err)
		}
	}
	var snoozed *river.JobSnoozeError
	if !errors.As(outcome(&connectors.RateLimitedError{After: time.Minute}), &snoozed) || snoozed.Duration != time.Minute {
		t.Errorf("a rate limit gives %v", snoozed)
	}
}

// Messages are tried for as long as Slack is away, quickly at first.
func TestANotificationIsNeverGivenUp(t *testing.T) {
	t.Parallel()
	if (NotifyArgs{}).InsertOpts().MaxAttempts < 1000 {
		t.Error("a message is given up")
	}
	h := open(t)
	w := &notifyWorker{service: h.Service}
	var waits []time.Duration
	for attempt := 1; attempt <= 8; attempt++ {
		job := &river.Job[NotifyArgs]{JobRow: &rivertype.JobRow{Attempt: attempt}}
		waits = append(waits, time.Until(w.NextRetry(job)).Round(time.Second))
	}
	want := []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 30 * time.Second, 30 * time.Second, 30 * time.Second}
	if !slices.Equal(waits, want) {
		t.Errorf("waits %v, want %v", waits, want)
	}
}

func TestANewServiceChecksItsPolicy(t *testing.T) {
	t.Parallel()
	h := open(t)
	d := houseDocument()
	d.Policies[0].When = "nonsense("
	_, err := New(t.Context(), Deps{DB: h.DB, Keys: h.Keys, Document: d})
	var problems *PolicyError
	if !errors.As(err, &problems) || len(problems.Problems) != 1 {
		t.Errorf("%v", err)
	}
	text, err := h.DB.Policy(t.Context(), h.Rules().Hash)
	if err != nil || text != h.Rules().Text {
		t.Errorf("the policy in force is not stored: %v", err)
	}
	if _, err := h.rulesOf(t.Context(), "unheard-of"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("a policy that was never stored: %v", err)
	}
}
