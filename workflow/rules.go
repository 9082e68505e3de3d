package workflow

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"

	"latchkey/connectors"
)

// Rules is a Document made ready to decide. It is immutable and safe for
// concurrent use.
type Rules struct {
	Document
	Hash string
	Text string

	conditions map[string]cel.Program // by source text
}

// Compile makes rules of a document and lists everything that is wrong with
// it; rules are nil if anything is.
func Compile(d Document) (*Rules, []Problem) {
	env, err := newConditionEnv()
	if err != nil {
		return nil, []Problem{{Message: err.Error()}}
	}
	if d.Quotas.Pending == 0 {
		d.Quotas.Pending = 5
	}
	if d.Quotas.Live == 0 {
		d.Quotas.Live = 20
	}
	r := &Rules{Document: d, conditions: map[string]cel.Program{}}
	var problems []Problem
	condition := func(path, source string) {
		if source == "" || r.conditions[source] != nil {
			return
		}
		p, err := compileCondition(env, source)
		if err != nil {
			problems = append(problems, Problem{path, fmt.Sprintf("%q is not a valid %v", source, err)})
			return
		}
		r.conditions[source] = p
	}
	for i, p := range d.Policies {
		path := fmt.Sprintf("policies[%d]", i)
		condition(path+".when", p.When)
		for j, s := range p.Approval.Steps {
			condition(fmt.Sprintf("%s.approval[%d].when", path, j), s.When)
		}
		problems = append(problems, r.checkScopes(path, p)...)
		if p.MaxLifetime <= 0 {
			problems = append(problems, Problem{path + ".max_lifetime", "say how long a key may live, for example 30d; there is no \"never\""})
		}
		if !p.Approval.Auto && len(p.Approval.Steps) == 0 {
			problems = append(problems, Problem{path + ".approval", "say who approves: `auto` or a list of groups with their quorum"})
		}
	}
	if len(problems) > 0 {
		return nil, problems
	}
	if r.Hash, r.Text, err = r.Document.Encode(); err != nil {
		return nil, []Problem{{Message: err.Error()}}
	}
	return r, nil
}

// checkScopes finds patterns that match no scope of any of the policy's
// connections: a typing error would otherwise be a rule that never matches.
func (r *Rules) checkScopes(path string, p Policy) []Problem {
	var out []Problem
	for i, pattern := range p.Scopes {
		found := false
		for _, name := range p.Connections {
			c, ok := r.Connections[name]
			found = found || !ok || slices.ContainsFunc(c.Scopes, func(s ScopeRule) bool { return matches(pattern, s.Name) })
		}
		if !found {
			out = append(out, Problem{fmt.Sprintf("%s.scopes[%d]", path, i),
				fmt.Sprintf("%q matches no scope of %s", pattern, strings.Join(p.Connections, ", "))})
		}
	}
	return out
}

// matches compares a name with a pattern in which * stands for any text.
func matches(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == name
	}
	if !strings.HasPrefix(name, parts[0]) {
		return false
	}
	name = name[len(parts[0]):]
	for _, p := range parts[1 : len(parts)-1] {
		i := strings.Index(name, p)
		if i < 0 {
			return false
		}
		name = name[i+len(p):]
	}
	return strings.HasSuffix(name, parts[len(parts)-1])
}

func matchesAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, name) })
}

// scope finds a scope of a connection.
func (r *Rules) scope(connection, name string) (ScopeRule, bool) {
	for _, s := range r.Connections[connection].Scopes {
		if s.Name == name {
			return s, true
		}
	}
	return ScopeRule{}, false
}

var accessOrder = []connectors.Access{connectors.Read, connectors.Write, connectors.Admin}

// access is the strongest access among scopes; an unknown scope counts as
// the strongest there is.
func (r *Rules) access(connection string, scopes []string) connectors.Access {
	strongest := 0
	for _, name := range scopes {
		s, ok := r.scope(connection, name)
		i := slices.Index(accessOrder, s.Access)
		if !ok || i < 0 {
			return connectors.Admin
		}
		strongest = max(strongest, i)
	}
	return accessOrder[strongest]
}
