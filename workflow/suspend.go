package workflow

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/riverqueue/river"

	"latchkey/connectors"
	"latchkey/storage"
)

// Suspend stops a credential until Resume: any by an admin, or by a key of
// Latchkey's own that may revoke, with a reason; one's own by its owner. A brokered key stops at the commit, another one
// when its system confirms. Doing it again is no error.
func (s *Service) Suspend(ctx context.Context, a Actor, id storage.CredentialID, reason string) (storage.Credential, error) {
	return s.turn(ctx, a, id, eventSuspend, reason)
}

// Resume lets a suspended credential work again; the same people may. A key
// resumes its owner's own credentials only when they suspended them themselves.
func (s *Service) Resume(ctx context.Context, a Actor, id storage.CredentialID, reason string) (storage.Credential, error) {
	return s.turn(ctx, a, id, eventResume, reason)
}

func (s *Service) turn(ctx context.Context, a Actor, id storage.CredentialID, e event, reason string) (storage.Credential, error) {
	s.Refresh(ctx, s.today.Sources(s.today.Admins...))
	c, err := s.DB.Credential(ctx, id)
	if err != nil {
		return c, gone(err, fmt.Sprintf("key %s", id))
	}
	reason = strings.TrimSpace(reason)
	err = s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		owner, admin, m, err := s.capacity(ctx, tx, a, c.OwnerID, ScopeRevoke)
		if err != nil {
			return err
		}
		if _, err := lockRequestOf(ctx, tx, c); err != nil {
			return err
		}
		if c, err = tx.LockCredential(ctx, id); err != nil {
			return err
		}
		owner = owner && c.OwnerID == a.Account.PersonID
		done := e == eventSuspend && c.State == storage.CredentialSuspended || e == eventResume && c.State == storage.CredentialActive
		switch {
		case !owner && !admin:
			return s.adminsOnly(m, "Only its owner or an admin (%s) can %s %s.", strings.Join(s.today.Admins, ", "), e, id)
		case !s.canSuspend(c):
			return refuse(RuleNotPossible, "%s can't suspend keys; they can only be revoked.", c.Connection)
		case done:
			return nil
		case !credentialMachine.allows(string(c.State), e):
			return refuse(RuleDecided, "%s is %s, so you can't %s it.", id, strings.ReplaceAll(string(c.State), "_", " "), e)
		case e == eventResume && !admin && c.StateReason != byOwner:
			return refuse(RuleAdminOnly, "%s was suspended by somebody else, so only an admin (%s) can resume it.", id, strings.Join(s.today.Admins, ", "))
		case e == eventResume && a.Key != 0 && c.OwnerID == a.Account.PersonID && c.StateReason != byOwner:
			return refuse(RuleKeyOnly, "%s is of the person this key acts for, and somebody else suspended it, so only an admin (%s) can resume it, in Slack.",
				id, strings.Join(s.today.Admins, ", "))
		case reason == "" && !owner:
			return refuse(RuleReason, "Say why: the owner of the key will read it.").on("reason")
		}
		if err := checkReason(reason); err != nil {
			return err
		}
		if owner && !admin || reason == "" {
			reason = byOwner
		}
		if err := moveCredential(ctx, tx, &c, e, a.by(), reason); err != nil {
			return err
		}
		if e == eventResume && c.Managed {
			if err := s.respite(ctx, tx, c, !owner, a.by(), reason); err != nil {
				return err
			}
		}
		if !c.Brokered {
			if err := tx.Enqueue(ctx, MatchStateArgs{c.ID}, nil); err != nil {
				return err
			}
		}
		return notifyCredential(ctx, tx, c)
	})
	return c, err
}

