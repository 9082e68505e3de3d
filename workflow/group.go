package workflow

import (
	"context"
	"slices"
	"strings"
	"time"

	"latchkey/storage"
)

// maxGroupAge is how old our knowledge of a group may be when somebody's
// right depends on it. Older means Slack can't be read: fail closed. Groups
// that are pushed to us (SCIM) are as their source left them, at any age.
const maxGroupAge = 5 * time.Minute

// source names where a group's members come from, or "" for a list.
func (g Group) source() string {
	switch {
	case g.SlackUsergroup != "":
		return "slack:" + g.SlackUsergroup
	case g.SCIM != "":
		return "scim:" + g.SCIM
	}
	return ""
}

// Sources lists where the members of the named groups come from.
func (r *Rules) Sources(names ...string) []string {
	var out []string
	for _, name := range names {
		if src := r.Groups[name].source(); src != "" {
			out = append(out, src)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// AllSources is Sources of every configured group.
func (r *Rules) AllSources() []string { return r.Sources(r.groupNames()...) }

// membership is who is in which group right now, as far as it is known.
type membership struct {
	members  map[string][]storage.PersonID // active persons only
	unknown  map[string]string             // groups that could not be read in time, with the reason
	standing map[storage.PersonID]storage.Standing
}

// readMembership reads groups by name within a transaction, and the standing
// of some persons besides. Only where the group everyone itself is asked is
// everybody read.
func readMembership(ctx context.Context, tx storage.Tx, r *Rules, names []string, also ...storage.PersonID) (membership, error) {
	m := membership{members: map[string][]storage.PersonID{}, unknown: map[string]string{}}
	var emails []string
	for _, name := range names {
		emails = append(emails, lower(r.Groups[name].Members)...)
	}
	roll, err := tx.Roll(ctx, r.Sources(names...), emails, also)
	if err != nil {
		return m, err
	}
	m.standing = roll.Standing
	var everybody bool
	listed := map[string][]storage.PersonID{}
	for _, name := range names {
		if name == Everyone {
			everybody = true
			continue
		}
		g, ok := r.Groups[name]
		if !ok {
			m.unknown[name] = "it is not in the configuration"
			continue
		}
		for _, email := range lower(g.Members) {
			if id, known := roll.ByEmail[email]; known {
				listed[name] = append(listed[name], id)
			}
		}
		src := g.source()
		if src == "" {
			continue
		}
		known, ok := roll.Sources[src]
		switch {
		case !ok:
			m.unknown[name] = "its members were never read"
		case g.SlackUsergroup != "" && known.Age > maxGroupAge:
			m.unknown[name] = "its members could not be read for " + Duration(known.Age.Truncate(time.Minute)).Words()
		}
		listed[name] = known.Members
	}
	if everybody {
		if m.standing, err = tx.Standings(ctx, nil); err != nil {
			return m, err
		}
	}
	for name, ids := range listed {
		for _, id := range ids {
			if m.standing[id].Active {
				m.members[name] = append(m.members[name], id)
			}
		}
		slices.Sort(m.members[name])
	}
	if everybody {
		for id, st := range m.standing {
			if st.Active {
				m.members[Everyone] = append(m.members[Everyone], id)
			}
		}
		slices.Sort(m.members[Everyone])
	}
	return m, nil
}

// reviewers reads who may review a request. Members are who the policy it was
// filed under calls so and today's does as well: a group that grew since helps
// nobody, and who was taken out of it is out.
func (s *Service) reviewers(ctx context.Context, tx storage.Tx, filed *Rules, names []string, also ...storage.PersonID) (membership, error) {
	m, err := readMembership(ctx, tx, filed, names, also...)
	if err != nil {
		return m, err
	}
	changed := s.changedGroups(filed, names)
	if len(changed) == 0 {
		return m, nil
	}
	today, err := readMembership(ctx, tx, s.today, changed)
	if err != nil {
		return m, err
	}
	for _, name := range changed {
		if _, there := s.today.Groups[name]; !there {
			delete(m.members, name)
			delete(m.unknown, name)
			continue
		}
		m.members[name] = slices.DeleteFunc(m.members[name], func(id storage.PersonID) bool { return !today.has(name, id) })
		if why := today.unknown[name]; why != "" {
			m.unknown[name] = why
		}
	}
	return m, nil
}

// changedGroups lists the groups that today's policy defines otherwise.
func (s *Service) changedGroups(filed *Rules, names []string) []string {
	var out []string
	for _, name := range names {
		now, was := s.today.Groups[name], filed.Groups[name]
		if now.source() != was.source() || !slices.Equal(now.Members, was.Members) {
			out = append(out, name)
		}
	}
	return out
}

// refreshReviewers brings the groups that reviewers asks up to date.
func (s *Service) refreshReviewers(ctx context.Context, filed *Rules, steps []storage.Step) {
	names := groupsOf(steps)
	s.Refresh(ctx, append(filed.Sources(names...), s.today.Sources(s.changedGroups(filed, names)...)...))
}

func (m membership) has(group string, id storage.PersonID) bool {
	return slices.Contains(m.members[group], id)
}

// groupsOf lists the groups a person is in, as far as that is known: nobody
// has rights from a group that can't be read.
func (m membership) groupsOf(id storage.PersonID) []string {
	var out []string
	for name := range m.members {
		if name != Everyone && m.unknown[name] == "" && m.has(name, id) {
			out = append(out, name)
		}
	}
	if m.standing[id].Active {
		out = append(out, Everyone)
	}
	slices.Sort(out)
	return out
}

// groupNames lists every configured group.
func (r *Rules) groupNames() []string {
	var out []string
	for name := range r.Groups {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// asksEveryone names the built-in group if a rule about a connection lets
// everyone review, so that it is read only then.
func (r *Rules) asksEveryone(connection string) []string {
	for _, p := range r.Policies {
		if matchesAny(p.Connections, connection) && slices.ContainsFunc(p.Approval.Steps, func(s StepRule) bool { return s.Group == Everyone }) {
			return []string{Everyone}
		}
	}
	return nil
}

func lower(in []string) []string {
	out := make([]string, len(in))
	for i, s := range in {
		out[i] = strings.ToLower(s)
	}
	return out
}

// tooSmall finds a set of steps that can't all reach their quorum with
// distinct persons (Hall's condition), and returns its groups; nil means
// every step can be met.
func tooSmall(steps []storage.Step) []string {
	for set := 1; set < 1<<len(steps); set++ {
		need := 0
		who := map[storage.PersonID]bool{}
		var groups []string
		for i, s := range steps {
			if set&(1<<i) == 0 {
				continue
			}
			need += s.Quorum
			groups = append(groups, s.Group)
			for _, id := range s.Eligible {
				who[id] = true
			}
		}
		if len(who) < need {
			return groups
		}
	}
	return nil
}
