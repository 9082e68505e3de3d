package gateway

import (
	"slices"

	"latchkey/connectors"
)

// Routes reads the routes of a connection's access log, which are the paths of
// its scopes' rules.
type Routes struct {
	scopes *scopes
	ranks  []int
}

// NewRoutes takes the scopes of a connection.
func NewRoutes(all []connectors.Scope) (*Routes, error) {
	compiled, err := compileScopes(all)
	if err != nil {
		return nil, err
	}
	r := &Routes{scopes: compiled}
	for _, s := range all {
		r.ranks = append(r.ranks, slices.Index([]connectors.Access{connectors.Read, connectors.Write, connectors.Admin}, s.Access))
	}
	return r, nil
}

// Scopes names the scopes that let everything pass that a line of the log may
// stand for, those with the least access first. What the rules ask of query
// and body is left out: the log does not know it.
func (r *Routes) Scopes(method, route string) []string {
	segments, err := rulePath(connectors.Rule{Path: route})
	if err != nil {
		return nil
	}
	var allowed, denied scopeSet
	r.scopes.allow.cover(methodOf(method), segments, exact, &allowed)
	r.scopes.deny.cover(methodOf(method), trimSlash(segments), fold, &denied)
	var found []int
	allowed.each(func(i int) {
		if !denied.has(i) {
			found = append(found, i)
		}
	})
	slices.SortStableFunc(found, func(a, b int) int { return r.ranks[a] - r.ranks[b] })
	names := make([]string, len(found))
	for i, scope := range found {
		names[i] = r.scopes.names[scope]
	}
	return names
}

// cover finds the scopes of the rules that match whatever a rule's path does.
func (n *node) cover(method methodSet, segments []string, spell func(string) string, found *scopeSet) {
	endings := n.tail
	switch {
	case len(segments) == 0:
		endings = append(slices.Clip(endings), n.here...)
	case segments[0] != anyTail:
		for i, next := range []*node{n.plain[spell(segments[0])], n.any, n.slashed} {
			if next != nil && (i == 0 || segments[0] != "") {
				next.cover(method, segments[1:], spell, found)
			}
		}
	}
	for _, e := range endings {
		if e.methods&method != 0 {
			found.add(e.scope)
		}
	}
}