// respite has the sweep look at a key that was resumed. One that somebody else
// than its owner resumed is meant to be used: its warning is taken back, and
// there is time to use it. An owner can't put off what the rules want that way.
func (s *Service) respite(ctx context.Context, tx storage.Tx, c storage.Credential, spare bool, by storage.Actor, reason string) error {
	now, err := tx.Now(ctx)
	if err != nil {
		return err
	}
	if !spare {
		return tx.SetNextAction(ctx, c.ID, now)
	}
	if err := tx.Spare(ctx, c.ID, by, reason); err != nil {
		return err
	}
	return tx.LeaveAlone(ctx, c.ID, now.Add(time.Duration(s.planOf(c).grace)))
}

// byOwner is the reason of what an owner does with their own key.
const byOwner = "by its owner"

// canSuspend tells whether a credential can be stopped and started again.
func (s *Service) canSuspend(c storage.Credential) bool {
	if c.Brokered {
		return true
	}
	_, ok := connectors.As[connectors.Suspender](s.Connectors[c.Connection])
	return ok && c.Kind == APIKey
}

// MatchStateArgs is the job that makes a system agree with a row that was
// suspended or resumed.
type MatchStateArgs struct {
	ID storage.CredentialID `json:"id"`
}

// Kind implements river.JobArgs.
func (MatchStateArgs) Kind() string { return "match_state" }

// InsertOpts implements river.JobArgsWithInsertOpts: the row has promised it.
func (MatchStateArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: maxTries} }

// MatchState suspends or resumes a credential at its system, as its row says
// by now, and keeps the answer. It may run twice.
func (s *Service) MatchState(ctx context.Context, id storage.CredentialID) error {
	c, err := s.DB.Credential(ctx, id)
	if err != nil {
		return err
	}
	suspender, ok := connectors.As[connectors.Suspender](s.Connectors[c.Connection])
	if !ok {
		return fmt.Errorf("%s can't suspend keys: %w", c.Connection, connectors.ErrUnrecoverable)
	}
	call, witness := connectors.WithWitness(ctx)
	proof := storage.Receipt{CredentialID: id, Attempts: 1, Liveness: string(connectors.Unknown)}
	switch c.State {
	case storage.CredentialSuspended:
		proof.Verb, err = "suspend", suspender.Suspend(call, connectors.Ref{ID: c.VendorRef})
	case storage.CredentialActive:
		proof.Verb, err = "resume", suspender.Resume(call, connectors.Ref{ID: c.VendorRef})
	default:
		return nil // it came to an end meanwhile, which ends it there too
	}
	refusedIt := errors.Is(err, connectors.ErrUnrecoverable) || errors.Is(err, connectors.ErrUnsupported)
	if err != nil && !refusedIt {
		return fmt.Errorf("%s %s: %w", proof.Verb, id, err)
	}
	if refusedIt {
		s.Logger.Error().Err(err).Stringer("credential", id).Str("verb", proof.Verb).Msg("the system refused; the key is as it was")
	}
	proof.Answer = witness.Testimony()
	return s.DB.InTx(context.WithoutCancel(ctx), func(ctx context.Context, tx storage.Tx) error {
		if err := tx.InsertReceipt(ctx, proof); err != nil {
			return err
		}
		return s.afterMatch(ctx, tx, c, refusedIt)
	})
}

// afterMatch takes a move back that the system refused, and has one that came
// while the system was asked done there too.
func (s *Service) afterMatch(ctx context.Context, tx storage.Tx, told storage.Credential, refusedIt bool) error {
	if _, err := lockRequestOf(ctx, tx, told); err != nil {
		return err
	}
	c, err := tx.LockCredential(ctx, told.ID)
	if err != nil {
		return err
	}
	switch {
	case c.State != told.State:
		if err := tx.Enqueue(ctx, MatchStateArgs{c.ID}, nil); err != nil {
			return err
		}
	case refusedIt:
		back, why := eventSuspend, "the system refused to let it work again"
		if c.State == storage.CredentialSuspended {
			back, why = eventResume, "the system refused to suspend it"
		}
		if err := moveCredential(ctx, tx, &c, back, storage.System("suspend"), why); err != nil {
			return err
		}
	}
	return notifyCredential(ctx, tx, c)
}
