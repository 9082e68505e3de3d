package workflow

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"latchkey/connectors"
	"latchkey/connectors/fake"
	"latchkey/storage"
)

// A lost answer is not repeated blindly: what it left behind is found by its
// label and revoked, and then a key is made whose secret is known.
func TestALostAnswerIsFoundByItsLabel(t *testing.T) {
	t.Parallel()
	for _, fault := range []fake.Fault{fake.LostAnswer, fake.LateError, fake.Garbage} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			h := open(t)
			r, c := h.approved(t, "alice")
			h.vendor.Inject(fake.VerbIssue, fault, 2)
			for try := 1; try <= 2; try++ {
				if err := h.Issue(t.Context(), c.ID); err != nil {
					t.Fatal(err)
				}
				got := h.keyOf(t, r.ID)
				if got.State != storage.CredentialIssuing || got.Attempts != try || got.VendorRef != "" || got.StateReason == "" {
					t.Fatalf("try %d: %+v", try, got)
				}
			}
			h.settle(t)
			if got := h.keyOf(t, r.ID); got.State != storage.CredentialActive {
				t.Errorf("%s is %s", got.ID, got.State)
			}
			if n := len(h.vendor.Live()); n != 1 {
				t.Errorf("the vendor has %d live keys", n)
			}
			h.check(t)
		})
	}
}

// What a try may have left must be looked for. While that can't be done, no
// other key is made, and the request does not fail either: a listing that is
// refused proves nothing.
func TestNoKeyIsMadeWhileTheLastTryIsInDoubt(t *testing.T) {
	t.Parallel()
	for _, fault := range []fake.Fault{fake.ServerError, fake.PartialList, fake.Garbage, fake.NotFound, fake.Refused, fake.RateLimited} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			h := open(t)
			for i := range 5 { // keys of others, so that the listing has pages
				h.vendor.Seed(fake.Key{Label: strings.Repeat("x", i), State: fake.StateSuspended})
			}
			r, c := h.approved(t, "alice")
			h.vendor.Inject(fake.VerbIssue, fake.LostAnswer, 1)
			h.vendor.Inject(fake.VerbList, fault, 0)
			for range 3 {
				if err := h.Issue(t.Context(), c.ID); err != nil {
					t.Fatal(err)
				}
				h.exec(t, `UPDATE credential SET next_action_at = latchkey_now()`)
			}
			got := h.keyOf(t, r.ID)
			if got.State != storage.CredentialIssuing || h.vendor.Calls()[fake.VerbIssue] != 1 {
				t.Errorf("%s is %s after %d calls", got.ID, got.State, h.vendor.Calls()[fake.VerbIssue])
			}
			h.vendor.Heal()
			h.settle(t)
			if got := h.keyOf(t, r.ID); got.State != storage.CredentialActive {
				t.Errorf("once it can be listed: %s", got.State)
			}
			h.vendorForgets()
			h.check(t)
		})
	}
}

// vendorForgets revokes what the test itself put into the ledger.
func (h *house) vendorForgets() {
	for _, k := range h.vendor.Keys() {
		if _, ours := h.labelled(k); !ours {
			k.State = fake.StateRevoked
			h.vendor.Seed(k)
		}
	}
}

