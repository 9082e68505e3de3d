package workflow

import (
	"context"
	"maps"
	"strings"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/fake"
	"latchkey/storage"
)

func TestRevoke(t *testing.T) {
	t.Parallel()
	h := open(t)
	byAdmin, byOwner := h.active(t, "alice"), h.active(t, "alice")
	revoke := func(who string, c storage.Credential, reason string) (storage.Credential, error) {
		return h.Revoke(t.Context(), h.people[who], c.ID, reason)
	}
	for who, rule := range map[string]string{"frank": RuleAdminOnly, "dana": RuleAdminOnly, "olga": RuleOutsider, "guest": RuleGuest, "robot": RuleBot, "stranger": RuleUnlinked} {
		_, err := revoke(who, byAdmin, "because")
		refused(t, who, err, rule)
	}
	_, err := revoke("erin", byAdmin, "  ")
	refused(t, "an admin without a reason", err, RuleReason)
	_, err = revoke("erin", byAdmin, strings.Repeat("x", maxReason+1))
	refused(t, "a huge reason", err, RuleReason)
	_, err = h.Revoke(t.Context(), h.people["erin"], 999, "because")
	refused(t, "a key that is not there", err, RuleUnknown)
	if n := len(h.vendor.Live()); n != 2 {
		t.Fatalf("%d keys after refusals", n)
	}
	c, err := revoke("erin", byAdmin, " leaked in a ticket ")
	if err != nil || c.State != storage.CredentialRevoking || c.StateReason != "leaked in a ticket" {
		t.Errorf("by an admin: %+v, %v", c, err)
	}
	c, err = revoke("alice2", byOwner, "") // from another account of hers
	if err != nil || c.StateReason != "given back" {
		t.Errorf("by the owner: %+v, %v", c, err)
	}
	for range 2 { // again is no error, before and after the vendor's answer, and adds nothing
		for who, key := range map[string]storage.Credential{"erin": byAdmin, "alice": byOwner} {
			if _, err := revoke(who, key, "again"); err != nil {
				t.Errorf("again by %s: %v", who, err)
			}
		}
		h.settle(t)
	}
	for _, id := range []storage.CredentialID{byAdmin.ID, byOwner.ID} {
		c := h.credential(t, id)
		if c.State != storage.CredentialRevoked || c.EndedAt.IsZero() || c.StateReason == "again" {
			t.Errorf("%s: %+v", id, c)
		}
		if err := h.FinishRevoke(t.Context(), id); err != nil { // a job that comes twice
			t.Error(err)
		}
	}
	if n := h.vendor.Calls()[fake.VerbRevoke]; n != 2 {
		t.Errorf("the vendor was asked to revoke %d times", n)
	}
	h.check(t)
}

// A21: whatever the vendor answers, only its word that the key is dead counts.
func TestARevokeIsTriedUntilTheVendorSaysDead(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		verb  fake.Verb
		fault fake.Fault
	}{
		{fake.VerbRevoke, fake.Lying}, {fake.VerbRevoke, fake.ServerError}, {fake.VerbRevoke, fake.LostAnswer}, {fake.VerbRevoke, fake.LateError},
		{fake.VerbRevoke, fake.RateLimited}, {fake.VerbRevoke, fake.NotFound}, {fake.VerbRevoke, fake.Refused}, {fake.VerbRevoke, fake.Garbage},
		{fake.VerbRevoke, fake.Duplicate}, {fake.VerbVerify, fake.ServerError}, {fake.VerbVerify, fake.NotFound}, {fake.VerbVerify, fake.Garbage},
		{fake.VerbVerify, fake.Lying}, {fake.VerbVerify, fake.LostAnswer},
	} {
		t.Run(string(tt.verb)+" "+string(tt.fault), func(t *testing.T) {
			t.Parallel()
			h := open(t)
			c := h.active(t, "alice")
			h.vendor.Inject(tt.verb, tt.fault, 3)
			if _, err := h.Revoke(t.Context(), h.people["alice"], c.ID, ""); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if err := h.FinishRevoke(t.Context(), c.ID); err != nil {
					t.Fatal(err)
				}
				dead := len(h.vendor.Live()) == 0
				if got := h.credential(t, c.ID); got.State == storage.CredentialRevoked && !dead {
					t.Fatal("revoked, says the row, but the key lives")
				}
			}
			h.vendor.Heal()
			h.settle(t)
			if got := h.credential(t, c.ID); got.State != storage.CredentialRevoked || got.StateReason != "given back" {
				t.Errorf("in the end: %s, %q", got.State, got.StateReason)
			}
			h.check(t)
		})
	}
}

