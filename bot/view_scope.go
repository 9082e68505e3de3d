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

// scopeLines lists scopes in mrkdwn, a line each, under what they can do, the
// strongest first.
func scopeLines(scopes []workflow.ScopeView, limit int) string {
	if len(scopes) == 0 {
		return "*Scopes*\nUnknown: the system does not say."
	}
	var out []string
	scopes = bySeverity(scopes)
	if len(scopes) == limit+1 {
		limit++ // "and 1 more" would take the line that it takes to show it
	}
	for i, s := range scopes[:min(limit, len(scopes))] {
		if i == 0 || scopes[i-1].Access != s.Access {
			out = append(out, "*"+accessLabel(s.Access)+"*")
		}
		out = append(out, "• "+scopeMarkup(s))
	}
	if rest := scopes[min(limit, len(scopes)):]; len(rest) > 0 {
		out = append(out, "• and "+countMore(rest))
	}
	return strings.Join(out, "\n")
}

func scopeMarkup(s workflow.ScopeView) string {
	title := words(cut(line(s.Title), maxOption))
	if title == "" || s.Title == s.Name {
		return code(s.Name)
	}
	return title + " " + code(s.Name)
}

// countByAccess says how many scopes of each access there are: "5 scopes with
// write access, 2 read-only".
func countByAccess(scopes []workflow.ScopeView) string { return countAccess(scopes, "") }

// countMore is countByAccess for what a list leaves out: "3 more scopes with
// write access, 1 read-only".
func countMore(scopes []workflow.ScopeView) string { return countAccess(scopes, "more ") }

func countAccess(scopes []workflow.ScopeView, more string) string {
	counts := map[workflow.Access]int{}
	var order []workflow.Access
	for _, s := range bySeverity(scopes) {
		if counts[s.Access] == 0 {
			order = append(order, s.Access)
		}
		counts[s.Access]++
	}
	out := make([]string, len(order))
	for i, a := range order {
		noun := ""
		if i == 0 {
			noun = more + "scope"
			if counts[a] != 1 {
				noun += "s"
			}
		}
		out[i] = fmt.Sprintf("%d %s", counts[a], accessCounted(a, noun))
	}
	return strings.Join(out, ", ")
}

// accessCounted is an access behind its count, with or without a noun:
// "scopes with write access", "read-only scopes", "read-only".
func accessCounted(a workflow.Access, noun string) string {
	if a == workflow.Read {
		if more, ok := strings.CutPrefix(noun, "more "); ok {
			return "more read-only " + more
		}
		return strings.TrimSpace("read-only " + noun)
	}
	return strings.TrimSpace(noun + " with " + accessWords(a))
}

// maxResources is how many resources fit beside a count of scopes.
const maxResources = 3

// scopesInShort counts scopes and says what they are about: "5 scopes with
// write access, 2 read-only: worklogs and plans".
func scopesInShort(scopes []workflow.ScopeView) string {
	out := countByAccess(scopes)
	if about := resources(scopes, maxResources); about != "" {
		out += ": " + about
	}
	return out
}

// resources are what scopes are about: "worklogs and plans".
func resources(scopes []workflow.ScopeView, limit int) string {
	var out []string
	for _, s := range bySeverity(scopes) {
		of, _, found := strings.Cut(line(s.Title), ": ")
		if !found {
			of, _, _ = strings.Cut(line(s.Name), ":")
		}
		if of = strings.ToLower(cut(of, maxName)); !slices.Contains(out, of) {
			out = append(out, of)
		}
	}
	return joinSome(out, limit)
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
	out := scopeLines(kept, limit)
	if len(taken) > 0 {
		out += "\nTaken off by a reviewer: " + words(scopeNames(taken, 4))
	}
	return out
}
