package workflow

import (
	"context"
	"slices"

	"latchkey/storage"
)

// CampaignView is everything the messages about a campaign may show.
type CampaignView struct {
	Campaign storage.Campaign
	Starter  Person
	Counts   map[storage.CampaignDecision]int
	Parts    []PartView     // everybody who is asked, those with the most left first
	Nobody   int            // undecided keys about which nobody can be asked
	Batch    *storage.Batch // what ends the keys without an answer; nil for none
}

// Total is how many keys the campaign is about.
func (v CampaignView) Total() int {
	n := 0
	for _, c := range v.Counts {
		n += c
	}
	return n
}

// Open is how many keys wait for a decision.
func (v CampaignView) Open() int { return v.Counts[storage.CampaignOpen] }

// PartView is how far one person is.
type PartView struct {
	Person Person
	Items  int
	Open   int
}

// LookAtCampaign gathers what messages about a campaign show. It checks no
// authority.
func (s *Service) LookAtCampaign(ctx context.Context, id storage.CampaignID) (CampaignView, error) {
	c, err := s.DB.Campaign(ctx, id)
	if err != nil {
		return CampaignView{}, gone(err, "such campaign")
	}
	out := CampaignView{Campaign: c}
	if out.Counts, err = s.DB.CampaignCounts(ctx, id, 0); err != nil {
		return out, err
	}
	parts, err := s.DB.CampaignParts(ctx, id)
	if err != nil {
		return out, err
	}
	ids := []storage.PersonID{c.Actor.PersonID}
	for _, p := range parts {
		ids = append(ids, p.PersonID)
	}
	people, err := s.persons(ctx, ids...)
	if err != nil {
		return out, err
	}
	out.Starter = people[c.Actor.PersonID]
	for _, p := range parts {
		out.Parts = append(out.Parts, PartView{people[p.PersonID], p.Items, p.Open})
	}
	if out.Nobody, err = s.DB.CountUnasked(ctx, id); err != nil || c.BatchID == 0 {
		return out, err
	}
	b, err := s.DB.Batch(ctx, c.BatchID)
	out.Batch = &b
	return out, err
}

// ShowCampaign is LookAtCampaign of the latest campaign, for an admin; false
// when there was never one.
func (s *Service) ShowCampaign(ctx context.Context, a Actor) (CampaignView, bool, error) {
	if err := s.mustAdmin(ctx, a, "look at a campaign"); err != nil {
		return CampaignView{}, false, err
	}
	latest, err := s.DB.Campaigns(ctx, 1)
	if err != nil || len(latest) == 0 {
		return CampaignView{}, false, err
	}
	v, err := s.LookAtCampaign(ctx, latest[0].ID)
	return v, err == nil, err
}

// CampaignLine is one key of a campaign with what there is to know for a
// decision.
type CampaignLine struct {
	Item   storage.CampaignItem
	Key    CredentialView
	By     Person      // who decided; nobody: the zero value
	Scopes []ScopeView // what the key had when the campaign began
	Open   bool        // it waits for a decision
	Reduce bool        // it can lose scopes
}

// CampaignPart is what one person is asked, or some of it.
type CampaignPart struct {
	Campaign storage.Campaign
	Person   Person // the zero value: an admin looks at everybody's
	Counts   map[storage.CampaignDecision]int
	Open     int // of which wait for a decision
	Lines    []CampaignLine
}

// Total is how many keys the person is asked about.
func (p CampaignPart) Total() int { return CampaignView{Counts: p.Counts}.Total() }

// LookAtPart gathers the message that asks a person: how far they are, and the
// first keys that wait. It checks no authority.
func (s *Service) LookAtPart(ctx context.Context, id storage.CampaignID, person storage.PersonID, limit int) (CampaignPart, error) {
	out, err := s.partOf(ctx, id, person)
	if err != nil || !out.Campaign.UnderWay() {
		return out, err
	}
	items, err := s.DB.CampaignItems(ctx, id, storage.CampaignItemFilter{PersonID: person, Open: true, Limit: limit})
	if err != nil {
		return out, err
	}
	out.Lines, err = s.campaignLines(ctx, out.Campaign, items)
	return out, err
}

func (s *Service) partOf(ctx context.Context, id storage.CampaignID, person storage.PersonID) (CampaignPart, error) {
	c, err := s.DB.Campaign(ctx, id)
	if err != nil {
		return CampaignPart{}, gone(err, "such campaign")
	}
	people, err := s.persons(ctx, person)
	if err != nil {
		return CampaignPart{}, err
	}
	out := CampaignPart{Campaign: c, Person: people[person]}
	if out.Counts, err = s.DB.CampaignCounts(ctx, id, person); err != nil {
		return out, err
	}
	out.Open, err = s.DB.CountOpen(ctx, id, person)
	return out, err
}

// CampaignPage is one page of what somebody is asked, undecided or not.
type CampaignPage struct {
	CampaignPart
	Number int // from zero
	Pages  int
	All    bool // everybody's keys
}

// CampaignPageSize is how many keys people see at once.
const CampaignPageSize = 10

