package workflow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/riverqueue/river"

	"latchkey/connectors"
	"latchkey/storage"
)

// OffboardArgs is the job that ends what a leaver holds, and the one that looks
// whether a case can close.
type OffboardArgs struct {
	ID storage.OffboardingID `json:"id"`
}

// Kind implements river.JobArgs.
func (OffboardArgs) Kind() string { return "offboard" }

// InsertOpts implements river.JobArgsWithInsertOpts: a case is never given up.
func (OffboardArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: maxTries} }

// offboardStep is how many credentials one transaction of a case takes.
const offboardStep = 25

// RunOffboarding writes down what a leaver holds and begins its end, closes
// the case when all is accounted for, and has the systems listed that have
// nothing of it left. It may run twice, after any crash.
func (s *Service) RunOffboarding(ctx context.Context, id storage.OffboardingID) error {
	o, err := s.DB.Offboarding(ctx, id)
	if err != nil || o.State != storage.OffboardingOpen {
		return err
	}
	if !o.Listed {
		if err := s.listHoldings(ctx, o); err != nil {
			return err
		}
	}
	if err := s.handOverAgain(ctx, o); err != nil {
		return err
	}
	if err := s.tryClose(ctx, id); err != nil {
		return err
	}
	s.Fault("offboard:tried")
	return s.walkFor(ctx, id)
}

// listHoldings takes what a person holds, a few at a time. A case that is
// undone on the way stops there.
func (s *Service) listHoldings(ctx context.Context, o storage.Offboarding) error {
	s.refreshOwners(ctx)
	var after storage.CredentialID
	for {
		page, err := s.DB.OwnedBy(ctx, o.PersonID, after, offboardStep)
		if err != nil {
			return err
		}
		over := false
		err = s.inTurn(ctx, func(ctx context.Context, tx storage.Tx) error {
			now, err := tx.LockOffboarding(ctx, o.ID)
			if err != nil {
				return err
			}
			if over = now.State != storage.OffboardingOpen || now.Listed; over {
				return nil
			}
			for _, own := range page {
				if err := s.endHolding(ctx, tx, o, own); err != nil {
					return fmt.Errorf("end %s of a leaver: %w", own.ID, err)
				}
			}
			if over = len(page) < offboardStep; !over {
				return nil
			}
			if err := tx.SetListed(ctx, o.ID); err != nil {
				return err
			}
			return notifyOffboarding(ctx, tx, o.ID)
		})
		s.Fault("offboard:step")
		if err != nil || over {
			return err
		}
		after = page[len(page)-1].ID
	}
}

// leftReason is why a leaver's credential ends.
const leftReason = "its owner left"

// behindFence tells whether the gateway refuses a credential as long as its
// owner is gone, so that it can wait for its end until the leave is final.
func behindFence(c storage.Credential) bool {
	return c.Brokered && c.Kind != OAuthGrant && (c.State == storage.CredentialActive || c.State == storage.CredentialSuspended)
}

// endHolding writes one credential of a leaver down and does what the leave
// means for it: it ends at its system; the gateway refuses it already, and it
// ends for good when the leave can't be undone any more; or others decide,
// because it belongs to a service. The case is locked.
func (s *Service) endHolding(ctx context.Context, tx storage.Tx, o storage.Offboarding, own storage.Own) error {
	if own.Shared {
		return s.handOverShared(ctx, tx, o, own.ID)
	}
	c, err := lockWithRequest(ctx, tx, own.ID)
	if err != nil || c.OwnerID != o.PersonID || !c.Live() {
		return err
	}
	fresh, err := tx.AddItem(ctx, o.ID, c.ID, storage.ItemOwn, time.Time{})
	if err != nil {
		return err
	}
	if behindFence(c) && !o.Final {
		if !fresh {
			return nil
		}
		return tx.InsertReceipt(ctx, storage.Receipt{CredentialID: c.ID, Verb: "fence", Answer: "The gateway refuses it since its owner left.",
			Liveness: string(connectors.Dead), Attempts: 1})
	}
	if !credentialMachine.allows(string(c.State), eventRevoke) {
		return nil // it is being ended
	}
	return s.beginRevoke(ctx, tx, &c, storage.System("offboarding"), leftReason)
}

// lockWithRequest holds a credential, and before it the request it came from.
func lockWithRequest(ctx context.Context, tx storage.Tx, id storage.CredentialID) (storage.Credential, error) {
	c := storage.Credential{ID: id}
	var err error
	if c.RequestID, err = tx.RequestOf(ctx, id); err != nil {
		return c, err
	}
	if _, err := lockRequestOf(ctx, tx, c); err != nil {
		return c, err
	}
	return tx.LockCredential(ctx, id)
}

// tryClose closes a case that has all accounted for.
func (s *Service) tryClose(ctx context.Context, id storage.OffboardingID) error {
	return s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		o, err := tx.LockOffboarding(ctx, id)
		if err != nil || o.State != storage.OffboardingOpen || !o.Listed {
			return err
		}
		systems, items, err := tx.Unaccounted(ctx, id)
		if err != nil || systems > 0 || items > 0 {
			return err
		}
		if err := tx.MoveOffboarding(ctx, &o, storage.OffboardingClosed, storage.System("offboarding"), "everything is accounted for"); err != nil {
			return err
		}
		return notifyOffboarding(ctx, tx, id)
	})
}

// walkFor has the systems listed that a case waits for. A walk serves every
// case. Each system has a transaction of its own, because a walk holds its
// row before it holds cases.
func (s *Service) walkFor(ctx context.Context, id storage.OffboardingID) error {
	names, err := s.DB.WalkNext(ctx, id)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := s.walkSoon(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) walkSoon(ctx context.Context, connection string) error {
	err := s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error { return tx.SyncSoon(ctx, connection) })
	if errors.Is(err, storage.ErrNotFound) {
		return nil // it left the configuration; somebody has to answer for it
	}
	return err
}

// accountedFor has people see that a credential of a case is proven dead. The
// last one at its system, and the last one of all, have the case looked at.
func accountedFor(ctx context.Context, tx storage.Tx, id storage.CredentialID) error {
	cases, err := tx.CasesOf(ctx, id)
	if err != nil {
		return err
	}
	for _, o := range cases {
		err := tx.Enqueue(ctx, NotifyArgs{storage.SubjectOffboarding, int64(o.ID)}, &river.InsertOpts{Queue: notifyQueue, UniqueOpts: underWay})
		if err != nil {
			return err
		}
		if o.Here > 0 && o.All > 0 {
			continue
		}
		if err := tx.Enqueue(ctx, OffboardArgs{o.ID}, nil); err != nil {
			return err
		}
	}
	return nil
}
