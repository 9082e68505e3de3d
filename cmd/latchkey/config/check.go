package config

import (
	"fmt"
	"slices"
	"strings"

	"latchkey/workflow"
)

// ownConnection is the name under which Latchkey's own API has its keys.
// Policies speak of it without its being configured.
const ownConnection = "latchkey"

// checker finds what a schema can't: things that do not fit each other.
type checker struct {
	report *report
	tree   *tree
	config *Config
	kinds  map[string][]string
}

func (c *checker) check() {
	if c.tree.root.shape != mapping {
		return // the schema said so
	}
	c.slack()
	c.addresses()
	c.gateway()
	c.groups()
	c.people()
	for i, g := range c.config.Policy.Admins {
		c.realGroup(fmt.Sprintf("admins[%d]", i), g)
	}
	for _, s := range c.config.Connections {
		if s.Name != ownConnection { // which no file has
			c.connection(s)
		}
	}
	c.reserved("connections", ownConnection, "Latchkey's own API: choose another name")
	c.policies()
	c.audit()
}

func (c *checker) addAt(path, format string, args ...any) {
	c.report.addNode(c.tree.near(path), format, args...)
}

// names lists the keys of a mapping at the top of the file, good or bad; ok is
// false if what stands there is no mapping.
func (c *checker) names(of string) (names []string, ok bool) {
	n := c.tree.root.field(of)
	if n == nil {
		return nil, true
	}
	return n.names(), n.shape == mapping
}

// slack refuses one token without the other.
func (c *checker) slack() {
	s := c.config.Slack
	if (s.ClientID == "") != s.ClientSecret.Empty() {
		path := "slack.client_secret"
		if s.ClientID == "" {
			path = "slack.client_id"
		}
		c.addAt(path, "this is empty, but its other half is set: set client_id and client_secret, or neither for no console")
	}
	if s.BotToken.Empty() == s.AppToken.Empty() {
		return
	}
	path := "slack.bot_token"
	if s.AppToken.Empty() {
		path = "slack.app_token"
	}
	if n := c.tree.near(path); n.path == path { // else the schema said so
		c.report.addNode(n, "this is empty, but the other token is set: set both, or neither where only server and gateway run")
	}
}

func (c *checker) addresses() {
	c.publicURL(c.tree.root, c.config.Listen)
	c.publicURL(c.tree.root.field("gateway"), c.config.Gateway.Listen)
	if sameListener(c.config.Listen, c.config.Gateway.Listen) {
		c.addAt("gateway.listen", "this is where `listen` is too: choose another port for the gateway")
	}
}

// publicURL asks for the address that can't be guessed of a listener that
// more than this machine can reach.
func (c *checker) publicURL(section *node, listen string) {
	if section == nil || section.shape != mapping || section.field("public_url") != nil {
		return
	}
	at := section.field("listen")
	if at == nil || at.hopeless() {
		return
	}
	if _, ok := defaultURL(listen); !ok {
		c.report.add(at.position(), section.path,
			"public_url is missing: add it, like public_url: https://latchkey.example.com; it can't be told from this `listen`")
	}
}

func (c *checker) groups() {
	c.reserved("groups", workflow.Everyone, "a built-in group, every active member of the workspace: choose another name")
	for name, g := range c.config.Policy.Groups {
		c.unique(fmt.Sprintf("groups.%s.members", name), g.Members)
	}
}

// unique finds e-mail addresses that differ in case only; the schema found
// those that do not.
func (c *checker) unique(path string, emails []string) {
	for i, e := range emails {
		if e != "" && slices.ContainsFunc(emails[:i], func(s string) bool { return strings.EqualFold(s, e) }) {
			c.addAt(fmt.Sprintf("%s[%d]", path, i), "this is in the list already: keep one")
		}
	}
}

func (c *checker) people() {
	emails, accounts := map[string]int{}, map[string]int{}
	for i, p := range c.config.Policy.People {
		path := fmt.Sprintf("people[%d]", i)
		email := strings.ToLower(p.Email)
		if first, ok := emails[email]; ok && email != "" {
			c.addAt(path+".email", "people[%d] is this person already: write all accounts there", first)
		}
		emails[email] = i
		for j, id := range p.Slack {
			if first, ok := accounts[id]; ok && first != i && id != "" {
				c.addAt(fmt.Sprintf("%s.slack[%d]", path, j), "people[%d] has this account already: an account is one person's", first)
			}
			accounts[id] = i
		}
	}
}

// reserved refuses a name that has a meaning of its own.
func (c *checker) reserved(of, name, meaning string) {
	n := c.tree.root.field(of)
	if n == nil {
		return
	}
	if taken := n.field(name); taken != nil && !taken.hopeless() {
		c.report.add(taken.key, n.path, "%s is %s", name, meaning)
	}
}

// group asks for a group that exists.
func (c *checker) group(path, name string) {
	known, ok := c.names("groups")
	if name == "" || name == workflow.Everyone || !ok || slices.Contains(known, name) {
		return
	}
	if c.tree.root.field("groups") == nil {
		return // one problem, not one for each mention
	}
	n := c.tree.near(path)
	c.report.addNode(n, "there is no group %s%s", n.shown(), c.suggest(n, known, "add it under groups"))
}

// realGroup asks for a group that some chose to be in.
func (c *checker) realGroup(path, name string) {
	if name == workflow.Everyone {
		c.addAt(path, "everyone can't have this duty: name a group")
		return
	}
	c.group(path, name)
}

// suggest ends a sentence on an unknown name. What comes from the environment
// is not compared, so that the answer says nothing about it.
func (c *checker) suggest(n *node, known []string, otherwise string) string {
	if len(n.vars) == 0 {
		if s := didYouMean(n.text, known); s != "" {
			return s
		}
	}
	return ": " + otherwise
}
