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

// settleOurs decides about credentials that the vendor lists and that belong
// to rows of ours which do not know them yet.
func (w *walk) settleOurs(ctx context.Context) error {
	for _, o := range w.ours {
		if err := w.settleOne(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) settleOne(ctx context.Context, o ours) error {
	c, err := w.rowOf(ctx, o)
	if err != nil {
		return err
	}
	owners, err := w.DB.VendorAccounts(ctx, o.listed.AccountID)
	if err != nil {
		return err
	}
	if c.State == storage.CredentialIssuing && c.RequestID != 0 {
		f, err := w.filingOf(ctx, c.RequestID)
		if err != nil {
			return err
		}
		w.refreshReviewers(ctx, f.rules, f.steps)
	}
	return w.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		if c.ID == 0 { // it only looks like ours
			if err := tx.HoldSync(ctx, w.row, w.SyncHold); err != nil {
				return err
			}
			return w.store(ctx, tx, []storage.Listed{o.listed}, nil)
		}
		return w.settleWith(ctx, tx, c, o.listed, owners[o.listed.AccountID].PersonID)
	})
}

// rowOf finds the row that a listed credential may belong to; without an ID
// there is none.
func (w *walk) rowOf(ctx context.Context, o ours) (storage.Credential, error) {
	if o.match != "" {
		err := w.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) (err error) {
			o.id, err = tx.AwaitedByMatch(ctx, w.row.Name, o.match)
			return err
		})
		if errors.Is(err, storage.ErrNotFound) {
			return storage.Credential{}, nil
		}
		if err != nil {
			return storage.Credential{}, err
		}
	}
	c, err := w.DB.Credential(ctx, o.id)
	if errors.Is(err, storage.ErrNotFound) || err == nil && c.Connection != w.row.Name {
		return storage.Credential{}, nil
	}
	return c, err
}

// settleWith decides about a listed credential and the row it may belong to.
func (w *walk) settleWith(ctx context.Context, tx storage.Tx, c storage.Credential, l storage.Listed, owner storage.PersonID) error {
	r, err := lockRequestOf(ctx, tx, c)
	if err != nil {
		return err
	}
	if c, err = tx.LockCredential(ctx, c.ID); err != nil {
		return err
	}
	if err := tx.HoldSync(ctx, w.row, w.SyncHold); err != nil {
		return err
	}
	switch {
	case c.VendorRef == l.Ref:
		w.seen = append(w.seen, c.ID)
		return nil
	case c.State == storage.CredentialIssuing && w.awaitsHuman(c, r) && l.AccountID != 0 && owner != c.OwnerID:
		w.Logger.Warn().Stringer("credential", c.ID).Str("vendor_ref", l.Ref).Msg("a key with our label belongs to somebody else")
		return w.store(ctx, tx, []storage.Listed{l}, nil)
	case c.State == storage.CredentialIssuing && w.awaitsHuman(c, r) && l.Suspended:
		return nil // it does not work: if it does one day, a later walk takes it
	case c.State == storage.CredentialIssuing && w.awaitsHuman(c, r):
		why, err := w.stillAllowed(ctx, tx, c)
		if err != nil {
			w.Logger.Warn().Err(err).Stringer("credential", c.ID).Msg("a key that was made by hand waits for the next sync")
			return nil
		}
		return w.takeHandmade(ctx, tx, c, r, l, why)
	case c.State == storage.CredentialIssuing, c.State == storage.CredentialRevoking && c.VendorRef == "":
		return nil // the job that is at it finds it by its label
	}
	w.strays = append(w.strays, c.ID)
	return tx.Enqueue(ctx, StrayArgs{c.ID, l.Ref}, &river.InsertOpts{Queue: vendorQueue(w.row.Name), UniqueOpts: underWay})
}

// awaitsHuman tells whether the key of a row is made by a person or by the
// vendor itself, and not by us.
func (s *Service) awaitsHuman(c storage.Credential, r storage.Request) bool {
	if r.VendorRequest != "" && c.ReplacesID == 0 {
		return true
	}
	_, guided := connectors.As[connectors.IssueGuide](s.Connectors[c.Connection])
	return guided
}