// PageOfCampaign shows a page of the keys that the actor is asked about; all
// shows an admin everybody's.
func (s *Service) PageOfCampaign(ctx context.Context, a Actor, id storage.CampaignID, all bool, number int) (CampaignPage, error) {
	if err := a.Admit(); err != nil {
		return CampaignPage{}, err
	}
	person := a.Account.PersonID
	if all {
		if err := s.mustAdmin(ctx, a, "decide for others"); err != nil {
			return CampaignPage{}, err
		}
		person = 0
	}
	part, err := s.partOf(ctx, id, person)
	if err != nil {
		return CampaignPage{}, err
	}
	out := CampaignPage{CampaignPart: part, All: all, Pages: (part.Total() + CampaignPageSize - 1) / CampaignPageSize}
	if out.Pages == 0 {
		return out, refuse(RuleAdminOnly, "You are not asked about any key in the campaign “%s”.", part.Campaign.Title)
	}
	out.Number = min(max(number, 0), out.Pages-1)
	items, err := s.DB.CampaignItems(ctx, id, storage.CampaignItemFilter{PersonID: person, Offset: out.Number * CampaignPageSize, Limit: CampaignPageSize})
	if err != nil {
		return out, err
	}
	out.Lines, err = s.campaignLines(ctx, part.Campaign, items)
	return out, err
}

// NextOpenPage finds the first page from a number on, and from the beginning
// after the last one, on which something waits; false when nothing does.
func (s *Service) NextOpenPage(ctx context.Context, a Actor, id storage.CampaignID, all bool, from int) (int, bool, error) {
	person := a.Account.PersonID
	if all {
		person = 0
	}
	places, err := s.DB.OpenPlaces(ctx, id, person, from*CampaignPageSize)
	if err != nil || len(places) == 0 {
		return 0, false, err
	}
	return places[0] / CampaignPageSize, true, nil
}

// LineOfCampaign is one key of a campaign, for whoever is asked about it, its
// owner and admins.
func (s *Service) LineOfCampaign(ctx context.Context, a Actor, id storage.CampaignID, key storage.CredentialID) (CampaignLine, error) {
	if err := a.Admit(); err != nil {
		return CampaignLine{}, err
	}
	c, err := s.DB.Campaign(ctx, id)
	if err != nil {
		return CampaignLine{}, gone(err, "such campaign")
	}
	items, err := s.DB.CampaignItems(ctx, id, storage.CampaignItemFilter{IDs: []storage.CredentialID{key}})
	if err == nil && len(items) == 0 {
		err = gone(storage.ErrNotFound, "such key in this campaign")
	}
	if err != nil {
		return CampaignLine{}, err
	}
	lines, err := s.campaignLines(ctx, c, items)
	if err != nil {
		return CampaignLine{}, err
	}
	me := a.Account.PersonID
	if lines[0].Key.Credential.OwnerID == me || slices.Contains(items[0].Deciders, me) {
		return lines[0], nil
	}
	return lines[0], s.mustAdmin(ctx, a, "decide on keys that others are asked about")
}

// PlaceInCampaign says on which page a key is: of the actor's own, or of
// everybody's where others are asked about it.
func (s *Service) PlaceInCampaign(ctx context.Context, a Actor, id storage.CampaignID, key storage.CredentialID) (all bool, number int, err error) {
	l, err := s.LineOfCampaign(ctx, a, id, key)
	if err != nil {
		return false, 0, err
	}
	person := a.Account.PersonID
	if !slices.Contains(l.Item.Deciders, person) {
		person = 0
	}
	place, err := s.DB.CountItemsBefore(ctx, id, person, key)
	return person == 0, place / CampaignPageSize, err
}

// campaignLines adds to items what is known of their keys, in their order.
func (s *Service) campaignLines(ctx context.Context, c storage.Campaign, items []storage.CampaignItem) ([]CampaignLine, error) {
	ids := make([]storage.CredentialID, len(items))
	people := []storage.PersonID{}
	for i, it := range items {
		ids[i] = it.CredentialID
		if it.DecidedBy != 0 {
			people = append(people, it.DecidedBy)
		}
	}
	rows, err := s.DB.Inventory(ctx, storage.InventoryFilter{IDs: ids, Ended: true, Limit: max(len(ids), 1)}, s.flagRules())
	if err != nil {
		return nil, err
	}
	views, err := s.lookAtRows(ctx, rows)
	if err != nil {
		return nil, err
	}
	names, err := s.persons(ctx, people...)
	if err != nil {
		return nil, err
	}
	out := make([]CampaignLine, 0, len(items))
	for _, it := range items {
		i := slices.IndexFunc(views, func(v CredentialView) bool { return v.Credential.ID == it.CredentialID })
		if i < 0 {
			continue
		}
		v := views[i]
		l := CampaignLine{Item: it, Key: v, By: names[it.DecidedBy], Scopes: scopeViews(s.today, v.Credential.Connection, it.ScopesBefore, v.Credential.Scopes)}
		alive := v.Credential.State == storage.CredentialActive || v.Credential.State == storage.CredentialSuspended
		l.Open = alive && c.UnderWay() && (it.Decision == storage.CampaignOpen || it.Decision == storage.CampaignSilence)
		base := v.Credential.Scopes
		if it.Decision == storage.CampaignReduce {
			base = it.ScopesBefore
		}
		l.Reduce = canReduce(v.Credential, base, v.ReplacedBy)
		out = append(out, l)
	}
	return out, nil
}
