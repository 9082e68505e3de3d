package workflow

import (
	"context"
	"time"

	"latchkey/storage"
)

// sweepBatch is how many rows one transaction of the sweep takes.
const sweepBatch = 200

// RunSweep looks for what is due until the context ends, on as many replicas
// as there are: rows are found by index and claimed with SKIP LOCKED. It is
// also what takes up work that a crash interrupted.
func (s *Service) RunSweep(ctx context.Context) {
	tick := time.NewTicker(s.SweepEach)
	defer tick.Stop()
	for {
		if err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
			s.Logger.Error().Err(err).Msg("sweep failed")
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Sweep does everything that is due now.
func (s *Service) Sweep(ctx context.Context) error {
	for _, batch := range []func(context.Context, storage.Tx) (int, error){s.sweepRequests, s.sweepCredentials, s.sweepDigests, s.sweepCampaigns} {
		for {
			var n int
			err := s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) (err error) {
				n, err = batch(ctx, tx)
				return err
			})
			if err != nil {
				return err
			}
			if n < sweepBatch {
				break
			}
		}
	}
	for _, all := range []func(context.Context) error{s.sweepEvents, s.sweepOffboardings, s.sweepShared, s.sweepGrants, s.sweepAnswers} {
		if err := all(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) sweepRequests(ctx context.Context, tx storage.Tx) (int, error) {
	due, err := tx.LapseDue(ctx, sweepBatch)
	if err != nil {
		return 0, err
	}
	for i := range due {
		if err := s.lapse(ctx, tx, &due[i]); err != nil {
			return 0, err
		}
	}
	return len(due), nil
}

func (s *Service) sweepCredentials(ctx context.Context, tx storage.Tx) (int, error) {
	due, err := tx.CredentialsDue(ctx, sweepBatch)
	if err != nil {
		return 0, err
	}
	if len(due) == 0 {
		return 0, nil
	}
	now, err := tx.Now(ctx)
	if err != nil {
		return 0, err
	}
	var live []storage.Credential
	for i := range due {
		switch due[i].State {
		case storage.CredentialActive, storage.CredentialSuspended:
			live = append(live, due[i])
		default:
			if err := s.sweepCredential(ctx, tx, &due[i], now); err != nil {
				return 0, err
			}
		}
	}
	return len(due), s.sweepLive(ctx, tx, live, now)
}

// sweepCredential does what is due for one credential that is no more, or not
// yet, alive.
func (s *Service) sweepCredential(ctx context.Context, tx storage.Tx, c *storage.Credential, now time.Time) error {
	by := storage.System("sweep")
	switch c.State {
	case storage.CredentialIssuing:
		if err := tx.SetNextAction(ctx, c.ID, now.Add(s.LeaseFor)); err != nil {
			return err
		}
		return tx.Enqueue(ctx, IssueArgs{c.ID}, nil)
	case storage.CredentialRevokeFailed:
		c.NextActionAt = now.Add(s.LeaseFor)
		if err := moveCredential(ctx, tx, c, eventRevokeAgain, by, c.StateReason); err != nil {
			return err
		}
		return s.revokeSoon(ctx, tx, *c)
	case storage.CredentialRevoking:
		return s.revokeStill(ctx, tx, *c, now)
	case storage.CredentialActive, storage.CredentialSuspended, // sweepLive's
		storage.CredentialExpired, storage.CredentialRevoked, storage.CredentialIssueFailed:
	}
	return tx.SetNextAction(ctx, c.ID, time.Time{})
}
