package catalog

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"latchkey/connectors"
)

// Capability is one thing a system can do.
type Capability string

// The capabilities, in the order they are listed.
const (
	List         Capability = "list"
	Issue        Capability = "issue"
	Rotate       Capability = "rotate"
	Revoke       Capability = "revoke"
	Verify       Capability = "verify"
	Suspend      Capability = "suspend"
	Scopes       Capability = "scopes"
	ListGrants   Capability = "list_grants"
	RevokeGrant  Capability = "revoke_grant"
	CloseAccount Capability = "close_account"
	Events       Capability = "events"
	Broker       Capability = "broker"
	GuideIssue   Capability = "guide_issue"
	GuideRevoke  Capability = "guide_revoke"
	OAuth        Capability = "oauth"
	Decide       Capability = "decide"
	RevokeLeaked Capability = "revoke_leaked"
	ReportLeaks  Capability = "report_leaks"
	Prove        Capability = "prove"
	Deliver      Capability = "deliver"
)

// Capabilities is what a connector can do.
func Capabilities(c connectors.Connector) []Capability {
	var out []Capability
	for _, has := range []struct {
		capability Capability
		yes        bool
	}{
		{List, can[connectors.Lister](c)},
		{Issue, can[connectors.Issuer](c)},
		{Rotate, can[connectors.Rotator](c)},
		{Revoke, can[connectors.Revoker](c)},
		{Verify, can[connectors.Verifier](c)},
		{Suspend, can[connectors.Suspender](c)},
		{Scopes, can[connectors.ScopeLister](c)},
		{ListGrants, can[connectors.GrantLister](c)},
		{RevokeGrant, can[connectors.GrantRevoker](c)},
		{CloseAccount, can[connectors.AccountCloser](c)},
		{Events, can[connectors.EventSource](c)},
		{Broker, can[connectors.Broker](c)},
		{GuideIssue, can[connectors.IssueGuide](c)},
		{GuideRevoke, can[connectors.RevokeGuide](c)},
		{OAuth, can[connectors.OAuthClient](c)},
		{Decide, can[connectors.RequestDecider](c)},
		{RevokeLeaked, can[connectors.LeakRevoker](c)},
		{ReportLeaks, can[connectors.LeakSource](c)},
		{Prove, can[connectors.Prover](c)},
		{Deliver, can[connectors.Sink](c)},
	} {
		if has.yes {
			out = append(out, has.capability)
		}
	}
	return out
}

func can[T any](c connectors.Connector) bool {
	_, ok := connectors.As[T](c)
	return ok
}

// Table is the capability table of the README, in Markdown: what each system
// can do for its keys, where keys can be put, and who tells of people. "own"
// means that Latchkey does it with its own rows and gateway, not the vendor.
func Table() string {
	var b strings.Builder
	b.WriteString("| kind | system | list | issue | rotate | revoke | verify | suspend | grants | notes |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|---|\n")
	kinds := Kinds()
	var others []Kind
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		k := kinds[name]
		has := Capabilities(k.shape)
		if slices.Equal(has, []Capability{Deliver}) || slices.Equal(has, []Capability{Events}) {
			others = append(others, k)
			continue
		}
		_, _ = fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", k.Name, k.Title,
			cell(has, List), cell(has, Issue), rotation(has), cell(has, Revoke), cell(has, Verify), cell(has, Suspend),
			grants(has), cmp.Or(k.Notes, "-"))
	}
	b.WriteString("\n| kind | where keys can be put, or who tells of people | notes |\n|---|---|---|\n")
	for _, k := range others {
		_, _ = fmt.Fprintf(&b, "| `%s` | %s | %s |\n", k.Name, k.Title, k.Notes)
	}
	return b.String()
}

// cell is what one capability looks like to people. A broker's keys are ours,
// so we list and verify them whether or not the connector has the verb.
func cell(has []Capability, c Capability) string {
	var all []string
	if slices.Contains(has, Broker) {
		all = append(all, "own")
	}
	if slices.Contains(has, c) && (!slices.Contains(has, Broker) || c == List) {
		all = append(all, "yes")
	}
	switch {
	case c == Issue && slices.Contains(has, GuideIssue):
		all = append(all, "by hand")
	case c == Issue && slices.Contains(has, Decide):
		all = append(all, "approves the system's own requests")
	case c == Revoke && slices.Contains(has, GuideRevoke):
		all = append(all, "some by hand")
	}
	if len(all) == 0 {
		return "-"
	}
	return strings.Join(all, ", ")
}

// rotation is a new key, an overlap, and the old one's revoke, wherever both
// can be made and ended; people make the new one where only they can.
func rotation(has []Capability) string {
	switch {
	case slices.Contains(has, GuideIssue) && !slices.Contains(has, Broker):
		return "guided"
	case slices.Contains(has, Issue) && slices.Contains(has, Revoke):
		return "overlap"
	case slices.Contains(has, Rotate):
		return "in place"
	}
	return "-"
}

func grants(has []Capability) string {
	switch {
	case slices.Contains(has, OAuth):
		return "own app"
	case slices.Contains(has, ListGrants) && slices.Contains(has, RevokeGrant):
		return "yes"
	case slices.Contains(has, ListGrants):
		return "list"
	}
	return "-"
}
