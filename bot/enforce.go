package bot

import (
	"context"
	"errors"

	"latchkey/workflow"
)

// onEnforce shows what the rules would do with what was found, and does
// nothing. It reads every key of a system, so the answer comes behind the ack.
func (b *Bot) onEnforce(ctx context.Context, c command) answer {
	if c.args != "" && !b.isConnection(c.args) {
		return b.explainCommand(workflow.Refusal{Rule: workflow.RuleUnknown, Reason: b.unknownConnection(c.args)})
	}
	systems, err := b.Workflow.Inventory(ctx, c.actor)
	if err != nil {
		return b.explainCommand(err)
	}
	return answer{after: func(ctx context.Context) error {
		m, err := b.dryRun(ctx, c, systems)
		if err != nil {
			return errors.Join(err, b.Client.respond(ctx, c.ResponseURL, refusalMessage(b.explain(err))))
		}
		return b.Client.respond(ctx, c.ResponseURL, m)
	}}
}

func (b *Bot) dryRun(ctx context.Context, c command, systems []workflow.SystemView) (message, error) {
	if c.args != "" {
		plan, err := b.Workflow.Enforcement(ctx, c.actor, c.args)
		return enforceMessage(plan, b.Client.config.Command), err
	}
	var plans []workflow.Enforcing
	for _, s := range systems {
		if !s.Listed {
			continue // nothing is found there, so no rule applies
		}
		plan, err := b.Workflow.Enforcement(ctx, c.actor, s.Name)
		if err != nil {
			return message{}, err
		}
		plans = append(plans, plan)
	}
	return enforceAllMessage(plans, b.Client.config.Command), nil
}
