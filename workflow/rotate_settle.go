package workflow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"latchkey/connectors"
	"latchkey/storage"
)

// rotateAgain is when a rule tries again to replace a key after nothing came
// of it.
const rotateAgain = 24 * time.Hour

// overlapEnds says when the old key of a rotation ends, and whether it has
// come to that: the new one works, somebody has it, the overlap is over and,
// where the rule wants that, the old one is out of use.
func overlapEnds(old storage.Credential, r *storage.Rotation, now time.Time) (ends time.Time, over bool) {
	if r == nil || r.NewState != storage.CredentialActive || !r.NewCollected || r.OldEndsAt.Year() <= 1 {
		return time.Time{}, false
	}
	if now.Before(r.OldEndsAt) {
		return r.OldEndsAt, false
	}
	quiet := old.LastUsedAt.Add(time.Duration(r.QuietS) * time.Second)
	if r.QuietS > 0 && old.UseKnown && !old.LastUsedAt.IsZero() && now.Before(quiet) {
		return quiet, false
	}
	return time.Time{}, true
}

// endReplaced ends the old key of a rotation.
func (s *Service) endReplaced(ctx context.Context, tx storage.Tx, old *storage.Credential, r storage.Rotation) error {
	return s.beginRevoke(ctx, tx, old, storage.System("rotation"), fmt.Sprintf("replaced by %s", r.NewID))
}

// afterIssue begins the overlap when the new key of a rotation works. Where
// the system has none, the old one is dead already, and its row says so.
func (s *Service) afterIssue(ctx context.Context, tx storage.Tx, c storage.Credential, proof storage.Receipt) error {
	if c.ReplacesID == 0 {
		return nil
	}
	r, err := tx.RotationTo(ctx, c.ID)
	if err != nil {
		return err
	}
	old, err := tx.LockCredential(ctx, r.OldID)
	if err != nil {
		return err
	}
	by := storage.System("rotation")
	now, err := tx.Now(ctx)
	if err != nil {
		return err
	}
	ends := now.Add(time.Duration(r.OverlapS) * time.Second)
	if r.OldEndsAt.Year() > 1 {
		ends = r.OldEndsAt
	}
	if err := tx.SetOverlap(ctx, c.ID, earlier(ends, old.ExpiresAt)); err != nil {
		return err
	}
	err = tx.Record(ctx, by, storage.Event{Action: "credential.replaced", Subject: storage.SubjectCredential, SubjectID: int64(old.ID), After: c.ID.String()})
	if err != nil {
		return err
	}
	if r.Way == storage.RotateInPlace && credentialMachine.allows(string(old.State), eventRevoke) {
		return s.buryReplaced(ctx, tx, old, c, proof)
	}
	if old.State == storage.CredentialActive || old.State == storage.CredentialSuspended {
		if err := tx.SetNextAction(ctx, old.ID, now); err != nil {
			return err
		}
	}
	return notifyCredential(ctx, tx, old)
}

// buryReplaced ends the row of a key whose system replaced it in place.
func (s *Service) buryReplaced(ctx context.Context, tx storage.Tx, old, c storage.Credential, proof storage.Receipt) error {
	by, why := storage.System("rotation"), fmt.Sprintf("replaced by %s", c.ID)
	now, err := tx.Now(ctx)
	if err != nil {
		return err
	}
	old.EndedAt, old.NextActionAt, old.LeaseUntil, old.Attempts = now, time.Time{}, time.Time{}, 0
	if err := moveCredential(ctx, tx, &old, eventRevoke, by, why); err != nil {
		return err
	}
	if err := moveCredential(ctx, tx, &old, eventConfirm, by, why); err != nil {
		return err
	}
	proof.CredentialID, proof.Verb, proof.Liveness = old.ID, "rotate", string(connectors.Dead)
	if err := tx.InsertReceipt(ctx, proof); err != nil {
		return err
	}
	return notifyCredential(ctx, tx, old)
}

// rotationOff notes on the old key that nothing came of the new one. It lives
// on as it was.
func (s *Service) rotationOff(ctx context.Context, tx storage.Tx, old storage.CredentialID, why string) error {
	if old == 0 {
		return nil
	}
	now, err := tx.Now(ctx)
	if err != nil {
		return err
	}
	alive, err := tx.RotationFailed(ctx, old, now.Add(rotateAgain), storage.System("rotation"), why)
	if err != nil || !alive {
		return err
	}
	return notifyCredential(ctx, tx, storage.Credential{ID: old})
}

// collected has the sweep look at the key that a collected one replaces.
func collected(ctx context.Context, tx storage.Tx, c storage.Credential) error {
	if c.ReplacesID == 0 {
		return nil
	}
	now, err := tx.Now(ctx)
	if err != nil {
		return err
	}
	old, err := tx.LockCredential(ctx, c.ReplacesID)
	if err != nil || old.State != storage.CredentialActive && old.State != storage.CredentialSuspended {
		return err
	}
	if err := tx.SetNextAction(ctx, old.ID, now); err != nil {
		return err
	}
	return notifyCredential(ctx, tx, old)
}

// makeKey has a system make the key of a row: another one, or one in place of
// the old.
func (s *Service) makeKey(ctx context.Context, conn connectors.Connector, c storage.Credential, owner connectors.AccountRef, ends time.Time) (connectors.Issued, error) {
	if issuer, ok := connectors.As[connectors.Issuer](conn); ok {
		return issuer.Issue(ctx, connectors.IssueRequest{Label: s.label(c.ID), Owner: owner, Scopes: c.Scopes, ExpiresAt: ends})
	}
	rotator, ok := connectors.As[connectors.Rotator](conn)
	if !ok || c.ReplacesID == 0 {
		return connectors.Issued{}, fmt.Errorf("%s can't issue keys: %w", c.Connection, connectors.ErrUnsupported)
	}
	old, err := s.DB.Credential(ctx, c.ReplacesID)
	if err != nil {
		return connectors.Issued{}, err
	}
	ref := connectors.Ref{ID: old.VendorRef}
	if c.Attempts > 1 { // an answer may have been lost: what carries our label took the old one's place
		found, err := findAtVendor(ctx, conn, s.label(c.ID), "")
		if err != nil {
			return connectors.Issued{}, err
		}
		if len(found) > 0 {
			ref = found[0]
		}
	}
	return rotator.Rotate(ctx, connectors.RotateRequest{Ref: ref, Label: s.label(c.ID), ExpiresAt: ends})
}

// prove uses a key that is to replace another one, as far as its system lets
// us: by a real call, or by asking whether it is alive. A key that the system
// refuses is no replacement.
func (s *Service) prove(ctx context.Context, conn connectors.Connector, c storage.Credential, issued connectors.Issued) error {
	if c.ReplacesID == 0 || c.Brokered {
		return nil // the gateway honours it from the commit on
	}
	if prover, ok := connectors.As[connectors.Prover](conn); ok {
		if err := prover.Prove(ctx, issued); err != nil {
			return fmt.Errorf("prove the new key: %w", err)
		}
		return nil
	}
	alive, err := liveness(ctx, conn, issued.Ref)
	if err == nil && alive == connectors.Dead {
		err = errors.New("the system says that the new key does not work")
	}
	if err != nil {
		return fmt.Errorf("prove the new key: %w", err)
	}
	return nil
}
