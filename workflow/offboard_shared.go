package workflow

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"latchkey/storage"
)

// refreshOwners brings what is known of the people who answer for systems up
// to date.
func (s *Service) refreshOwners(ctx context.Context) {
	groups := append([]string(nil), s.today.Admins...)
	for _, c := range s.today.Connections {
		if c.Owners != "" {
			groups = append(groups, c.Owners)
		}
	}
	s.Refresh(ctx, s.today.Sources(groups...))
}

// handOverShared gives what a leaver's service account holds to whoever
// answers for its system, so that it works on, until they decide: keep it
// under a new owner, who gets a fresh key, or end it. Silence ends it. What
// nobody asked for here stays whose its system says, and is decided on all the
// same. The case is locked.
func (s *Service) handOverShared(ctx context.Context, tx storage.Tx, o storage.Offboarding, id storage.CredentialID) error {
	c, err := lockWithRequest(ctx, tx, id)
	if err != nil || c.OwnerID != o.PersonID || !c.Live() {
		return err
	}
	now, err := tx.Now(ctx)
	if err != nil {
		return err
	}
	if _, err := tx.AddItem(ctx, o.ID, id, storage.ItemShared, now.Add(orElse(s.today.Offboarding.Decide, defaultDecide))); err != nil {
		return err
	}
	people, err := s.answerFor(ctx, tx, c.Connection)
	if err != nil {
		return err
	}
	if len(people) == 0 || !c.Managed {
		return nil // with nobody to take it over it stays fenced with its owner, and open; it is tried again
	}
	if err := tx.SetOwner(ctx, &c, people[0], storage.System("offboarding"), "its owner left; decide whether the service needs it"); err != nil {
		return err
	}
	return notifyCredential(ctx, tx, c)
}

