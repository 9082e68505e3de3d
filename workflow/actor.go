package workflow

import (
	"context"
	"slices"

	"latchkey/storage"
)

// Actor is a person acting through an account. It comes from what Slack or a
// key proved about the caller, never from what a message carries.
type Actor struct {
	Account storage.Account
	Ref     string // the interaction that carried it, for the audit log

	// Key is the key of Latchkey's own that acts for the person, and Scopes
	// what it may do; zero when they act themselves.
	Key    storage.CredentialID
	Scopes []string

	// Quarantined says that the database is, so that the key may be one that
	// was revoked since.
	Quarantined bool
}

// by is the actor in the audit log.
func (a Actor) by() storage.Actor {
	name := a.Account.Name
	if a.Key != 0 {
		name += " by key " + a.Key.String()
	}
	return storage.Actor{PersonID: a.Account.PersonID, AccountID: a.Account.ID, Name: name, Ref: a.Ref}
}

// capacity says as what an actor acts on somebody's credential: as its owner,
// or as an admin. A key of Latchkey's own acts as an admin within its scopes
// and as nothing else.
func (s *Service) capacity(ctx context.Context, tx storage.Tx, a Actor, owner storage.PersonID, scope string) (isOwner, isAdmin bool, m membership, err error) {
	key := a.Key
	a.Key = 0
	who, m, err := s.stand(ctx, tx, s.today, a, s.today.Admins...)
	if err != nil {
		return false, false, m, err
	}
	if key != 0 {
		return false, scope != "" && slices.Contains(a.Scopes, scope), m, nil
	}
	return owner == a.Account.PersonID, s.today.isAdmin(who.Groups), m, nil
}

// Admit refuses accounts that may do nothing here, whatever the policy says.
func (a Actor) Admit() error {
	acc := a.Account
	switch {
	case a.Key != 0:
		return refuse(RuleKeyOnly, "A key of Latchkey's own can't do this; a person has to, in Slack.")
	case acc.IsOutsider:
		return refuse(RuleOutsider, "Latchkey serves members of this workspace only, and your account belongs to another one. Ask a colleague here.")
	case acc.IsBot:
		return refuse(RuleBot, "Bots can't ask for keys or review requests; a person has to.")
	case acc.IsDeleted:
		return refuse(RuleInactive, "Your account is deactivated, so it can't ask for keys or review requests.")
	case acc.PersonLeft:
		return refuse(RuleInactive, "You are marked as having left, so Latchkey does nothing for you. If that is wrong, ask an admin.")
	case acc.IsGuest:
		return refuse(RuleGuest, "Guests can't ask for keys or review requests. Ask a full member of the workspace.")
	case acc.PersonID == 0:
		return refuse(RuleUnlinked, "Your account has no e-mail address that tells who you are. Ask an admin to add you under `people`.")
	}
	return nil
}

// stand reads what the rules ask about the actor: standing, and membership of
// the named groups. It refuses whoever has left.
func (s *Service) stand(ctx context.Context, tx storage.Tx, r *Rules, a Actor, names ...string) (PersonFacts, membership, error) {
	if err := a.Admit(); err != nil {
		return PersonFacts{}, membership{}, err
	}
	m, err := readMembership(ctx, tx, r, names, a.Account.PersonID)
	if err != nil {
		return PersonFacts{}, m, err
	}
	st := m.standing[a.Account.PersonID]
	if !st.Active {
		return PersonFacts{}, m, refuse(RuleInactive, "You are marked as having left, so you can't ask for keys or review requests. If that is wrong, ask an admin.")
	}
	return PersonFacts{Email: st.Email, Name: st.Name, Groups: m.groupsOf(a.Account.PersonID)}, m, nil
}

// isAdmin reports whether a person with these groups administers Latchkey.
func (r *Rules) isAdmin(groups []string) bool {
	return slices.ContainsFunc(r.Admins, func(g string) bool { return slices.Contains(groups, g) })
}

// adminsOnly refuses what only admins may do, or says that nobody can tell
// who is one right now.
func (s *Service) adminsOnly(m membership, format string, args ...any) error {
	for _, g := range s.today.Admins {
		if why := m.unknown[g]; why != "" {
			return refuse(RuleGroupUnknown, "Whether you are in %s can't be checked right now: %s. Nothing was done; try again in a minute.", g, why)
		}
	}
	return refuse(RuleAdminOnly, format, args...)
}

// IsAdmin reports whether the actor is an admin right now.
func (s *Service) IsAdmin(ctx context.Context, a Actor) (bool, error) {
	s.Refresh(ctx, s.today.Sources(s.today.Admins...))
	var yes bool
	err := s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		who, _, err := s.stand(ctx, tx, s.today, a, s.today.Admins...)
		if _, refused := AsRefusal(err); refused {
			return nil
		}
		yes = s.today.isAdmin(who.Groups)
		return err
	})
	return yes, err
}

// mayAs refuses whoever is neither an admin nor a key of Latchkey's own with
// the scope; without one, keys are refused.
func (s *Service) mayAs(ctx context.Context, a Actor, scope, what string) error {
	if a.Key != 0 && scope != "" {
		return a.May(scope)
	}
	return s.mustAdmin(ctx, a, what)
}
