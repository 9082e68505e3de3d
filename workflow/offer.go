package workflow

import (
	"context"
	"slices"

	"latchkey/connectors"
	"latchkey/storage"
)

// Offer is what the rules would let a person ask for on one system, as far as
// that can be said before they say why. Everything is judged again when the
// request is filed.
type Offer struct {
	Scopes  []ScopeRule  // that some rule gives to this person, in the system's order
	Read    Choice       // everything that can only read, under one rule
	Write   Choice       // reading and writing, never admin access, under one rule
	Ceiling Duration     // the longest life any of those rules allows
	Sinks   []SinkChoice // that some rule lets keys go into
}

// Choice is a set of scopes that one rule covers; no scopes means that there
// is none.
type Choice struct {
	Policy  string
	Scopes  []string
	Ceiling Duration
	Sinks   []SinkChoice
}

// Offer says what the actor may ask for on a system.
func (s *Service) Offer(ctx context.Context, a Actor, connection string) (Offer, error) {
	s.Refresh(ctx, s.today.Sources(s.today.groupNames()...))
	var out Offer
	err := s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		who, _, err := s.stand(ctx, tx, s.today, a, s.today.groupNames()...)
		if err != nil {
			return err
		}
		out = s.today.offer(connection, who)
		return nil
	})
	return out, err
}

// offer is pure. Conditions are left out: they may ask for what is not known
// yet.
func (r *Rules) offer(connection string, who PersonFacts) Offer {
	var out Offer
	all := r.Connections[connection].Scopes
	given := map[string]bool{}
	for _, p := range r.Policies {
		if !matchesAny(p.Connections, connection) || p.Holders != "" ||
			!slices.ContainsFunc(p.Requesters, func(g string) bool { return slices.Contains(who.Groups, g) }) {
			continue
		}
		out.Ceiling = max(out.Ceiling, p.MaxLifetime)
		sinks := r.sinksOf(p)
		for _, c := range sinks {
			if !slices.ContainsFunc(out.Sinks, func(known SinkChoice) bool { return known.Name == c.Name }) {
				out.Sinks = append(out.Sinks, c)
			}
		}
		var read, write Choice
		for _, s := range all {
			if !matchesAny(p.Scopes, s.Name) {
				continue
			}
			given[s.Name] = true
			switch s.Access {
			case connectors.Read:
				read.Scopes = append(read.Scopes, s.Name)
				write.Scopes = append(write.Scopes, s.Name)
			case connectors.Write:
				write.Scopes = append(write.Scopes, s.Name)
			case connectors.Admin:
			}
		}
		if len(out.Read.Scopes) == 0 && len(read.Scopes) > 0 {
			out.Read = Choice{p.Name, read.Scopes, p.MaxLifetime, sinks}
		}
		if len(out.Write.Scopes) == 0 && len(write.Scopes) > len(read.Scopes) {
			out.Write = Choice{p.Name, write.Scopes, p.MaxLifetime, sinks}
		}
	}
	for _, s := range all {
		if given[s.Name] {
			out.Scopes = append(out.Scopes, s)
		}
	}
	return out
}
