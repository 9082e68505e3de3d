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

// stillReplaces is stillAllowed for a key that replaces one: its owner is
// active, nobody took the wish back, and the old one works on. What was
// approved holds on. A key that was stopped or ended meanwhile gets no
// successor: that would go around whoever stopped it.
func (s *Service) stillReplaces(ctx context.Context, tx storage.Tx, c storage.Credential) (string, error) {
	r, _, _, err := tx.LockRequest(ctx, c.RequestID)
	if err != nil {
		return "", err
	}
	people, err := tx.Standings(ctx, []storage.PersonID{c.OwnerID})
	if err != nil {
		return "", err
	}
	old, err := tx.PeekCredential(ctx, c.ReplacesID)
	if err != nil {
		return "", err
	}
	rot, err := tx.RotationTo(ctx, c.ID)
	if err != nil {
		return "", err
	}
	now, err := tx.Now(ctx)
	if err != nil {
		return "", err
	}
	switch {
	case r.RotatesID != 0 && r.State == storage.RequestCanceled:
		return "the request was canceled", nil
	case !people[c.OwnerID].Active:
		return "its owner is no longer an active member", nil
	case old.OwnerID != c.OwnerID:
		return "the key that it replaces has another owner by now", nil
	case old.State != storage.CredentialActive:
		return fmt.Sprintf("%s, which it was to replace, is %s", old.ID, strings.ReplaceAll(string(old.State), "_", " ")), nil
	case !now.Before(rot.EndsAt):
		return "its time was up before it was made", nil
	}
	return "", nil
}

// boundByRotation ends a key that replaces one no later than was asked.
func (s *Service) boundByRotation(ctx context.Context, tx storage.Tx, c *storage.Credential) error {
	if c.ReplacesID == 0 {
		return nil
	}
	r, err := tx.RotationTo(ctx, c.ID)
	if err != nil {
		return err
	}
	if r.EndsAt.Before(c.ExpiresAt) && r.EndsAt.After(c.ActivatedAt) {
		c.ExpiresAt = r.EndsAt
	}
	return nil
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

// endUnwanted ends a key that was to replace another one if it is not wanted
// any more: what happened while its system was asked counts too.
func (s *Service) endUnwanted(ctx context.Context, tx storage.Tx, r *storage.Request, c *storage.Credential, issued connectors.Issued) (bool, error) {
	why, err := s.stillReplaces(ctx, tx, *c)
	if err != nil || why == "" {
		return false, err
	}
	rot, err := tx.RotationTo(ctx, c.ID)
	if err != nil {
		return false, err
	}
	return true, s.endMade(ctx, tx, r, c, rot.Way, issued, why)
}
