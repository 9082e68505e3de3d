package workflow

import (
	"context"
	"maps"
	"strings"
	"time"

	"github.com/riverqueue/river"

	"latchkey/connectors"
	"latchkey/storage"
)

// save stores one batch of the listing, in one transaction that counts only
// while the walk holds its connection.
func (w *walk) save(ctx context.Context, batch []connectors.Credential) error {
	began := w.began
	return w.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		if err := tx.HoldSync(ctx, w.row, w.SyncHold); err != nil {
			return err
		}
		if err := w.saveAccounts(ctx, tx, batch); err != nil {
			return err
		}
		listed := w.listedOf(batch, began)
		sightings, err := tx.Sight(ctx, w.row.Name, listed)
		if err != nil {
			return err
		}
		var fresh, changed []storage.Listed
		for i, s := range sightings {
			switch {
			case s.ID != 0:
				w.seen = append(w.seen, s.ID)
				if s.State == storage.CredentialRevokeFailed && listed[i].Suspended {
					w.stopped = append(w.stopped, s.ID)
				}
				if s.Changed {
					changed = append(changed, listed[i])
				}
				if err := w.followState(ctx, tx, s, listed[i]); err != nil {
					return err
				}
			case s.EndedID != 0 && listed[i].Suspended:
				// The vendor shows what does not work any more.
			case s.EndedID != 0:
				back, err := w.endAgain(ctx, tx, s)
				if err != nil {
					return err
				}
				if back {
					fresh = append(fresh, listed[i])
				}
			case !w.isOurs(listed[i]):
				fresh = append(fresh, listed[i])
			}
		}
		return w.store(ctx, tx, fresh, changed)
	})
}

// isOurs sets aside what may belong to a row of ours.
func (w *walk) isOurs(l storage.Listed) bool {
	if id, ok := w.labelled(l.Label); ok {
		w.ours = append(w.ours, ours{id: id, listed: l})
		return true
	}
	if w.awaited[l.Match] {
		w.ours = append(w.ours, ours{match: l.Match, listed: l})
		return true
	}
	return false
}

// endAgain ends what the vendor lists of a row that has ended: revoked is for
// ever, whatever the vendor thinks of it. A credential that was never under
// management and was only not listed for a while is back: nobody here ever
// meant to end it.
func (w *walk) endAgain(ctx context.Context, tx storage.Tx, s storage.Sighting) (back bool, err error) {
	c, err := tx.LockCredential(ctx, s.EndedID)
	if err != nil {
		return false, err
	}
	if !c.Managed && c.StateReason == goneReason {
		return true, nil
	}
	w.strays = append(w.strays, s.EndedID)
	return false, tx.Enqueue(ctx, StrayArgs{s.EndedID, s.Ref}, &river.InsertOpts{Queue: vendorQueue(w.row.Name), UniqueOpts: underWay})
}

// store writes what is new and what is different, and nothing else.
func (w *walk) store(ctx context.Context, tx storage.Tx, fresh, changed []storage.Listed) error {
	if len(changed) > 0 {
		if _, err := tx.RefreshListed(ctx, w.row.Name, changed); err != nil {
			return err
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	found, err := tx.AddListed(ctx, w.row.Name, fresh)
	w.seen = append(w.seen, found...)
	return err
}

// saveAccounts saves the owners of a batch that the walk has not met yet.
func (w *walk) saveAccounts(ctx context.Context, tx storage.Tx, batch []connectors.Credential) error {
	var fresh []storage.VendorAccount
	met := map[string]bool{}
	for _, c := range batch {
		o, key := c.Owner, accountKey(c.Owner)
		if key == "" || met[key] || w.accounts[key] != 0 {
			continue
		}
		met[key] = true
		fresh = append(fresh, storage.VendorAccount{ExternalID: key, Email: strings.ToLower(o.Email), Name: o.Name, Service: o.Service, Closed: o.Closed})
	}
	if len(fresh) == 0 {
		return nil
	}
	ids, err := tx.SaveVendorAccounts(ctx, w.row.Name, fresh)
	maps.Copy(w.accounts, ids)
	return err
}

const servicePrefix = "service:"

// accountKey tells a person from what belongs to a service or to the whole
// organisation and was only made by that person.
func accountKey(o connectors.AccountRef) string {
	if o.Service && o.ID != "" {
		return servicePrefix + o.ID
	}
	return o.ID
}

// listedOf turns a batch into rows. A credential whose time is over is as
// good as not listed, and one that is listed twice counts once.
func (w *walk) listedOf(batch []connectors.Credential, now time.Time) []storage.Listed {
	out := make([]storage.Listed, 0, len(batch))
	met := map[string]bool{}
	for _, c := range batch {
		if met[c.Ref.ID] || !c.ExpiresAt.IsZero() && !c.ExpiresAt.After(now) {
			continue
		}
		met[c.Ref.ID] = true
		out = append(out, storage.Listed{Ref: c.Ref.ID, Kind: string(c.Kind), Class: c.Class, Label: clean(c.Label), AccountID: w.accounts[accountKey(c.Owner)],
			Scopes: c.Scopes, Access: string(w.accessOf(c)), CreatedAt: c.CreatedAt, ExpiresAt: c.ExpiresAt, LastUsedAt: c.LastUsed.At,
			UseKnown: c.LastUsed.Known, Suspended: c.Suspended, Match: c.Match})
	}
	return out
}

// clean keeps a vendor's text storable: Postgres takes no NUL and no broken
// UTF-8.
func clean(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "\ufffd")
}

// accessOf is the most a credential can do: as its connector says, else by
// the system's catalogue; unknown scopes count as the most there is.
func (w *walk) accessOf(c connectors.Credential) connectors.Access {
	if c.Access != "" || len(c.Scopes) == 0 {
		return c.Access
	}
	return w.today.access(w.row.Name, c.Scopes)
}

// labelled reads the row's key from a label that we gave.
func (w *walk) labelled(label string) (storage.CredentialID, bool) {
	rest, ok := strings.CutPrefix(label, w.labelPrefix())
	if !ok {
		return 0, false
	}
	_, id, err := storage.ParseID(rest)
	return id, err == nil && id != 0
}

// suspendedThere is the reason of a row that follows its system.
const suspendedThere = "suspended at the system"

// followState makes a row say active or suspended as its system does. What a
// person here suspended stays so: the system is told again.
func (w *walk) followState(ctx context.Context, tx storage.Tx, s storage.Sighting, l storage.Listed) error {
	e, why := eventSuspend, suspendedThere
	switch {
	case l.Suspended && s.State == storage.CredentialActive:
	case !l.Suspended && s.State == storage.CredentialSuspended:
		e, why = eventResume, "works again at the system"
	default:
		return nil
	}
	c, err := tx.LockCredential(ctx, s.ID)
	if err != nil || c.State != s.State {
		return err
	}
	if e == eventResume && c.StateReason != suspendedThere {
		return tx.Enqueue(ctx, MatchStateArgs{c.ID}, &river.InsertOpts{UniqueOpts: underWay})
	}
	if err := moveCredential(ctx, tx, &c, e, storage.System("sync"), why); err != nil {
		return err
	}
	return notifyCredential(ctx, tx, c)
}