// handOverAgain finds somebody for what had nobody to take it over.
func (s *Service) handOverAgain(ctx context.Context, o storage.Offboarding) error {
	waiting, err := s.DB.Unowned(ctx, o.ID)
	if err != nil || len(waiting) == 0 {
		return err
	}
	s.refreshOwners(ctx)
	for _, id := range waiting {
		err := s.inTurn(ctx, func(ctx context.Context, tx storage.Tx) error {
			now, err := tx.LockOffboarding(ctx, o.ID)
			if err != nil || now.State != storage.OffboardingOpen {
				return err
			}
			return s.handOverShared(ctx, tx, now, id)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// DecideShared keeps a leaver's shared credential under a new owner, or ends it
// if to is zero. Admins may, and members of the group that owns the system.
func (s *Service) DecideShared(ctx context.Context, a Actor, id storage.OffboardingID, key storage.CredentialID, to storage.PersonID, reason string) error {
	s.refreshOwners(ctx)
	reason = strings.TrimSpace(reason)
	return s.inTurn(ctx, func(ctx context.Context, tx storage.Tx) error {
		c, r, err := s.sharedFor(ctx, tx, a, id, key)
		if err != nil {
			return err
		}
		if reason == "" {
			return refuse(RuleReason, "Say why: it is kept with the case.").on("reason")
		}
		if err := checkReason(reason); err != nil {
			return err
		}
		if err := tx.TouchOffboarding(ctx, id); err != nil {
			return err
		}
		if to == 0 {
			return s.endShared(ctx, tx, id, c, a.by(), reason)
		}
		people, err := tx.Standings(ctx, []storage.PersonID{to})
		if err != nil {
			return err
		}
		if !people[to].Active {
			return refuse(RuleInactive, "The new owner has to be an active member of this workspace.").on("owner")
		}
		if c.OwnerID != to && c.Managed {
			if err := tx.SetOwner(ctx, &c, to, a.by(), reason); err != nil {
				return err
			}
		}
		if err := tx.DecideItem(ctx, id, key, to); err != nil {
			return err
		}
		if err := s.rotateAfterLeave(ctx, tx, &c, r); err != nil {
			return err
		}
		if err := notifyCredential(ctx, tx, c); err != nil {
			return err
		}
		return tx.Enqueue(ctx, OffboardArgs{id}, nil)
	})
}

// rotateAfterLeave begins to replace a shared key whose value the leaver
// knows. One that can't be replaced stays as it is; its message says so.
func (s *Service) rotateAfterLeave(ctx context.Context, tx storage.Tx, c *storage.Credential, r storage.Request) error {
	now, err := tx.Now(ctx)
	if err != nil {
		return err
	}
	rot, err := s.checkRotation(*c, RotateAsk{Ends: c.ExpiresAt, Reason: "the owner before left and knows the old key"}, now)
	if err == nil {
		rot.SourceKey = fmt.Sprintf("left:%s:%d", c.ID, now.UnixMicro())
		_, err = s.beginRotation(ctx, tx, c, rot, r, storage.System("offboarding"))
	}
	if _, refused := AsRefusal(err); refused {
		return nil
	}
	return err
}

// sharedFor locks a shared credential that is still to be decided on, for
// somebody who may, and the request it came from.
func (s *Service) sharedFor(ctx context.Context, tx storage.Tx, a Actor, id storage.OffboardingID, key storage.CredentialID) (storage.Credential, storage.Request, error) {
	o, err := tx.LockOffboarding(ctx, id)
	if err != nil {
		return storage.Credential{}, storage.Request{}, gone(err, "such case")
	}
	c, err := tx.PeekCredential(ctx, key)
	if err != nil {
		return c, storage.Request{}, gone(err, fmt.Sprintf("key %s", key))
	}
	groups := s.today.Admins
	if g := s.today.Connections[c.Connection].Owners; g != "" {
		groups = append([]string{g}, groups...)
	}
	_, m, err := s.stand(ctx, tx, s.today, a, groups...)
	if err != nil {
		return c, storage.Request{}, err
	}
	may := false
	for _, g := range groups {
		may = may || m.has(g, a.Account.PersonID)
	}
	if !may {
		return c, storage.Request{}, s.adminsOnly(m, "Only %s can decide about %s.", strings.Join(groups, " or "), key)
	}
	r, err := lockRequestOf(ctx, tx, c)
	if err != nil {
		return c, r, err
	}
	if c, err = tx.LockCredential(ctx, key); err != nil {
		return c, r, err
	}
	it, err := tx.LockOffboardingItem(ctx, id, key)
	if errors.Is(err, storage.ErrNotFound) || err == nil && it.Sort != storage.ItemShared {
		return c, r, refuse(RuleUnknown, "%s is not one of the keys that this case asks about.", key)
	}
	if err != nil {
		return c, r, err
	}
	if it.DecideBy.Year() <= 1 || o.State == storage.OffboardingUndone || !credentialMachine.allows(string(c.State), eventRevoke) {
		return c, r, refuse(RuleDecided, "This was decided already.")
	}
	return c, r, nil
}

func (s *Service) endShared(ctx context.Context, tx storage.Tx, id storage.OffboardingID, c storage.Credential, by storage.Actor, reason string) error {
	if err := tx.DecideItem(ctx, id, c.ID, 0); err != nil {
		return err
	}
	if credentialMachine.allows(string(c.State), eventRevoke) {
		if err := s.beginRevoke(ctx, tx, &c, by, reason); err != nil {
			return err
		}
	}
	return tx.Enqueue(ctx, OffboardArgs{id}, nil)
}

// sweepShared ends shared credentials that nobody decided on in time, each by
// itself: one that fails holds up no other.
func (s *Service) sweepShared(ctx context.Context) error {
	var after storage.ItemDue
	for {
		due, err := s.DB.ItemsDue(ctx, after, sweepBatch)
		if err != nil {
			return err
		}
		for _, after = range due {
			if err := s.endUndecided(ctx, after); err != nil {
				s.Logger.Warn().Err(err).Stringer("credential", after.Key).Msg("a shared key that nobody decided on is left to the next sweep")
			}
		}
		if len(due) < sweepBatch {
			return ctx.Err()
		}
	}
}

func (s *Service) endUndecided(ctx context.Context, due storage.ItemDue) error {
	return s.inTurn(ctx, func(ctx context.Context, tx storage.Tx) error {
		if _, err := tx.LockOffboarding(ctx, due.Case); err != nil {
			return err
		}
		c, err := lockWithRequest(ctx, tx, due.Key)
		if err != nil {
			return err
		}
		it, err := tx.LockOffboardingItem(ctx, due.Case, due.Key)
		if err != nil || it.DecideBy.Year() <= 1 {
			return err
		}
		if err := tx.TouchOffboarding(ctx, due.Case); err != nil {
			return err
		}
		return s.endShared(ctx, tx, due.Case, c, storage.System("offboarding"), "its owner left, and nobody decided to keep it")
	})
}

// giveBack returns what others kept for a service of whoever came back, as far
// as nobody decided on it.
func (s *Service) giveBack(ctx context.Context, tx storage.Tx, o storage.Offboarding) error {
	keys, err := tx.Undecided(ctx, o.ID)
	if err != nil {
		return err
	}
	for _, key := range keys {
		c, err := lockWithRequest(ctx, tx, key)
		if err != nil {
			return err
		}
		if err := tx.DecideItem(ctx, o.ID, key, 0); err != nil {
			return err
		}
		if !c.Live() || c.OwnerID == o.PersonID || !c.Managed {
			continue
		}
		if err := tx.SetOwner(ctx, &c, o.PersonID, storage.System("offboarding"), "its owner is back"); err != nil {
			return err
		}
		if err := notifyCredential(ctx, tx, c); err != nil {
			return err
		}
	}
	return nil
}
