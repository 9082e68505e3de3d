package bot

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// clickReveal needs no more than an ack: the button's link opens the page.
func (b *Bot) clickReveal(context.Context, click) answer { return answer{} }

func (b *Bot) clickShow(ctx context.Context, c click) answer {
	v, err := b.clicked(ctx, c)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	return b.openModal(c.callback, keyModal(v, c.actor.Account.PersonID))
}

func (b *Bot) clickRevoke(ctx context.Context, c click) answer {
	v, err := b.clicked(ctx, c)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	return b.openModal(c.callback, revokeModal(v, v.Credential.ID.String()))
}

func (b *Bot) clickGiveBack(ctx context.Context, c click) answer {
	v, err := b.clicked(ctx, c)
	if err == nil && v.Credential.OwnerID != c.actor.Account.PersonID {
		err = workflow.Refusal{Rule: workflow.RuleAdminOnly, Reason: "Only its owner can give a key back. Admins revoke it."}
	}
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	return b.openModal(c.callback, giveBackModal(v, v.Credential.ID.String()))
}

func (b *Bot) clicked(ctx context.Context, c click) (workflow.CredentialView, error) {
	_, id, err := b.id(c.id)
	if err != nil {
		return workflow.CredentialView{}, err
	}
	return b.Workflow.Show(ctx, c.actor, id)
}

func (b *Bot) submitRevoke(ctx context.Context, s submission) answer {
	return b.submitEnd(ctx, s, readReason(s.view.State), "Revoked", "Its owner is told who revoked it and why.")
}

func (b *Bot) submitGiveBack(ctx context.Context, s submission) answer {
	return b.submitEnd(ctx, s, readReason(s.view.State), "Given back", "Thank you for giving it back.")
}

func (b *Bot) submitEnd(ctx context.Context, s submission, reason, title, thanks string) answer {
	_, id, err := b.id(s.view.PrivateMetadata)
	if err != nil {
		return b.explainSubmission(s, err)
	}
	done, err := b.Workflow.Revoke(ctx, s.actor, id, reason)
	if err != nil {
		return b.explainSubmission(s, err)
	}
	view := noticeModal(title, revokedMessage(done, thanks).Text)
	return answer{ack: slack.NewUpdateViewSubmissionResponse(&view)}
}

// revokedMessage says what a revoke did, as far as it is known now.
func revokedMessage(c storage.Credential, more string) message {
	sentence := fmt.Sprintf("%s is being revoked.", c.ID)
	switch {
	case c.State == storage.CredentialRevoked:
		sentence = fmt.Sprintf("%s was revoked already.", c.ID)
	case c.Brokered:
		sentence = fmt.Sprintf("%s is revoked: the gateway refuses it from now on.", c.ID)
	}
	return refusalMessage(sentence + " " + more)
}

// votedTitle is a vote as a title.
func votedTitle(d storage.Decision) string {
	if d == storage.Deny {
		return "Denied"
	}
	return "Approved"
}

// votedMessage confirms a vote to whoever gave it.
func votedMessage(r storage.Request, d storage.Decision) message {
	switch {
	case r.State == storage.RequestDenied:
		return refusalMessage(fmt.Sprintf("You denied %s. The requester is told why.", r.ID))
	case r.State == storage.RequestPending && d == storage.Approve:
		return refusalMessage(fmt.Sprintf("Your approval of %s is counted. It needs more approvals before the key is made.", r.ID))
	case d == storage.Approve:
		return refusalMessage(fmt.Sprintf("Your approval of %s is counted, and it was the last one needed.", r.ID))
	}
	return refusalMessage(fmt.Sprintf("Your vote on %s is counted.", r.ID))
}

func (b *Bot) clickMine(ctx context.Context, c click) answer {
	keys, err := b.Workflow.Mine(ctx, c.actor)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	return b.tellClicker(c.callback, "Your keys", mineMessage(keys))
}

func (b *Bot) clickPending(ctx context.Context, c click) answer {
	waiting, err := b.Workflow.Waiting(ctx, c.actor)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	return b.tellClicker(c.callback, "Waiting for you", pendingMessage(waiting))
}

const allKeys = "All keys"

// clickList lists everybody's keys for admins.
func (b *Bot) clickList(ctx context.Context, c click) answer {
	return b.listing(ctx, c.actor, workflow.Listing{Limit: listPage + 1},
		func(m message) answer { return b.tellClicker(c.callback, allKeys, m) },
		func(err error) answer { return b.explainClick(c.callback, err) })
}

// clickMore shows the next page of a listing.
func (b *Bot) clickMore(ctx context.Context, c click) answer {
	parts := strings.SplitN(c.id, ".", 3)
	if len(parts) != 3 {
		return b.explainClick(c.callback, workflow.Refusal{Rule: workflow.RuleUnknown, Reason: "This list is too old to go on. Ask for it again."})
	}
	owner, err1 := strconv.ParseInt(parts[0], 10, 64)
	last, err2 := strconv.ParseInt(parts[1], 10, 64)
	if err1 != nil || err2 != nil {
		return b.explainClick(c.callback, workflow.Refusal{Rule: workflow.RuleUnknown, Reason: "This list is too old to go on. Ask for it again."})
	}
	l := workflow.Listing{Owner: storage.PersonID(owner), Before: storage.CredentialID(last), Connection: parts[2], Limit: listPage + 1}
	return b.listing(ctx, c.actor, l,
		func(m message) answer { return b.turnPage(c.callback, m) },
		func(err error) answer { return b.explainClick(c.callback, err) })
}

// turnPage shows the next page of a listing: in the place of the last one in a
// modal, of which only few fit on each other, and else under it.
func (b *Bot) turnPage(cb *slack.InteractionCallback, m message) answer {
	if cb.View.Type != slack.VTModal {
		return b.tellClicker(cb, allKeys, m)
	}
	view := modal("", allKeys, "", "", m.Blocks...)
	return answer{after: func(ctx context.Context) error {
		if _, err := b.Client.api.UpdateViewContext(ctx, view, "", cb.View.Hash, cb.View.ID); err != nil {
			return fmt.Errorf("turn page: %w", err)
		}
		return nil
	}}
}

// refusedHome is App Home for somebody who may do nothing here.
func refusedHome(sentence string) slack.HomeTabViewRequest {
	return slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: refusalMessage(sentence).Blocks}}
}