func TestAFailingRevokeIsSeenAndNeverGivenUp(t *testing.T) {
	t.Parallel()
	h := open(t)
	c := h.active(t, "alice")
	h.vendor.Inject(fake.VerbRevoke, fake.ServerError, 0)
	if _, err := h.Revoke(t.Context(), h.people["erin"], c.ID, "leaked"); err != nil {
		t.Fatal(err)
	}
	states := map[storage.CredentialState]int{}
	for range 12 {
		h.leaseEnds(t)
		h.exec(t, `UPDATE credential SET next_action_at = latchkey_now() WHERE next_action_at IS NOT NULL`)
		if err := h.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		_ = h.work(t)
		states[h.credential(t, c.ID).State]++
	}
	if states[storage.CredentialRevokeFailed] < 5 || states[storage.CredentialRevoked] > 0 {
		t.Errorf("states: %v", states)
	}
	if n := len(h.jobs(t, NotifyArgs{}.Kind())); n < 3 {
		t.Errorf("people were told %d times", n)
	}
	if got := h.credential(t, c.ID); got.StateReason != "leaked" || !got.Live() {
		t.Errorf("%+v", got)
	}
	h.vendor.Heal()
	h.settle(t)
	h.check(t)
}

// A revoke waits as long as the vendor asks, not longer than an hour.
func TestBackoff(t *testing.T) {
	t.Parallel()
	limited := func(after time.Duration) error { return &connectors.RateLimitedError{After: after} }
	for name, tt := range map[string]struct {
		attempts int
		cause    error
		want     time.Duration
	}{
		"first":               {1, nil, time.Second},
		"none yet":            {0, nil, time.Second},
		"second":              {2, nil, 2 * time.Second},
		"ninth":               {9, nil, 256 * time.Second},
		"tenth":               {10, nil, 5 * time.Minute},
		"thousandth":          {1000, nil, 5 * time.Minute},
		"impossible":          {-5, nil, time.Second},
		"as the vendor says":  {7, limited(90 * time.Second), 90 * time.Second},
		"a vendor's nonsense": {1, limited(1000 * time.Hour), time.Hour},
		"a vendor says zero":  {3, limited(0), 4 * time.Second},
	} {
		if got := backoff(tt.attempts, tt.cause); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

// The key is given up while it is being made: what the vendor then answers is
// revoked and never shown.
func TestRevokeWhileIssuing(t *testing.T) {
	t.Parallel()
	giveUp := map[string]func(*house, storage.Request, storage.Credential) error{
		"cancel by the requester": func(h *house, r storage.Request, _ storage.Credential) error {
			_, err := h.Cancel(context.Background(), h.people["alice"], r.ID)
			return err
		},
		"revoke by an admin": func(h *house, _ storage.Request, c storage.Credential) error {
			_, err := h.Revoke(context.Background(), h.people["erin"], c.ID, "not now")
			return err
		},
	}
	for name, end := range giveUp {
		for _, at := range []fake.Point{fake.Before, fake.After} {
			t.Run(name+" "+string(at), func(t *testing.T) {
				t.Parallel()
				h := open(t)
				r, c := h.approved(t, "alice")
				gate := h.vendor.Hold(fake.VerbIssue, at)
				issued := make(chan error, 1)
				go func() { issued <- h.Issue(context.Background(), c.ID) }()
				<-gate.Arrived()
				if err := end(h, r, c); err != nil {
					t.Fatal(err)
				}
				reason := h.credential(t, c.ID).StateReason
				if errs := h.work(t); errs != nil { // the revoke's turn has not come
					t.Fatal(errs)
				}
				if got := h.credential(t, c.ID); got.State != storage.CredentialRevoking {
					t.Errorf("while the vendor is asked: %s", got.State)
				}
				gate.Release()
				if err := <-issued; err != nil {
					t.Fatal(err)
				}
				if got := h.credential(t, c.ID); got.VendorRef == "" || got.State != storage.CredentialRevoking {
					t.Errorf("the answer was not adopted: %+v", got)
				}
				if url, err := h.RevealURL(t.Context(), c.ID); err != nil || url != "" {
					t.Errorf("it can be collected at %s, %v", url, err)
				}
				h.settle(t)
				if got := h.credential(t, c.ID); got.State != storage.CredentialRevoked || got.StateReason != reason {
					t.Errorf("in the end: %s, %q", got.State, got.StateReason)
				}
				if got := h.request(t, r.ID); got.State != storage.RequestCanceled {
					t.Errorf("the request is %s", got.State)
				}
				h.check(t)
			})
		}
	}
}

// The issue under way fails after it was given up: the revocation goes on at
// once, with its own reason.
func TestAFailedIssueDoesNotTouchARevocation(t *testing.T) {
	t.Parallel()
	h := open(t)
	r, c := h.approved(t, "alice")
	h.vendor.Inject(fake.VerbIssue, fake.LateError, 1)
	gate := h.vendor.Hold(fake.VerbIssue, fake.After)
	issued := make(chan error, 1)
	go func() { issued <- h.Issue(context.Background(), c.ID) }()
	<-gate.Arrived()
	if _, err := h.Cancel(t.Context(), h.people["alice"], r.ID); err != nil {
		t.Fatal(err)
	}
	gate.Release()
	if err := <-issued; err != nil {
		t.Fatal(err)
	}
	got := h.credential(t, c.ID)
	if got.StateReason != "request canceled" || !got.LeaseUntil.IsZero() {
		t.Errorf("%q, leased until %s", got.StateReason, got.LeaseUntil)
	}
	_ = h.jobs(t, RevokeArgs{}.Kind()) // the job came too early and is gone
	if err := h.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if errs := h.work(t); errs != nil {
		t.Fatal(errs)
	}
	if got := h.credential(t, c.ID); got.State != storage.CredentialRevoked || len(h.vendor.Live()) != 0 {
		t.Errorf("%s, %d live keys", got.State, len(h.vendor.Live()))
	}
	h.check(t)
}

// A revocation that found nothing at the vendor, while the answer of a slow
// issue arrives: the key it brings is not "revoked" by an answer about none.
func TestARevokeConfirmsOnlyTheKeyItAskedAbout(t *testing.T) {
	t.Parallel()
	h := open(t)
	r, c := h.approved(t, "alice")
	slow := h.vendor.Hold(fake.VerbIssue, fake.Before)
	issued := make(chan error, 1)
	go func() { issued <- h.Issue(context.Background(), c.ID) }()
	<-slow.Arrived()
	if _, err := h.Cancel(t.Context(), h.people["alice"], r.ID); err != nil {
		t.Fatal(err)
	}
	h.leaseEnds(t)
	listing := h.vendor.Hold(fake.VerbList, fake.After)
	revoked := make(chan error, 1)
	go func() { revoked <- h.FinishRevoke(context.Background(), c.ID) }()
	<-listing.Arrived() // it has seen that there is nothing
	slow.Release()
	if err := <-issued; err != nil {
		t.Fatal(err)
	}
	listing.Release()
	if err := <-revoked; err != nil {
		t.Fatal(err)
	}
	if got := h.credential(t, c.ID); got.State == storage.CredentialRevoked && len(h.vendor.Live()) > 0 {
		t.Error("revoked, says the row, but the key lives")
	}
	h.settle(t)
	h.check(t)
}

// A revocation that was done before a very late issue answers.
func TestALateKeyOfARevokedCredential(t *testing.T) {
	t.Parallel()
	h := open(t)
	r, c := h.approved(t, "alice")
	slow := h.vendor.Hold(fake.VerbIssue, fake.Before)
	issued := make(chan error, 1)
	go func() { issued <- h.Issue(context.Background(), c.ID) }()
	<-slow.Arrived()
	if _, err := h.Cancel(t.Context(), h.people["alice"], r.ID); err != nil {
		t.Fatal(err)
	}
	h.leaseEnds(t)
	if err := h.FinishRevoke(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	if got := h.credential(t, c.ID); got.State != storage.CredentialRevoked {
		t.Fatalf("%s", got.State)
	}
	slow.Release()
	if err := <-issued; err != nil {
		t.Fatal(err)
	}
	h.settle(t)
	if n := len(h.vendor.Keys()); n != 1 {
		t.Errorf("the vendor made %d keys", n)
	}
	h.check(t)
}

// An approver leaves after a try whose answer was lost: the request fails, and
// what that try made does not stay.
func TestAGivenUpIssueLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	h := open(t)
	r, c := h.approved(t, "alice")
	h.vendor.Inject(fake.VerbIssue, fake.LostAnswer, 1)
	if err := h.Issue(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	h.setActive(t, "carol", false)
	h.settle(t)
	if got := h.request(t, r.ID); got.State != storage.RequestFailed {
		t.Errorf("%s", got.State)
	}
	h.check(t)
}

// lastOne is a system whose listing proves nothing once its last key is gone.
type lastOne struct{ *fake.Connector }

// Verify implements connectors.Verifier.
func (lastOne) Verify(context.Context, connectors.Ref) (connectors.Liveness, error) {
	return connectors.Unknown, connectors.ErrNoProof
}

// The last key of its kind is revoked too, and the receipt does not claim more
// than the system said.
func TestTheLastKeyOfASystemIsRevoked(t *testing.T) {
	t.Parallel()
	h := openWith(t, houseDocument(), func(d *Deps) {
		d.Connectors = maps.Clone(d.Connectors)
		d.Connectors["acme"] = lastOne{d.Connectors["acme"].(*fake.Connector)}
	})
	c := h.active(t, "alice")
	if _, err := h.Revoke(t.Context(), h.people["alice"], c.ID, ""); err != nil {
		t.Fatal(err)
	}
	if err := h.FinishRevoke(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	got, err := h.DB.Credential(t.Context(), c.ID)
	if err != nil || got.State != storage.CredentialRevoked {
		t.Fatalf("%s, %v", got.State, err)
	}
	proof, err := h.DB.Receipts(t.Context(), c.ID)
	if err != nil || len(proof) != 1 || proof[0].Liveness != string(connectors.Unknown) {
		t.Errorf("receipts %+v, %v", proof, err)
	}
}
