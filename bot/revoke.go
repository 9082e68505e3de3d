package bot

import (
	"context"
	"strings"

	"github.com/slack-go/slack"

	"latchkey/workflow"
)

// onRevoke ends one key, or everything of a person or a system.
func (b *Bot) onRevoke(ctx context.Context, c command) answer {
	target, reason, _ := strings.Cut(c.args, " ")
	reason = strings.TrimSpace(reason)
	switch {
	case mention.MatchString(target):
		owner, err := b.personTyped(ctx, c, target)
		if err != nil {
			return b.explainCommand(err)
		}
		return b.openRevokeMany(ctx, c, workflow.Selection{Owner: owner}, reason)
	case b.isConnection(target):
		return b.openRevokeMany(ctx, c, workflow.Selection{Connection: target}, reason)
	}
	_, key, err := b.id(target)
	if err == nil && key == 0 {
		err = workflow.Refusal{Rule: workflow.RuleUnknown, Reason: "Say which key, by an ID like TK-7F3K, or whose, or of which system. `" + b.Client.config.Command + " list` lists them."}
	}
	if err != nil {
		return b.explainCommand(err)
	}
	if reason == "" {
		v, err := b.Workflow.Show(ctx, c.actor, key)
		if err != nil {
			return b.unknownID(ctx, c, target, err)
		}
		r, err := b.reader(ctx, c.actor)
		if err != nil {
			return b.explainCommand(err)
		}
		return b.openModal(&slack.InteractionCallback{TriggerID: c.TriggerID}, revokeModal(v, r, ""))
	}
	done, err := b.Workflow.Revoke(ctx, c.actor, key, reason)
	if err != nil {
		return b.unknownID(ctx, c, target, err)
	}
	return ephemeral(revokedMessage(done, "Its owner is told who revoked it and why."))
}
