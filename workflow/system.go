package workflow

import "slices"

// System is a connection as the request form shows it.
type System struct {
	Name   string
	Kind   string
	Scopes []ScopeRule
	OAuth  bool // an OAuth app of ours is registered there
}

// Systems lists what can be asked for, by name.
func (s *Service) Systems() []System {
	out := make([]System, 0, len(s.today.Connections))
	for name, c := range s.today.Connections {
		if len(c.Scopes) > 0 && s.canMake(name, APIKey) {
			_, oauth := s.oauthApp(name)
			out = append(out, System{name, c.Kind, c.Scopes, oauth})
		}
	}
	slices.SortFunc(out, func(a, b System) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return out
}
