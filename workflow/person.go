package workflow

import (
	"context"
	"slices"
	"strings"

	"latchkey/storage"
)

// PersonView is somebody from the directory, with the accounts and the number
// of live credentials that are theirs.
type PersonView struct {
	storage.Person

	Accounts []storage.Account
	Holds    int // credentials that may still give access, those of services that they answer for among them
}

// People lists people, the newest first. For admins, and keys with
// people:read.
func (s *Service) People(ctx context.Context, a Actor, f storage.PersonFilter) ([]PersonView, error) {
	if err := s.mayAs(ctx, a, ScopePeople, "look at everybody"); err != nil {
		return nil, err
	}
	f.Email = strings.ToLower(strings.TrimSpace(f.Email))
	rows, err := s.DB.PeopleBy(ctx, f)
	if err != nil {
		return nil, err
	}
	return s.lookAtPeople(ctx, rows)
}

// ShowPerson is People for one of them.
func (s *Service) ShowPerson(ctx context.Context, a Actor, id storage.PersonID) (PersonView, error) {
	if err := s.mayAs(ctx, a, ScopePeople, "look at everybody"); err != nil {
		return PersonView{}, err
	}
	found, err := s.DB.People(ctx, id)
	if err != nil {
		return PersonView{}, err
	}
	p, ok := found[id]
	if !ok {
		return PersonView{}, refuse(RuleUnknown, "There is no such person.")
	}
	views, err := s.lookAtPeople(ctx, []storage.Person{p})
	if err != nil {
		return PersonView{}, err
	}
	return views[0], nil
}

func (s *Service) lookAtPeople(ctx context.Context, rows []storage.Person) ([]PersonView, error) {
	ids := make([]storage.PersonID, len(rows))
	for i, p := range rows {
		ids[i] = p.ID
	}
	accounts, err := s.DB.AccountsOf(ctx, ids...)
	if err != nil {
		return nil, err
	}
	holds, err := s.DB.CountHeld(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := make([]PersonView, len(rows))
	for i, p := range rows {
		out[i] = PersonView{Person: p, Holds: holds[p.ID]}
	}
	for _, a := range accounts {
		if i := slices.Index(ids, a.PersonID); i >= 0 {
			out[i].Accounts = append(out[i].Accounts, a)
		}
	}
	return out, nil
}
