package bot

import (
	"context"
	"fmt"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// clickLink needs no more than an ack: the button's link opens the page.
func (b *Bot) clickLink(context.Context, click) answer { return answer{} }

// clickRow does what was chosen from a row's menu, as if it had been a button.
func (b *Bot) clickRow(ctx context.Context, c click) answer {
	switch chosen := verb(c.action.SelectedOption.Value); chosen {
	case verbShow, verbKeep, verbRotate, verbExtend, verbLetExpire, verbSuspend, verbResume, verbHandOver, verbGiveBack, verbRevoke:
		return b.clicks()[chosen](ctx, c)
	default:
		return answer{} // a choice of an older version of us
	}
}

func (b *Bot) clickShow(ctx context.Context, c click) answer {
	_, id, err := b.id(c.id)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	f, err := b.keyFile(ctx, c.actor, id)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	return b.openModal(c.callback, keyModal(f))
}

// keyFile gathers everything about a key for one reader: what Show says, and
// the request it came from with its votes.
func (b *Bot) keyFile(ctx context.Context, a workflow.Actor, id storage.CredentialID) (keyFile, error) {
	v, err := b.Workflow.Show(ctx, a, id)
	if err != nil {
		return keyFile{}, err
	}
	f := keyFile{CredentialView: v}
	if f.Reader, err = b.reader(ctx, a); err != nil {
		return f, err
	}
	if v.Credential.RequestID == 0 {
		return f, nil
	}
	asked, err := b.Workflow.ShowRequest(ctx, a, v.Credential.RequestID)
	if _, refused := workflow.AsRefusal(err); refused {
		return f, nil // handed over since: the request stays its requester's
	}
	f.Asked = &asked
	return f, err
}

// reader is who looks, and as what.
func (b *Bot) reader(ctx context.Context, a workflow.Actor) (reader, error) {
	admin, err := b.Workflow.IsAdmin(ctx, a)
	return reader{ID: a.Account.PersonID, Admin: admin}, err
}

func (b *Bot) clickRevoke(ctx context.Context, c click) answer {
	v, err := b.clicked(ctx, c)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	r, err := b.reader(ctx, c.actor)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	return b.openModal(c.callback, revokeModal(v, r, ""))
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

// refusedHome is App Home for somebody who may do nothing here.
func refusedHome(sentence string) slack.HomeTabViewRequest {
	return slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: refusalMessage(sentence).Blocks}}
}
