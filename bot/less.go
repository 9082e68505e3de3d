package bot

import (
	"context"
	"fmt"
	"slices"

	"latchkey/workflow"
)

// clickLess opens the request form for a key like one of the clicker's own,
// without the scopes that nothing needed. The old key stays until its owner
// gives it back.
func (b *Bot) clickLess(ctx context.Context, c click) answer {
	explain := func(err error) answer { return b.explainClick(c.callback, err) }
	_, id, err := b.id(c.id)
	if err != nil {
		return explain(err)
	}
	v, err := b.Workflow.Show(ctx, c.actor, id)
	if err != nil {
		return explain(err)
	}
	f, err := b.form(ctx, c.actor, lessForm(v))
	if err != nil {
		return explain(err)
	}
	return b.openModal(c.callback, requestModal(f, len(b.Workflow.Systems())))
}

// lessForm asks for what a key has, less the scopes that nothing needed.
func lessForm(v workflow.CredentialView) requestForm {
	c := v.Credential
	f := requestForm{System: c.Connection, Preset: presetChoose, Reason: fmt.Sprintf("In place of %s, with fewer scopes.", c.ID)}
	for _, name := range c.Scopes {
		if !slices.Contains(v.Unused, name) {
			f.Scopes = append(f.Scopes, optionValue(name))
		}
	}
	return f
}
