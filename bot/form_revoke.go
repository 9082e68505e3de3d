package bot

import (
	"fmt"

	"github.com/slack-go/slack"

	"latchkey/workflow"
)

// revokeModal shows what would stop before somebody stops it.
func revokeModal(v workflow.CredentialView, metadata string) slack.ModalViewRequest {
	c := v.Credential
	return modal(callbackRevoke, "Revoke "+c.ID.String(), "Revoke", metadata,
		section(keyHeadline(v)),
		section(scopesAllowed(v)),
		facts(append([][2]string{{"Expires", expires(c)}}, usedFact(c)...)...),
		section("*Used in the last 7 days*\n"+endpointLines(v)),
		small(stopWords(v)+" This can't be undone; its owner can ask for a new key."),
		reasonInput("Why do you revoke it?", "", "What happened?", "Its owner reads this."))
}

// giveBackModal asks an owner once more.
func giveBackModal(v workflow.CredentialView, metadata string) slack.ModalViewRequest {
	c := v.Credential
	return modal(callbackGiveBack, "Give back "+c.ID.String(), "Give back", metadata,
		section(fmt.Sprintf("Do you give back your key %s for %s? It is *%s*; %s.", code(c.ID.String()), bold(c.Connection), stateMarkup(c), lastUsed(c, moment))),
		section("*Used in the last 7 days*\n"+endpointLines(v)),
		small(stopWords(v)+" This can't be undone; you can ask for a new key."))
}

func stopWords(v workflow.CredentialView) string {
	if v.Credential.Brokered {
		return "Whatever uses it stops working at once."
	}
	return "Whatever uses it stops working as soon as the system has revoked it."
}
