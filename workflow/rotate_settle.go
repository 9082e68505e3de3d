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
