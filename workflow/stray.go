package workflow

import (
	"context"
	"errors"
	"time"

	"github.com/riverqueue/river"

	"latchkey/connectors"
	"latchkey/storage"
)

// StrayArgs is the job that ends what a vendor has of a credential beyond its
// row. Ref is one such key, or empty where they are to be found by the label.
type StrayArgs struct {
	ID  storage.CredentialID `json:"id"`
	Ref string               `json:"ref,omitempty"`
}

// Kind implements river.JobArgs.
func (StrayArgs) Kind() string { return "revoke_strays" }

// InsertOpts implements river.JobArgsWithInsertOpts: a key that no row stands
// for is never given up.
func (StrayArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: maxTries} }

// revokeStraysOf commits the job with the transaction. Where we make the keys
// ourselves, or never made one, there is nothing to look for.
func revokeStraysOf(ctx context.Context, tx storage.Tx, c storage.Credential, ref string) error {
	if c.Brokered && c.Kind != OAuthGrant || !c.Managed && ref == "" {
		return nil
	}
	if err := tx.Enqueue(ctx, StrayArgs{c.ID, ref}, &river.InsertOpts{Queue: vendorQueue(c.Connection)}); err != nil || c.Brokered {
		return err
	}
	// A vendor may finish a call long after we gave it up.
	return tx.Enqueue(ctx, StrayArgs{ID: c.ID}, &river.InsertOpts{Queue: vendorQueue(c.Connection), ScheduledAt: time.Now().Add(lateAnswers)})
}

// lateAnswers is when a vendor has surely finished whatever it was asked.
const lateAnswers = 10 * time.Minute

// strayWorker tries for ever, at most half an hour apart.
type strayWorker struct {
	river.WorkerDefaults[StrayArgs]
	service *Service
}

// Work implements river.Worker.
func (w *strayWorker) Work(ctx context.Context, j *river.Job[StrayArgs]) error {
	err := w.service.RevokeStrays(ctx, j.Args.ID, j.Args.Ref)
	if limited, ok := errors.AsType[*connectors.RateLimitedError](err); ok {
		return river.JobSnooze(limited.After)
	}
	return err
}

// NextRetry implements river.Worker.
func (w *strayWorker) NextRetry(j *river.Job[StrayArgs]) time.Time {
	return time.Now().Add(min(time.Second<<min(max(j.Attempt-1, 0), 11), 30*time.Minute))
}

// RevokeStrays leaves a vendor only the key that a credential's row stands
// for, if it is alive. It ends what a late answer, a doubled call or a try
// that was given up has made, and a key whose time is over but whose vendor
// may see that differently. It may run twice.
func (s *Service) RevokeStrays(ctx context.Context, id storage.CredentialID, ref string) error {
	c, err := s.DB.Credential(ctx, id)
	if err != nil {
		return err
	}
	if c.Brokered {
		if c.Live() {
			return nil
		}
		_, err := s.endGrant(ctx, c)
		return err
	}
	conn := s.Connectors[c.Connection]
	var strays []connectors.Ref
	if ref != "" {
		strays = append(strays, connectors.Ref{ID: ref})
	}
	if c.State != storage.CredentialIssuing && c.Managed { // the try under way may have made the key that will be the row's
		match, err := s.matchOf(ctx, c)
		if err != nil {
			return err
		}
		found, err := findAtVendor(ctx, conn, s.label(c.ID), match)
		if err != nil && !errors.Is(err, connectors.ErrUnsupported) {
			return err
		}
		strays = append(strays, found...)
	}
	for _, stray := range strays {
		if c.Live() && stray.ID == c.VendorRef {
			continue
		}
		holder, err := s.DB.LiveRefHolder(ctx, c.Connection, stray.ID)
		if err != nil {
			return err
		}
		if holder != 0 && holder != c.ID {
			continue // another row stands for it
		}
		if _, err := endAtVendor(ctx, conn, c.Kind, stray); err != nil {
			return err
		}
		if stray.ID == c.VendorRef {
			continue // the row's own, whose end is told already
		}
		s.Logger.Warn().Stringer("credential", c.ID).Str("vendor_ref", stray.ID).Msg("ended a key that no row stands for")
		err = s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
			return tx.Record(ctx, storage.System("strays"), storage.Event{Action: "credential.stray_ended", Subject: storage.SubjectCredential,
				SubjectID: int64(c.ID), Reason: "the system had a key of this label that is not the row's: " + stray.ID})
		})
		if err != nil {
			return err
		}
	}
	return nil
}
