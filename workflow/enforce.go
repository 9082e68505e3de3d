package workflow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"latchkey/connectors"
	"latchkey/storage"
)

// What Enforcement can say about a credential.
const (
	actIgnore = "ignore"
	actReport = "report"
	actWarn   = "warn"
	actRevoke = "revoke"
)

// Finding is what enforcement does with one credential.
type Finding struct {
	Key    CredentialView
	Action string    // "report", "warn", "wait" until At, "revoke"
	Why    string    // a sentence
	At     time.Time // when the last word is done, if Action is "warn" or "wait"
}

// actWait is the time between the warning and the last word.
const actWait = "wait"

// Enforcing is a whole run over a connection, whether or not it was carried
// out.
type Enforcing struct {
	Connection string
	Live       int // credentials the connection has
	Findings   []Finding
	Tripped    bool            // it would revoke more than the breaker lets through
	DryRun     bool            // the configuration says that nothing is done
	Held       storage.BatchID // waits for an admin; zero: nothing does
}

// Count tells how many credentials get an action.
func (e Enforcing) Count(action string) int {
	n := 0
	for _, v := range e.Findings {
		if v.Action == action {
			n++
		}
	}
	return n
}

// The breaker where the configuration says nothing.
const (
	breakerPercent = 5
	breakerCount   = 10
)

// askAgain is how long a batch that an admin dropped is not held up to them
// again.
const askAgain = 7 * 24 * time.Hour

// tripped tells whether n of live is too much at once.
func (b Breaker) tripped(n, live int) bool {
	percent, count := b.MaxPercent, b.MinCount
	if percent == 0 {
		percent = breakerPercent
	}
	if count == 0 {
		count = breakerCount
	}
	return n > count && n*100 > live*percent
}

// word is what is done with an unmanaged credential of some access. Access
// that is not known counts as the most there is, and what the configuration
// does not say is what it says of less harm.
func (u Unmanaged) word(a connectors.Access) string {
	read := actReport
	if u.Read != "" {
		read = u.Read
	}
	write := read
	if u.Write != "" {
		write = u.Write
	}
	admin := write
	if u.Admin != "" {
		admin = u.Admin
	}
	switch a {
	case connectors.Read:
		return read
	case connectors.Write:
		return write
	case connectors.Admin:
	}
	return admin
}

// judge is pure: what is done with a credential now.
func (e Enforcement) judge(row storage.InventoryRow, asked storage.RequestID, now time.Time) Finding {
	v := Finding{Action: actIgnore}
	if row.Managed || row.Brokered || row.State != storage.CredentialActive && row.State != storage.CredentialSuspended {
		return v
	}
	access := connectors.Access(row.Access)
	word := e.Unmanaged.word(access)
	can := "can " + string(access)
	if access == "" {
		can = "may do what the system does not say"
	}
	v.Why = "Nobody asked for it here, and it " + can + "."
	if row.Has(storage.FlagOverAge) {
		v.Why += fmt.Sprintf(" It is older than %s.", e.MaxAge.Words())
		if word != actRevoke {
			word = actWarn
		}
	}
	if row.Service && word != actIgnore {
		// What belongs to a service or to the organisation is people's to
		// decide, and one of them is the key that we ourselves work with.
		v.Action = actReport
		v.Why += " It belongs to a service or to the organisation, so an admin has to decide."
		return v
	}
	if asked != 0 && word != actIgnore {
		v.Action = actReport
		v.Why += fmt.Sprintf(" Its owner asks to keep it (%s).", asked)
		return v
	}
	v.Action = word
	if word != actWarn {
		return v
	}
	v.At = now.Add(time.Duration(e.Unmanaged.After))
	if row.WarnedAt.IsZero() {
		return v
	}
	v.At = row.EnforceAt
	switch {
	case now.Before(row.EnforceAt):
		v.Action = actWait
	case e.Unmanaged.Then == actRevoke:
		v.Action = actRevoke
	default:
		v.Action = actReport
	}
	return v
}

// Enforcement says what enforcement would do with a connection now, and does
// nothing. Admins only.
func (s *Service) Enforcement(ctx context.Context, a Actor, connection string) (Enforcing, error) {
	if err := s.mustAdmin(ctx, a, "look at this"); err != nil {
		return Enforcing{}, err
	}
	return s.PlanEnforcement(ctx, connection)
}

