package workflow

import (
	"context"
	"errors"
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
	for _, batch := range []func(context.Context, storage.Tx) (int, error){s.sweepRequests, s.sweepCredentials} {
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
	return s.sweepGrants(ctx)
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
	for i := range due {
		if err := s.sweepCredential(ctx, tx, &due[i], now); err != nil {
			return 0, err
		}
	}
	return len(due), nil
}

// sweepCredential does what is due for one credential.
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
		return tx.Enqueue(ctx, RevokeArgs{c.ID}, nil)
	case storage.CredentialRevoking:
		if err := tx.SetNextAction(ctx, c.ID, now.Add(s.LeaseFor)); err != nil {
			return err
		}
		return tx.Enqueue(ctx, RevokeArgs{c.ID}, nil)
	case storage.CredentialActive, storage.CredentialSuspended:
		return s.sweepLive(ctx, tx, c, now)
	case storage.CredentialExpired, storage.CredentialRevoked, storage.CredentialIssueFailed:
	}
	return tx.SetNextAction(ctx, c.ID, time.Time{})
}

// sweepLive expires a key whose time is up, and revokes one that nobody
// collected.
func (s *Service) sweepLive(ctx context.Context, tx storage.Tx, c *storage.Credential, now time.Time) error {
	by := storage.System("sweep")
	if !now.Before(c.ExpiresAt) {
		c.EndedAt, c.NextActionAt = now, time.Time{}
		if err := moveCredential(ctx, tx, c, eventExpireActive, by, ""); err != nil {
			return err
		}
		if err := tx.SpendTicket(ctx, c.ID, false); err != nil && !errors.Is(err, storage.ErrConflict) {
			return err
		}
		if err := revokeStraysOf(ctx, tx, *c, c.VendorRef); err != nil {
			return err
		}
		return notifyCredential(ctx, tx, *c)
	}
	k, err := tx.LockTicketOf(ctx, c.ID)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	if err == nil && k.Sealed != nil {
		if !now.Before(k.ExpiresAt) {
			return s.beginRevoke(ctx, tx, c, by, "not collected in time")
		}
		return tx.SetNextAction(ctx, c.ID, k.ExpiresAt)
	}
	return tx.SetNextAction(ctx, c.ID, c.ExpiresAt)
}
