package workflow

import (
	"context"
	"errors"
	"strings"
	"time"

	"latchkey/storage"
)

// Return says that a person is back, or never left. Only the source that said
// they left may, or an admin, and only while the leave can be undone: what the
// gateway honours works again, and nothing else comes back.
func (s *Service) Return(ctx context.Context, l Leave) (undone bool, err error) {
	err = s.inTurn(ctx, func(ctx context.Context, tx storage.Tx) error {
		undone, err = s.comeBack(ctx, tx, l)
		return err
	})
	return undone, err
}

// comeBack is Return within a transaction. A person who comes back after the
// grace period may act again; what they held stays ended.
func (s *Service) comeBack(ctx context.Context, tx storage.Tx, l Leave) (bool, error) {
	active, leftBy, err := tx.LockPerson(ctx, l.Person)
	if err != nil || active {
		return false, err
	}
	if l.Source != SourceAdmin && leftBy != l.Source {
		return false, refuse(RuleNotPossible, "%s said that this person left, so %s can't take it back. An admin can.", orNobody(leftBy), l.Source)
	}
	o, err := tx.LockOffboardingOf(ctx, l.Person)
	if errors.Is(err, storage.ErrNotFound) {
		return true, tx.LiftFence(ctx, l.Person, l.By, l.Reason)
	}
	if err != nil {
		return false, err
	}
	now, err := tx.Now(ctx)
	if err != nil {
		return false, err
	}
	if o.State != storage.OffboardingUndone && !undoable(o, now) {
		if err := s.endAll(ctx, tx, o); err != nil {
			return false, err
		}
		return true, tx.LiftFence(ctx, l.Person, l.By, l.Reason)
	}
	if err := tx.LiftFence(ctx, l.Person, l.By, l.Reason); err != nil || o.State == storage.OffboardingUndone {
		return true, err
	}
	if err := s.giveBack(ctx, tx, o); err != nil {
		return false, err
	}
	if err := tx.MoveOffboarding(ctx, &o, storage.OffboardingUndone, l.By, l.Reason); err != nil {
		return false, err
	}
	return true, notifyOffboarding(ctx, tx, o.ID)
}

func orNobody(source string) string {
	if source == "" {
		return "Nobody we know of"
	}
	return source
}

// undoable tells whether a leave can be undone. The grace period of a held
// case begins when a human confirms it.
func undoable(o storage.Offboarding, now time.Time) bool {
	switch o.State {
	case storage.OffboardingHeld:
		return true
	case storage.OffboardingOpen, storage.OffboardingClosed:
		return !o.Final && now.Before(o.GraceUntil)
	case storage.OffboardingUndone:
	}
	return false
}

// endAll makes sure that nobody gets back what should have ended for good by
// now: the sweep may not have come to it.
func (s *Service) endAll(ctx context.Context, tx storage.Tx, o storage.Offboarding) error {
	for more := !o.Final; more; {
		var err error
		if more, err = s.endForGood(ctx, tx, o); err != nil {
			return err
		}
	}
	return nil
}

// UndoLeave is Return for an admin, with a reason. Nobody undoes their own.
func (s *Service) UndoLeave(ctx context.Context, a Actor, id storage.OffboardingID, reason string) error {
	if err := s.mustAdmin(ctx, a, "undo a leave"); err != nil {
		return err
	}
	reason = strings.TrimSpace(reason)
	return s.inTurn(ctx, func(ctx context.Context, tx storage.Tx) error {
		o, err := tx.PeekOffboarding(ctx, id)
		if err != nil {
			return gone(err, "such case")
		}
		// The person comes before the case, as in comeBack.
		if _, _, err := tx.LockPerson(ctx, o.PersonID); err != nil {
			return err
		}
		if o, err = tx.LockOffboarding(ctx, id); err != nil {
			return err
		}
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		switch {
		case o.PersonID == a.Account.PersonID:
			return refuse(RuleSelfReview, "The case is about you: another admin has to undo it.")
		case o.State == storage.OffboardingUndone:
			return nil
		case !undoable(o, now):
			return refuse(RuleDecided, "The leave could be undone until %s. The person can come back, and ask for new keys.", o.GraceUntil.UTC().Format(time.DateTime)+" UTC")
		case reason == "":
			return refuse(RuleReason, "Say why: it is kept with the case.").on("reason")
		}
		if err := checkReason(reason); err != nil {
			return err
		}
		_, err = s.comeBack(ctx, tx, Leave{Person: o.PersonID, Source: SourceAdmin, By: a.by(), Reason: reason})
		return err
	})
}
