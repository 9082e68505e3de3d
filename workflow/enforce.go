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
	Spares bool      // its warning is taken back
}

// actWait is the time between the warning and the last word.
const actWait = "wait"

// Enforcing is a whole run over a connection, whether or not it was carried
// out.
type Enforcing struct {
	Connection string
	Live       int // credentials the connection has
	Findings   []Finding
	Tripped    bool // it would revoke more than the breaker lets through
	DryRun     bool // the configuration says that nothing is done
	Paused     bool // an admin let such keys live lately, so none is revoked
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

// askAgain is how long the rules end nothing in a system after an admin let
// keys live that they would have ended.
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
	access, warned := connectors.Access(row.Access), !row.WarnedAt.IsZero()
	word := e.Unmanaged.word(access)
	can := map[connectors.Access]string{connectors.Read: "can read", connectors.Write: "can change things", connectors.Admin: "can administer",
		"": "may do what the system does not say"}[access]
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
		v.Action, v.Spares = actReport, warned
		v.Why += " It belongs to a service or to the organisation, so an admin has to decide."
		return v
	}
	if asked != 0 && word != actIgnore {
		// The deadline stays: who asks again and again does not put it off.
		v.Action = actReport
		v.Why += fmt.Sprintf(" Its owner asks to keep it (%s).", asked)
		return v
	}
	v.Action = word
	switch word {
	case actIgnore, actReport:
		v.Spares = warned
		if warned {
			v.Action = actReport
		}
		return v
	case actRevoke:
		return v
	}
	v.At = now.Add(time.Duration(e.Unmanaged.After))
	if !warned {
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
// nothing. For admins, and keys with credentials:read.
func (s *Service) Enforcement(ctx context.Context, a Actor, connection string) (Enforcing, error) {
	if err := s.mayAs(ctx, a, ScopeRead, "look at this"); err != nil {
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
	var err error
	out.Live, err = s.judgeAll(ctx, connection, func(page []storage.InventoryRow, findings []Finding) error {
		views, err := s.lookAtRows(ctx, page)
		if err != nil {
			return err
		}
		for i, v := range findings {
			if v.Action != actIgnore {
				v.Key = views[i]
				out.Findings = append(out.Findings, v)
			}
		}
		return nil
	})
	if err != nil {
		return out, err
	}
	out.Tripped = e.Breaker.tripped(out.Count(actRevoke), out.Live)
	out.Paused, err = s.enforcementPaused(ctx, connection)
	return out, err
}

// judgeAll judges every native credential of a connection, a page at a time.
func (s *Service) judgeAll(ctx context.Context, connection string, each func([]storage.InventoryRow, []Finding) error) (live int, err error) {
	asked, err := s.DB.Adoptions(ctx, connection)
	if err != nil {
		return 0, err
	}
	now, err := s.DB.Now(ctx)
	if err != nil {
		return 0, err
	}
	f := storage.InventoryFilter{Connection: connection, Native: true, Limit: pageOfAll}
	for {
		page, err := s.DB.Inventory(ctx, f, s.flagRules())
		if err != nil {
			return live, err
		}
		live += len(page)
		findings := make([]Finding, len(page))
		for i, row := range page {
			findings[i] = s.today.Enforcement.judge(row, asked[row.ID], now)
		}
		if err := each(page, findings); err != nil {
			return live, err
		}
		if len(page) < pageOfAll {
			return live, nil
		}
		f.Before = page[len(page)-1].ID
	}
}

// pageOfAll is a page of what is read whole.
const pageOfAll = 500

// enforce carries out what PlanEnforcement says, after a walk that saw
// everything.
func (s *Service) enforce(ctx context.Context, c storage.Connection) error {
	if s.today.Enforcement.DryRun {
		return nil
	}
	by := storage.System("enforcement")
	var doomed []storage.Item
	live, err := s.judgeAll(ctx, c.Name, func(page []storage.InventoryRow, findings []Finding) error {
		for i, v := range findings {
			if v.Action == actRevoke {
				doomed = append(doomed, storage.Item{ID: page[i].ID, Why: v.Why})
			}
			if v.Action != actWarn && !v.Spares {
				continue
			}
			err := s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
				if v.Spares {
					return tx.Spare(ctx, page[i].ID, by, v.Why)
				}
				return s.warn(ctx, tx, page[i].ID, v, by)
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || len(doomed) == 0 {
		return err
	}
	if paused, err := s.enforcementPaused(ctx, c.Name); err != nil || paused {
		return err
	}
	b := storage.Batch{Kind: storage.BatchEnforce, Connection: c.Name, Actor: by, State: storage.BatchRunning,
		Title: fmt.Sprintf("%d keys of %s that the rules don't allow", len(doomed), c.Name), Reason: "the rules for keys that nobody asked for",
		SourceKey: fmt.Sprintf("enforce:%s:%d", c.Name, c.Attempts)}
	if s.today.Enforcement.Breaker.tripped(len(doomed), live) {
		b.State = storage.BatchHeld
		b.Reason = fmt.Sprintf("it would end %d of the %d keys of %s at once", len(doomed), live, c.Name)
	}
	return s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		if err := tx.HoldSync(ctx, c, s.SyncHold); err != nil {
			return err
		}
		_, err := s.startBatch(ctx, tx, &b, doomed)
		return err
	})
}

func (s *Service) enforcementPaused(ctx context.Context, connection string) (bool, error) {
	now, err := s.DB.Now(ctx)
	if err != nil {
		return false, err
	}
	return s.DB.DroppedSince(ctx, connection, now.Add(-askAgain))
}

// warn tells a credential's people when it has to be gone.
func (s *Service) warn(ctx context.Context, tx storage.Tx, id storage.CredentialID, v Finding, by storage.Actor) error {
	c, err := tx.LockCredential(ctx, id)
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