// longerBy is how much longer than approved a handmade key may live: vendors
// count in days, and people choose a date.
const longerBy = 36 * time.Hour

// takeHandmade activates a row with the key that a person made for it, or
// revokes the key if it can do more, or for longer, than was approved, or if
// it is not allowed any more; why says so then.
func (w *walk) takeHandmade(ctx context.Context, tx storage.Tx, c storage.Credential, r storage.Request, l storage.Listed, why string) error {
	now, err := tx.Now(ctx)
	if err != nil {
		return err
	}
	by := storage.System("sync")
	ends := now.Add(time.Duration(c.LifetimeS) * time.Second)
	c.VendorRef, c.Attempts, c.LeaseUntil = l.Ref, 0, time.Time{}
	if why == "" {
		why = beyond(c, l, ends)
	}
	if why != "" {
		if err := w.beginRevoke(ctx, tx, &c, by, why); err != nil {
			return err
		}
		if c.ReplacesID == 0 && requestMachine.allows(string(r.State), eventFail) {
			if err := moveRequest(ctx, tx, &r, eventFail, by, why); err != nil {
				return err
			}
		}
		return notifyCredential(ctx, tx, c)
	}
	if !l.ExpiresAt.IsZero() && l.ExpiresAt.Before(ends) {
		ends = l.ExpiresAt
	}
	c.ActivatedAt, c.ExpiresAt, c.NextActionAt = now, ends, now
	if err := w.boundByRotation(ctx, tx, &c); err != nil {
		return err
	}
	if err := moveCredential(ctx, tx, &c, eventActivate, by, "found at the system"); err != nil {
		return err
	}
	if _, err := tx.RefreshListed(ctx, w.row.Name, []storage.Listed{l}); err != nil {
		return err
	}
	w.seen = append(w.seen, c.ID)
	if err := tx.SetVendorExpiry(ctx, c.ID, l.ExpiresAt); err != nil {
		return err
	}
	if err := w.afterIssue(ctx, tx, c, storage.Receipt{}); err != nil {
		return err
	}
	if err := fulfill(ctx, tx, &r, c, by); err != nil {
		return err
	}
	return notifyCredential(ctx, tx, c)
}

// beyond says how a key exceeds what was approved; empty if it does not.
func beyond(c storage.Credential, l storage.Listed, ends time.Time) string {
	more := without(l.Scopes, c.Scopes)
	switch {
	case c.AccountID != 0 && l.AccountID != c.AccountID:
		return "it belongs to another account than was approved"
	case l.Scopes == nil:
		return "the system does not say what it may do, so it can't be held to what was approved"
	case len(more) > 0:
		return fmt.Sprintf("it may do more than was approved: %s", listWords(more))
	case l.ExpiresAt.IsZero():
		return "it never ends, and an end was approved"
	case l.ExpiresAt.After(ends.Add(longerBy)):
		return fmt.Sprintf("it lives until %s, longer than was approved", l.ExpiresAt.UTC().Format(time.DateOnly))
	}
	return ""
}

// doubtError is a listing that ended well and can't be true all the same.
type doubtError struct{ missing, live int }

// Error implements error.
func (e doubtError) Error() string {
	return fmt.Sprintf("the system listed %d of the %d credentials it should have; nothing was taken for gone", e.live-e.missing, e.live)
}

