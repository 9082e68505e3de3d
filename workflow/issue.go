package workflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"latchkey/connectors"
	"latchkey/secret"
	"latchkey/storage"
)

// maxIssueAttempts bounds how often a vendor is asked before people are told
// that it failed. With the backoff this is about a day.
const maxIssueAttempts = 300

// Issue makes the key that an `issuing` row stands for. It may run twice, on
// any replica, after any crash: the row is leased before the vendor is
// called, and a try whose answer may have been lost is looked up by its label
// before another is made.
func (s *Service) Issue(ctx context.Context, id storage.CredentialID) error {
	c, rot, mine, err := s.leaseIssue(ctx, id)
	if err != nil || !mine {
		return err
	}
	s.Fault("issue:leased")
	conn := s.Connectors[c.Connection]
	if waits, err := s.leaveToHuman(ctx, c); waits || err != nil {
		return err
	}
	if c.Attempts > 1 && !c.Brokered && rot.Way != storage.RotateInPlace {
		err := s.clearLost(ctx, conn, c)
		if errors.Is(err, connectors.ErrUnsupported) {
			return s.failIssue(ctx, c, err)
		}
		if err != nil { // whatever it is, it does not prove that nothing was made
			return s.putOffIssue(ctx, c, err)
		}
	}
	now, err := s.DB.Now(ctx)
	if err != nil {
		return err
	}
	owner, err := s.ownerAt(ctx, c)
	if err != nil {
		return err
	}
	call, cancel := context.WithTimeout(ctx, s.callWithin())
	defer cancel()
	call, witness := connectors.WithWitness(call)
	ends := now.Add(time.Duration(c.LifetimeS) * time.Second)
	issued, err := s.makeKey(call, conn, c, rot.Way, owner, earlier(ends, rot.EndsAt))
	if err != nil {
		return s.retryIssue(ctx, c, err)
	}
	s.Fault("issue:answered")
	if err := s.prove(call, conn, c, issued); err != nil {
		return s.notProven(ctx, c, rot.Way, issued, err)
	}
	s.Fault("issue:proven")
	proof := storage.Receipt{Answer: witness.Testimony(), Attempts: c.Attempts}
	err = s.activate(ctx, c, issued, func(ctx context.Context, tx storage.Tx, c storage.Credential) error {
		return s.afterIssue(ctx, tx, c, proof)
	})
	if err != nil {
		return s.putOffIssue(ctx, c, err)
	}
	s.Fault("issue:stored")
	return nil
}

// leaseIssue checks for the last time that the key may be made, and claims
// the row for one call. It brings the rotation that the key is made for; zero
// for none.
func (s *Service) leaseIssue(ctx context.Context, id storage.CredentialID) (c storage.Credential, rot storage.Rotation, mine bool, err error) {
	c, err = s.DB.Credential(ctx, id)
	if err != nil {
		return c, rot, false, err
	}
	if c.RequestID != 0 {
		r, steps, _, err := s.DB.Request(ctx, c.RequestID)
		if err != nil {
			return c, rot, false, err
		}
		rules, err := s.rulesOf(ctx, r.PolicyHash)
		if err != nil {
			return c, rot, false, err
		}
		s.refreshReviewers(ctx, rules, steps)
	}
	err = s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		// The request first, then the credential: the order every path uses.
		why, err := s.stillAllowed(ctx, tx, c)
		if err != nil {
			return err
		}
		if c, err = tx.LockCredential(ctx, id); err != nil {
			return err
		}
		if c.State != storage.CredentialIssuing {
			return nil
		}
		if why != "" {
			return s.endIssue(ctx, tx, &c, why)
		}
		if waits, err := tx.Quarantined(ctx); waits || err != nil {
			return err // the sweep comes again
		}
		err = tx.Lease(ctx, &c, s.LeaseFor)
		if errors.Is(err, storage.ErrConflict) {
			return nil
		}
		if mine = err == nil; !mine || c.ReplacesID == 0 {
			return err
		}
		rot, err = tx.RotationTo(ctx, c.ID)
		return err
	})
	return c, rot, mine, err
}

// label is how we name a credential at its vendor. It tells installations that
// share a vendor's tenant apart: each has a data key of its own.
func (s *Service) label(id storage.CredentialID) string { return s.labelPrefix() + id.String() }

