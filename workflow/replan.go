package workflow

import (
	"context"

	"github.com/riverqueue/river"

	"latchkey/storage"
)

// ReplanArgs is the job that has the sweep look at every key anew, because
// another policy than before says how they end.
type ReplanArgs struct {
	Hash string `json:"hash"` // of the policy
}

// Kind implements river.JobArgs.
func (ReplanArgs) Kind() string { return "replan" }

// InsertOpts implements river.JobArgsWithInsertOpts.
func (ReplanArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: maxTries} }

// replanBatch is how many keys one statement takes.
const replanBatch = 2000

func (s *Service) replanSoon(ctx context.Context) error {
	return s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		return tx.Enqueue(ctx, ReplanArgs{s.today.Hash}, &river.InsertOpts{UniqueOpts: underWay})
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
