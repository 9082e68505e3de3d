package bot

import (
	"github.com/slack-go/slack"

	"latchkey/workflow"
)

// suspendModal shows what would stop before somebody stops it for a while.
func suspendModal(v workflow.CredentialView, r reader) slack.ModalViewRequest {
	c := v.Credential
	return modal(callbackSuspend, "Suspend "+c.ID.String(), "Suspend", c.ID.String(),
		section(keyHeadline(v)),
		section("*Used in the last 7 days*\n"+endpointLines(v)),
		small("Whatever uses it stops working until it is resumed. Its end stays where it is."),
		turnReason("Why do you suspend it?", "What is to be found out?", v, r))
}

// resumeModal says why a key was stopped before somebody lets it work again.
func resumeModal(v workflow.CredentialView, r reader) slack.ModalViewRequest {
	c := v.Credential
	blocks := []slack.Block{section(keyHeadline(v))}
	if c.StateReason != "" {
		blocks = append(blocks, quote("Why it was suspended", c.StateReason))
	}
	blocks = append(blocks, section(scopesAllowed(v)), turnReason("Why do you resume it?", "What was found out?", v, r))
	return modal(callbackResume, "Resume "+c.ID.String(), "Resume", c.ID.String(), blocks...)
}

// turnReason asks for the reason; who deals with a key of their own owes
// nobody one.
func turnReason(label, placeholder string, v workflow.CredentialView, r reader) slack.Block {
	if r.owns(v) {
		in := reasonInput(label, "", placeholder, "You may leave this empty: it is your own key.")
		in.Optional = true
		return in
	}
	return reasonInput(label, "", placeholder, "Its owner reads this.")
}
