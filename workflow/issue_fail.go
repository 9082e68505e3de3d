package workflow

import (
	"context"
	"errors"
	"time"

	"latchkey/connectors"
	"latchkey/storage"
)

// retryIssue sorts a failure: for good, or to be tried again after a while.
func (s *Service) retryIssue(ctx context.Context, c storage.Credential, cause error) error {
	if errors.Is(cause, connectors.ErrUnrecoverable) || errors.Is(cause, connectors.ErrUnsupported) {
		return s.failIssue(ctx, c, cause)
	}
	return s.putOffIssue(ctx, c, cause)
}

// putOffIssue has the key tried again after a while, but not for ever. The
// request shows what is going on meanwhile.
func (s *Service) putOffIssue(ctx context.Context, leased storage.Credential, cause error) error {
	if leased.Attempts >= maxIssueAttempts {
		return s.failIssue(ctx, leased, cause)
	}
	s.Logger.Warn().Err(cause).Stringer("credential", leased.ID).Int("attempt", leased.Attempts).Msg("issue failed, will retry")
	return s.DB.InTx(context.WithoutCancel(ctx), func(ctx context.Context, tx storage.Tx) error {
		c, err := tx.LockCredential(ctx, leased.ID)
		if err != nil || c.Attempts != leased.Attempts {
			return err // another worker has the lease by now
		}
		again, words := backoff(c.Attempts, cause), retryWords(cause)
		switch c.State {
		case storage.CredentialIssuing:
		case storage.CredentialRevoking: // given up meanwhile: the revocation's turn
			again, words = 0, c.StateReason
		default:
			return nil
		}
		if err := tx.Release(ctx, c.ID, again, words); err != nil {
			return err
		}
		return notifyCredential(ctx, tx, c)
	})
}

// retryWords says for people why it is taking longer; the cause is in the log.
func retryWords(cause error) string {
	if _, ok := errors.AsType[*connectors.RateLimitedError](cause); ok {
		return "the system asks us to slow down"
	}
	return "the system does not answer as it should"
}

// backoff doubles from one second to five minutes, or does as the vendor says.
func backoff(attempts int, cause error) time.Duration {
	var limited *connectors.RateLimitedError
	if errors.As(cause, &limited) && limited.After > 0 {
		return min(limited.After, time.Hour)
	}
	return min(time.Second<<min(max(attempts-1, 0), 10), 5*time.Minute)
}

func (s *Service) failIssue(ctx context.Context, c storage.Credential, cause error) error {
	s.Logger.Error().Err(cause).Stringer("credential", c.ID).Msg("issue failed for good")
	return s.DB.InTx(context.WithoutCancel(ctx), func(ctx context.Context, tx storage.Tx) error {
		if _, _, _, err := tx.LockRequest(ctx, c.RequestID); err != nil {
			return err
		}
		c, err := tx.LockCredential(ctx, c.ID)
		if err != nil || c.State != storage.CredentialIssuing {
			return err
		}
		return s.endIssue(ctx, tx, &c, "the system refused to make the key; an admin can see why in the log")
	})
}

// endIssue gives up: a state people can see.
func (s *Service) endIssue(ctx context.Context, tx storage.Tx, c *storage.Credential, why string) error {
	by := storage.System("issue")
	c.NextActionAt, c.LeaseUntil = time.Time{}, time.Time{}
	if err := moveCredential(ctx, tx, c, eventIssueFail, by, why); err != nil {
		return err
	}
	if c.Attempts > 0 { // an earlier try may have made a key all the same
		if err := revokeStraysOf(ctx, tx, *c, ""); err != nil {
			return err
		}
	}
	r, _, _, err := tx.LockRequest(ctx, c.RequestID)
	if err != nil {
		return err
	}
	if requestMachine.allows(string(r.State), eventFail) {
		if err := moveRequest(ctx, tx, &r, eventFail, by, why); err != nil {
			return err
		}
	}
	if err := s.rotationOff(ctx, tx, c.ReplacesID, why); err != nil {
		return err
	}
	return notifyCredential(ctx, tx, *c)
}
