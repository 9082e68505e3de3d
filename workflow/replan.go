package workflow

import (
	"context"
	"time"

	"github.com/riverqueue/river"

	"latchkey/storage"
)

// ReplanArgs is the job that has the sweep look at every key anew, because
// another policy than before says how they end.
type ReplanArgs struct {
	Hash  string `json:"hash"`  // of the policy
	Again bool   `json:"again"` // once more, when replicas with the policy before are gone
}

// Kind implements river.JobArgs.
func (ReplanArgs) Kind() string { return "replan" }

// InsertOpts implements river.JobArgsWithInsertOpts.
func (ReplanArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: maxTries} }

// replanBatch is how many keys one statement takes.
const replanBatch = 2000

// replanAgain is how long replicas with the policy before may go on to plan by
// it. What they planned, and what somebody held when it was to be replanned,
// is planned anew after that.
const replanAgain = 15 * time.Minute

func (s *Service) replanSoon(ctx context.Context) error {
	return s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		if err := tx.Enqueue(ctx, ReplanArgs{s.today.Hash, false}, &river.InsertOpts{UniqueOpts: underWay}); err != nil {
			return err
		}
		return tx.Enqueue(ctx, ReplanArgs{s.today.Hash, true}, &river.InsertOpts{UniqueOpts: underWay, ScheduledAt: time.Now().Add(replanAgain)})
	})
}

// Replan makes every live key due for a look. It may run twice.
func (s *Service) Replan(ctx context.Context) error {
	var last storage.CredentialID
	for {
		next, err := s.DB.Replan(ctx, last, replanBatch)
		if err != nil || next == 0 {
			return err
		}
		last = next
	}
}
