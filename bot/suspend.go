package bot

import (
	"context"
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// turning is suspending or resuming: the same handling of two opposite acts.
type turning struct {
	verb verb
	done string // "suspended"
	act  func(context.Context, workflow.Actor, storage.CredentialID, string) (storage.Credential, error)
	form func(workflow.CredentialView, reader) slack.ModalViewRequest
}

func (b *Bot) suspending() turning {
	return turning{verbSuspend, "suspended", b.Workflow.Suspend, suspendModal}
}

func (b *Bot) resuming() turning {
	return turning{verbResume, "resumed", b.Workflow.Resume, resumeModal}
}

func (b *Bot) onSuspend(ctx context.Context, c command) answer {
	return b.onTurn(ctx, c, b.suspending())
}

func (b *Bot) onResume(ctx context.Context, c command) answer { return b.onTurn(ctx, c, b.resuming()) }

// onTurn acts at once when a reason was typed, and else asks for it.
func (b *Bot) onTurn(ctx context.Context, c command, t turning) answer {
	id, reason, _ := strings.Cut(c.args, " ")
	_, key, err := b.id(id)
	if err == nil && key == 0 {
		err = workflow.Refusal{Rule: workflow.RuleUnknown, Reason: "Say which key, by an ID like TK-7F3K. `" + b.Client.config.Command + " list` lists them."}
	}
	if err != nil {
		return b.explainCommand(err)
	}
	if strings.TrimSpace(reason) == "" {
		return b.openTurn(ctx, &slack.InteractionCallback{TriggerID: c.TriggerID}, c.actor, key, t, func(err error) answer { return b.unknownID(ctx, c, id, err) })
	}
	done, err := t.act(ctx, c.actor, key, reason)
	if err != nil {
		return b.unknownID(ctx, c, id, err)
	}
	return ephemeral(turnedMessage(done, t.done, c.actor.Account.PersonID))
}

func (b *Bot) clickSuspend(ctx context.Context, c click) answer {
	return b.clickTurn(ctx, c, b.suspending())
}

func (b *Bot) clickResume(ctx context.Context, c click) answer {
	return b.clickTurn(ctx, c, b.resuming())
}

func (b *Bot) clickTurn(ctx context.Context, c click, t turning) answer {
	explain := func(err error) answer { return b.explainClick(c.callback, err) }
	_, id, err := b.id(c.id)
	if err != nil {
		return explain(err)
	}
	return b.openTurn(ctx, c.callback, c.actor, id, t, explain)
}

// openTurn opens the form. That it opens promises nothing: the act is judged
// when it is submitted.
func (b *Bot) openTurn(ctx context.Context, cb *slack.InteractionCallback, a workflow.Actor, id storage.CredentialID, t turning, explain func(error) answer) answer {
	v, err := b.Workflow.Show(ctx, a, id)
	if err != nil {
		return explain(err)
	}
	r, err := b.reader(ctx, a)
	if err != nil {
		return explain(err)
	}
	return b.openModal(cb, t.form(v, r))
}

func (b *Bot) submitSuspend(ctx context.Context, s submission) answer {
	return b.submitTurn(ctx, s, b.suspending())
}

func (b *Bot) submitResume(ctx context.Context, s submission) answer {
	return b.submitTurn(ctx, s, b.resuming())
}

func (b *Bot) submitTurn(ctx context.Context, s submission, t turning) answer {
	_, id, err := b.id(s.view.PrivateMetadata)
	if err != nil {
		return b.explainSubmission(s, err)
	}
	done, err := t.act(ctx, s.actor, id, readReason(s.view.State))
	if err != nil {
		return b.explainSubmission(s, err)
	}
	view := noticeModal(titleCase(t.done), turnedMessage(done, t.done, s.actor.Account.PersonID).Text)
	return answer{ack: slack.NewUpdateViewSubmissionResponse(&view)}
}

// titleCase makes a word a title.
func titleCase(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// turnedMessage says what suspending or resuming did, as far as it is known
// now: at a system that has to be asked it takes a moment.
func turnedMessage(c storage.Credential, done string, by storage.PersonID) message {
	sentence := fmt.Sprintf("%s is %s.", c.ID, done)
	if !c.Brokered {
		sentence = fmt.Sprintf("%s is being %s: the system is told now.", c.ID, done)
	}
	if c.OwnerID != 0 && c.OwnerID != by {
		sentence += " Its owner is told who did it and why."
	}
	return refusalMessage(sentence)
}
