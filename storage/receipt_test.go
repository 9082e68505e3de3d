package storage

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestReceiptsAreKeptInOrder(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	ids := h.addListed(t, listed("one"), listed("two"))
	all := []Receipt{
		{CredentialID: ids[0], Verb: "suspend", Answer: "PUT /users/7 200", Liveness: "live", Attempts: 1},
		{CredentialID: ids[0], Verb: "revoke", Answer: "DELETE /keys/1 503\nDELETE /keys/1 204", Liveness: "dead", Attempts: 2},
		{CredentialID: ids[1], Verb: "revoke", Liveness: "unknown"},
	}
	for _, r := range all {
		h.in(t, func(ctx context.Context, tx Tx) error { return tx.InsertReceipt(ctx, r) })
	}
	for id, want := range map[CredentialID][]Receipt{ids[0]: all[:2], ids[1]: all[2:], 999: nil} {
		got, err := h.Receipts(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Receipt{}, "At"), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("receipts of %d (-want +got):\n%s", id, diff)
		}
		for _, r := range got {
			if time.Since(r.At).Abs() > time.Hour {
				t.Errorf("a receipt of %s", r.At)
			}
		}
	}
}

func TestReceiptsAreOnlyOfWhatIsKnown(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	id := h.addListed(t, listed("one"))[0]
	for name, r := range map[string]Receipt{
		"no such credential": {CredentialID: id + 1, Verb: "revoke", Liveness: "dead"},
		"no such liveness":   {CredentialID: id, Verb: "revoke", Liveness: "perhaps"},
	} {
		err := h.InTx(t.Context(), func(ctx context.Context, tx Tx) error { return tx.InsertReceipt(ctx, r) })
		if err == nil {
			t.Errorf("%s was stored", name)
		}
	}
}

// The proof stands with the move that it proves, or not at all.
func TestAReceiptIsUndoneWithItsTransaction(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	c := h.credential(t, h.request(t, h.person(t, "alice"), "k"))
	h.activate(t, &c)
	err := h.InTx(t.Context(), func(ctx context.Context, tx Tx) error {
		if err := tx.InsertReceipt(ctx, Receipt{CredentialID: c.ID, Verb: "revoke", Liveness: "dead"}); err != nil {
			return err
		}
		stale := c
		stale.State = CredentialSuspended
		return tx.MoveCredential(ctx, &stale, CredentialRevoked, System("test"), "")
	})
	if got, readErr := h.Receipts(t.Context(), c.ID); err == nil || readErr != nil || len(got) != 0 {
		t.Errorf("%v; %v, %v", err, got, readErr)
	}
}
