package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"latchkey/connectors"
	"latchkey/connectors/brokered"
)

// everyKind are the fields that every connection has.
func everyKind() []string { return []string{"kind", "owners", "base_url", "allow_private"} }

func (c *checker) connection(s connectors.Settings) {
	path := "connections." + s.Name
	n := c.tree.near(path)
	c.kind(n, s.Kind)
	if s.Owners != "" {
		c.realGroup(path+".owners", s.Owners)
	}
	if strings.HasPrefix(strings.ToLower(s.BaseURL), "http://") && !s.AllowPrivate {
		c.addAt(path+".base_url", "write https://, because the token travels there; http:// needs allow_private: true")
	}
	c.head(path, s)
	c.scopes(path, s.Scopes)
}

// kind asks for a known kind, and for no field that it does not take.
func (c *checker) kind(n *node, kind string) {
	if kind == "" {
		return // reported
	}
	takes, ok := c.kinds[kind]
	if !ok {
		known := slices.Sorted(maps.Keys(c.kinds))
		at := n.field("kind")
		c.report.addNode(at, "there is no kind %s; known kinds are %s%s", at.shown(), strings.Join(known, ", "), c.suggest(at, known, "use one of them"))
		return
	}
	takes = append(everyKind(), takes...)
	for _, f := range n.fields {
		if !f.node.bad && !slices.Contains(takes, f.name) {
			c.report.add(f.node.key, n.path, "the kind %s takes no %s%s", n.field("kind").shown(), f.name, c.suggestField(f.name, takes))
		}
	}
}

func (c *checker) suggestField(name string, takes []string) string {
	if s := didYouMean(name, takes); s != "" {
		return s
	}
	return ": remove it; it takes " + strings.Join(slices.Compact(slices.Sorted(slices.Values(takes))), ", ")
}

func (c *checker) scopes(path string, scopes []connectors.Scope) {
	seen := map[string]int{}
	for i, s := range scopes {
		at := fmt.Sprintf("%s.scopes[%d]", path, i)
		if first, ok := seen[s.Name]; ok && s.Name != "" {
			c.addAt(at+".name", "scopes[%d] has this name already: choose another", first)
		}
		seen[s.Name] = i
		c.rules(at, s)
		n := c.tree.near(at)
		if n.flawed() {
			continue
		}
		if err := brokered.CheckScopes([]connectors.Scope{s}); err != nil {
			c.report.addNode(n, "%s", scrub(n.variables(), err.Error()))
		}
	}
}

// rules reports what is wrong with the rules of a scope where they stand.
func (c *checker) rules(path string, s connectors.Scope) {
	for i, r := range s.Rules {
		n := c.tree.near(fmt.Sprintf("%s.rules[%d]", path, i))
		if n.flawed() {
			continue
		}
		if err := brokered.CheckRule(s.Access, r); err != nil {
			c.report.addNode(n, "%s", scrub(n.variables(), err.Error()))
		}
	}
}
