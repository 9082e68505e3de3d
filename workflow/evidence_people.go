package workflow

import (
	"context"
	"slices"
	"time"

	"latchkey/storage"
)

// people lists the groups whose members administer or may approve, as they are
// now: of the past, each sampled request says who could review it.
func (p *evidencePack) people(ctx context.Context) error {
	names, rules := p.powerful()
	p.Refresh(ctx, p.today.Sources(names...))
	var m membership
	err := p.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) (err error) {
		m, err = readMembership(ctx, tx, p.today, names)
		return err
	})
	if err != nil {
		return err
	}
	since, err := p.since(ctx, names)
	if err != nil {
		return err
	}
	p.Groups = []EvidenceGroup{}
	for _, name := range names {
		g := EvidenceGroup{Name: name, Admins: slices.Contains(p.today.Admins, name), Rules: rules[name], Source: p.sourceWords(name), Problem: m.unknown[name],
			Members: []EvidenceMember{}}
		for _, id := range m.members[name] {
			st := m.standing[id]
			g.Members = append(g.Members, EvidenceMember{Name: st.Name, Email: st.Email, Since: evidenceTime(since[memberOf{p.today.Groups[name].source(), id}])})
		}
		p.Groups = append(p.Groups, g)
	}
	return nil
}

// powerful lists the groups that administer or are asked by a rule, and the
// rules that ask each.
func (p *evidencePack) powerful() (names []string, rules map[string][]string) {
	rules = map[string][]string{}
	names = slices.Clone(p.today.Admins)
	for _, r := range p.today.Policies {
		for _, step := range r.Approval.Steps {
			names = append(names, step.Group)
			if !slices.Contains(rules[step.Group], r.Name) {
				rules[step.Group] = append(rules[step.Group], r.Name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), rules
}

type memberOf struct {
	source string
	person storage.PersonID
}

func (p *evidencePack) since(ctx context.Context, names []string) (map[memberOf]time.Time, error) {
	rows, err := p.DB.GroupsSince(ctx, p.today.Sources(names...))
	out := map[memberOf]time.Time{}
	for _, r := range rows {
		out[memberOf{r.Source, r.PersonID}] = r.Since
	}
	return out, err
}

// sourceWords says where the members of a group come from.
func (p *evidencePack) sourceWords(name string) string {
	g, known := p.today.Groups[name]
	switch {
	case name == Everyone:
		return "every active member of the workspace"
	case !known:
		return "not in the configuration"
	case g.SlackUsergroup != "":
		return "the Slack user group " + g.SlackUsergroup
	case g.SCIM != "":
		return "the directory's group " + g.SCIM + " (SCIM)"
	}
	return "the configuration file"
}
