package workflow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/riverqueue/river"

	"latchkey/storage"
)

// Selection is many credentials at once: everything alive of a person, of a
// system, or of a person at a system.
type Selection struct {
	Owner      storage.PersonID
	Connection string
}

// MassRevoke is what a mass revoke would do, and the words that have to be
// typed to do it.
type MassRevoke struct {
	Selection
	Title   string // "every key of tempo"
	Count   int
	BySys   map[string]int
	Confirm string
}

// batchStep is how many credentials one transaction of a batch takes.
const batchStep = 50

// LookAtMassRevoke counts what a selection would end. Admins only.
func (s *Service) LookAtMassRevoke(ctx context.Context, a Actor, sel Selection) (MassRevoke, error) {
	if err := s.mustAdmin(ctx, a, "end many keys at once"); err != nil {
		return MassRevoke{}, err
	}
	out, _, err := s.massRevoke(ctx, sel)
	return out, err
}

func (s *Service) massRevoke(ctx context.Context, sel Selection) (MassRevoke, []storage.Item, error) {
	out := MassRevoke{Selection: sel, BySys: map[string]int{}, Confirm: sel.Connection}
	if sel.Owner != 0 {
		people, err := s.DB.People(ctx, sel.Owner)
		if err != nil {
			return out, nil, err
		}
		name := cmp.Or(people[sel.Owner].Name, people[sel.Owner].Email)
		if name == "" {
			return out, nil, refuse(RuleUnknown, "There is no such person.")
		}
		out.Title, out.Confirm = "every key of "+name, name
		if sel.Connection != "" {
			out.Title += " on " + sel.Connection
		}
	} else {
		if _, ok := s.today.Connections[sel.Connection]; !ok {
			return out, nil, refuse(RuleUnknown, "There is no system called %s.", cut(sel.Connection))
		}
		out.Title = "every key of people on " + sel.Connection
		kept, err := s.DB.Inventory(ctx, storage.InventoryFilter{Connection: sel.Connection, Service: true, Limit: pageOfAll}, s.flagRules())
		if err != nil {
			return out, nil, err
		}
		if len(kept) > 0 {
			out.Title += fmt.Sprintf(" (%d of services and the organisation stay)", len(kept))
		}
	}
	refs, err := s.DB.LiveRefs(ctx, sel.Owner, sel.Connection)
	if err != nil {
		return out, nil, err
	}
	items := make([]storage.Item, len(refs))
	for i, r := range refs {
		items[i] = storage.Item{ID: r.ID}
		out.BySys[r.Connection]++
	}
	out.Count = len(items)
	return out, items, nil
}

// RevokeMany ends a selection. typed are the words of MassRevoke.Confirm,
// expected the count that the admin saw: if more keys came in since, nothing
// is done. sourceKey makes it harmless to send twice.
func (s *Service) RevokeMany(ctx context.Context, a Actor, sel Selection, typed string, expected int, reason, sourceKey string) (storage.Batch, error) {
	if err := s.mustAdmin(ctx, a, "end many keys at once"); err != nil {
		return storage.Batch{}, err
	}
	plan, items, err := s.massRevoke(ctx, sel)
	if err != nil {
		return storage.Batch{}, err
	}
	reason = strings.TrimSpace(reason)
	b := storage.Batch{Kind: storage.BatchRevoke, Title: plan.Title, Connection: sel.Connection, Actor: a.by(), Reason: reason, State: storage.BatchRunning, SourceKey: sourceKey}
	err = s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		again, err := s.startBatch(ctx, tx, &b, items)
		if err != nil || again {
			return err
		}
		return mayRevokeMany(plan, typed, expected, reason)
	})
	if err != nil {
		return storage.Batch{}, err
	}
	return s.DB.Batch(ctx, b.ID)
}

// mayRevokeMany refuses what was not confirmed as it is.
func mayRevokeMany(plan MassRevoke, typed string, expected int, reason string) error {
	switch {
	case !strings.EqualFold(strings.TrimSpace(typed), plan.Confirm):
		return refuse(RuleNotPossible, "Type %s to confirm. Nothing was revoked.", plan.Confirm).on("confirm")
	case reason == "":
		return refuse(RuleReason, "Say why: the owners will read it.").on("reason")
	case plan.Count == 0:
		return refuse(RuleNotPossible, "There is nothing to revoke: %s has no live keys.", plan.Confirm)
	case plan.Count > expected:
		return refuse(RuleNotPossible, "It would be %d keys by now, and you saw %d. Look again; nothing was revoked.", plan.Count, expected)
	}
	return checkReason(reason)
}

// startBatch files a batch, with its job if it is to run. One that is there
// already is left as it is, and b has its ID.
func (s *Service) startBatch(ctx context.Context, tx storage.Tx, b *storage.Batch, items []storage.Item) (again bool, err error) {
	err = tx.InsertBatch(ctx, b, items)
	if errors.Is(err, storage.ErrDuplicate) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	if b.State == storage.BatchRunning {
		if err := tx.Enqueue(ctx, BatchArgs{b.ID}, nil); err != nil {
			return false, err
		}
	}
	return false, tx.Enqueue(ctx, NotifyArgs{storage.SubjectBatch, int64(b.ID)}, nil)
}

