package workflow

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/riverqueue/river"

	"latchkey/storage"
)

const (
	// campaignBatch is how many campaigns one transaction of the sweep takes.
	campaignBatch = 10
	// campaignLook is how often a running campaign looks whether somebody else
	// has to be asked.
	campaignLook = 10 * time.Minute
	// endingLook is how often one that ends looks whether everything has.
	endingLook = 5 * time.Second
	// evidenceLook is when the evidence is asked for again, should nobody have
	// written it.
	evidenceLook = time.Minute
	// lastReminder is so long before the deadline.
	lastReminder = 24 * time.Hour
	// remindedAlready is how long before its time a reminder by hand stands for
	// the one that is planned.
	remindedAlready = 6 * time.Hour
)

// sweepCampaigns does what is due for campaigns: reminds, asks others in place
// of people who left, and ends what nobody decided on.
func (s *Service) sweepCampaigns(ctx context.Context, tx storage.Tx) (int, error) {
	due, err := tx.CampaignsDue(ctx, campaignBatch)
	if err != nil || len(due) == 0 {
		return 0, err
	}
	now, err := tx.Now(ctx)
	if err != nil {
		return 0, err
	}
	for i := range due {
		if err := s.sweepCampaign(ctx, tx, &due[i], now); err != nil {
			return 0, fmt.Errorf("sweep campaign %d: %w", due[i].ID, err)
		}
	}
	s.Fault("campaign:swept")
	return 0, nil // a campaign that was looked at is not due any more
}

func (s *Service) sweepCampaign(ctx context.Context, tx storage.Tx, c *storage.Campaign, now time.Time) error {
	switch c.State {
	case storage.CampaignRunning:
		if !now.Before(c.Deadline) {
			return s.endCampaign(ctx, tx, c, now)
		}
		if err := s.askAnew(ctx, tx, *c); err != nil {
			return err
		}
		if reminderDue(*c, now) {
			if err := s.remind(ctx, tx, c, storage.System("campaign")); err != nil {
				return err
			}
		}
		return tx.PlanCampaign(ctx, c.ID, nextCampaignLook(*c, now))
	case storage.CampaignEnding:
		settled, err := tx.CampaignSettled(ctx, *c)
		if err != nil {
			return err
		}
		if !settled {
			return tx.PlanCampaign(ctx, c.ID, now.Add(endingLook))
		}
		if err := tx.Enqueue(ctx, EvidenceArgs{c.ID}, nil); err != nil {
			return err
		}
		return tx.PlanCampaign(ctx, c.ID, now.Add(evidenceLook))
	case storage.CampaignDone, storage.CampaignCanceled:
	}
	return tx.PlanCampaign(ctx, c.ID, time.Time{})
}

// reminderTimes are at half time and a day before the deadline.
func reminderTimes(c storage.Campaign) [2]time.Time {
	return [2]time.Time{c.CreatedAt.Add(c.Deadline.Sub(c.CreatedAt) / 2), c.Deadline.Add(-lastReminder)}
}

// reminderDue is pure: a planned reminder has come and was not sent.
func reminderDue(c storage.Campaign, now time.Time) bool {
	for _, at := range reminderTimes(c) {
		if !at.After(now) && c.RemindedAt.Before(at.Add(-remindedAlready)) {
			return true
		}
	}
	return false
}

// nextCampaignLook is pure: the next reminder, the deadline, or soon.
func nextCampaignLook(c storage.Campaign, now time.Time) time.Time {
	next := earlier(c.Deadline, now.Add(campaignLook))
	for _, at := range reminderTimes(c) {
		if at.After(now) {
			next = earlier(next, at)
		}
	}
	return next
}

