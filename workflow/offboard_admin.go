package workflow

import (
	"context"
	"errors"
	"strings"

	"latchkey/storage"
)

// OffboardPerson is Offboard for an admin, or a key with people:offboard, with
// a reason. Nobody offboards themselves, nor does a key its owner. What an admin
// says is confirmed; what a key says may have to wait for one, as in Offboard.
// sourceKey makes it harmless to send twice.
func (s *Service) OffboardPerson(ctx context.Context, a Actor, person storage.PersonID, reason, sourceKey string) (storage.Offboarding, error) {
	if err := s.mayAs(ctx, a, ScopeOffboard, "offboard people"); err != nil {
		return storage.Offboarding{}, err
	}
	reason = strings.TrimSpace(reason)
	switch {
	case person == a.Account.PersonID:
		return storage.Offboarding{}, refuse(RuleSelfReview, "You can't offboard yourself: another admin has to.")
	case reason == "":
		return storage.Offboarding{}, refuse(RuleReason, "Say why: it is kept with the case.").on("reason")
	}
	if err := checkReason(reason); err != nil {
		return storage.Offboarding{}, err
	}
	source := SourceAdmin
	if a.Key != 0 {
		source = SourceAPI
	}
	o, err := s.Offboard(ctx, Leave{Person: person, Source: source, SourceKey: sourceKey, By: a.by(), Reason: reason})
	return o, gone(err, "such person")
}

// DecideHeld lets the held cases of a mass leave go on, or undoes them all.
// expected is how many the admin saw: if there are more by now, nothing is
// done. It brings how many were decided.
func (s *Service) DecideHeld(ctx context.Context, a Actor, run bool, expected int) (int, error) {
	if err := s.mustAdmin(ctx, a, "decide about many leavers at once"); err != nil {
		return 0, err
	}
	held, err := s.DB.HeldOffboardings(ctx)
	if err != nil {
		return 0, err
	}
	switch {
	case len(held) == 0:
		return 0, refuse(RuleDecided, "Nothing waits any more.")
	case len(held) > expected:
		return 0, refuse(RuleNotPossible, "It would be %d people by now, and you saw %d. Look again; nothing was done.", len(held), expected)
	}
	n := 0
	for _, o := range held {
		done, err := s.decideHeld(ctx, a, o, run)
		if err != nil {
			return n, err
		}
		if done {
			n++
		}
	}
	return n, nil
}

func (s *Service) decideHeld(ctx context.Context, a Actor, o storage.Offboarding, run bool) (bool, error) {
	if !run {
		return s.Return(ctx, Leave{Person: o.PersonID, Source: SourceAdmin, By: a.by(), Reason: "an admin undid a mass leave"})
	}
	err := s.inTurn(ctx, func(ctx context.Context, tx storage.Tx) error {
		o, err := tx.LockOffboarding(ctx, o.ID)
		if err != nil {
			return err
		}
		if o.State != storage.OffboardingHeld {
			return storage.ErrConflict
		}
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		s.setTimes(&o, now) // the grace period begins with the confirmation
		if err := tx.MoveOffboarding(ctx, &o, storage.OffboardingOpen, a.by(), "an admin confirmed it"); err != nil {
			return err
		}
		if err := tx.Enqueue(ctx, OffboardArgs{o.ID}, nil); err != nil {
			return err
		}
		return notifyOffboarding(ctx, tx, o.ID)
	})
	if errors.Is(err, storage.ErrConflict) {
		return false, nil
	}
	return err == nil, err
}
