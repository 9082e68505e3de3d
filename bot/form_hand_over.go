package bot

import (
	"github.com/slack-go/slack"

	"latchkey/workflow"
)

// handOverModal asks whose a key shall be.
func handOverModal(v workflow.CredentialView) slack.ModalViewRequest {
	c := v.Credential
	who := slack.NewOptionsSelectBlockElement(slack.OptTypeUser, plain("Choose a person", maxPlaceholder), blockOwner)
	return modal(callbackHandOver, "Hand over "+c.ID.String(), "Hand over", c.ID.String(),
		section(keyHeadline(v)),
		section(scopesAllowed(v)),
		slack.NewInputBlock(blockOwner, plain("New owner", maxHint), nil, who),
		reasonInput("Why?", "", "What changes hands, and why?", "Both owners read this."),
		small("Whoever holds the key now knows its value all the same. If that matters, the new owner should ask for a new key and give this one back."))
}
