package config

import (
	"fmt"
	"slices"

	"latchkey/workflow"
)

func (c *checker) policies() {
	seen := map[string]int{}
	for i, p := range c.config.Policy.Policies {
		path := fmt.Sprintf("policies[%d]", i)
		if first, ok := seen[p.Name]; ok && p.Name != "" {
			c.addAt(path+".name", "policies[%d] has this name already: choose another", first)
		}
		seen[p.Name] = i
		for j, name := range p.Connections {
			c.reference(fmt.Sprintf("%s.connections[%d]", path, j), name)
		}
		for j, name := range p.Requesters {
			c.group(fmt.Sprintf("%s.requesters[%d]", path, j), name)
		}
		for j, s := range p.Approval.Steps {
			c.step(fmt.Sprintf("%s.approval[%d]", path, j), s)
		}
		for j, name := range p.Sinks {
			c.reference(fmt.Sprintf("%s.sinks[%d]", path, j), name)
		}
		if p.MaxLifetime > 0 && p.Rotation.Every >= p.MaxLifetime {
			c.addAt(path+".rotation.every", "write less than max_lifetime: the key would have ended before it is replaced")
		}
		if p.MaxLifetime > 0 && p.Rotation.Overlap >= p.MaxLifetime {
			c.addAt(path+".rotation.overlap", "write less than max_lifetime: the old key would outlive it")
		}
	}
}

// reference asks for a connection that exists.
func (c *checker) reference(path, name string) {
	known, ok := c.names("connections")
	if name == "" || name == ownConnection || !ok || slices.Contains(known, name) {
		return
	}
	n := c.tree.near(path)
	c.report.addNode(n, "there is no connection %s%s", n.shown(), c.suggest(n, known, "add it under connections"))
}

// step refuses a quorum that a list of members can never reach.
func (c *checker) step(path string, s workflow.StepRule) {
	c.group(path+".group", s.Group)
	if members := len(c.config.Policy.Groups[s.Group].Members); members > 0 && s.Quorum > members {
		c.addAt(path+".quorum", "the group has %d members: ask for no more of them", members)
	}
}
