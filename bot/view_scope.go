package bot

import (
	"fmt"
	"slices"
	"strings"

	"latchkey/workflow"
)

// Bounds of lists of scopes; what is left out is counted in words.
const (
	maxScopesShown   = 12
	maxScopesInFull  = 25 // where there is room
	maxScopesInBrief = 8  // where much else is said
)

// bySeverity puts first what can do the most harm.
func bySeverity(scopes []workflow.ScopeView) []workflow.ScopeView {
	out := slices.Clone(scopes)
	slices.SortStableFunc(out, func(a, b workflow.ScopeView) int { return severity(b.Access) - severity(a.Access) })
	return out
}

func severity(a workflow.Access) int {
	switch a {
	case workflow.Read:
		return 0
	case workflow.Write:
		return 1
	case workflow.Admin:
		return 2
	}
	return 3
}

// accessWords marks in words what a scope can do.
func accessWords(a workflow.Access) string {
	switch a {
	case workflow.Read:
		return "read"
	case workflow.Write:
		return "write access"
	case workflow.Admin:
		return "admin access"
	}
	return "unknown access"
}

// accessMarkup is accessWords, stressed where it is more than reading.
func accessMarkup(a workflow.Access) string {
	if a == workflow.Read {
		return accessWords(a)
	}
	return "*" + accessWords(a) + "*"
}

// onTheTable are the scopes that are still asked for or granted; taken are
// those that a reviewer struck.
func onTheTable(scopes []workflow.ScopeView) (kept, taken []workflow.ScopeView) {
	for _, s := range scopes {
		if s.Granted {
			kept = append(kept, s)
		} else {
			taken = append(taken, s)
		}
	}
	return kept, taken
}

// scopeLines lists scopes in mrkdwn, a line each, the strongest first.
func scopeLines(scopes []workflow.ScopeView, limit int) string {
	if len(scopes) == 0 {
		return "Unknown: the system does not say."
	}
	var out []string
	scopes = bySeverity(scopes)
	for _, s := range scopes[:min(limit, len(scopes))] {
		out = append(out, "• "+scopeMarkup(s))
	}
	if rest := scopes[len(out):]; len(rest) > 0 {
		out = append(out, fmt.Sprintf("• and %d more: %s", len(rest), countByAccess(rest)))
	}
	return strings.Join(out, "\n")
}

func scopeMarkup(s workflow.ScopeView) string {
	title := words(cut(line(s.Title), maxOption))
	if title == "" || s.Title == s.Name {
		return fmt.Sprintf("%s (%s)", code(s.Name), accessMarkup(s.Access))
	}
	return fmt.Sprintf("%s, %s (%s)", title, code(s.Name), accessMarkup(s.Access))
}

// countByAccess says how many scopes of each access there are: "2 with write
// access and 5 read-only".
func countByAccess(scopes []workflow.ScopeView) string {
	counts := map[string]int{}
	var order []string
	for _, s := range bySeverity(scopes) {
		w := "with " + accessWords(s.Access)
		if s.Access == workflow.Read {
			w = "read-only"
		}
		if counts[w] == 0 {
			order = append(order, w)
		}
		counts[w]++
	}
	out := make([]string, len(order))
	for i, w := range order {
		out[i] = fmt.Sprintf("%d %s", counts[w], w)
	}
	return join(out)
}

// scopeNames lists scopes in plain text: "worklogs:manage (write access),
// worklogs:view (read)".
func scopeNames(scopes []workflow.ScopeView, limit int) string {
	var out []string
	for _, s := range bySeverity(scopes) {
		out = append(out, fmt.Sprintf("%s (%s)", cut(line(s.Name), maxName), accessWords(s.Access)))
	}
	return joinSome(out, limit)
}

// scopeSection is the paragraph about scopes on cards and in details.
func scopeSection(scopes []workflow.ScopeView, limit int) string {
	kept, taken := onTheTable(scopes)
	out := "*Scopes*\n" + scopeLines(kept, limit)
	if len(taken) > 0 {
		out += "\nTaken off by a reviewer: " + words(scopeNames(taken, 4))
	}
	return out
}
