package bot

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/connectors"
	"latchkey/workflow"
)

func TestScopesAreCountedWithTheirNoun(t *testing.T) {
	t.Parallel()
	scope := func(a workflow.Access, n int) []workflow.ScopeView {
		out := make([]workflow.ScopeView, n)
		for i := range out {
			out[i] = workflow.ScopeView{Name: "s", Access: a}
		}
		return out
	}
	for want, scopes := range map[string][]workflow.ScopeView{
		"5 scopes with write access, 2 read-only":        append(scope(connectors.Read, 2), scope(connectors.Write, 5)...),
		"1 scope with admin access, 1 with write access": append(scope(connectors.Write, 1), scope(connectors.Admin, 1)...),
		"13 read-only scopes":                            scope(connectors.Read, 13),
		"1 read-only scope":                              scope(connectors.Read, 1),
		"1 scope with unknown access":                    scope("", 1),
		"":                                               nil,
	} {
		if got := countByAccess(scopes); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := countMore(append(scope(connectors.Read, 2), scope(connectors.Write, 1)...)); got != "1 more scope with write access, 2 read-only" {
		t.Errorf("more: %q", got)
	}
	if got := countMore(scope(connectors.Read, 2)); got != "2 more read-only scopes" {
		t.Errorf("more: %q", got)
	}
}

func TestScopesAreListedUnderWhatTheyCanDo(t *testing.T) {
	t.Parallel()
	want := []string{
		"*Write access*", "• Worklogs: create, change and delete `worklogs:manage`",
		"*Read only*", "• Worklogs: read `worklogs:view`", "• `raw`",
	}
	scopes := ruleViews(tempoScopes(), []string{"worklogs:view", "worklogs:manage", "raw"})
	for _, limit := range []int{2, 3, 9} { // one too many is shown
		if diff := cmp.Diff(want, strings.Split(scopeLines(scopes, limit), "\n")); diff != "" {
			t.Errorf("up to %d (-want +got):\n%s", limit, diff)
		}
	}
	if got := strings.Split(scopeLines(scopes, 1), "\n"); got[len(got)-1] != "• and 2 more read-only scopes" {
		t.Errorf("cut short: %q", got)
	}
	if got := scopesInShort(scopes); got != "1 scope with write access, 2 read-only: worklogs and raw" {
		t.Errorf("in short: %q", got)
	}
}
