package bot

import (
	"context"
	"time"

	"latchkey/storage"
	"latchkey/workflow"
)

// purposeProgress is the message about an act on many keys.
const purposeProgress = "progress"

// How soon the message about an act under way is brought up to date, and how
// soon once it has taken so long that somebody else's help is waited for.
const (
	progressEach  = 2 * time.Second
	progressSlow  = time.Minute
	progressQuick = 10 * time.Minute
)

// Bounds of what a message about many keys names one by one.
const (
	maxSample  = 5
	itemsAPage = 500
)

// BatchChanged implements workflow.Notifier. While the act is under way it
// asks to be called again, so that the message follows it.
func (n *Notifier) BatchChanged(ctx context.Context, id storage.BatchID) error {
	b, err := n.workflow.LookAtBatch(ctx, id)
	if err != nil {
		return err
	}
	v, err := n.lookAtBatch(ctx, b)
	if err != nil {
		return err
	}
	to, err := n.watcher(ctx, b)
	if err != nil {
		return err
	}
	if to == "" {
		n.log.Warn().Int64("batch", int64(id)).Msg("nobody to tell of an act on many keys: there is no approvals channel")
		return nil
	}
	ref := storage.Message{Subject: storage.SubjectBatch, SubjectID: int64(id), Purpose: purposeProgress, Recipient: to}
	if _, err := n.show(ctx, ref, batchMessage(v)); err != nil {
		return later(err)
	}
	if b.State != storage.BatchRunning {
		return nil
	}
	now, err := n.db.Now(ctx)
	if err != nil {
		return err
	}
	if now.Sub(b.CreatedAt) > progressQuick {
		return &workflow.TryAgainError{After: progressSlow}
	}
	return &workflow.TryAgainError{After: progressEach}
}

// watcher is who follows an act: the admin who asked for it, and everybody in
// the approvals channel where the rules did.
func (n *Notifier) watcher(ctx context.Context, b storage.Batch) (string, error) {
	if b.Kind != storage.BatchRevoke || b.Actor.PersonID == 0 {
		return n.client.config.ApprovalsChannel, nil
	}
	accounts, err := n.db.SlackAccounts(ctx, b.Actor.PersonID)
	if err != nil {
		return "", err
	}
	to := n.client.config.ApprovalsChannel
	for i, a := range accounts {
		if i == 0 || a.ID == b.Actor.AccountID {
			to = a.ExternalID
		}
	}
	return to, nil
}

// lookAtBatch gathers what the message about an act shows in its state.
func (n *Notifier) lookAtBatch(ctx context.Context, b storage.Batch) (batchView, error) {
	v := batchView{Batch: b}
	var err error
	if b.State == storage.BatchHeld {
		v.Sample, err = n.db.BatchItems(ctx, b.ID, 0, maxSample)
		return v, err
	}
	events, err := n.db.Events(ctx, storage.SubjectBatch, int64(b.ID))
	if err != nil {
		return v, err
	}
	for _, e := range events {
		if e.Before == string(storage.BatchHeld) {
			v.Decided, v.DecidedAt = actor(e), e.At
		}
	}
	if b.State == storage.BatchDone {
		err = n.tallyBatch(ctx, &v)
	}
	return v, err
}

// tallyBatch reads what became of every key of an act, a page at a time.
func (n *Notifier) tallyBatch(ctx context.Context, v *batchView) error {
	v.BySystem = map[string]tally{}
	after := storage.CredentialID(0)
	for {
		items, err := n.db.BatchItems(ctx, v.ID, after, itemsAPage)
		if err != nil || len(items) == 0 {
			return err
		}
		after = items[len(items)-1].ID
		ids := make([]storage.CredentialID, len(items))
		for i, it := range items {
			ids[i] = it.ID
		}
		rows, err := n.db.Inventory(ctx, storage.InventoryFilter{IDs: ids, Ended: true, Limit: itemsAPage}, storage.FlagRules{})
		if err != nil {
			return err
		}
		for _, row := range rows {
			t := v.BySystem[row.Connection]
			t.add(row.State, 1)
			v.BySystem[row.Connection] = t
			if row.State != storage.CredentialRevokeFailed || len(v.Stuck) == maxSample {
				continue
			}
			stuck, err := n.workflow.LookAtCredential(ctx, row.ID)
			if err != nil {
				return err
			}
			v.Stuck = append(v.Stuck, stuck)
		}
	}
}