func TestARateLimitIsHonoured(t *testing.T) {
	t.Parallel()
	h := open(t)
	r, c := h.approved(t, "alice")
	h.vendor.Inject(fake.VerbIssue, fake.RateLimited, 1)
	if err := h.Issue(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	got := h.keyOf(t, r.ID)
	now, err := h.DB.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if wait := got.NextActionAt.Sub(now); wait < fake.RetryAfter-5*time.Second || wait > fake.RetryAfter || !strings.Contains(got.StateReason, "slow down") {
		t.Errorf("looks again in %s, says %q", wait, got.StateReason)
	}
	_ = h.jobs(t, IssueArgs{}.Kind()) // of the approval
	if err := h.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(h.jobs(t, IssueArgs{}.Kind())); n != 0 {
		t.Errorf("the sweep took it up %d times before its time", n)
	}
	h.clock(t, fake.RetryAfter)
	if err := h.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if errs := h.work(t); errs != nil {
		t.Fatal(errs)
	}
	if got := h.keyOf(t, r.ID); got.State != storage.CredentialActive || got.StateReason != "" {
		t.Errorf("then: %s, %q", got.State, got.StateReason)
	}
	h.check(t)
}

func TestARefusalForGoodFailsVisibly(t *testing.T) {
	t.Parallel()
	for _, fault := range []fake.Fault{fake.Refused, fake.NotFound} {
		h := open(t)
		r, c := h.approved(t, "alice")
		h.vendor.Inject(fake.VerbIssue, fault, 0)
		if err := h.Issue(t.Context(), c.ID); err != nil {
			t.Fatal(err)
		}
		c, r = h.credential(t, c.ID), h.request(t, r.ID)
		if c.State != storage.CredentialIssueFailed || r.State != storage.RequestFailed || !strings.Contains(r.StateReason, "refused") {
			t.Errorf("%s: %s, %s: %s", fault, c.State, r.State, r.StateReason)
		}
		if strings.Contains(r.StateReason, "422") {
			t.Errorf("people read the vendor's words: %s", r.StateReason)
		}
		if n := len(h.jobs(t, NotifyArgs{}.Kind())); n == 0 {
			t.Error("nobody is told")
		}
		if got, err := h.Cancel(t.Context(), h.people["alice"], r.ID); err != nil || got.State != storage.RequestCanceled {
			t.Errorf("canceling what failed: %s, %v", got.State, err)
		}
		h.settle(t)
		h.check(t)
	}
}

// A system that was taken out of the configuration can't issue any more.
func TestASystemThatIsGoneFailsVisibly(t *testing.T) {
	t.Parallel()
	h := open(t)
	r, c := h.approved(t, "alice")
	h.Connectors = map[string]connectors.Connector{}
	if err := h.Issue(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	if got := h.request(t, r.ID); got.State != storage.RequestFailed {
		t.Errorf("%s", got.State)
	}
	h.check(t)
}

// A repeating proxy makes two keys of one call. Nobody holds the first one's
// secret, but it would work.
func TestADoubledCallLeavesOneKey(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.vendor.Inject(fake.VerbIssue, fake.Duplicate, 1)
	c := h.active(t, "alice")
	if n := len(h.vendor.Keys()); n != 2 {
		t.Fatalf("the vendor made %d keys", n)
	}
	h.settle(t)
	h.check(t)
	if _, err := h.Revoke(t.Context(), h.people["alice"], c.ID, ""); err != nil {
		t.Fatal(err)
	}
	h.settle(t)
	h.check(t)
}

// Two workers with one job each: one calls, the other leaves it alone.
func TestTwoWorkersAtOnceMakeOneKey(t *testing.T) {
	t.Parallel()
	h := open(t)
	other := h.service(t, houseDocument(), nil)
	r, c := h.approved(t, "alice")
	gate := h.vendor.Hold(fake.VerbIssue, fake.Before)
	first := make(chan error, 1)
	go func() { first <- h.Issue(context.Background(), c.ID) }()
	<-gate.Arrived()
	for range 3 { // while the first is at the vendor
		if err := other.Issue(t.Context(), c.ID); err != nil {
			t.Error(err)
		}
	}
	gate.Release()
	if err := <-first; err != nil {
		t.Error(err)
	}
	if err := other.Issue(t.Context(), c.ID); err != nil { // and after it
		t.Error(err)
	}
	if n := h.vendor.Calls()[fake.VerbIssue]; n != 1 || h.keyOf(t, r.ID).State != storage.CredentialActive {
		t.Errorf("%d calls, the key is %s", n, h.keyOf(t, r.ID).State)
	}
	h.check(t)
}

// leaseEnds lets the time of every lease pass.
func (h *house) leaseEnds(t rapid.TB) {
	t.Helper()
	h.exec(t, `UPDATE credential SET lease_until = clock_timestamp(), next_action_at = latchkey_now() WHERE lease_until IS NOT NULL`)
}

// A worker that was stopped for longer than its lease (a paused machine) comes
// back with an answer that nobody waits for any more: another worker has made
// the key. Its own must not stay at the vendor.
func TestAWorkerThatComesBackAfterItsLease(t *testing.T) {
	t.Parallel()
	for _, at := range []fake.Point{fake.Before, fake.After} { // its call arrives late, or its answer does
		t.Run(string(at), func(t *testing.T) {
			t.Parallel()
			h := open(t)
			other := h.service(t, houseDocument(), nil)
			r, c := h.approved(t, "alice")
			slow := h.vendor.Hold(fake.VerbIssue, at)
			late := make(chan error, 1)
			go func() { late <- h.Issue(context.Background(), c.ID) }()
			<-slow.Arrived()
			h.leaseEnds(t)
			quick := h.vendor.Hold(fake.VerbIssue, at)
			second := make(chan error, 1)
			go func() { second <- other.Issue(context.Background(), c.ID) }()
			<-quick.Arrived() // both are at the vendor now, each with a key of its own to come
			slow.Release()
			if err := <-late; err != nil {
				t.Error(err)
			}
			if got := h.keyOf(t, r.ID); got.State != storage.CredentialIssuing {
				t.Errorf("the late answer counts: %s", got.State)
			}
			quick.Release()
			if err := <-second; err != nil {
				t.Error(err)
			}
			h.settle(t)
			if got := h.keyOf(t, r.ID); got.State != storage.CredentialActive {
				t.Errorf("%s is %s", got.ID, got.State)
			}
			h.check(t)
		})
	}
}

// The same, but the second worker is done before the first one's answer comes.
func TestALateAnswerBesideAnActiveKey(t *testing.T) {
	t.Parallel()
	for _, at := range []fake.Point{fake.Before, fake.After} {
		t.Run(string(at), func(t *testing.T) {
			t.Parallel()
			h := open(t)
			r, c := h.approved(t, "alice")
			gate := h.vendor.Hold(fake.VerbIssue, at)
			late := make(chan error, 1)
			go func() { late <- h.Issue(context.Background(), c.ID) }()
			<-gate.Arrived()
			h.leaseEnds(t)
			h.vendor.Hold(fake.VerbIssue, fake.Before).Release() // only the first is held
			if at == fake.After {
				h.vendor.Hold(fake.VerbIssue, fake.After).Release()
			}
			if err := h.Issue(t.Context(), c.ID); err != nil {
				t.Fatal(err)
			}
			active := h.keyOf(t, r.ID)
			if active.State != storage.CredentialActive {
				t.Fatalf("%s is %s", active.ID, active.State)
			}
			gate.Release()
			if err := <-late; err != nil {
				t.Error(err)
			}
			if got := h.keyOf(t, r.ID); got.VendorRef != active.VendorRef {
				t.Errorf("the late answer replaced %s by %s", active.VendorRef, got.VendorRef)
			}
			h.settle(t)
			h.check(t)
		})
	}
}

// The lease of a worker that died ends, and the sweep hands its work on.
func TestTheSweepTakesUpAbandonedWork(t *testing.T) {
	t.Parallel()
	h := open(t)
	r, c := h.approved(t, "alice")
	_ = h.jobs(t, IssueArgs{}.Kind()) // lost with the worker
	h.in(t, func(ctx context.Context, tx storage.Tx) error { return tx.Lease(ctx, &c, h.LeaseFor) })
	if err := h.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if errs := h.work(t); errs != nil || h.keyOf(t, r.ID).State != storage.CredentialIssuing {
		t.Errorf("within the lease: %s, %v", h.keyOf(t, r.ID).State, errs)
	}
	h.leaseEnds(t)
	if err := h.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if errs := h.work(t); errs != nil || h.keyOf(t, r.ID).State != storage.CredentialActive {
		t.Errorf("after the lease: %s, %v", h.keyOf(t, r.ID).State, errs)
	}
	h.check(t)
}

// A key is asked for with what was granted, on behalf of its owner, and ends
// when the grant does, whatever the vendor would give.
func TestWhatTheVendorIsAskedFor(t *testing.T) {
	t.Parallel()
	h := open(t)
	c := h.active(t, "alice")
	k := h.vendor.Keys()[0]
	if diff := cmp.Diff([]string{"files:read", "files:write"}, k.Scopes); diff != "" || !strings.HasSuffix(k.Label, c.ID.String()) || k.Owner.Email != "alice@example.com" {
		t.Errorf("the vendor's key: %+v", k)
	}
	if c.ExpiresAt.Sub(k.ExpiresAt).Abs() > time.Second || c.ExpiresAt.Sub(c.ActivatedAt) > 5*24*time.Hour {
		t.Errorf("it ends %s at the vendor, %s here", k.ExpiresAt, c.ExpiresAt)
	}
	h.check(t)
}

// The deciding clock may be far from this machine's.
func TestAKeysLifeIsByTheDatabasesClock(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{400 * 24 * time.Hour, -400 * 24 * time.Hour} {
		h := open(t)
		h.clock(t, ahead)
		c := h.active(t, "alice")
		now, err := h.DB.Now(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if left := c.ExpiresAt.Sub(now); left > 5*24*time.Hour || left < 5*24*time.Hour-time.Minute {
			t.Errorf("%s ahead: %s left of 5 days", ahead, left)
		}
		h.check(t)
	}
}
