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

// rotateLook is how often the sweep looks how a rotation that is under way
// comes on, beside what it is told of.
const rotateLook = time.Hour

// overlapEnds says when to look at the old key of a rotation again, and
// whether it has come to its end: the new one works, somebody has it, the
// overlap is over and, where the rule wants that, the old one is out of use.
func overlapEnds(old storage.Credential, r *storage.Rotation, now time.Time) (again time.Time, over bool) {
	if r == nil {
		return time.Time{}, false
	}
	if r.NewState != storage.CredentialActive || !r.NewCollected || r.OldEndsAt.Year() <= 1 {
		return now.Add(rotateLook), false
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

// makeWay ends the row of a key that its system replaced in place, before the
// new one takes its place there: both may have the same ID at the system.
func makeWay(ctx context.Context, tx storage.Tx, c storage.Credential) error {
	if c.ReplacesID == 0 {
		return nil
	}
	r, err := tx.RotationTo(ctx, c.ID)
	if err != nil || r.Way != storage.RotateInPlace {
		return err
	}
	old, err := tx.LockCredential(ctx, r.OldID)
	if err != nil {
		return err
	}
	by, why := storage.System("rotation"), fmt.Sprintf("replaced by %s", c.ID)
	now, err := tx.Now(ctx)
	if err != nil {
		return err
	}
	if err := tx.SpendTicket(ctx, old.ID, false); err != nil && !errors.Is(err, storage.ErrConflict) {
		return err
	}
	old.EndedAt, old.NextActionAt, old.LeaseUntil, old.Attempts = now, time.Time{}, time.Time{}, 0
	if err := moveCredential(ctx, tx, &old, eventRevoke, by, why); err != nil {
		return err
	}
	return moveCredential(ctx, tx, &old, eventConfirm, by, why)
}

// afterIssue begins the overlap when the new key of a rotation works. Where
// the system has none, the old one is dead already, and proof is the receipt.
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
	err = tx.Record(ctx, storage.System("rotation"), storage.Event{Action: "credential.replaced", Subject: storage.SubjectCredential,
		SubjectID: int64(old.ID), After: c.ID.String()})
	if err != nil {
		return err
	}
	if r.Way == storage.RotateInPlace {
		proof.CredentialID, proof.Verb, proof.Liveness = old.ID, "rotate", string(connectors.Dead)
		if err := tx.InsertReceipt(ctx, proof); err != nil {
			return err
		}
		if err := accountedFor(ctx, tx, old.ID); err != nil {
			return err
		}
		return notifyCredential(ctx, tx, old)
	}
	if err := tx.SetNextAction(ctx, old.ID, now); err != nil {
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

// makeKey has a system make the key of a row: another one or, in place, one
// that has the old one's place. In place the old value is dead when the system
// has done its work: if its answer is lost, the owner has no key that works
// until the next try brings one.
func (s *Service) makeKey(ctx context.Context, conn connectors.Connector, c storage.Credential, way string, owner connectors.AccountRef, ends time.Time) (connectors.Issued, error) {
	if way == storage.RotateInPlace {
		return s.replaceKey(ctx, conn, c, ends)
	}
	issuer, ok := connectors.As[connectors.Issuer](conn)
	if !ok {
		return connectors.Issued{}, fmt.Errorf("%s can't issue keys: %w", c.Connection, connectors.ErrUnsupported)
	}
	return issuer.Issue(ctx, connectors.IssueRequest{Label: s.label(c.ID), Owner: owner, Scopes: c.Scopes, ExpiresAt: ends})
}

// replaceKey gives a key another value. What carries the new row's label
// already has it by a try whose answer was lost, and gets one more.
func (s *Service) replaceKey(ctx context.Context, conn connectors.Connector, c storage.Credential, ends time.Time) (connectors.Issued, error) {
	rotator, ok := connectors.As[connectors.Rotator](conn)
	if !ok {
		return connectors.Issued{}, fmt.Errorf("%s can't rotate keys: %w", c.Connection, connectors.ErrUnsupported)
	}
	old, err := s.DB.Credential(ctx, c.ReplacesID)
	if err != nil {
		return connectors.Issued{}, err
	}
	ref := connectors.Ref{ID: old.VendorRef}
	if c.Attempts > 1 {
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
		err = fmt.Errorf("the system says that it does not work: %w", connectors.ErrUnrecoverable)
	}
	if err != nil {
		return fmt.Errorf("prove the new key: %w", err)
	}
	return nil
}

// proofTries is how often a system may refuse a key that it just made: some
// take a while until they honour one. With the backoff it is two minutes.
const proofTries = 8

// notProven has a key that is not proven made anew, which ends it first. A
// system that refuses its own keys again and again is not asked for ever: the
// old key stays, and people see why. In place there is no old key to go back
// to, so it is tried on.
func (s *Service) notProven(ctx context.Context, leased storage.Credential, way string, issued connectors.Issued, cause error) error {
	if way == storage.RotateInPlace || leased.Attempts < proofTries || !errors.Is(cause, connectors.ErrUnrecoverable) {
		return s.putOffIssue(ctx, leased, cause)
	}
	s.Logger.Error().Err(cause).Stringer("credential", leased.ID).Msg("the system refuses the key it made; the old one stays")
	return s.DB.InTx(context.WithoutCancel(ctx), func(ctx context.Context, tx storage.Tx) error {
		r, err := lockRequestOf(ctx, tx, leased)
		if err != nil {
			return err
		}
		c, err := tx.LockCredential(ctx, leased.ID)
		if err != nil {
			return err
		}
		if c.State != storage.CredentialIssuing || c.Attempts != leased.Attempts {
			return revokeStraysOf(ctx, tx, c, issued.Ref.ID)
		}
		return s.endMade(ctx, tx, &r, &c, way, issued, "the system refuses the new key")
	})
}

// endMade ends a key that was made and is not to be the row's. In place it is
// the old row's key too, whose own end ends it.
func (s *Service) endMade(ctx context.Context, tx storage.Tx, r *storage.Request, c *storage.Credential, way string, issued connectors.Issued, why string) error {
	if way == storage.RotateInPlace {
		return s.endIssue(ctx, tx, c, why)
	}
	c.VendorRef = issued.Ref.ID
	if err := s.beginRevoke(ctx, tx, c, storage.System("issue"), why); err != nil {
		return err
	}
	if !requestMachine.allows(string(r.State), eventFail) {
		return nil
	}
	if err := moveRequest(ctx, tx, r, eventFail, storage.System("issue"), why); err != nil {
		return err
	}
	return notifyRequest(ctx, tx, r.ID)
}
