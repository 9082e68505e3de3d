package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

func (b *Bot) onEdit(ctx context.Context, c command) answer { return b.onKeyForm(ctx, c, b.editForm) }

func (b *Bot) clickEdit(ctx context.Context, c click) answer {
	return b.clickKeyForm(ctx, c, b.editForm)
}

// edited is what the edit form carries: the key, and the day on which it ended
// when the form was opened, so that a day nobody touched changes nothing.
type edited struct {
	Key  string
	Ends string `json:",omitempty"`
}

func (b *Bot) editForm(ctx context.Context, a workflow.Actor, id storage.CredentialID) (slack.ModalViewRequest, error) {
	v, err := b.Workflow.Show(ctx, a, id)
	if err != nil {
		return slack.ModalViewRequest{}, err
	}
	if !v.Can.Edit {
		return slack.ModalViewRequest{}, workflow.Refusal{Rule: workflow.RuleDecided, Reason: fmt.Sprintf("%s has ended; there is nothing to edit.", id)}
	}
	was := edited{Key: id.String()}
	if endMoves(v.Credential) {
		was.Ends = v.Credential.ExpiresAt.UTC().Format(time.DateOnly)
	}
	metadata, err := json.Marshal(was)
	return editModal(v, reader{ID: a.Account.PersonID}, string(metadata)), err
}

func (b *Bot) submitEdit(ctx context.Context, s submission) answer {
	var was edited
	if err := json.Unmarshal([]byte(s.view.PrivateMetadata), &was); err != nil {
		return b.explainSubmission(s, fmt.Errorf("read key from its view: %w", err))
	}
	_, id, err := b.id(was.Key)
	if err != nil {
		return b.explainSubmission(s, err)
	}
	v, err := b.Workflow.Show(ctx, s.actor, id)
	if err != nil {
		return b.explainSubmission(s, err)
	}
	c, err := b.Workflow.Edit(ctx, s.actor, id, readEdit(s.view.State, v.Credential, was.Ends))
	if err != nil {
		return b.explainSubmission(s, err)
	}
	view := noticeModal("Saved", editedWords(v.Credential, c))
	return answer{ack: slack.NewUpdateViewSubmissionResponse(&view)}
}

func (b *Bot) clickExempt(ctx context.Context, c click) answer {
	return b.clickKeyForm(ctx, c, func(ctx context.Context, a workflow.Actor, id storage.CredentialID) (slack.ModalViewRequest, error) {
		v, err := b.Workflow.Show(ctx, a, id)
		return exemptModal(v), err
	})
}

func (b *Bot) submitExempt(ctx context.Context, s submission) answer {
	_, id, err := b.id(s.view.PrivateMetadata)
	if err != nil {
		return b.explainSubmission(s, err)
	}
	c, err := b.Workflow.Exempt(ctx, s.actor, id, readDay(s.view.State, blockUntil), readReason(s.view.State))
	if err != nil {
		return b.explainSubmission(s, err)
	}
	view := noticeModal("Saved", exemptedWords(c))
	return answer{ack: slack.NewUpdateViewSubmissionResponse(&view)}
}
