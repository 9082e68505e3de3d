package bot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// The purposes of messages about campaigns. Each person is asked once, and has
// a message for each reminder.
const purposeEvidence = "evidence" // to the admin who began it: the file

func purposeAsk(p storage.PersonID) string { return "ask:" + strconv.FormatInt(int64(p), 10) }

func purposeRemind(n int, p storage.PersonID) string {
	return fmt.Sprintf("remind:%d:%d", n, p)
}

// A job has to end in time, and another one goes on where many people's
// messages are behind.
const (
	asksReserve = 10 * time.Second
	asksNext    = time.Second
)

// CampaignChanged implements workflow.Notifier. Only messages that are behind
// are looked at, so that a decision costs what it changes.
func (n *Notifier) CampaignChanged(ctx context.Context, id storage.CampaignID) error {
	v, err := n.workflow.LookAtCampaign(ctx, id)
	if err != nil {
		return err
	}
	if err := n.tellStarter(ctx, v); err != nil {
		return later(err)
	}
	for {
		ask, claimed, err := n.db.ClaimAsk(ctx, id, claimFor)
		if err != nil {
			return err
		}
		if !claimed {
			return n.othersAsks(ctx, id)
		}
		err = n.showAsk(ctx, ask)
		if release := n.db.ReleaseAsk(context.WithoutCancel(ctx), ask, err == nil); release != nil {
			err = errors.Join(err, release)
		}
		if err != nil {
			return later(err)
		}
		if end, ok := ctx.Deadline(); ok && time.Until(end) < asksReserve {
			return &workflow.TryAgainError{After: asksNext}
		}
	}
}

// othersAsks asks to be called again while another replica has messages that
// are behind: it may have died.
func (n *Notifier) othersAsks(ctx context.Context, id storage.CampaignID) error {
	behind, err := n.db.AsksBehind(ctx, id)
	if err == nil && behind {
		return &workflow.TryAgainError{After: claimFor}
	}
	return err
}

// showAsk brings one person's messages up to date: the one that asks, and the
// reminders.
func (n *Notifier) showAsk(ctx context.Context, a storage.CampaignAsk) error {
	p, err := n.workflow.LookAtPart(ctx, a.CampaignID, a.PersonID, maxKeysAsked)
	if err != nil {
		return err
	}
	if p.Total() == 0 && a.Reminder == 0 { // others are asked by now
		if posted, err := n.posted(ctx, a, purposeAsk(a.PersonID)); err != nil || !posted {
			return err
		}
	}
	ref := storage.Message{Subject: storage.SubjectCampaign, SubjectID: int64(a.CampaignID), Purpose: purposeAsk(a.PersonID), Recipient: p.Person.Slack}
	if _, err := n.show(ctx, ref, askMessage(p)); err != nil {
		return err
	}
	for i := 1; i <= a.Reminder; i++ {
		ref := ref
		ref.Purpose = purposeRemind(i, a.PersonID)
		if i < a.Reminder || p.Open == 0 { // correct it, and don't begin with it
			if posted, err := n.posted(ctx, a, ref.Purpose); err != nil || !posted {
				if err != nil {
					return err
				}
				continue
			}
		}
		if _, err := n.show(ctx, ref, remindMessage(p)); err != nil {
			return err
		}
	}
	return nil
}

func (n *Notifier) posted(ctx context.Context, a storage.CampaignAsk, purpose string) (bool, error) {
	all, err := n.db.Messages(ctx, storage.SubjectCampaign, int64(a.CampaignID), purpose)
	return len(all) > 0, err
}

// tellStarter keeps the admin who began a campaign posted, and sends the
// evidence when it is done.
func (n *Notifier) tellStarter(ctx context.Context, v workflow.CampaignView) error {
	to, err := n.starter(ctx, v.Campaign)
	if err != nil {
		return err
	}
	ref := storage.Message{Subject: storage.SubjectCampaign, SubjectID: int64(v.Campaign.ID), Purpose: purposeProgress, Recipient: to}
	if _, err := n.show(ctx, ref, campaignStatus(v, n.client.config.Command)); err != nil || v.Campaign.State != storage.CampaignDone {
		return err
	}
	ref.Purpose = purposeEvidence
	return n.sendEvidence(ctx, ref)
}

// starter is the account that a campaign was begun from, or another one of
// that person's.
func (n *Notifier) starter(ctx context.Context, c storage.Campaign) (string, error) {
	accounts, err := n.db.SlackAccounts(ctx, c.Actor.PersonID)
	if err != nil {
		return "", err
	}
	to := n.client.config.ApprovalsChannel
	for i, a := range accounts {
		if i == 0 || a.ID == c.Actor.AccountID {
			to = a.ExternalID
		}
	}
	return to, nil
}

// sendEvidence uploads the file, once.
func (n *Notifier) sendEvidence(ctx context.Context, ref storage.Message) error {
	if ref.Recipient == "" {
		return nil
	}
	mine, _, err := n.db.ClaimMessage(ctx, &ref, claimFor)
	if err != nil || ref.TS != "" {
		return err
	}
	if !mine {
		return fmt.Errorf("message %d is being posted by another replica", ref.ID)
	}
	ref.Channel, ref.TS, err = n.postEvidence(ctx, ref)
	if err != nil {
		if release := n.db.ReleaseMessage(context.WithoutCancel(ctx), ref.ID); release != nil {
			err = errors.Join(err, release)
		}
		return n.bearable(err, ref)
	}
	return n.db.SaveMessage(ctx, ref)
}

func (n *Notifier) postEvidence(ctx context.Context, ref storage.Message) (channel, ts string, err error) {
	c, file, err := n.workflow.ReadEvidence(ctx, storage.CampaignID(ref.SubjectID))
	if err != nil {
		return "", "", err
	}
	if channel, err = n.place(ctx, ref.Recipient); err != nil {
		return "", "", err
	}
	id, err := n.client.uploadEvidence(ctx, channel, c, file)
	why := cantUpload(err)
	if why == "" {
		return channel, id, err
	}
	return n.post(ctx, channel, "", ref, refusalMessage("The evidence could not be sent. "+why))
}

// uploadEvidence sends the file of a campaign that is done.
func (c *Client) uploadEvidence(ctx context.Context, channel string, campaign storage.Campaign, file []byte) (string, error) {
	name := "campaign-" + fileWord(line(campaign.Title)) + ".csv"
	comment := fmt.Sprintf("Evidence of the campaign “%s”: a line for each key with what was decided, by whom, and what became of it. SHA-256: %s. Times are in UTC.",
		words(cut(line(campaign.Title), 2*maxName)), code(campaign.Evidence))
	got, err := c.api.UploadFileContext(ctx, slack.UploadFileParameters{Channel: channel, Reader: bytes.NewReader(file), FileSize: len(file),
		Filename: name, Title: name, InitialComment: comment})
	if err != nil {
		return "", fmt.Errorf("upload evidence: %w", err)
	}
	return got.ID, nil
}

// cantUpload says what an admin can do about an upload that Slack refuses;
// empty for anything else.
func cantUpload(err error) string {
	var se slack.SlackErrorResponse
	if errors.As(err, &se) && se.Err == "missing_scope" {
		return "Latchkey's app in Slack lacks the permission `files:write`; an admin can add it and install the app again."
	}
	return ""
}
