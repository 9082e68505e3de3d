package storage

import (
	"context"
	"errors"
	"testing"

	"latchkey/secret"
)

// A17: whoever can write the database can't move a sealed secret to where
// somebody else would use it. Tickets have their own such test.
func TestSwappedGrantsAndSignersDoNotOpen(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := openHouse(t)
	signer := h.auditKeys(t)
	box, err := secret.NewBox(make([]byte, secret.KeySize)) // as auditKeys has it
	if err != nil {
		t.Fatal(err)
	}
	place := func(id CredentialID, column string) secret.Place {
		return secret.Place{Table: "oauth_grant", Row: id.String(), Column: column}
	}
	var held [2]CredentialID
	for i, name := range []string{"alice", "frank"} {
		c := h.credential(t, h.request(t, h.person(t, name), name))
		held[i] = c.ID
		h.in(t, func(ctx context.Context, tx Tx) error {
			return tx.SaveGrant(ctx, OAuthGrant{CredentialID: c.ID, DataKeyID: 1,
				Access: box.Seal(secret.New(name+"'s access"), place(c.ID, "access")), Refresh: box.Seal(secret.New(name+"'s refresh"), place(c.ID, "refresh"))})
		})
	}
	opens := func(id CredentialID) (bad int) {
		t.Helper()
		h.in(t, func(ctx context.Context, tx Tx) error {
			g, err := tx.LockGrant(ctx, id)
			if err != nil {
				return err
			}
			for column, sealed := range map[string][]byte{"access": g.Access, "refresh": g.Refresh} {
				if v, err := box.Open(sealed, place(id, column)); err != nil {
					bad++
					if !errors.Is(err, secret.ErrSealBroken) || !v.Empty() {
						t.Errorf("%s of %s: %v", column, id, err)
					}
				}
			}
			return nil
		})
		return bad
	}
	for name, sql := range map[string]string{
		"between rows":    `UPDATE oauth_grant g SET access = o.access, refresh = o.refresh FROM oauth_grant o WHERE o.credential_id <> g.credential_id`,
		"between columns": `UPDATE oauth_grant SET access = refresh, refresh = access`,
	} {
		for _, id := range held {
			if n := opens(id); n != 0 {
				t.Fatalf("before the swap %s, %d of %s do not open", name, n, id)
			}
		}
		h.exec(t, sql)
		for _, id := range held {
			if n := opens(id); n != 2 {
				t.Errorf("swapped %s, only %d of the 2 of %s do not open", name, n, id)
			}
		}
		h.exec(t, sql) // and back
	}

	// The signing key opens in its own place, and nothing else there.
	if _, err := h.AuditSigner(ctx, Keyring{ID: 1, Box: box}, "house.example/audit"); err != nil {
		t.Fatal(err)
	}
	h.exec(t, `ALTER TABLE audit_signer DISABLE TRIGGER ALL`)
	h.exec(t, `UPDATE audit_signer SET sealed = (SELECT access FROM oauth_grant LIMIT 1)`)
	if _, err := h.AuditSigner(ctx, Keyring{ID: 1, Box: box}, "house.example/audit"); !errors.Is(err, secret.ErrSealBroken) {
		t.Errorf("another secret opens as the signing key of %s: %v", signer.Public, err)
	}
}
