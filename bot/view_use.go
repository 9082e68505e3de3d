package bot

import (
	"strings"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// The verbs that lead on from what a key is used for.
const (
	verbClients verb = "clients" // a link button: the page that says how clients use a key
	verbLess    verb = "less"    // asks for a key with fewer scopes
)

// lookButtons lead on from a key's details: how it is used, what would do in
// its place, and everything that ever happened to it.
func lookButtons(f keyFile) []slack.BlockElement {
	v, c := f.CredentialView, f.Credential
	var out []slack.BlockElement
	if v.ClientsURL != "" && c.Live() {
		out = append(out, clientsButton(v))
	}
	if f.Reader.owns(v) && wantsLess(v) {
		out = append(out, button(verbLess, c.ID.String(), "Ask for fewer scopes", "Ask for a key with fewer scopes in place of "+c.ID.String()))
	}
	return append(out, button(verbAudit, ofKey(c.ID).String(), "Audit log", "Show the audit log of key "+c.ID.String()))
}

// clientsButton opens the page that says how clients use a key. It holds no
// secret.
func clientsButton(v workflow.CredentialView) *slack.ButtonBlockElement {
	b := button(verbClients, v.Credential.ID.String(), "How to use it", "How to use key "+v.Credential.ID.String())
	b.URL = v.ClientsURL
	return b
}

// homeBusiest says which systems are used most through the gateway; empty
// while none is.
func homeBusiest(used []storage.ConnectionUse) []slack.Block {
	var lines []string
	for _, u := range used {
		if days := dayLine(u.Days); days != "" {
			lines = append(lines, "• "+bold(u.Connection)+", "+plural(int(u.Keys), "key")+": "+days+failedWords(u.Days))
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return []slack.Block{header("Used most"), section(strings.Join(lines, "\n"))}
}

// failedWords says how many calls came to nothing; empty for none.
func failedWords(days []storage.DayUse) string {
	var failed int64
	for _, d := range days {
		failed += d.Failed
	}
	if failed == 0 {
		return ""
	}
	return "; " + plural(int(failed), "call") + " refused or failed"
}
