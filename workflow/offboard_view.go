package workflow

import (
	"context"
	"time"

	"latchkey/storage"
)

// ItemView is one credential of a case with what proves its end.
type ItemView struct {
	storage.OffboardingItem
	Key      CredentialView
	Receipts []storage.Receipt
	To       Person // who took a shared one over
	Done     bool   // accounted for
}

// OffboardingView is everything the card and the report of a case show.
type OffboardingView struct {
	Case    storage.Offboarding
	Person  Person
	Email   string
	Items   []ItemView
	Systems []storage.OffboardingSystem
	Paged   bool
	Undo    bool // it can still be undone
	Lost    int  // credentials that an undo does not bring back
	Left    int  // items and systems that are not accounted for
	Events  []storage.Event
	Now     time.Time // of the reading
}

// LookAtOffboarding gathers what is to be shown of a case. It checks no
// authority.
func (s *Service) LookAtOffboarding(ctx context.Context, id storage.OffboardingID) (OffboardingView, error) {
	o, err := s.DB.Offboarding(ctx, id)
	if err != nil {
		return OffboardingView{}, gone(err, "such case")
	}
	out := OffboardingView{Case: o, Paged: o.Paged}
	if out.Now, err = s.DB.Now(ctx); err != nil {
		return out, err
	}
	if out.Systems, err = s.DB.OffboardingSystems(ctx, id); err != nil {
		return out, err
	}
	items, err := s.DB.OffboardingItems(ctx, id)
	if err != nil {
		return out, err
	}
	people := []storage.PersonID{o.PersonID}
	ids := make([]storage.CredentialID, len(items))
	for i, it := range items {
		ids[i] = it.CredentialID
		if it.HandedTo != 0 {
			people = append(people, it.HandedTo)
		}
	}
	names, err := s.persons(ctx, people...)
	if err != nil {
		return out, err
	}
	rows, err := s.DB.People(ctx, o.PersonID)
	if err != nil {
		return out, err
	}
	out.Person, out.Email = names[o.PersonID], rows[o.PersonID].Email
	if err := s.lookAtItems(ctx, &out, items, ids, names); err != nil {
		return out, err
	}
	for _, sys := range out.Systems {
		if !sys.Clean() {
			out.Left++
		}
	}
	out.Undo = undoable(o, out.Now)
	out.Events, err = s.DB.Events(ctx, storage.SubjectOffboarding, int64(id))
	return out, err
}

func (s *Service) lookAtItems(ctx context.Context, out *OffboardingView, items []storage.OffboardingItem, ids []storage.CredentialID, names map[storage.PersonID]Person) error {
	found, err := s.DB.Inventory(ctx, storage.InventoryFilter{IDs: ids, Ended: true, Limit: len(ids) + 1}, s.flagRules())
	if err != nil {
		return err
	}
	views, err := s.lookAtRows(ctx, found)
	if err != nil {
		return err
	}
	byID := map[storage.CredentialID]CredentialView{}
	for _, v := range views {
		byID[v.Credential.ID] = v
	}
	receipts, err := s.DB.ReceiptsOf(ctx, ids)
	if err != nil {
		return err
	}
	for _, it := range items {
		v := ItemView{OffboardingItem: it, Key: byID[it.CredentialID], Receipts: receipts[it.CredentialID], To: names[it.HandedTo]}
		v.Done = accounted(it, v.Key.Credential)
		if !v.Done {
			out.Left++
		}
		if c := v.Key.Credential; it.Sort == storage.ItemOwn && (!c.Brokered || c.Kind == OAuthGrant) {
			out.Lost++
		}
		out.Items = append(out.Items, v)
	}
	return nil
}

// accounted is storage.Unaccounted for one item.
func accounted(it storage.OffboardingItem, c storage.Credential) bool {
	switch {
	case it.WaivedAt.Year() > 1, it.HandedTo != 0, !c.Live():
		return true
	}
	return it.Sort == storage.ItemOwn && behindFence(c)
}

// LeavePreview says what offboarding a person would do.
type LeavePreview struct {
	Person  Person
	Active  bool
	Own     int // credentials that would end
	Fenced  int // of which the gateway refuses at once, and an undo brings back
	Shared  int // of services, for others to decide on
	Pending int // requests that would be canceled
	Systems []string
	Grace   Duration
}

// PreviewLeave says what offboarding a person would do. For admins, and keys
// with people:offboard.
func (s *Service) PreviewLeave(ctx context.Context, a Actor, person storage.PersonID) (LeavePreview, error) {
	if err := s.mayAs(ctx, a, ScopeOffboard, "offboard people"); err != nil {
		return LeavePreview{}, err
	}
	names, err := s.persons(ctx, person)
	if err != nil {
		return LeavePreview{}, err
	}
	rows, err := s.DB.People(ctx, person)
	if err != nil {
		return LeavePreview{}, err
	}
	if _, ok := rows[person]; !ok {
		return LeavePreview{}, refuse(RuleUnknown, "There is no such person.")
	}
	out := LeavePreview{Person: names[person], Active: rows[person].Active, Systems: s.listedSystems(), Grace: Duration(orElse(s.today.Offboarding.Grace, defaultGrace))}
	own, err := s.DB.CountOwned(ctx, person)
	if err != nil {
		return out, err
	}
	out.Own, out.Fenced, out.Shared = own.Fenced+own.Ends, own.Fenced, own.Shared
	waiting, err := s.DB.Requests(ctx, storage.RequestFilter{RequesterID: person, States: []storage.RequestState{storage.RequestPending}, Limit: 1000})
	out.Pending = len(waiting)
	return out, err
}

// Offboardings lists cases for admins, the newest first: of one person, or all.
func (s *Service) Offboardings(ctx context.Context, a Actor, person storage.PersonID, open bool) ([]OffboardingView, error) {
	if err := s.mustAdmin(ctx, a, "look at who left"); err != nil {
		return nil, err
	}
	cases, err := s.DB.Offboardings(ctx, person, open, 20)
	if err != nil {
		return nil, err
	}
	out := make([]OffboardingView, 0, len(cases))
	for _, o := range cases {
		v, err := s.LookAtOffboarding(ctx, o.ID)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// OffboardingRow is a case as long lists show it.
type OffboardingRow struct {
	Case   storage.Offboarding
	Person Person
}

// OffboardingList lists cases without what is in them, the newest first and
// older than one: of one person, or all; only those under way if open. For
// admins, and keys with people:read.
func (s *Service) OffboardingList(ctx context.Context, a Actor, person storage.PersonID, open bool, before storage.OffboardingID, limit int) ([]OffboardingRow, error) {
	if err := s.mayAs(ctx, a, ScopePeople, "look at who left"); err != nil {
		return nil, err
	}
	cases, err := s.DB.OffboardingPage(ctx, person, open, before, limit)
	if err != nil {
		return nil, err
	}
	ids := make([]storage.PersonID, len(cases))
	for i, o := range cases {
		ids[i] = o.PersonID
	}
	people, err := s.persons(ctx, ids...)
	if err != nil {
		return nil, err
	}
	out := make([]OffboardingRow, len(cases))
	for i, o := range cases {
		out[i] = OffboardingRow{Case: o, Person: people[o.PersonID]}
	}
	return out, nil
}
