package bot

import (
	"context"
	"fmt"
	"strconv"

	"latchkey/workflow"
)

func (b *Bot) onSystems(ctx context.Context, c command) answer {
	systems, err := b.Workflow.Inventory(ctx, c.actor)
	if err != nil {
		return b.explainCommand(err)
	}
	return ephemeral(systemsMessage(systems, 0))
}

// clickSystems turns to another page of the systems.
func (b *Bot) clickSystems(ctx context.Context, c click) answer {
	systems, err := b.Workflow.Inventory(ctx, c.actor)
	if err != nil {
		return b.explainClick(c.callback, err)
	}
	from, err := strconv.Atoi(c.id)
	if err != nil || from < 0 || from >= len(systems) {
		from = 0
	}
	return b.turnPage(c.callback, allSystems, systemsMessage(systems, from))
}

func (b *Bot) onSync(ctx context.Context, c command) answer {
	if c.args == "" {
		return b.explainCommand(workflow.Refusal{Rule: workflow.RuleUnknown, Reason: fmt.Sprintf("Say which system, as in `%s sync jira`.", b.Client.config.Command)})
	}
	if !b.isConnection(c.args) {
		return b.explainCommand(workflow.Refusal{Rule: workflow.RuleUnknown, Reason: b.unknownConnection(c.args)})
	}
	if err := b.Workflow.SyncNow(ctx, c.actor, c.args); err != nil {
		return b.explainCommand(err)
	}
	return ephemeral(syncMessage(c.args, b.Client.config.Command))
}

func (b *Bot) clickSync(ctx context.Context, c click) answer {
	if err := b.Workflow.SyncNow(ctx, c.actor, c.id); err != nil {
		return b.explainClick(c.callback, err)
	}
	return b.tellClicker(c.callback, "Syncing", syncMessage(c.id, b.Client.config.Command))
}
