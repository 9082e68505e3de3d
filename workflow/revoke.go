package workflow

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"latchkey/connectors"
	"latchkey/storage"
)

// revokeLoud is how many failed tries make a revocation `revoke_failed`,
// which people see. It is tried again all the same, for ever.
const revokeLoud = 5

// byHandAgain is how often we look whether a person has ended a key that only
// a person can end. A sync that does not find it looks at once.
const byHandAgain = time.Hour

// Revoke ends a credential: any by an admin, or by a key of Latchkey's own
// that may, with a reason; one's own by its owner ("give back"). A brokered key stops working at the commit. Doing it
// again is no error.
func (s *Service) Revoke(ctx context.Context, a Actor, id storage.CredentialID, reason string) (storage.Credential, error) {
	s.Refresh(ctx, s.today.Sources(s.today.Admins...))
	c, err := s.DB.Credential(ctx, id)
	if err != nil {
		return c, gone(err, fmt.Sprintf("key %s", id))
	}
	err = s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		owner, admin, m, err := s.capacity(ctx, tx, a, c.OwnerID, ScopeRevoke)
		if err != nil {
			return err
		}
		r, err := lockRequestOf(ctx, tx, c)
		if err != nil {
			return err
		}
		if c, err = tx.LockCredential(ctx, id); err != nil {
			return err
		}
		owner = owner && c.OwnerID == a.Account.PersonID
		if !owner && !admin {
			return s.adminsOnly(m, "Only its owner or an admin (%s) can revoke %s.", strings.Join(s.today.Admins, ", "), id)
		}
		switch c.State {
		case storage.CredentialRevoking, storage.CredentialRevokeFailed, storage.CredentialRevoked:
			return nil
		case storage.CredentialExpired, storage.CredentialIssueFailed:
			return refuse(RuleDecided, "%s is already %s; it works nowhere.", id, strings.ReplaceAll(string(c.State), "_", " "))
		case storage.CredentialIssuing, storage.CredentialActive, storage.CredentialSuspended:
		}
		if reason = strings.TrimSpace(reason); reason == "" && !owner {
			return refuse(RuleReason, "Say why you revoke somebody else's key: its owner will read it.").on("reason")
		}
		if err := checkReason(reason); err != nil {
			return err
		}
		if reason == "" {
			reason = "given back"
		}
		if err := s.beginRevoke(ctx, tx, &c, a.by(), reason); err != nil {
			return err
		}
		if !requestMachine.allows(string(r.State), eventCancel) {
			return nil
		}
		// The key was still to be made, and now the request leads to none.
		if err := moveRequest(ctx, tx, &r, eventCancel, a.by(), reason); err != nil {
			return err
		}
		return notifyRequest(ctx, tx, r.ID)
	})
	return c, err
}

// lockRequestOf holds the request a credential came from, if there is one:
// requests are locked before credentials on every path.
func lockRequestOf(ctx context.Context, tx storage.Tx, c storage.Credential) (storage.Request, error) {
	if c.RequestID == 0 {
		return storage.Request{}, nil
	}
	r, _, _, err := tx.LockRequest(ctx, c.RequestID)
	return r, err
}

// beginRevoke writes the intent: from here the gateway refuses the key and it
// can't be collected any more.
func (s *Service) beginRevoke(ctx context.Context, tx storage.Tx, c *storage.Credential, by storage.Actor, reason string) error {
	now, err := tx.Now(ctx)
	if err != nil {
		return err
	}
	c.NextActionAt = now.Add(s.LeaseFor)
	if c.State != storage.CredentialIssuing {
		c.LeaseUntil = time.Time{}
		c.Attempts = 0
	}
	if err := moveCredential(ctx, tx, c, eventRevoke, by, reason); err != nil {
		return err
	}
	if err := tx.SpendTicket(ctx, c.ID, false); err != nil && !errors.Is(err, storage.ErrConflict) {
		return err
	}
	if err := s.revokeSoon(ctx, tx, *c); err != nil {
		return err
	}
	if err := s.rotationOff(ctx, tx, c.ReplacesID, reason); err != nil {
		return err
	}
	return notifyCredential(ctx, tx, *c)
}

// FinishRevoke does at the vendor what a `revoking` row says. It may run
// twice, on any replica, after any crash.
func (s *Service) FinishRevoke(ctx context.Context, id storage.CredentialID) error {
	var c storage.Credential
	var mine bool
	err := s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) (err error) {
		if c, err = tx.LockCredential(ctx, id); err != nil || c.State != storage.CredentialRevoking {
			return err
		}
		err = tx.Lease(ctx, &c, s.LeaseFor)
		mine = err == nil
		if errors.Is(err, storage.ErrConflict) {
			return nil
		}
		return err
	})
	if err != nil || !mine {
		return err
	}
	s.Fault("revoke:leased")
	proof, cause := s.revokeAtVendor(ctx, c)
	if cause == nil {
		s.Fault("revoke:answered")
	}
	err = s.DB.InTx(context.WithoutCancel(ctx), func(ctx context.Context, tx storage.Tx) error {
		return s.settleRevoke(ctx, tx, c, proof, cause)
	})
	if err == nil && cause == nil {
		s.Fault("revoke:stored")
	}
	return err
}

