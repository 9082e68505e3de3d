package workflow

import (
	"context"
	"fmt"

	"github.com/riverqueue/river"

	"latchkey/connectors"
	"latchkey/storage"
)

// FetchLeakArgs is the job that fetches a secret that a report left out. The
// reporter does not say it twice, so this is tried for as long as it takes.
type FetchLeakArgs struct {
	Connection string `json:"connection"`
	Ref        string `json:"ref"`
}

// Kind implements river.JobArgs.
func (FetchLeakArgs) Kind() string { return "fetch_leak" }

// InsertOpts implements river.JobArgsWithInsertOpts.
func (FetchLeakArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: maxTries, UniqueOpts: underWay}
}

// fetchSoon commits the fetching of what a report left out.
func (s *Service) fetchSoon(ctx context.Context, connection string, leaks []connectors.Leak) error {
	return s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		for _, l := range leaks {
			if l.Ref == "" {
				continue
			}
			if err := tx.Enqueue(ctx, FetchLeakArgs{connection, l.Ref}, nil); err != nil {
				return err
			}
		}
		return nil
	})
}

// FetchLeak fetches a secret that a report left out, and ends what it is of.
func (s *Service) FetchLeak(ctx context.Context, connection, ref string) error {
	fetcher, ok := connectors.As[connectors.LeakFetcher](s.Connectors[connection])
	if !ok {
		return fmt.Errorf("fetch leak of %s: %w", connection, connectors.ErrUnrecoverable)
	}
	l, err := fetcher.FetchLeak(ctx, ref)
	if err != nil {
		return err
	}
	_, err = s.takeFound(ctx, connection, []connectors.Leak{l})
	return err
}
