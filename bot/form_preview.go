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
	view := modal(callbackPreview, "Check and send", "Send request", metadata,
		section(fmt.Sprintf("You ask %s for %s, for *%s*.", wish(ask), bold(ask.Connection), ask.Lifetime.Words())),
		section(scopeLines(ruleViews(scopes, ask.Scopes), maxScopesShown)),
		quote("Why", ask.Reason),
		divider(),
		section("*Who will be asked*\n"+askedLines(p)),
		small(lapseWords(ask, p)))
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
	if ask.Adopts != 0 {
		return "to keep the key " + code(ask.Adopts.String())
	}
	return "for " + thing(ask.Kind)
}

func lapseWords(ask workflow.Ask, p workflow.Preview) string {
	switch {
	case p.Auto && ask.Adopts != 0:
		return "The key stays what it is; when the time is over it is revoked."
	case p.Auto && ask.Kind == workflow.OAuthGrant:
		return "You connect the app with your own account, and collect the key once, on a page outside Slack."
	case p.Auto:
		return "You collect the key once, on a page outside Slack."
	}
	return fmt.Sprintf("Without a decision within %s the request lapses. The rule is %s.", p.PendingFor.Words(), bold(p.Policy))
}