// PlanEnforcement is Enforcement for the command line, which is its own
// authority.
func (s *Service) PlanEnforcement(ctx context.Context, connection string) (Enforcing, error) {
	e := s.today.Enforcement
	out := Enforcing{Connection: connection, DryRun: e.DryRun}
	if _, ok := s.today.Connections[connection]; !ok {
		return out, refuse(RuleUnknown, "There is no system called %s.", cut(connection))
	}
	asked, err := s.DB.Adoptions(ctx, connection)
	if err != nil {
		return out, err
	}
	now, err := s.DB.Now(ctx)
	if err != nil {
		return out, err
	}
	f := storage.InventoryFilter{Connection: connection, Native: true, Limit: pageOfAll}
	for {
		rows, err := s.DB.Inventory(ctx, f, s.flagRules())
		if err != nil {
			return out, err
		}
		views, err := s.lookAtRows(ctx, rows)
		if err != nil {
			return out, err
		}
		out.Live += len(rows)
		for i, row := range rows {
			if v := e.judge(row, asked[row.ID], now); v.Action != actIgnore {
				v.Key = views[i]
				out.Findings = append(out.Findings, v)
			}
		}
		if len(rows) < pageOfAll {
			break
		}
		f.Before = rows[len(rows)-1].ID
	}
	out.Tripped = e.Breaker.tripped(out.Count(actRevoke), out.Live)
	return out, nil
}

// pageOfAll is a page of what is read whole.
const pageOfAll = 500

// enforce carries a plan out, after a walk that saw everything.
func (s *Service) enforce(ctx context.Context, c storage.Connection) error {
	plan, err := s.PlanEnforcement(ctx, c.Name)
	if err != nil || plan.DryRun {
		return err
	}
	by := storage.System("enforcement")
	var doomed []storage.Item
	for _, v := range plan.Findings {
		switch v.Action {
		case actRevoke:
			doomed = append(doomed, storage.Item{ID: v.Key.Credential.ID, Why: v.Why})
		case actWarn:
			err = s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error { return s.warn(ctx, tx, v, by) })
		case actReport:
			err = s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
				if v.Key.Credential.WarnedAt.IsZero() {
					return nil
				}
				return tx.Spare(ctx, v.Key.Credential.ID, by, v.Why)
			})
		}
		if err != nil {
			return err
		}
	}
	if len(doomed) == 0 {
		return nil
	}
	b := storage.Batch{Kind: storage.BatchEnforce, Connection: c.Name, Actor: by, State: storage.BatchRunning,
		Title: fmt.Sprintf("%d keys of %s that the rules don't allow", len(doomed), c.Name), Reason: "the rules for keys that nobody asked for",
		SourceKey: fmt.Sprintf("enforce:%s:%d", c.Name, c.Attempts)}
	if plan.Tripped {
		now, err := s.DB.Now(ctx)
		if err != nil {
			return err
		}
		if dropped, err := s.DB.DroppedSince(ctx, c.Name, now.Add(-askAgain)); err != nil || dropped {
			return err
		}
		b.State = storage.BatchHeld
		b.Reason = fmt.Sprintf("it would end %d of the %d keys of %s at once", len(doomed), plan.Live, c.Name)
	}
	return s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		if err := tx.HoldSync(ctx, c, syncHold); err != nil {
			return err
		}
		return s.startBatch(ctx, tx, &b, doomed)
	})
}

// warn tells a credential's people when it has to be gone.
func (s *Service) warn(ctx context.Context, tx storage.Tx, v Finding, by storage.Actor) error {
	c, err := tx.LockCredential(ctx, v.Key.Credential.ID)
	if err != nil || !c.WarnedAt.IsZero() || c.Managed || !c.Live() {
		return err
	}
	if err := tx.Warn(ctx, c.ID, v.At, by, v.Why); err != nil {
		return err
	}
	return notifyCredential(ctx, tx, c)
}

// SyncNow makes a walk of a system due. Admins only.
func (s *Service) SyncNow(ctx context.Context, a Actor, connection string) error {
	if err := s.mustAdmin(ctx, a, "have a system listed"); err != nil {
		return err
	}
	err := s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		if err := tx.SyncSoon(ctx, connection); err != nil {
			return err
		}
		return tx.Record(ctx, a.by(), storage.Event{Action: "sync.asked", Subject: storage.SubjectConnection, After: connection})
	})
	if errors.Is(err, storage.ErrNotFound) {
		return refuse(RuleNotPossible, "%s has nothing that could be listed.", cut(connection))
	}
	return err
}
