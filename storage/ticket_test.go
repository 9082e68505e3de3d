package storage

import (
	"context"
	"crypto/sha256"
	"errors"
	"testing"
	"time"

	"latchkey/secret"
)

// ticket stores a ticket with a sealed key for a new credential.
func (h *house) ticket(t testing.TB, k Keyring, key string) (Credential, [32]byte) {
	t.Helper()
	c := h.credential(t, h.request(t, h.person(t, key), key))
	hash := sha256.Sum256([]byte(key))
	h.in(t, func(ctx context.Context, tx Tx) error {
		return tx.InsertTicket(ctx, Ticket{CredentialID: c.ID, Nonce: "n", DataKeyID: k.ID, ExpiresAt: time.Now().Add(time.Hour),
			Sealed: k.Box.Seal(secret.New(key), ticketPlace(c.ID))}, hash)
	})
	return c, hash
}

func ticketPlace(id CredentialID) secret.Place {
	return secret.Place{Table: "ticket", Row: id.String(), Column: "sealed"}
}

func TestATicketIsSpentOnce(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	keys := h.keyring(t)
	c, hash := h.ticket(t, keys, "key")
	h.in(t, func(ctx context.Context, tx Tx) error {
		id, err := tx.TicketCredential(ctx, hash)
		if err != nil || id != c.ID {
			t.Errorf("found %s, %v", id, err)
		}
		if _, err := tx.TicketCredential(ctx, [32]byte{}); !errors.Is(err, ErrNotFound) {
			t.Errorf("no ticket: %v", err)
		}
		k, err := tx.LockTicket(ctx, hash)
		if err != nil || k.OpenedAt.Year() > 1 || k.RevealedAt.Year() > 1 || k.Now.IsZero() {
			t.Errorf("fresh: %+v, %v", k, err)
		}
		return tx.OpenTicket(ctx, c.ID, time.Now().Add(time.Minute))
	})
	h.in(t, func(ctx context.Context, tx Tx) error { // a second look does not prolong it
		return tx.OpenTicket(ctx, c.ID, time.Now().Add(time.Hour))
	})
	k, err := h.TicketOf(t.Context(), c.ID)
	if err != nil || k.OpenedAt.Year() <= 1 || time.Until(k.ExpiresAt) > 2*time.Minute {
		t.Errorf("opened: %+v, %v", k, err)
	}
	const readers = 8
	results := make(chan error, readers)
	for range readers {
		go func() {
			results <- h.InTx(context.Background(), func(ctx context.Context, tx Tx) error { return tx.SpendTicket(ctx, c.ID, true) })
		}()
	}
	spent := 0
	for range readers {
		err := <-results
		switch {
		case err == nil:
			spent++
		case !errors.Is(err, ErrConflict):
			t.Error(err)
		}
	}
	k, err = h.TicketOf(t.Context(), c.ID)
	if spent != 1 || err != nil || k.Sealed != nil || k.RevealedAt.Year() <= 1 {
		t.Errorf("spent %d times: %+v, %v", spent, k, err)
	}
	if _, err := h.TicketOf(t.Context(), 999); !errors.Is(err, ErrNotFound) {
		t.Errorf("no ticket: %v", err)
	}
}

func TestASealedKeyDoesNotOpenInAnotherRow(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	keys := h.keyring(t)
	a, _ := h.ticket(t, keys, "alice")
	b, _ := h.ticket(t, keys, "bob")
	open := func(c Credential) (string, error) {
		k, err := h.TicketOf(t.Context(), c.ID)
		if err != nil {
			t.Fatal(err)
		}
		v, err := keys.Box.Open(k.Sealed, ticketPlace(c.ID))
		return v.Expose(), err
	}
	if got, err := open(a); err != nil || got != "alice" {
		t.Fatalf("at home: %q, %v", got, err)
	}
	h.exec(t, `UPDATE ticket SET sealed = other.sealed FROM ticket other WHERE other.credential_id <> ticket.credential_id`)
	for _, c := range []Credential{a, b} {
		if got, err := open(c); !errors.Is(err, secret.ErrSealBroken) || got != "" {
			t.Errorf("swapped: %q, %v", got, err)
		}
	}
	h.exec(t, `UPDATE ticket SET sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1)`)
	if _, err := open(a); !errors.Is(err, secret.ErrSealBroken) {
		t.Errorf("changed: %v", err)
	}
}