// revokeAtVendor ends the key or, before its vendor's ID is known, everything
// with its label, and brings the vendor's answer.
func (s *Service) revokeAtVendor(ctx context.Context, c storage.Credential) (storage.Receipt, error) {
	proof := storage.Receipt{CredentialID: c.ID, Verb: "revoke", Liveness: string(connectors.Dead), Attempts: c.Attempts}
	ctx, witness := connectors.WithWitness(ctx)
	if c.Brokered {
		proof.Answer = "The gateway refuses it."
		if c.Kind != OAuthGrant {
			return proof, nil // since the row said so
		}
		alive, err := s.endGrant(ctx, c)
		proof.Liveness = string(alive)
		proof.Answer = strings.TrimSpace(proof.Answer + "\n" + witness.Testimony())
		return proof, err
	}
	conn := s.Connectors[c.Connection]
	var refs []connectors.Ref
	if c.VendorRef != "" {
		refs = append(refs, connectors.Ref{ID: c.VendorRef})
	} else {
		match, err := s.matchOf(ctx, c)
		if err != nil {
			return proof, err
		}
		if refs, err = findAtVendor(ctx, conn, s.label(c.ID), match); err != nil {
			return proof, err
		}
	}
	for _, ref := range refs {
		alive, err := endAtVendor(ctx, conn, c.Kind, ref)
		if err != nil {
			return proof, err
		}
		if alive != connectors.Dead {
			proof.Liveness = string(alive)
		}
	}
	proof.Answer = witness.Testimony()
	return proof, nil
}

// errByHand means that only a person can end a credential, at its system.
var errByHand = fmt.Errorf("a person has to end it at the system: %w", connectors.ErrUnsupported)

// endAtVendor revokes one credential. Nil means that the vendor took it and
// does not say that the credential lives on; where it can say that it is
// dead, it did.
func endAtVendor(ctx context.Context, conn connectors.Connector, kind string, ref connectors.Ref) (connectors.Liveness, error) {
	err := revokeCall(ctx, conn, kind, ref)
	byHand := errors.Is(err, connectors.ErrUnsupported)
	if err != nil && !byHand && !errors.Is(err, connectors.ErrNoProof) {
		return connectors.Unknown, fmt.Errorf("revoke: %w", err)
	}
	alive, err := liveness(ctx, conn, ref)
	switch {
	case !byHand && errors.Is(err, connectors.ErrNoProof):
		// The last one of its kind: the vendor took the revoke, or knows no
		// such credential, and lists none. If it lives on, a listing shows it
		// and it is ended again.
		return connectors.Unknown, nil
	case err != nil:
		return connectors.Unknown, fmt.Errorf("verify revoke: %w", err)
	case alive == connectors.Dead:
		return alive, nil
	case byHand:
		return alive, errByHand
	case alive == connectors.Live:
		return alive, errors.New("the system said revoked, but the key is live")
	}
	return alive, nil
}

func revokeCall(ctx context.Context, conn connectors.Connector, kind string, ref connectors.Ref) error {
	if kind == OAuthGrant {
		if revoker, ok := connectors.As[connectors.GrantRevoker](conn); ok {
			return revoker.RevokeGrant(ctx, connectors.GrantRef{ID: ref.ID})
		}
		return connectors.ErrUnsupported
	}
	if revoker, ok := connectors.As[connectors.Revoker](conn); ok {
		return revoker.Revoke(ctx, ref)
	}
	return connectors.ErrUnsupported
}

// liveness asks the vendor whether a credential still works. Unknown without
// an error means that this vendor can't say.
func liveness(ctx context.Context, conn connectors.Connector, ref connectors.Ref) (connectors.Liveness, error) {
	verifier, ok := connectors.As[connectors.Verifier](conn)
	if !ok {
		return connectors.Unknown, nil
	}
	alive, err := verifier.Verify(ctx, ref)
	if errors.Is(err, connectors.ErrUnsupported) {
		return connectors.Unknown, nil
	}
	if err == nil && alive == connectors.Unknown {
		return alive, errors.New("the system does not say whether the key still works")
	}
	return alive, err
}

// settleRevoke stores the vendor's answer. An answer about another key than
// the row's, which a late issue may have brought meanwhile, says nothing, and
// a failure counts only for the worker that still has the lease.
func (s *Service) settleRevoke(ctx context.Context, tx storage.Tx, leased storage.Credential, proof storage.Receipt, cause error) error {
	c, err := tx.LockCredential(ctx, leased.ID)
	if err != nil || c.State != storage.CredentialRevoking || c.VendorRef != leased.VendorRef || cause != nil && c.Attempts != leased.Attempts {
		return err
	}
	by := storage.System("revoke")
	if cause == nil {
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		c.EndedAt, c.NextActionAt, c.LeaseUntil, c.Attempts = now, time.Time{}, time.Time{}, 0
		if err := moveCredential(ctx, tx, &c, eventConfirm, by, c.StateReason); err != nil {
			return err
		}
		if err := tx.InsertReceipt(ctx, proof); err != nil {
			return err
		}
		if err := accountedFor(ctx, tx, c.ID); err != nil {
			return err
		}
		if err := revokeStraysOf(ctx, tx, c, ""); err != nil {
			return err
		}
		return notifyCredential(ctx, tx, c)
	}
	s.Logger.Warn().Err(cause).Stringer("credential", c.ID).Int("attempt", c.Attempts).Msg("revoke failed, will retry")
	again := backoff(c.Attempts, cause)
	if errors.Is(cause, connectors.ErrUnsupported) {
		again = byHandAgain
	}
	if c.Attempts < revokeLoud && !errors.Is(cause, connectors.ErrUnrecoverable) && !errors.Is(cause, connectors.ErrUnsupported) {
		return tx.Release(ctx, c.ID, again, c.StateReason)
	}
	now, err := tx.Now(ctx)
	if err != nil {
		return err
	}
	c.LeaseUntil, c.NextActionAt = time.Time{}, now.Add(again)
	if err := moveCredential(ctx, tx, &c, eventRevokeFail, by, c.StateReason); err != nil {
		return err
	}
	return notifyCredential(ctx, tx, c)
}