// settleMissing decides about live rows that a whole walk did not find. An
// empty or shortened listing never means that all is gone: where the vendor
// can be asked about one credential, its answer decides, else a credential is
// gone when two whole walks in a row did not have it and few are like it. An
// answer may come from the same listing that is in doubt: then it counts when
// the credential was missing for a day. What is past its own end is no doubt.
func (w *walk) settleMissing(ctx context.Context) error {
	var gone []storage.Missing
	var live int
	err := w.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) (err error) {
		if err := tx.HoldSync(ctx, w.row, w.SyncHold); err != nil {
			return err
		}
		if err := tx.RecheckRevokes(ctx, w.row.Name, w.seen, w.stopped); err != nil {
			return err
		}
		if gone, live, err = tx.MissingFrom(ctx, w.row.Name, w.seen, w.began); err != nil || len(gone) == 0 {
			return err
		}
		ids := make([]storage.CredentialID, len(gone))
		for i, m := range gone {
			ids[i] = m.ID
		}
		return tx.MarkMissing(ctx, ids)
	})
	if err != nil || len(gone) == 0 {
		return err
	}
	over := 0
	for _, m := range gone {
		if m.Expired {
			over++
		}
	}
	doubtful := len(gone) > over && (len(w.seen) == 0 || w.today.Enforcement.Breaker.tripped(len(gone)-over, live))
	left, alive := 0, 0
	for _, m := range gone {
		if !m.Expired && (!m.Before || doubtful && (alive >= aliveEnough || !m.Long)) {
			left++ // the next walk decides
			continue
		}
		ended, lives, err := w.endMissing(ctx, m, doubtful)
		if err != nil {
			return err
		}
		if lives {
			alive++
		}
		if !ended {
			left++
		}
	}
	if doubtful && left > 0 {
		return doubtError{left, live}
	}
	return nil
}

// aliveEnough is how many credentials that a doubtful listing lacks have to be
// alive for the vendor not to be asked about all the others.
const aliveEnough = 20

// endMissing ends a row whose credential is gone at its vendor, with the
// vendor's answer as the receipt. It revokes nothing there. lives tells that
// the vendor says so.
func (w *walk) endMissing(ctx context.Context, m storage.Missing, doubtful bool) (ended, lives bool, err error) {
	c, err := w.DB.Credential(ctx, m.ID)
	if err != nil {
		return false, false, err
	}
	ask, witness := connectors.WithWitness(ctx)
	alive := connectors.Unknown
	if !m.Expired {
		alive, err = liveness(ask, w.conn, connectors.Ref{ID: c.VendorRef})
		if limited, ok := errors.AsType[*connectors.RateLimitedError](err); ok {
			return false, false, limited
		}
	}
	if err != nil || alive == connectors.Live || alive == connectors.Unknown && doubtful && !m.Expired {
		return false, alive == connectors.Live, nil // no answer proves nothing: the row stays
	}
	answer := witness.Testimony()
	switch {
	case m.Expired:
		answer, alive = "Its own end has passed, and the system does not list it as working.", connectors.Dead
	case answer == "":
		answer = "Two whole listings in a row did not have it."
	}
	err = w.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		if _, err := lockRequestOf(ctx, tx, c); err != nil {
			return err
		}
		if c, err = tx.LockCredential(ctx, m.ID); err != nil || c.State != storage.CredentialActive && c.State != storage.CredentialSuspended {
			return err
		}
		if err := tx.HoldSync(ctx, w.row, w.SyncHold); err != nil {
			return err
		}
		return w.bury(ctx, tx, c, m, storage.Receipt{CredentialID: c.ID, Verb: "verify", Answer: answer, Liveness: string(alive), Attempts: 1})
	})
	return err == nil, false, err
}

// goneReason is why a row ended whose credential its system has no more.
const goneReason = "it is gone at the system"

// bury moves a row whose credential is gone to its end.
func (w *walk) bury(ctx context.Context, tx storage.Tx, c storage.Credential, m storage.Missing, proof storage.Receipt) error {
	now, err := tx.Now(ctx)
	if err != nil {
		return err
	}
	by := storage.System("sync")
	c.EndedAt, c.NextActionAt, c.LeaseUntil = now, time.Time{}, time.Time{}
	if m.Expired {
		err = moveCredential(ctx, tx, &c, eventExpireActive, by, "its time is over")
	} else {
		err = moveCredential(ctx, tx, &c, eventRevoke, by, goneReason)
		if err == nil {
			err = moveCredential(ctx, tx, &c, eventConfirm, by, goneReason)
		}
	}
	if err != nil {
		return err
	}
	if err := tx.SpendTicket(ctx, c.ID, false); err != nil && !errors.Is(err, storage.ErrConflict) {
		return err
	}
	if err := tx.InsertReceipt(ctx, proof); err != nil {
		return err
	}
	if err := w.rotationOff(ctx, tx, c.ReplacesID, goneReason); err != nil {
		return err
	}
	return notifyCredential(ctx, tx, c)
}