func (s *Service) labelPrefix() string {
	return "latchkey-" + s.Keys.Box.Derive("installation").Expose()[:8] + "-"
}

// callWithin bounds a call to a vendor so that it ends before its lease.
func (s *Service) callWithin() time.Duration { return s.LeaseFor * 4 / 5 }

// stillAllowed is the check at issue: the requester is active, and every
// approval still comes from an eligible person. It returns why not.
func (s *Service) stillAllowed(ctx context.Context, tx storage.Tx, c storage.Credential) (string, error) {
	if c.RequestID == 0 {
		return "", nil
	}
	if c.ReplacesID != 0 {
		return s.stillReplaces(ctx, tx, c)
	}
	r, steps, reviews, err := tx.LockRequest(ctx, c.RequestID)
	if err != nil {
		return "", err
	}
	rules, err := s.rulesOf(ctx, r.PolicyHash)
	if err != nil {
		return "", err
	}
	m, err := s.reviewers(ctx, tx, rules, groupsOf(steps), append(voters(reviews), r.RequesterID)...)
	if err != nil {
		return "", err
	}
	if !m.standing[r.RequesterID].Active {
		return "the requester is no longer an active member", nil
	}
	for _, v := range reviews {
		group := steps[v.Position].Group
		if m.unknown[group] != "" {
			return "", fmt.Errorf("group %s can't be read: %s", group, m.unknown[group])
		}
		if !m.has(group, v.ReviewerID) {
			return fmt.Sprintf("%s, who approved it, is no longer an active member of %s; ask again", m.standing[v.ReviewerID].Name, group), nil
		}
	}
	if slices.ContainsFunc(reviews, func(v storage.Review) bool { return v.Decision == storage.Deny }) {
		return "it was denied", nil
	}
	return "", nil
}

func voters(reviews []storage.Review) []storage.PersonID {
	out := make([]storage.PersonID, len(reviews))
	for i, v := range reviews {
		out[i] = v.ReviewerID
	}
	return out
}

// ownerAt is the holder as the vendor knows them, as far as we can say: the
// service account it was asked for, else the requester.
func (s *Service) ownerAt(ctx context.Context, c storage.Credential) (connectors.AccountRef, error) {
	if c.AccountID != 0 {
		accounts, err := s.DB.VendorAccounts(ctx, c.AccountID)
		a := accounts[c.AccountID]
		return connectors.AccountRef{ID: strings.TrimPrefix(a.ExternalID, servicePrefix), Email: a.Email, Name: a.Name, Service: a.IsService}, err
	}
	people, err := s.DB.People(ctx, c.OwnerID)
	return connectors.AccountRef{Email: people[c.OwnerID].Email}, err
}

// clearLost finds what earlier tries may have left at the vendor by its label
// and revokes it: its secret is lost, so nobody could use it.
func (s *Service) clearLost(ctx context.Context, conn connectors.Connector, c storage.Credential) error {
	found, err := findAtVendor(ctx, conn, s.label(c.ID), "")
	if err != nil {
		return err
	}
	for _, ref := range found {
		if _, err := endAtVendor(ctx, conn, c.Kind, ref); err != nil {
			return fmt.Errorf("key whose answer was lost: %w", err)
		}
		s.Logger.Warn().Stringer("credential", c.ID).Str("vendor_ref", ref.ID).Msg("revoked a key whose answer was lost")
	}
	return nil
}

// matchOf is what a credential has in common with the vendor's own request that
// it came from, if there was one.
func (s *Service) matchOf(ctx context.Context, c storage.Credential) (string, error) {
	if c.RequestID == 0 || c.ReplacesID != 0 {
		return "", nil
	}
	r, _, _, err := s.DB.Request(ctx, c.RequestID)
	return r.VendorMatch, err
}

// findAtVendor walks the vendor's listing for a label, or for a match that is
// not empty. A listing that fails finds nothing out: an error, not "none".
func findAtVendor(ctx context.Context, conn connectors.Connector, label, match string) ([]connectors.Ref, error) {
	lister, ok := connectors.As[connectors.Lister](conn)
	if !ok {
		return nil, fmt.Errorf("an earlier try may have made a key, and this system can't list keys: look there for the label %s: %w",
			label, connectors.ErrUnsupported)
	}
	var found []connectors.Ref
	for cred, err := range lister.Credentials(ctx) {
		if err != nil {
			return nil, fmt.Errorf("look for label %s: %w", label, err)
		}
		if cred.Label == label || match != "" && cred.Match == match {
			found = append(found, cred.Ref)
		}
	}
	return found, nil
}