// DecideBatch lets a held batch run, or drops it. Admins only.
func (s *Service) DecideBatch(ctx context.Context, a Actor, id storage.BatchID, run bool) (storage.Batch, error) {
	if err := s.mustAdmin(ctx, a, "decide on this"); err != nil {
		return storage.Batch{}, err
	}
	to, why := storage.BatchDropped, "an admin let the keys live"
	if run {
		to, why = storage.BatchRunning, "an admin confirmed it"
	}
	err := s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		err := tx.MoveBatch(ctx, id, storage.BatchHeld, to, a.by(), why)
		if errors.Is(err, storage.ErrConflict) {
			return refuse(RuleDecided, "This was decided already.")
		}
		if err != nil {
			return err
		}
		if run {
			if err := tx.Enqueue(ctx, BatchArgs{id}, nil); err != nil {
				return err
			}
		}
		return tx.Enqueue(ctx, NotifyArgs{storage.SubjectBatch, int64(id)}, nil)
	})
	if err != nil {
		return storage.Batch{}, err
	}
	return s.DB.Batch(ctx, id)
}

// BatchArgs is the job that begins the revocations of a batch.
type BatchArgs struct {
	ID storage.BatchID `json:"id"`
}

// Kind implements river.JobArgs.
func (BatchArgs) Kind() string { return "run_batch" }

// InsertOpts implements river.JobArgsWithInsertOpts: what was confirmed is
// done, whatever fails on the way.
func (BatchArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: maxTries} }

// RunBatch begins what a batch has left, a few credentials at a time. It may
// run twice, on several replicas.
func (s *Service) RunBatch(ctx context.Context, id storage.BatchID) error {
	b, err := s.DB.Batch(ctx, id)
	if err != nil || b.State != storage.BatchRunning {
		return err
	}
	for {
		var items []storage.Item
		err := s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) (err error) {
			if items, err = tx.TakeItems(ctx, id, batchStep); err != nil {
				return err
			}
			for _, it := range items {
				reason := b.Reason
				if it.Why != "" {
					reason = it.Why
				}
				if err := s.doItem(ctx, tx, it, b, reason); err != nil {
					return fmt.Errorf("end %s: %w", it.ID, err)
				}
			}
			s.Fault("batch:taken")
			return nil
		})
		s.Fault("batch:step")
		if err != nil || len(items) == 0 {
			return err
		}
	}
}

// doItem begins the end, or the suspension, of one credential of a batch if it
// is alive. A rule leaves what it would judge otherwise by now.
func (s *Service) doItem(ctx context.Context, tx storage.Tx, it storage.Item, b storage.Batch, reason string) error {
	c := storage.Credential{ID: it.ID}
	var err error
	if c.RequestID, err = tx.RequestOf(ctx, it.ID); err != nil {
		return err
	}
	r, err := lockRequestOf(ctx, tx, c)
	if err != nil {
		return err
	}
	if c, err = tx.LockCredential(ctx, it.ID); err != nil || !credentialMachine.allows(string(c.State), eventRevoke) {
		return err
	}
	if b.Kind == storage.BatchEnforce {
		if doomed, err := s.stillDoomed(ctx, tx, c); err != nil || !doomed {
			return err
		}
	}
	if b.Kind == storage.BatchSilence {
		if doomed, err := s.silenceEnds(ctx, tx, b, c); err != nil || !doomed {
			return err
		}
	}
	if it.Suspend {
		if !credentialMachine.allows(string(c.State), eventSuspend) {
			return nil
		}
		return s.suspendOverdue(ctx, tx, &c, b.Actor, reason)
	}
	if err := s.beginRevoke(ctx, tx, &c, b.Actor, reason); err != nil {
		return err
	}
	if r.ID == 0 || !requestMachine.allows(string(r.State), eventCancel) {
		return nil
	}
	if err := moveRequest(ctx, tx, &r, eventCancel, b.Actor, reason); err != nil {
		return err
	}
	return notifyRequest(ctx, tx, r.ID)
}

// silenceEnds tells whether nobody's word ends a credential: what belongs to a
// service or to the organisation, and was not asked for here, is never ended
// by silence, because one of those is the key that we ourselves work with.
func (s *Service) silenceEnds(ctx context.Context, tx storage.Tx, b storage.Batch, c storage.Credential) (bool, error) {
	silent, err := tx.StillSilent(ctx, b.ID, c.ID)
	if err != nil || !silent || c.Managed || c.AccountID == 0 {
		return silent, err
	}
	accounts, err := s.DB.VendorAccounts(ctx, c.AccountID)
	return !accounts[c.AccountID].IsService, err
}

// stillDoomed judges again what a rule's batch has: somebody may use it again,
// or have asked to keep it, since.
func (s *Service) stillDoomed(ctx context.Context, tx storage.Tx, c storage.Credential) (bool, error) {
	if c.Managed {
		return s.stillOverdue(ctx, tx, c)
	}
	asked, err := s.DB.Adoptions(ctx, c.Connection)
	return asked[c.ID] == 0, err
}

// LookAtBatch reads how far a batch came and, once every vendor has answered,
// notes that it is done. What is alive after its turn was left alone.
func (s *Service) LookAtBatch(ctx context.Context, id storage.BatchID) (storage.Batch, error) {
	b, err := s.DB.Batch(ctx, id)
	if err != nil || b.State != storage.BatchRunning || b.Begun < b.Total || b.ByState[storage.CredentialRevoking] > 0 {
		return b, err
	}
	err = s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		return tx.MoveBatch(ctx, id, storage.BatchRunning, storage.BatchDone, storage.System("batch"), "")
	})
	if err != nil && !errors.Is(err, storage.ErrConflict) {
		return b, err
	}
	return s.DB.Batch(ctx, id)
}

// mustAdmin refuses whoever is no admin.
func (s *Service) mustAdmin(ctx context.Context, a Actor, what string) error {
	s.Refresh(ctx, s.today.Sources(s.today.Admins...))
	return s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		who, m, err := s.stand(ctx, tx, s.today, a, s.today.Admins...)
		if err != nil {
			return err
		}
		if !s.today.isAdmin(who.Groups) {
			return s.adminsOnly(m, "Only an admin (%s) can %s.", strings.Join(s.today.Admins, ", "), what)
		}
		return nil
	})
}
