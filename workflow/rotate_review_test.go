package workflow

import (
	"slices"
	"testing"
	"time"

	"latchkey/storage"
)

// longer asks for a fresh key in place of alice's, which can write, that lives
// longer.
func (h *house) longer(t *testing.T, c storage.Credential) storage.Request {
	t.Helper()
	out, err := h.Rotate(t.Context(), h.people["alice"], c.ID, RotateAsk{Ends: time.Now().Add(6 * 24 * time.Hour), Reason: "the report takes longer"}, fresh())
	if err != nil || out.Request.ID == 0 || out.New.ID != 0 {
		t.Fatalf("%+v, %v", out, err)
	}
	if r := out.Request; r.RotatesID != c.ID || r.State != storage.RequestPending || !slices.Equal(r.Scopes, c.Scopes) {
		t.Fatalf("%+v", r)
	}
	return out.Request
}

// replacement is the key that a reviewed rotation led to; zero for none.
func (h *house) replacement(t *testing.T, c storage.Credential) storage.Credential {
	t.Helper()
	all, err := h.DB.Rotations(t.Context(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		return storage.Credential{}
	}
	return h.credential(t, all[0].NewID)
}

// The same life, or less, is its owner's to take; more is reviewed where the
// key can change anything. An admin who rotates somebody's key decides alone.
func TestALongerLifeIsReviewed(t *testing.T) {
	t.Parallel()
	h := open(t)
	c := h.active(t, "alice")
	plan, err := h.PlanRotation(t.Context(), h.people["alice"], c.ID)
	if err != nil || !plan.Review || !plan.Ends.Equal(c.ExpiresAt) || plan.Latest.Before(time.Now().Add(29*24*time.Hour)) {
		t.Fatalf("%+v, %v", plan, err)
	}
	same, err := h.Rotate(t.Context(), h.people["alice"], c.ID, RotateAsk{Ends: c.ExpiresAt}, fresh())
	if err != nil || same.New.ID == 0 || same.Request.ID != 0 {
		t.Fatalf("%+v, %v", same, err)
	}
	h.settle(t)
	if got := h.credential(t, same.New.ID); got.ExpiresAt.After(c.ExpiresAt) {
		t.Errorf("it ends %s, the old one %s", got.ExpiresAt, c.ExpiresAt)
	}
	d := h.active(t, "alice")
	by, err := h.Rotate(t.Context(), h.people["erin"], d.ID, RotateAsk{Ends: time.Now().Add(20 * 24 * time.Hour)}, fresh())
	if err != nil || by.New.ID == 0 {
		t.Errorf("an admin: %+v, %v", by, err)
	}
	own := h.active(t, "erin") // an admin's own is the owner's
	mine, err := h.Rotate(t.Context(), h.people["erin"], own.ID, RotateAsk{Ends: time.Now().Add(20 * 24 * time.Hour), Reason: "the report takes longer"}, fresh())
	if err != nil || mine.Request.State != storage.RequestPending {
		t.Errorf("an admin's own: %+v, %v", mine, err)
	}
}

func TestAReviewedRotation(t *testing.T) {
	t.Parallel()
	h := open(t)
	for name, tt := range map[string]struct {
		vote   Vote
		scopes []string
		ends   time.Duration
	}{
		"approved":               {Vote{Decision: storage.Approve}, []string{"files:read", "files:write"}, 6 * 24 * time.Hour},
		"for less time":          {Vote{Decision: storage.Approve, Lifetime: 2 * day}, []string{"files:read", "files:write"}, 2 * 24 * time.Hour},
		"for less than it could": {Vote{Decision: storage.Approve, Scopes: []string{"files:read"}}, []string{"files:read"}, 6 * 24 * time.Hour},
	} {
		c := h.active(t, "alice")
		value := h.collect(t, c.ID)
		r := h.longer(t, c)
		if next := h.replacement(t, c); next.ID != 0 {
			t.Fatalf("%s: it is made before it is approved", name)
		}
		h.mustVote(t, "carol", r.ID, tt.vote)
		h.settle(t)
		next := h.replacement(t, c)
		lives := time.Until(next.ExpiresAt)
		if next.State != storage.CredentialActive || !slices.Equal(next.Scopes, tt.scopes) || lives > tt.ends || lives < tt.ends-time.Hour || next.RequestID != r.ID {
			t.Errorf("%s: %s for %s, %v of %s", name, next.State, lives, next.Scopes, next.RequestID)
		}
		if got := h.request(t, r.ID); got.State != storage.RequestFulfilled {
			t.Errorf("%s: the request is %s", name, got.State)
		}
		if fresh := h.collect(t, next.ID); !h.vendor.Works(fresh) || !h.vendor.Works(value) {
			t.Errorf("%s: the new one works: %t, the old one: %t", name, h.vendor.Works(fresh), h.vendor.Works(value))
		}
		for _, id := range []storage.CredentialID{c.ID, next.ID} {
			if _, err := h.Revoke(t.Context(), h.people["alice"], id, ""); err != nil {
				t.Fatal(err)
			}
		}
		h.settle(t)
	}
}

// A request that comes to nothing leaves the key as it was, and says why.
func TestAReviewedRotationThatComesToNothing(t *testing.T) {
	t.Parallel()
	h := open(t)
	for name, tt := range map[string]struct {
		do   func(storage.Credential, storage.Request)
		want storage.RequestState
		left int // keys that work
	}{
		"denied": {func(_ storage.Credential, r storage.Request) {
			h.mustVote(t, "carol", r.ID, Vote{Decision: storage.Deny, Reason: "no"})
		}, storage.RequestDenied, 1},
		"canceled": {func(_ storage.Credential, r storage.Request) {
			if _, err := h.Cancel(t.Context(), h.people["alice"], r.ID); err != nil {
				t.Error(err)
			}
		}, storage.RequestCanceled, 1},
		"canceled when it is approved": {func(_ storage.Credential, r storage.Request) {
			h.mustVote(t, "carol", r.ID, Vote{Decision: storage.Approve})
			if _, err := h.Cancel(t.Context(), h.people["alice"], r.ID); err != nil {
				t.Error(err)
			}
		}, storage.RequestCanceled, 1},
		"the key is rotated meanwhile": {func(c storage.Credential, r storage.Request) {
			if _, err := h.Rotate(t.Context(), h.people["erin"], c.ID, RotateAsk{}, fresh()); err != nil {
				t.Error(err)
			}
			h.settle(t)
			h.mustVote(t, "carol", r.ID, Vote{Decision: storage.Approve})
		}, storage.RequestFailed, 2},
		"the key is ended meanwhile": {func(c storage.Credential, r storage.Request) {
			if _, err := h.Revoke(t.Context(), h.people["alice"], c.ID, ""); err != nil {
				t.Error(err)
			}
			h.settle(t)
			h.mustVote(t, "carol", r.ID, Vote{Decision: storage.Approve})
		}, storage.RequestFailed, 0},
		"the key has another owner meanwhile": {func(c storage.Credential, r storage.Request) {
			h.exec(t, `UPDATE credential SET owner_id = $2 WHERE id = $1`, c.ID, h.person("frank"))
			h.mustVote(t, "carol", r.ID, Vote{Decision: storage.Approve})
		}, storage.RequestFailed, 1},
	} {
		c := h.active(t, "alice")
		r := h.longer(t, c)
		tt.do(c, r)
		h.settle(t)
		got := h.request(t, r.ID)
		if got.State != tt.want || got.State == storage.RequestFailed && got.StateReason == "" {
			t.Errorf("%s: the request is %s, %q", name, got.State, got.StateReason)
		}
		if n := len(h.vendor.Live()); n != tt.left {
			t.Errorf("%s: %d keys are left", name, n)
		}
		for _, k := range h.vendor.Live() {
			if id, ok := h.labelled(k); ok {
				if _, err := h.Revoke(t.Context(), h.people["erin"], id, "done"); err != nil {
					t.Fatal(err)
				}
			}
		}
		h.settle(t)
	}
}

// A rotation gives nobody one key more: who has as many as one person may have
// can still rotate.
func TestRotationIsNoMatterOfQuota(t *testing.T) {
	t.Parallel()
	d := houseDocument()
	d.Quotas = Quotas{Pending: 5, Live: 1}
	h := openWith(t, d, nil)
	c := h.active(t, "alice")
	r := h.longer(t, c)
	h.mustVote(t, "carol", r.ID, Vote{Decision: storage.Approve})
	h.settle(t)
	if next := h.replacement(t, c); next.State != storage.CredentialActive {
		t.Errorf("the new one is %q", next.State)
	}
}
