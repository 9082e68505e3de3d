package workflow

import (
	"slices"
	"testing"
	"time"

	"latchkey/connectors/fake"
	"latchkey/storage"
)

// guidedTurn has alice rotate a key that she made by hand, and brings her the
// task.
func guidedTurn(t *testing.T) (h *house, old, next storage.Credential, first fake.Key) {
	t.Helper()
	h = guidedHouse(t, houseDocument())
	_, c, _ := h.guide(t, asking("files:read"))
	first = h.seed(h.handmade(c))
	h.sync(t)
	old = h.credential(t, c.ID)
	plan, err := h.PlanRotation(t.Context(), h.people["alice"], old.ID)
	if err != nil || plan.Way != storage.RotateGuided {
		t.Fatalf("%+v, %v", plan, err)
	}
	out, err := h.Rotate(t.Context(), h.people["alice"], old.ID, RotateAsk{}, fresh())
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Issue(t.Context(), out.New.ID); err != nil {
		t.Fatal(err)
	}
	v, err := h.LookAtCredential(t.Context(), out.New.ID)
	if err != nil || v.Task == nil {
		t.Fatalf("no task: %v", err)
	}
	return h, old, v.Credential, first
}

// A key that is made otherwise than the task says is ended, and the old one
// stays; it can be tried again.
func TestAGuidedRotationThatGoesWrong(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*fake.Key){
		"more than it could": func(k *fake.Key) { k.Scopes = append(k.Scopes, "files:write") },
		"for ever":           func(k *fake.Key) { k.ExpiresAt = time.Time{} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, old, next, first := guidedTurn(t)
			k := h.handmade(next)
			change(&k)
			k = h.seed(k)
			h.sync(t)
			h.workAll(t)
			if got := h.credential(t, next.ID); got.State != storage.CredentialRevoked || h.vendor.Works(k.Secret) || !h.vendor.Works(first.Secret) {
				t.Errorf("the new one is %s, works: %t, the old one: %t", got.State, h.vendor.Works(k.Secret), h.vendor.Works(first.Secret))
			}
			if got := h.credential(t, old.ID); got.State != storage.CredentialActive {
				t.Errorf("the old one is %s", got.State)
			}
			if _, err := h.Rotate(t.Context(), h.people["alice"], old.ID, RotateAsk{}, fresh()); err != nil {
				t.Errorf("it can't be tried again: %v", err)
			}
		})
	}
}

// A key that does not work yet, because its system stopped it, takes nobody's
// place.
func TestAGuidedRotationWithAStoppedKey(t *testing.T) {
	t.Parallel()
	h, old, next, first := guidedTurn(t)
	k := h.handmade(next)
	k.State = fake.StateSuspended
	k = h.seed(k)
	h.sync(t)
	h.workAll(t)
	if got := h.credential(t, next.ID); got.State != storage.CredentialIssuing {
		t.Errorf("it is %s", got.State)
	}
	h.vendor.SetState(k.ID, fake.StateActive)
	h.sync(t)
	h.workAll(t)
	if was, is := h.credential(t, old.ID), h.credential(t, next.ID); is.State != storage.CredentialActive || was.State != storage.CredentialActive || !h.vendor.Works(first.Secret) {
		t.Errorf("the new one is %s, the old one %s", is.State, was.State)
	}
}

// A key that nobody makes: after a week the rotation is off, and the old key
// is as it was.
func TestAGuidedRotationThatNobodyDoes(t *testing.T) {
	t.Parallel()
	h, old, next, first := guidedTurn(t)
	h.exec(t, `UPDATE credential SET expires_at = latchkey_now() + interval '20 days' WHERE id = $1`, old.ID)
	h.exec(t, `UPDATE rotation SET ends_at = latchkey_now() + interval '20 days' WHERE new_id = $1`, next.ID)
	h.vendor.Forget(first.ID)
	first.ExpiresAt = time.Now().AddDate(0, 0, 20)
	first = h.vendor.Seed(first)
	h.clock(t, humanWaits+time.Hour)
	if err := h.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.workAll(t)
	if got := h.credential(t, next.ID); got.State != storage.CredentialIssueFailed || got.StateReason != "nobody made it in time" {
		t.Errorf("%s, %q", got.State, got.StateReason)
	}
	events, err := h.DB.Events(t.Context(), storage.SubjectCredential, int64(old.ID))
	if err != nil || !slices.ContainsFunc(events, func(e storage.Event) bool {
		return e.Action == "credential.rotation_failed" && e.Reason == "nobody made it in time"
	}) {
		t.Errorf("%v, %+v", err, events)
	}
	if got := h.credential(t, old.ID); got.State != storage.CredentialActive || !h.vendor.Works(first.Secret) {
		t.Errorf("the old one is %s", got.State)
	}
}

// The old key is ended while its owner is about to make the new one: what is
// made then is ended too.
func TestAGuidedRotationOfAnEndedKey(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(*house, storage.Credential) error{
		"revoked": func(h *house, old storage.Credential) error {
			_, err := h.Revoke(t.Context(), h.people["erin"], old.ID, "leaked")
			return err
		},
		"its owner left": func(h *house, _ storage.Credential) error {
			h.setActive(t, "alice", false)
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, old, next, _ := guidedTurn(t)
			if err := do(h, old); err != nil {
				t.Fatal(err)
			}
			h.workAll(t)
			k := h.seed(h.handmade(next))
			h.sync(t)
			h.workAll(t)
			if got := h.credential(t, next.ID); got.Live() || h.vendor.Works(k.Secret) {
				t.Errorf("it is %s, and works: %t", got.State, h.vendor.Works(k.Secret))
			}
		})
	}
}
