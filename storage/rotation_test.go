package storage

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// rotate makes a credential that is to replace another one.
func (h *house) rotate(t testing.TB, old Credential, key string) Credential {
	t.Helper()
	c := old
	c.ID, c.ReplacesID, c.State, c.VendorRef, c.SinkVersion = 0, old.ID, CredentialIssuing, "", ""
	h.in(t, func(ctx context.Context, tx Tx) error {
		if err := tx.InsertCredential(ctx, &c, System("test")); err != nil {
			return err
		}
		return tx.InsertRotation(ctx, Rotation{NewID: c.ID, OldID: old.ID, Way: RotateOverlap, EndsAt: time.Now().Add(time.Hour), SourceKey: key})
	})
	return c
}

func (h *house) setState(t testing.TB, id CredentialID, s CredentialState) {
	t.Helper()
	h.exec(t, `UPDATE credential SET state = $2, vendor_ref = 'ref-' || id, activated_at = latchkey_now(), expires_at = latchkey_now() + interval '1 hour' WHERE id = $1`, id, s)
}

func (h *house) looks(t testing.TB, old Credential) (under map[CredentialID]Rotation, by CredentialID) {
	t.Helper()
	h.in(t, func(ctx context.Context, tx Tx) (err error) {
		if under, err = tx.RotationsOf(ctx, []CredentialID{old.ID}); err != nil {
			return err
		}
		by, err = tx.Successor(ctx, old.ID)
		return err
	})
	return under, by
}

// A rotation is there while something comes of it; its key stands in the way
// of another one until it is gone.
func TestRotationsByState(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice := h.person(t, "alice")
	old := h.credential(t, h.request(t, alice, "a"))
	h.activate(t, &old)
	if under, by := h.looks(t, old); len(under) != 0 || by != 0 {
		t.Errorf("%v, %s", under, by)
	}
	next := h.rotate(t, old, "k")
	for state, want := range map[CredentialState]struct{ under, blocks bool }{
		CredentialIssuing: {true, true}, CredentialActive: {true, true}, CredentialSuspended: {true, true}, CredentialRevoking: {false, true},
		CredentialRevokeFailed: {false, true}, CredentialRevoked: {}, CredentialExpired: {}, CredentialIssueFailed: {},
	} {
		h.setState(t, next.ID, state)
		under, by := h.looks(t, old)
		if r, ok := under[old.ID]; ok != want.under || ok && (r.NewID != next.ID || r.NewState != state || !r.NewCollected) || (by == next.ID) != want.blocks {
			t.Errorf("%s: %+v, %s", state, under, by)
		}
	}
	h.setState(t, next.ID, CredentialActive)
	keys, err := h.OpenKeyring(t.Context(), xorKeeper(7))
	if err != nil {
		t.Fatal(err)
	}
	h.in(t, func(ctx context.Context, tx Tx) error {
		return tx.InsertTicket(ctx, Ticket{CredentialID: next.ID, Nonce: "n", DataKeyID: keys.ID, Sealed: []byte{1}, ExpiresAt: time.Now().Add(time.Hour)}, [32]byte{1})
	})
	if under, _ := h.looks(t, old); under[old.ID].NewCollected {
		t.Error("it is collected, and its ticket is not spent")
	}
}

func TestARotationIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice := h.person(t, "alice")
	key := h.credential(t, h.request(t, alice, "k"))
	old := h.credential(t, h.request(t, alice, "a"))
	next := old
	next.ID, next.ReplacesID = 0, old.ID
	at := time.Now().UTC().Truncate(time.Microsecond)
	want := Rotation{OldID: old.ID, Way: RotateGuided, EndsAt: at.Add(time.Hour), OverlapS: 7, QuietS: 9, OldEndsAt: at.Add(time.Minute), Reason: "r",
		Contacts: []string{"a@example.com"}, Metadata: json.RawMessage(`{"a": 1}`), SourceKey: "click", KeyID: key.ID, NewState: CredentialIssuing, NewCollected: true}
	h.in(t, func(ctx context.Context, tx Tx) error {
		if err := tx.InsertCredential(ctx, &next, System("test")); err != nil {
			return err
		}
		want.NewID = next.ID
		return tx.InsertRotation(ctx, want)
	})
	same := cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })
	h.in(t, func(ctx context.Context, tx Tx) error {
		for what, read := range map[string]func() (Rotation, error){
			"to":   func() (Rotation, error) { return tx.RotationTo(ctx, next.ID) },
			"from": func() (Rotation, error) { return tx.RotationFrom(ctx, "click") },
		} {
			got, err := read()
			want.CreatedAt = got.CreatedAt
			if diff := cmp.Diff(want, got, same); err != nil || diff != "" {
				t.Errorf("%s: %v (-want +got):\n%s", what, err, diff)
			}
		}
		if _, err := tx.RotationFrom(ctx, ""); !errors.Is(err, ErrNotFound) {
			t.Errorf("an unknown click: %v", err)
		}
		return tx.SetOverlap(ctx, next.ID, at)
	})
	all, err := h.Rotations(t.Context(), next.ID)
	if err != nil || len(all) != 1 || !all[0].OldEndsAt.Equal(at) {
		t.Errorf("%+v, %v", all, err)
	}
}

// What a sink has is the latest delivery to any key of the line, also to one
// that came to nothing.
func TestDeliveredBefore(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice := h.person(t, "alice")
	first := h.credential(t, h.request(t, alice, "a"))
	stranger := h.credential(t, h.request(t, alice, "b"))
	delivered := func(c Credential, version string) {
		h.exec(t, `UPDATE credential SET sink_version = $2 WHERE id = $1`, c.ID, version)
	}
	want := func(c Credential, version string) {
		t.Helper()
		if got, err := h.DeliveredBefore(t.Context(), c.ID); err != nil || got != version {
			t.Errorf("before %s: %q, %v, want %q", c.ID, got, err, version)
		}
	}
	want(first, "")
	delivered(first, "1")
	delivered(stranger, "9")
	want(first, "") // its own does not count
	lost := h.rotate(t, first, "lost")
	want(lost, "1")
	h.setState(t, lost.ID, CredentialRevoked)
	second := h.rotate(t, first, "second")
	want(second, "1")
	delivered(lost, "2")
	want(second, "2")
	h.setState(t, second.ID, CredentialActive) // and was never delivered
	third := h.rotate(t, second, "third")
	want(third, "2")
	delivered(second, "3")
	want(third, "3")
}

// A successor is for the service account that the key is for, however that is
// known.
func TestHolderOf(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	alice := h.person(t, "alice")
	var accounts map[string]AccountID
	h.in(t, func(ctx context.Context, tx Tx) (err error) {
		accounts, err = tx.SaveVendorAccounts(ctx, "acme", []VendorAccount{{ExternalID: "robot", Service: true}, {ExternalID: "alice"}})
		return err
	})
	asked := h.request(t, alice, "a")
	h.exec(t, `UPDATE request SET holder_id = $2 WHERE id = $1`, asked.ID, accounts["robot"])
	for name, tt := range map[string]struct {
		request Request
		account AccountID
		want    AccountID
	}{
		"asked for":        {asked, 0, accounts["robot"]},
		"at its system":    {h.request(t, alice, "b"), accounts["robot"], accounts["robot"]},
		"a person's there": {h.request(t, alice, "c"), accounts["alice"], 0},
		"nobody's":         {h.request(t, alice, "d"), 0, 0},
	} {
		c := h.credential(t, tt.request)
		if tt.account != 0 {
			h.exec(t, `UPDATE credential SET account_id = $2 WHERE id = $1`, c.ID, tt.account)
		}
		h.in(t, func(ctx context.Context, tx Tx) error {
			got, err := tx.HolderOf(ctx, c.ID)
			if got != tt.want {
				t.Errorf("%s: %d, want %d", name, got, tt.want)
			}
			return err
		})
	}
}
