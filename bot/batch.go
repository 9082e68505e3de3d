package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// openRevokeMany shows what a mass revoke would end, before anything is.
func (b *Bot) openRevokeMany(ctx context.Context, c command, sel workflow.Selection, reason string) answer {
	plan, err := b.Workflow.LookAtMassRevoke(ctx, c.actor, sel)
	if err != nil {
		return b.explainCommand(err)
	}
	if plan.Count == 0 {
		return b.explainCommand(workflow.Refusal{Rule: workflow.RuleNotPossible, Reason: "There is nothing to revoke: " + plan.Title + " comes to no live keys."})
	}
	metadata, err := json.Marshal(confirming{sel.Owner, sel.Connection, plan.Count})
	if err != nil {
		return b.explainCommand(fmt.Errorf("encode mass revoke: %w", err))
	}
	return b.openModal(&slack.InteractionCallback{TriggerID: c.TriggerID}, revokeManyModal(plan, reason, string(metadata)))
}

// confirming is what the form of a mass revoke carries: what was asked for,
// and the count its reader saw.
type confirming struct {
	Owner      storage.PersonID
	Connection string
	Count      int
}

func (b *Bot) submitRevokeMany(ctx context.Context, s submission) answer {
	var saw confirming
	if err := json.Unmarshal([]byte(s.view.PrivateMetadata), &saw); err != nil {
		return b.explainSubmission(s, fmt.Errorf("read mass revoke from its view: %w", err))
	}
	typed := clean(answerTo(s.view.State, blockConfirm).Value)
	sel := workflow.Selection{Owner: saw.Owner, Connection: saw.Connection}
	begun, err := b.Workflow.RevokeMany(ctx, s.actor, sel, typed, saw.Count, readReason(s.view.State), s.source)
	if err != nil {
		return b.explainSubmission(s, err)
	}
	view := noticeModal("Revoking", fmt.Sprintf("Latchkey revokes %s. A message in your direct messages shows how far it is, and what each system answered.", begun.Title))
	return answer{ack: slack.NewUpdateViewSubmissionResponse(&view)}
}

func (b *Bot) clickRunBatch(ctx context.Context, c click) answer { return b.decideBatch(ctx, c, true) }

func (b *Bot) clickDropBatch(ctx context.Context, c click) answer {
	return b.decideBatch(ctx, c, false)
}

func (b *Bot) decideBatch(ctx context.Context, c click, run bool) answer {
	id, err := strconv.ParseInt(c.id, 10, 64)
	if err != nil {
		return b.explainClick(c.callback, workflow.Refusal{Rule: workflow.RuleUnknown, Reason: "This message is too old to be decided on."})
	}
	done, err := b.Workflow.DecideBatch(ctx, c.actor, storage.BatchID(id), run)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	if run {
		return b.tellClicker(c.callback, "Revoking", refusalMessage(fmt.Sprintf("Latchkey revokes %s. The message above shows how far it is.", done.Title)))
	}
	again := " Latchkey does not ask again for a week."
	if done.Kind == storage.BatchSilence {
		again = ""
	}
	return b.tellClicker(c.callback, "Nothing is revoked", refusalMessage(fmt.Sprintf("Nothing is revoked: %s live on.%s", done.Title, again)))
}
