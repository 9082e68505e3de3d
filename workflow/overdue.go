package workflow

import (
	"context"
	"fmt"
	"time"

	"github.com/riverqueue/river"

	"latchkey/storage"
)

// OverdueArgs is the job that stops what a system has of keys that were warned
// about and are still unused, or too old: all of them together, so that the
// breaker can judge how many they are.
type OverdueArgs struct {
	Connection string `json:"connection"`
}

// Kind implements river.JobArgs.
func (OverdueArgs) Kind() string { return "end_overdue" }

// InsertOpts implements river.JobArgsWithInsertOpts: the sweep asks again.
func (OverdueArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: 1} }

// EndOverdue files what is overdue at a system as one batch. It may run twice:
// what a batch began is not overdue any more.
func (s *Service) EndOverdue(ctx context.Context, connection string) error {
	items, err := s.overdue(ctx, connection)
	if err != nil || len(items) == 0 {
		return err
	}
	live, err := s.DB.CountManaged(ctx, connection)
	if err != nil {
		return err
	}
	if paused, err := s.enforcementPaused(ctx, connection); err != nil || paused {
		return err
	}
	now, err := s.DB.Now(ctx)
	if err != nil {
		return err
	}
	b := storage.Batch{Kind: storage.BatchEnforce, Connection: connection, Actor: storage.System("enforcement"), State: storage.BatchRunning,
		Title: fmt.Sprintf("%d unused or old keys of %s", len(items), connection), Reason: "the rules for keys that nobody uses",
		SourceKey: fmt.Sprintf("overdue:%s:%d", connection, now.UnixMicro())}
	if s.today.Enforcement.Breaker.tripped(len(items), live) {
		b.State = storage.BatchHeld
		b.Reason = fmt.Sprintf("it would stop %d of the %d keys of %s at once", len(items), live, connection)
	}
	return s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		_, err := s.startBatch(ctx, tx, &b, items)
		return err
	})
}

func (s *Service) overdue(ctx context.Context, connection string) ([]storage.Item, error) {
	rows, err := s.DB.Overdue(ctx, connection)
	if err != nil {
		return nil, err
	}
	now, err := s.DB.Now(ctx)
	if err != nil {
		return nil, err
	}
	var out []storage.Item
	for _, c := range rows {
		if act, why, _ := s.planOf(c).judgeIdle(c, now); act == idleStep {
			out = append(out, storage.Item{ID: c.ID, Why: why.why, Suspend: c.State == storage.CredentialActive && s.canSuspend(c)})
		}
	}
	return out, nil
}

// stillOverdue judges a key of a batch again: it may have been used, extended
// or exempted since.
func (s *Service) stillOverdue(ctx context.Context, tx storage.Tx, c storage.Credential) (bool, error) {
	now, err := tx.Now(ctx)
	if err != nil {
		return false, err
	}
	act, _, _ := s.planOf(c).judgeIdle(c, now)
	return act == idleStep, nil
}

// suspendOverdue stops a key for a while before it is ended.
func (s *Service) suspendOverdue(ctx context.Context, tx storage.Tx, c *storage.Credential, by storage.Actor, reason string) error {
	now, err := tx.Now(ctx)
	if err != nil {
		return err
	}
	if err := moveCredential(ctx, tx, c, eventSuspend, by, reason); err != nil {
		return err
	}
	if err := tx.Postpone(ctx, c.ID, now.Add(time.Duration(s.planOf(*c).grace))); err != nil {
		return err
	}
	if !c.Brokered {
		if err := tx.Enqueue(ctx, MatchStateArgs{c.ID}, nil); err != nil {
			return err
		}
	}
	return notifyCredential(ctx, tx, *c)
}