// activate stores the vendor's success: the only way to active. A request
// that was given up meanwhile has its key revoked instead, and so has a worker
// that answers after its lease: another one may have been at it since.
// Also is done in the same transaction.
func (s *Service) activate(ctx context.Context, leased storage.Credential, issued connectors.Issued, also func(context.Context, storage.Tx, storage.Credential) error) error {
	return s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		r, _, _, err := tx.LockRequest(ctx, leased.RequestID)
		if err != nil {
			return err
		}
		c, err := tx.LockCredential(ctx, leased.ID)
		if err != nil {
			return err
		}
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		if issued.Ref.ID == "" {
			return fmt.Errorf("activate %s: the system gave the key no ID", c.ID)
		}
		if c.State == storage.CredentialRevoking && c.VendorRef == "" {
			return tx.AdoptRef(ctx, c.ID, issued.Ref.ID)
		}
		if c.State != storage.CredentialIssuing || c.Attempts != leased.Attempts {
			return revokeStraysOf(ctx, tx, c, issued.Ref.ID)
		}
		if c.ReplacesID != 0 {
			if ended, err := s.endUnwanted(ctx, tx, &r, &c, issued); ended || err != nil {
				return err
			}
		}
		c.VendorRef, c.Attempts, c.LeaseUntil = issued.Ref.ID, 0, time.Time{}
		c.ActivatedAt = now
		c.ExpiresAt = now.Add(time.Duration(c.LifetimeS) * time.Second)
		// A vendor that counts from its own start ends its key a little sooner;
		// a brokered key ends when we say.
		if !c.Brokered && issued.ExpiresAt.After(now) && issued.ExpiresAt.Before(c.ExpiresAt) {
			c.ExpiresAt = issued.ExpiresAt
		}
		if err := s.boundByRotation(ctx, tx, &c); err != nil {
			return err
		}
		c.KeyPrefix, c.KeyLast4 = secret.KeyPrefix(issued.Secret), secret.KeyLast4(issued.Secret)
		if !c.Brokered {
			c.KeyPrefix = ""
		}
		ticketEnds := now.Add(ticketUnopened)
		if c.ExpiresAt.Before(ticketEnds) {
			ticketEnds = c.ExpiresAt
		}
		c.NextActionAt = ticketEnds
		by := storage.System("issue")
		if err := makeWay(ctx, tx, c); err != nil {
			return err
		}
		if err := moveCredential(ctx, tx, &c, eventActivate, by, ""); err != nil {
			return err
		}
		if !c.Brokered {
			if err := tx.SetVendorExpiry(ctx, c.ID, c.ExpiresAt); err != nil {
				return err
			}
		}
		if err := also(ctx, tx, c); err != nil {
			return err
		}
		if c.Brokered {
			err = tx.SetKeyHash(ctx, c.ID, s.Keys.Box.Hash(issued.Secret.Expose()))
		} else if !issued.Secret.Empty() {
			err = tx.KnowSecret(ctx, s.Keys.Box.Hash(issued.Secret.Expose()), c.ID)
		}
		if err != nil {
			return err
		}
		if err := s.makeTicket(ctx, tx, c, issued.Secret, ticketEnds); err != nil {
			return err
		}
		if c.Sink != "" {
			if err := tx.Enqueue(ctx, DeliverArgs{c.ID}, nil); err != nil {
				return err
			}
		}
		if err := fulfill(ctx, tx, &r, c, by); err != nil {
			return err
		}
		if err := revokeStraysOf(ctx, tx, c, ""); err != nil {
			return err
		}
		return notifyCredential(ctx, tx, c)
	})
}

// fulfill notes on the request that its key is there. One that replaces a key
// may come of a request that was fulfilled long ago.
func fulfill(ctx context.Context, tx storage.Tx, r *storage.Request, c storage.Credential, by storage.Actor) error {
	if c.ReplacesID != 0 && r.State == storage.RequestFulfilled {
		return nil
	}
	return moveRequest(ctx, tx, r, eventFulfill, by, "")
}
