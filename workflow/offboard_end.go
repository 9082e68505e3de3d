package workflow

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/riverqueue/river"

	"latchkey/storage"
)

// How long an open case waits until it is looked at anew, beside what it is
// told of: a tenth of its age, within these.
const (
	lookFirst = time.Minute
	lookLast  = 30 * time.Minute
)

// Waive lets a case close although a credential has no receipt: an admin
// answers for it by name, with a reason.
func (s *Service) Waive(ctx context.Context, a Actor, id storage.OffboardingID, key storage.CredentialID, reason string) error {
	return s.waive(ctx, a, id, reason, func(ctx context.Context, tx storage.Tx, reason string) (bool, error) {
		if _, err := lockWithRequest(ctx, tx, key); err != nil {
			return false, gone(err, fmt.Sprintf("key %s", key))
		}
		it, err := tx.LockOffboardingItem(ctx, id, key)
		if err != nil {
			return false, gone(err, fmt.Sprintf("key %s in this case", key))
		}
		if it.WaivedAt.Year() > 1 {
			return false, nil
		}
		return true, tx.WaiveItem(ctx, id, key, a.by(), reason)
	})
}

// WaiveSystem is Waive for a system that can't show that nothing is left.
func (s *Service) WaiveSystem(ctx context.Context, a Actor, id storage.OffboardingID, connection, reason string) error {
	return s.waive(ctx, a, id, reason, func(ctx context.Context, tx storage.Tx, reason string) (bool, error) {
		return tx.WaiveSystem(ctx, id, connection, a.by(), reason)
	})
}

func (s *Service) waive(ctx context.Context, a Actor, id storage.OffboardingID, reason string, do func(context.Context, storage.Tx, string) (bool, error)) error {
	if err := s.mustAdmin(ctx, a, "answer for what a case can't prove"); err != nil {
		return err
	}
	reason = strings.TrimSpace(reason)
	if reason == "" {
		return refuse(RuleReason, "Say why it need not be proven: it is in the report.").on("reason")
	}
	if err := checkReason(reason); err != nil {
		return err
	}
	return s.inTurn(ctx, func(ctx context.Context, tx storage.Tx) error {
		o, err := tx.LockOffboarding(ctx, id)
		if err != nil {
			return gone(err, "such case")
		}
		switch {
		case o.PersonID == a.Account.PersonID:
			return refuse(RuleSelfReview, "The case is about you: another admin has to answer for it.")
		case o.State != storage.OffboardingOpen:
			return refuse(RuleDecided, "The case is %s; there is nothing to answer for.", o.State)
		}
		changed, err := do(ctx, tx, reason)
		if err != nil || !changed {
			return err
		}
		if err := tx.TouchOffboarding(ctx, id); err != nil {
			return err
		}
		if err := notifyOffboarding(ctx, tx, id); err != nil {
			return err
		}
		return tx.Enqueue(ctx, OffboardArgs{id}, nil)
	})
}

// sweepOffboardings calls a human for cases that are open for long, has open
// ones looked at, and ends for good what the gateway honours when a leave
// can't be undone any more. Each case is done by itself.
func (s *Service) sweepOffboardings(ctx context.Context) error {
	var after storage.OffboardingID
	for {
		due, err := s.DB.OffboardingsDue(ctx, after, sweepBatch)
		if err != nil {
			return err
		}
		for _, after = range due {
			if err := s.sweepOffboarding(ctx, after); err != nil {
				s.Logger.Warn().Err(err).Int64("offboarding", int64(after)).Msg("a case is left to the next sweep")
			}
		}
		if len(due) < sweepBatch {
			return ctx.Err()
		}
	}
}

func (s *Service) sweepOffboarding(ctx context.Context, id storage.OffboardingID) error {
	for more := true; more; {
		more = false
		err := s.inTurn(ctx, func(ctx context.Context, tx storage.Tx) error {
			o, err := tx.LockOffboardingDue(ctx, id)
			if err != nil {
				return err
			}
			now, err := tx.Now(ctx)
			if err != nil {
				return err
			}
			if err := s.page(ctx, tx, o, now); err != nil {
				return err
			}
			if err := s.look(ctx, tx, o, now); err != nil {
				return err
			}
			if o.Final || now.Before(o.GraceUntil) || o.State != storage.OffboardingOpen && o.State != storage.OffboardingClosed {
				return nil
			}
			more, err = s.endForGood(ctx, tx, o)
			return err
		})
		if errors.Is(err, storage.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		s.Fault("offboard:final")
	}
	return nil
}

// page calls a human for a case that takes long.
func (s *Service) page(ctx context.Context, tx storage.Tx, o storage.Offboarding, now time.Time) error {
	if o.PageAt.Year() <= 1 || now.Before(o.PageAt) {
		return nil
	}
	if err := tx.SetPaged(ctx, o.ID, storage.System("offboarding")); err != nil {
		return err
	}
	return notifyOffboarding(ctx, tx, o.ID)
}

// look has an open case looked at, for what nobody told it of.
func (s *Service) look(ctx context.Context, tx storage.Tx, o storage.Offboarding, now time.Time) error {
	if o.LookAt.Year() <= 1 || now.Before(o.LookAt) {
		return nil
	}
	if err := tx.SetLook(ctx, o.ID, now.Add(min(max(now.Sub(o.BeganAt)/10, lookFirst), lookLast))); err != nil {
		return err
	}
	return tx.Enqueue(ctx, OffboardArgs{o.ID}, &river.InsertOpts{UniqueOpts: underWay})
}

// endForGood ends what the gateway honours of a leaver, and whatever else is
// alive, a few at a time; more tells that there is more of it.
func (s *Service) endForGood(ctx context.Context, tx storage.Tx, o storage.Offboarding) (more bool, err error) {
	keys, err := tx.Endable(ctx, o.PersonID, offboardStep)
	if err != nil {
		return false, err
	}
	for _, id := range keys {
		c, err := lockWithRequest(ctx, tx, id)
		if err != nil {
			return false, err
		}
		if c.OwnerID != o.PersonID || !credentialMachine.allows(string(c.State), eventRevoke) {
			continue
		}
		if _, err := tx.AddItem(ctx, o.ID, id, storage.ItemOwn, time.Time{}); err != nil {
			return false, err
		}
		if err := s.beginRevoke(ctx, tx, &c, storage.System("offboarding"), leftReason); err != nil {
			return false, err
		}
	}
	if len(keys) == offboardStep {
		return true, nil
	}
	if err := tx.SetFinal(ctx, o.ID); err != nil {
		return false, err
	}
	return false, notifyOffboarding(ctx, tx, o.ID)
}
