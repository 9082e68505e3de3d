package workflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"latchkey/connectors"
	"latchkey/storage"
)

// settleOurs decides about credentials that the vendor lists and that belong
// to rows of ours which do not know them yet.
func (w *walk) settleOurs(ctx context.Context) error {
	for _, o := range w.ours {
		err := w.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error { return w.settleOne(ctx, tx, o) })
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) settleOne(ctx context.Context, tx storage.Tx, o ours) error {
	if o.match != "" {
		id, err := tx.AwaitedByMatch(ctx, w.row.Name, o.match)
		if errors.Is(err, storage.ErrNotFound) {
			return w.store(ctx, tx, []storage.Listed{o.listed}, nil)
		}
		if err != nil {
			return err
		}
		o.id = id
	}
	c, err := w.DB.Credential(ctx, o.id)
	if errors.Is(err, storage.ErrNotFound) || err == nil && c.Connection != w.row.Name {
		return w.store(ctx, tx, []storage.Listed{o.listed}, nil) // a label that looks like ours
	}
	if err != nil {
		return err
	}
	r, err := lockRequestOf(ctx, tx, c)
	if err != nil {
		return err
	}
	if c, err = tx.LockCredential(ctx, o.id); err != nil {
		return err
	}
	switch {
	case c.VendorRef == o.listed.Ref:
		w.seen = append(w.seen, c.ID)
		return nil
	case c.State == storage.CredentialIssuing && w.awaitsHuman(c, r):
		return w.takeHandmade(ctx, tx, c, r, o.listed)
	case c.State == storage.CredentialIssuing, c.State == storage.CredentialRevoking && c.VendorRef == "":
		return nil // the job that is at it finds it by its label
	}
	return tx.Enqueue(ctx, StrayArgs{c.ID, o.listed.Ref}, nil)
}

// awaitsHuman tells whether the key of a row is made by a person or by the
// vendor itself, and not by us.
func (s *Service) awaitsHuman(c storage.Credential, r storage.Request) bool {
	if r.VendorRequest != "" {
		return true
	}
	_, guided := connectors.As[connectors.IssueGuide](s.Connectors[c.Connection])
	return guided
}

// longerBy is how much longer than approved a handmade key may live: vendors
// count in days, and people choose a date.
const longerBy = 36 * time.Hour

// takeHandmade activates a row with the key that a person made for it, or
// revokes the key if it can do more, or for longer, than was approved. One
// that belongs to somebody else is not the row's.
func (w *walk) takeHandmade(ctx context.Context, tx storage.Tx, c storage.Credential, r storage.Request, l storage.Listed) error {
	accounts, err := w.DB.VendorAccounts(ctx, l.AccountID)
	if err != nil {
		return err
	}
	if owner := accounts[l.AccountID].PersonID; l.AccountID != 0 && owner != c.OwnerID {
		w.Logger.Warn().Stringer("credential", c.ID).Str("vendor_ref", l.Ref).Msg("a key with our label belongs to somebody else")
		return w.store(ctx, tx, []storage.Listed{l}, nil)
	}
	now, err := tx.Now(ctx)
	if err != nil {
		return err
	}
	by := storage.System("sync")
	ends := now.Add(time.Duration(c.LifetimeS) * time.Second)
	c.VendorRef, c.Attempts, c.LeaseUntil = l.Ref, 0, time.Time{}
	if why := beyond(c.Scopes, l, ends); why != "" {
		if err := w.beginRevoke(ctx, tx, &c, by, why); err != nil {
			return err
		}
		if requestMachine.allows(string(r.State), eventFail) {
			if err := moveRequest(ctx, tx, &r, eventFail, by, why); err != nil {
				return err
			}
		}
		return notifyCredential(ctx, tx, c)
	}
	if !l.ExpiresAt.IsZero() && l.ExpiresAt.Before(ends) {
		ends = l.ExpiresAt
	}
	c.ActivatedAt, c.ExpiresAt, c.NextActionAt = now, ends, ends
	if err := moveCredential(ctx, tx, &c, eventActivate, by, "found at the system"); err != nil {
		return err
	}
	if _, err := tx.RefreshListed(ctx, w.row.Name, []storage.Listed{l}); err != nil {
		return err
	}
	w.seen = append(w.seen, c.ID)
	if err := moveRequest(ctx, tx, &r, eventFulfill, by, ""); err != nil {
		return err
	}
	return notifyCredential(ctx, tx, c)
}

// beyond says how a key exceeds what was approved; empty if it does not.
func beyond(granted []string, l storage.Listed, ends time.Time) string {
	var more []string
	for _, scope := range l.Scopes {
		if !slices.Contains(granted, scope) {
			more = append(more, scope)
		}
	}
	switch {
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
// gone when two whole walks in a row did not have it and few are like it.
func (w *walk) settleMissing(ctx context.Context) error {
	var gone []storage.Missing
	var live int
	err := w.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) (err error) {
		if err := tx.RecheckRevokes(ctx, w.row.Name, w.seen); err != nil {
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
	doubtful := len(w.seen) == 0 || w.today.Enforcement.Breaker.tripped(len(gone), live)
	doubted := 0
	for _, m := range gone {
		if !m.Before && !m.Expired {
			continue // the next walk decides
		}
		ended, err := w.endMissing(ctx, m, doubtful)
		if err != nil {
			return err
		}
		if !ended {
			doubted++
		}
	}
	if doubtful && doubted > 0 {
		return doubtError{doubted, live}
	}
	return nil
}

// endMissing ends a row whose credential is gone at its vendor, with the
// vendor's answer as the receipt. It revokes nothing there.
func (w *walk) endMissing(ctx context.Context, m storage.Missing, doubtful bool) (ended bool, err error) {
	c, err := w.DB.Credential(ctx, m.ID)
	if err != nil {
		return false, err
	}
	ask, witness := connectors.WithWitness(ctx)
	alive := connectors.Unknown
	if c.Kind == APIKey {
		alive, err = liveness(ask, w.conn, c.Kind, connectors.Ref{ID: c.VendorRef})
		if limited, ok := errors.AsType[*connectors.RateLimitedError](err); ok {
			return false, limited
		}
	}
	if err != nil || alive == connectors.Live || alive == connectors.Unknown && doubtful && !m.Expired {
		return false, nil //nolint:nilerr // no answer proves nothing: the row stays
	}
	answer := witness.Testimony()
	if answer == "" {
		answer = "Two whole listings in a row did not have it."
	}
	err = w.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		if _, err := lockRequestOf(ctx, tx, c); err != nil {
			return err
		}
		if c, err = tx.LockCredential(ctx, m.ID); err != nil || c.State != storage.CredentialActive && c.State != storage.CredentialSuspended {
			return err
		}
		if err := tx.HoldSync(ctx, w.row, syncHold); err != nil {
			return err
		}
		return w.bury(ctx, tx, c, m, storage.Receipt{CredentialID: c.ID, Verb: "verify", Answer: answer, Liveness: string(alive), Attempts: 1})
	})
	return err == nil, err
}

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
		err = moveCredential(ctx, tx, &c, eventRevoke, by, "it is gone at the system")
		if err == nil {
			err = moveCredential(ctx, tx, &c, eventConfirm, by, "it is gone at the system")
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
	return notifyCredential(ctx, tx, c)
}
