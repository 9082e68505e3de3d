package bot

import (
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"latchkey/workflow"
)

// previewModal says before anything is sent what is asked for and who will be
// asked.
func previewModal(ask workflow.Ask, p workflow.Preview, scopes []workflow.ScopeRule, metadata string) slack.ModalViewRequest {
	blocks := []slack.Block{
		section("You ask " + wish(ask) + "."),
		section(scopeLines(ruleViews(scopes, ask.Scopes), maxScopesShown)),
	}
	blocks = append(append(blocks, toSink(ask.Sink, ask.Place)...),
		quote("Why", ask.Reason),
		divider(),
		section("*Who will be asked*\n"+askedLines(p)),
		small(lapseWords(ask, p)))
	view := modal(callbackPreview, "Check and send", "Send request", metadata, blocks...)
	view.Close = plain("Back", maxTitle)
	return view
}

// askedLines names the groups, how many of each have to approve, and who is
// in them.
func askedLines(p workflow.Preview) string {
	if p.Auto {
		return "Nobody: the rule " + bold(p.Policy) + " approves this by itself, at once."
	}
	var out []string
	for i, st := range p.Steps[:min(maxStepsShown, len(p.Steps))] {
		out = append(out, fmt.Sprintf("%s: %s needed. May approve: %s", stepTitle(i, len(p.Steps), bold(st.Group)), plural(st.Quorum, "approval"), peopleMarkup(st.Eligible)))
	}
	if more := len(p.Steps) - len(out); more > 0 {
		out = append(out, "and "+plural(more, "more step"))
	}
	return strings.Join(out, "\n")
}

// wish is what is asked for, behind "You ask".
func wish(ask workflow.Ask) string {
	system, long := bold(ask.Connection), ask.Lifetime.Words()
	switch {
	case ask.Adopts != 0:
		return fmt.Sprintf("to keep the key %s for %s, for *%s*", code(ask.Adopts.String()), system, long)
	case ask.Extends != 0:
		return fmt.Sprintf("for more time for the key %s for %s: *%s*, counted from the approval", code(ask.Extends.String()), system, long)
	case ask.Rotates != 0:
		return fmt.Sprintf("for a new key in place of %s for %s, for *%s*", code(ask.Rotates.String()), system, long)
	}
	return fmt.Sprintf("for %s for %s, for *%s*", thing(ask.Kind), system, long)
}

func lapseWords(ask workflow.Ask, p workflow.Preview) string {
	switch {
	case p.Auto && ask.Adopts != 0:
		return "The key stays what it is; when the time is over it is revoked."
	case p.Auto && ask.Extends != 0:
		return "The key lives longer at once."
	case p.Auto && ask.Sink != "":
		return "The key is put there as soon as it is made."
	case p.Auto && ask.Kind == workflow.OAuthGrant:
		return "You connect the app with your own account, and collect the key once, on a page outside Slack."
	case p.Auto:
		return "You collect the key once, on a page outside Slack."
	}
	return fmt.Sprintf("Without a decision within %s the request lapses. The rule is %s.", p.PendingFor.Words(), bold(p.Policy))
}
