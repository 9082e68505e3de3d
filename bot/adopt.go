package bot

import (
	"cmp"
	"context"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// clickKeep opens the form by which an owner asks to keep a key that nobody
// asked for here.
func (b *Bot) clickKeep(ctx context.Context, c click) answer {
	v, err := b.clicked(ctx, c)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	ask, err := b.Workflow.AdoptAsk(ctx, c.actor, v.Credential.ID)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	offer, err := b.Workflow.Offer(ctx, c.actor, ask.Connection)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	return b.openModal(c.callback, keepModal(v, offer.Ceiling))
}

// submitKeep judges the wish and shows who would be asked.
func (b *Bot) submitKeep(ctx context.Context, s submission) answer {
	_, id, err := b.id(s.view.PrivateMetadata)
	if err != nil {
		return b.explainSubmission(s, err)
	}
	ask, err := b.Workflow.AdoptAsk(ctx, s.actor, id)
	if err != nil {
		return b.explainSubmission(s, err)
	}
	ask.Lifetime, ask.Reason = readLifetime(answerTo(s.view.State, blockLifetime)), readReason(s.view.State)
	preview, err := b.Workflow.Preview(ctx, s.actor, ask)
	if err != nil {
		return b.explainSubmission(s, err)
	}
	v, err := b.Workflow.Show(ctx, s.actor, id)
	if err != nil {
		return b.explainSubmission(s, err)
	}
	metadata, err := encodeAsk(carried{Ask: ask})
	if err != nil {
		return b.explainSubmission(s, err)
	}
	view := previewModal(ask, preview, scopeRules(v.Scopes), metadata)
	return answer{ack: slack.NewPushViewSubmissionResponse(&view)}
}

// scopeRules are scopes in words, as the preview takes them.
func scopeRules(scopes []workflow.ScopeView) []workflow.ScopeRule {
	out := make([]workflow.ScopeRule, len(scopes))
	for i, s := range scopes {
		out[i] = workflow.ScopeRule{Name: s.Name, Title: s.Title, Access: s.Access}
	}
	return out
}

// aboutKeyID is the key that is there already and that a request is about; 0
// for none.
func aboutKeyID(r storage.Request) storage.CredentialID {
	return cmp.Or(r.AdoptsID, r.ExtendsID, r.RotatesID)
}

// withKey completes a request about a key that is there already with
// everything about that key: it is among what the requester holds.
func withKey(ctx context.Context, look *workflow.Service, v workflow.RequestView) (workflow.RequestView, error) {
	id := aboutKeyID(v.Request)
	if id == 0 {
		return v, nil
	}
	key, err := look.LookAtCredential(ctx, id)
	if err != nil {
		return v, err
	}
	key.RevealURL, key.ConnectURL = "", ""
	holds := []workflow.CredentialView{key}
	for _, h := range v.Holds {
		if h.Credential.ID != key.Credential.ID {
			holds = append(holds, h)
		}
	}
	v.Holds = holds
	return v, nil
}