// askAnew takes out what ended otherwise, and asks those who answer for a key
// now: its owner may have left, or be another one.
func (s *Service) askAnew(ctx context.Context, tx storage.Tx, c storage.Campaign) error {
	changed, err := tx.MarkGone(ctx, c.ID)
	if err != nil {
		return err
	}
	open, err := tx.CampaignOpenItems(ctx, c.ID)
	if err != nil {
		return err
	}
	keys := make([]storage.Credential, len(open))
	for i, o := range open {
		keys[i] = o.Credential
	}
	asked, err := s.whoHears(ctx, tx, keys)
	if err != nil {
		return err
	}
	var others []storage.CampaignItem
	for _, o := range open {
		// While a group can't be read, whoever was asked stays.
		if now := asked[o.CredentialID]; len(now) > 0 && !slices.Equal(now, o.Deciders) {
			others = append(others, storage.CampaignItem{CampaignID: c.ID, CredentialID: o.CredentialID, Deciders: now})
		}
	}
	if len(others) > 0 {
		if err := tx.Reassign(ctx, c.ID, others); err != nil {
			return err
		}
	}
	if changed+len(others) == 0 {
		return nil
	}
	return notifyCampaign(ctx, tx, c.ID)
}

// silenceReason is why a key ends that nobody said anything about.
const silenceReason = "nobody said until the deadline that it is still needed"

// endCampaign closes the ballot. What nobody decided on is ended together, so
// that the breaker can judge how much that is.
func (s *Service) endCampaign(ctx context.Context, tx storage.Tx, c *storage.Campaign, now time.Time) error {
	if _, err := tx.MarkGone(ctx, c.ID); err != nil {
		return err
	}
	live, err := tx.CountCampaignLive(ctx, c.ID)
	if err != nil {
		return err
	}
	silent, err := tx.MarkSilent(ctx, c.ID, silenceReason)
	if err != nil {
		return err
	}
	if len(silent) > 0 {
		if c.BatchID, err = s.endSilent(ctx, tx, *c, silent, live); err != nil {
			return err
		}
	}
	c.NextActionAt = now.Add(endingLook)
	if len(silent) == 0 {
		c.NextActionAt = now
	}
	return moveCampaign(ctx, tx, c, eventDeadline, storage.System("campaign"), "")
}

// endSilent files the batch. Where the rules are only tried out, an admin
// decides on it too.
func (s *Service) endSilent(ctx context.Context, tx storage.Tx, c storage.Campaign, silent []storage.CredentialID, live int) (storage.BatchID, error) {
	keys := fmt.Sprintf("%d keys", len(silent))
	if len(silent) == 1 {
		keys = "1 key"
	}
	b := storage.Batch{Kind: storage.BatchSilence, Connection: c.Connection, Actor: storage.System("campaign"), State: storage.BatchRunning,
		Title: fmt.Sprintf("%s of the campaign “%s” without an answer", keys, c.Title), Reason: silenceReason,
		SourceKey: fmt.Sprintf("campaign:%d", c.ID)}
	switch {
	case s.today.Enforcement.DryRun:
		b.State, b.Reason = storage.BatchHeld, "enforcement is on a dry run, in which Latchkey ends nothing by itself"
	case s.today.Enforcement.Breaker.tripped(len(silent), live):
		b.State, b.Reason = storage.BatchHeld, fmt.Sprintf("it would end %d of the campaign's %d keys at once", len(silent), live)
	}
	items := make([]storage.Item, len(silent))
	for i, id := range silent {
		items[i] = storage.Item{ID: id, Why: fmt.Sprintf("%s (%s)", silenceReason, campaignName(c))}
	}
	_, err := s.startBatch(ctx, tx, &b, items)
	return b.ID, err
}

// EvidenceArgs is the job that ends a campaign with its evidence.
type EvidenceArgs struct {
	ID storage.CampaignID `json:"id"`
}

// Kind implements river.JobArgs.
func (EvidenceArgs) Kind() string { return "write_evidence" }

// InsertOpts implements river.JobArgsWithInsertOpts: the sweep asks again.
func (EvidenceArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: 1, UniqueOpts: underWay}
}
