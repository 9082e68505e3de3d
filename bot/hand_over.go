package bot

import (
	"context"
	"fmt"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

func (b *Bot) clickHandOver(ctx context.Context, c click) answer {
	v, err := b.clicked(ctx, c)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	return b.openModal(c.callback, handOverModal(v))
}

func (b *Bot) submitHandOver(ctx context.Context, s submission) answer {
	_, id, err := b.id(s.view.PrivateMetadata)
	if err != nil {
		return b.explainSubmission(s, err)
	}
	account, err := b.newOwner(ctx, s)
	if err != nil {
		return b.explainSubmission(s, err)
	}
	done, err := b.Workflow.HandOver(ctx, s.actor, id, account.PersonID, readReason(s.view.State))
	if err != nil {
		return b.explainSubmission(s, err)
	}
	view := noticeModal("Handed over", fmt.Sprintf("%s belongs to %s now. Both owners are told who did it and why.", done.ID, line(account.Name)))
	return answer{ack: slack.NewUpdateViewSubmissionResponse(&view)}
}

// newOwner is the person that somebody chose as a key's owner.
func (b *Bot) newOwner(ctx context.Context, s submission) (storage.Account, error) {
	team, _, err := b.Client.Identity(ctx)
	if err != nil {
		return storage.Account{}, err
	}
	user := answerTo(s.view.State, blockOwner).SelectedUser
	if !slackUser.MatchString(user) {
		return storage.Account{}, workflow.Refusal{Rule: workflow.RuleUnknown, Reason: "Choose the new owner.", Field: "owner"}
	}
	account, err := b.Directory.Account(ctx, team, user)
	if err == nil && (workflow.Actor{Account: account}).Admit() != nil {
		err = workflow.Refusal{Rule: workflow.RuleInactive, Reason: account.Name + " can't hold keys here: that takes a full, active member of this workspace.", Field: "owner"}
	}
	return account, err
}
