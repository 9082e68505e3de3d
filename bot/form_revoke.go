package bot

import (
	"fmt"

	"github.com/slack-go/slack"

	"latchkey/workflow"
)

// revokeModal shows what would stop before somebody stops it, and what could
// be done instead.
func revokeModal(v workflow.CredentialView, r reader, reason string) slack.ModalViewRequest {
	c := v.Credential
	blocks := []slack.Block{
		section(keyHeadline(v)),
		section(scopesAllowed(v)),
		facts(append([][2]string{{"Expires", expires(c)}, {"At the system", orDash(calledAtSystem(c))}}, usedFact(c)...)...),
		section("*Used in the last 7 days*\n" + endpointLines(v)),
	}
	if instead := insteadOfRevoking(v, r); len(instead) > 0 {
		blocks = append(blocks, small("What you can do instead:"), actions("instead/"+c.ID.String(), instead...))
	}
	blocks = append(blocks, small(stopWords(v)+" This can't be undone; its owner can ask for a new key."),
		reasonInput("Why do you revoke it?", reason, "What happened?", "Its owner reads this."))
	return modal(callbackRevoke, "Revoke "+c.ID.String(), "Revoke", c.ID.String(), blocks...)
}

// insteadOfRevoking are the milder things a reader could do with a key.
func insteadOfRevoking(v workflow.CredentialView, r reader) []slack.BlockElement {
	var out []slack.BlockElement
	for _, o := range r.offers(v) {
		if o == verbSuspend || o == verbHandOver {
			out = append(out, keyButton(o, v.Credential))
		}
	}
	return out
}

// giveBackModal asks an owner once more.
func giveBackModal(v workflow.CredentialView, metadata string) slack.ModalViewRequest {
	c := v.Credential
	return modal(callbackGiveBack, "Give back "+c.ID.String(), "Give back", metadata,
		section(fmt.Sprintf("Do you give back your key %s for %s? It is *%s*; %s.", code(c.ID.String()), bold(c.Connection), stateMarkup(c), lastUsed(c, moment))),
		section("*Used in the last 7 days*\n"+endpointLines(v)),
		small(stopWords(v)+" This can't be undone; you can ask for a new key."))
}

// stopWords says when whatever uses a key stops working.
func stopWords(v workflow.CredentialView) string {
	switch {
	case v.Credential.Brokered:
		return "Whatever uses it stops working at once."
	case v.Can.ByHand:
		return "*A person must end it at the system*: this system lets Latchkey revoke no such key. Latchkey says what to do, and the case stays open until the key is gone there."
	}
	return "Whatever uses it stops working as soon as the system has revoked it."
}
