package bot

import (
	"context"
	"fmt"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

func (b *Bot) onExtend(ctx context.Context, c command) answer {
	return b.onKeyForm(ctx, c, b.extendForm)
}

func (b *Bot) clickExtend(ctx context.Context, c click) answer {
	return b.clickKeyForm(ctx, c, b.extendForm)
}

func (b *Bot) extendForm(ctx context.Context, a workflow.Actor, id storage.CredentialID) (slack.ModalViewRequest, error) {
	plan, err := b.Workflow.PlanExtension(ctx, a, id)
	if err != nil {
		return slack.ModalViewRequest{}, err
	}
	now, err := b.DB.Now(ctx)
	if err != nil {
		return slack.ModalViewRequest{}, err
	}
	if len(longerLives(plan.Key.Credential.ExpiresAt, plan.Longest, now)) == 0 {
		return slack.ModalViewRequest{}, workflow.Refusal{Rule: workflow.RuleCeiling,
			Reason: fmt.Sprintf("%s lives about as long as its rule lets it already. Rotate it, or ask for a new key.", id)}
	}
	return extendModal(plan, now), nil
}

// submitExtend asks for more time: at once where nobody decides on it, else
// behind a preview of who does.
func (b *Bot) submitExtend(ctx context.Context, s submission) answer {
	_, id, err := b.id(s.view.PrivateMetadata)
	if err != nil {
		return b.explainSubmission(s, err)
	}
	lifetime, reason := readLifetime(answerTo(s.view.State, blockLifetime)), readReason(s.view.State)
	plan, err := b.Workflow.PlanExtension(ctx, s.actor, id)
	if err != nil {
		return b.explainSubmission(s, err)
	}
	if plan.Review {
		return b.previewMore(ctx, s, plan.Key, workflow.Ask{Lifetime: lifetime, Reason: reason, Extends: id})
	}
	r, err := b.Workflow.Extend(ctx, s.actor, id, lifetime, reason, s.source)
	if err != nil {
		return b.explainSubmission(s, err)
	}
	c, err := b.DB.Credential(ctx, id)
	if err != nil {
		return b.explainSubmission(s, err)
	}
	view := noticeModal("Extended", extendedWords(r, c))
	return answer{ack: slack.NewUpdateViewSubmissionResponse(&view)}
}

// clickLetExpire silences a key that shall end.
func (b *Bot) clickLetExpire(ctx context.Context, c click) answer {
	_, id, err := b.id(c.id)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	key, err := b.Workflow.LetExpire(ctx, c.actor, id)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	return b.tellClicker(c.callback, "It ends by itself", letExpireMessage(key, c.actor.Account.PersonID))
}
