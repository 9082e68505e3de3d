package bot

import (
	"context"
	"strings"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// keyForm makes a form about one key, or refuses. That it opens promises
// nothing: what is sent is judged anew.
type keyForm func(context.Context, workflow.Actor, storage.CredentialID) (slack.ModalViewRequest, error)

// onKeyForm opens a form for a command that names a key.
func (b *Bot) onKeyForm(ctx context.Context, c command, form keyForm) answer {
	typed, _, _ := strings.Cut(c.args, " ")
	_, key, err := b.id(typed)
	if err == nil && key == 0 {
		err = workflow.Refusal{Rule: workflow.RuleUnknown, Reason: "Say which key, by an ID like TK-7F3K. `" + b.Client.config.Command + " mine` lists yours."}
	}
	if err != nil {
		return b.explainCommand(err)
	}
	view, err := form(ctx, c.actor, key)
	if err != nil {
		return b.unknownID(ctx, c, typed, err)
	}
	return b.openModal(&slack.InteractionCallback{TriggerID: c.TriggerID}, view)
}

// clickKeyForm opens a form for a button or a menu that names a key.
func (b *Bot) clickKeyForm(ctx context.Context, c click, form keyForm) answer {
	_, key, err := b.id(c.id)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	view, err := form(ctx, c.actor, key)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	return b.openModal(c.callback, view)
}

// previewMore shows who would be asked for more time for a key, or for a fresh
// one that lives longer. The view carries no scopes: they are the key's.
func (b *Bot) previewMore(ctx context.Context, s submission, v workflow.CredentialView, ask workflow.Ask) answer {
	c := v.Credential
	ask.Connection, ask.Kind, ask.Scopes = c.Connection, c.Kind, c.Scopes
	preview, err := b.Workflow.Preview(ctx, s.actor, ask)
	if err != nil {
		return b.explainSubmission(s, err)
	}
	carries := ask
	carries.Scopes = nil
	metadata, err := encodeAsk(carried{Ask: carries})
	if err != nil {
		return b.explainSubmission(s, err)
	}
	view := previewModal(ask, preview, scopeRules(v.Scopes), metadata)
	return answer{ack: slack.NewPushViewSubmissionResponse(&view)}
}

// complete gives an ask about a key that is there what previewMore left out.
func (b *Bot) complete(ctx context.Context, ask workflow.Ask) (workflow.Ask, error) {
	id := ask.Extends
	if id == 0 {
		id = ask.Rotates
	}
	if id == 0 {
		return ask, nil
	}
	c, err := b.DB.Credential(ctx, id)
	ask.Connection, ask.Kind, ask.Scopes = c.Connection, c.Kind, c.Scopes
	return ask, err
}
