package bot

import (
	"fmt"

	"github.com/slack-go/slack"

	"latchkey/workflow"
)

// keepModal asks an owner how long and why a key that nobody asked for here
// shall stay. Ceiling is the longest life a rule would give it; zero when
// that is not known.
func keepModal(v workflow.CredentialView, ceiling workflow.Duration) slack.ModalViewRequest {
	c := v.Credential
	choices := lifetimes(ceiling)
	sel := slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, nil, blockLifetime, choices...)
	sel.InitialOption = choices[defaultLifetime(ceiling)]
	hint := "The time starts when it is approved; then the key is revoked."
	if ceiling > 0 {
		hint = fmt.Sprintf("At most %s. %s", ceiling.Words(), hint)
	}
	return modal(callbackKeep, "Keep "+c.ID.String(), "Preview", c.ID.String(),
		section(keyHeadline(v)),
		section(scopeLines(v.Scopes, maxScopesShown)),
		section("*Flags*\n"+orDash(flagLines(v))),
		slack.NewInputBlock(blockLifetime, plain("How long", maxHint), plain(hint, maxHint), sel),
		reasonInput("Why", "", "What uses the key, and what for?", "Whoever approves reads this. Put no keys, passwords or other secrets in it."))
}
