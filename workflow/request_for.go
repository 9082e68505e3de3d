package workflow

import (
	"context"
	"strconv"
	"strings"

	"latchkey/storage"
)

// SubmitFor files a request in somebody's name: for a key with requests:file.
// Everything is as if that person had asked: what they may ask for, their
// quota, who is told, and who collects the key. Whoever's key files it does not
// review it, and chooses no sink: they might be able to read it there. It begins
// something new; only owners extend and rotate.
func (s *Service) SubmitFor(ctx context.Context, a Actor, person storage.PersonID, ask Ask, sourceKey string) (storage.Request, error) {
	if a.Key == 0 {
		return storage.Request{}, refuse(RuleKeyOnly, "People ask for themselves, in Slack.")
	}
	if err := a.May(ScopeFile); err != nil {
		return storage.Request{}, err
	}
	accounts, err := s.DB.SlackAccounts(ctx, person)
	if err != nil {
		return storage.Request{}, err
	}
	people, err := s.DB.People(ctx, person)
	if err != nil {
		return storage.Request{}, err
	}
	p, known := people[person]
	if !known {
		return storage.Request{}, refuse(RuleUnknown, "There is no such person.").on("on_behalf_of")
	}
	if !p.Active {
		return storage.Request{}, refuse(RuleInactive, "%s is marked as having left, so nothing can be asked for in their name.", p.Name).on("on_behalf_of")
	}
	var they Actor
	for _, acc := range accounts {
		if !acc.IsBot && !acc.IsGuest {
			they = Actor{Account: acc, Ref: a.Ref}
			break
		}
	}
	if they.Account.ID == 0 {
		return storage.Request{}, refuse(RuleUnlinked, "%s has no account in Slack that may ask for keys.", p.Name).on("on_behalf_of")
	}
	if ask.Sink != "" || ask.Place != "" {
		field := "sink"
		if ask.Sink == "" {
			field = "place"
		}
		return storage.Request{}, refuse(RuleKeyOnly, "What is filed for somebody is handed to them, and goes into no sink. %s can ask for a key that goes into one themselves, in Slack.", p.Name).on(field)
	}
	if ask.Extends != 0 || ask.Rotates != 0 || ask.Adopts != 0 {
		return storage.Request{}, refuse(RuleKeyOnly, "Only the owner of a key can ask for more of it, in Slack.")
	}
	return s.submit(ctx, they, a.Account.PersonID, a.by(), ask, sourceKey)
}

// FindPerson finds somebody by e-mail address or ID, for whoever may then be
// told something of them: admins, and keys, whose scope the next question is
// asked under.
func (s *Service) FindPerson(ctx context.Context, a Actor, typed string) (storage.PersonID, error) {
	if a.Key == 0 {
		if err := s.mustAdmin(ctx, a, "look people up"); err != nil {
			return 0, err
		}
	}
	typed = strings.TrimSpace(typed)
	if id, err := strconv.ParseInt(typed, 10, 64); err == nil {
		people, err := s.DB.People(ctx, storage.PersonID(id))
		if _, known := people[storage.PersonID(id)]; !known && err == nil {
			return 0, errNobody
		}
		return storage.PersonID(id), err
	}
	rows, err := s.DB.PeopleBy(ctx, storage.PersonFilter{Email: strings.ToLower(typed), Limit: 1})
	if err != nil {
		return 0, err
	}
	if len(rows) == 0 {
		return 0, errNobody
	}
	return rows[0].ID, nil
}

var errNobody = refuse(RuleUnknown, "Nobody here has this ID or e-mail address.")
