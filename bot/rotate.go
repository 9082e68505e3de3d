package bot

import (
	"context"
	"fmt"
	"time"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

func (b *Bot) onRotate(ctx context.Context, c command) answer {
	return b.onKeyForm(ctx, c, b.rotateForm)
}

func (b *Bot) clickRotate(ctx context.Context, c click) answer {
	return b.clickKeyForm(ctx, c, b.rotateForm)
}

func (b *Bot) rotateForm(ctx context.Context, a workflow.Actor, id storage.CredentialID) (slack.ModalViewRequest, error) {
	plan, err := b.Workflow.PlanRotation(ctx, a, id)
	if err != nil {
		return slack.ModalViewRequest{}, err
	}
	now, err := b.DB.Now(ctx)
	return rotateModal(plan, now, reader{ID: a.Account.PersonID}), err
}

// submitRotate begins a rotation. A longer life that others decide on is shown
// with their names first.
func (b *Bot) submitRotate(ctx context.Context, s submission) answer {
	_, id, err := b.id(s.view.PrivateMetadata)
	if err != nil {
		return b.explainSubmission(s, err)
	}
	f := readRotateForm(s.view.State)
	ask := workflow.RotateAsk{Reason: f.Reason, Contacts: f.Contacts}
	if f.Lifetime > 0 {
		plan, err := b.Workflow.PlanRotation(ctx, s.actor, id)
		if err != nil {
			return b.explainSubmission(s, err)
		}
		now, err := b.DB.Now(ctx)
		if err != nil {
			return b.explainSubmission(s, err)
		}
		c := plan.Key.Credential
		ask.Ends = now.Add(time.Duration(f.Lifetime))
		if plan.Review && c.OwnerID == s.actor.Account.PersonID && ask.Ends.After(c.ExpiresAt) {
			if len(f.Contacts) > 0 {
				return b.explainSubmission(s, workflow.Refusal{Rule: workflow.RuleNotPossible, Field: "contacts",
					Reason: "A key that lives longer is reviewed first, and then nobody else is told by Latchkey. Leave this empty, or choose the old one's end."})
			}
			return b.previewMore(ctx, s, plan.Key, workflow.Ask{Lifetime: f.Lifetime, Reason: f.Reason, Rotates: id})
		}
	}
	out, err := b.Workflow.Rotate(ctx, s.actor, id, ask, s.source)
	if err != nil {
		return b.explainSubmission(s, err)
	}
	view := noticeModal("Rotating", fmt.Sprintf("%s is sent to those who decide on it.", out.Request.ID))
	if out.New.ID != 0 {
		v, err := b.Workflow.LookAtCredential(ctx, out.New.ID)
		if err != nil {
			return b.explainSubmission(s, err)
		}
		view = noticeModal("Rotating", rotatingWords(v, s.actor.Account.PersonID))
	}
	return answer{ack: slack.NewUpdateViewSubmissionResponse(&view)}
}
