package workflow

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/looplab/fsm"

	"latchkey/storage"
)

// Events of a campaign.
const (
	eventDeadline event = "pass_deadline"
	eventFinish   event = "finish"
)

var campaignMachine = machine{
	name:    "campaign",
	initial: string(storage.CampaignRunning),
	events: fsm.Events{
		on(eventDeadline, storage.CampaignEnding, storage.CampaignRunning),
		on(eventFinish, storage.CampaignDone, storage.CampaignEnding),
		on(eventCancel, storage.CampaignCanceled, storage.CampaignRunning),
	},
}

// moveCampaign asks the table, then moves the row and tells.
func moveCampaign(ctx context.Context, tx storage.Tx, c *storage.Campaign, e event, by storage.Actor, reason string) error {
	to, err := campaignMachine.next(string(c.State), e)
	if err != nil {
		return err
	}
	if err := tx.MoveCampaign(ctx, c, storage.CampaignState(to), by, reason); err != nil {
		return err
	}
	if err := tx.TouchAsks(ctx, c.ID, nil); err != nil {
		return err
	}
	return notifyCampaign(ctx, tx, c.ID)
}

func notifyCampaign(ctx context.Context, tx storage.Tx, id storage.CampaignID) error {
	return tx.Enqueue(ctx, NotifyArgs{storage.SubjectCampaign, int64(id)}, nil)
}

// CampaignLengths are how long people may take to answer.
func CampaignLengths() []Duration {
	const day = Duration(24 * time.Hour)
	return []Duration{7 * day, 14 * day, 30 * day}
}

// CampaignAsk is what an admin wants to have recertified.
type CampaignAsk struct {
	Title      string
	Connection string   // empty: every system
	Length     Duration // one of CampaignLengths
}

// CampaignPlan is what a campaign would ask, and whom.
type CampaignPlan struct {
	Keys      int
	BySystem  map[string]int
	People    int // who are asked
	Ownerless int // keys without an owner who can be asked: others are asked about them
	Nobody    int // of which nobody can be asked at all
}

const campaignAct = "have keys recertified"

// PlanCampaign says what a campaign would ask, and begins nothing. Admins
// only.
func (s *Service) PlanCampaign(ctx context.Context, a Actor, ask CampaignAsk) (CampaignPlan, error) {
	if err := s.mustAdmin(ctx, a, campaignAct); err != nil {
		return CampaignPlan{}, err
	}
	if err := s.checkCampaign(ask); err != nil {
		return CampaignPlan{}, err
	}
	s.refreshDeciders(ctx)
	var plan CampaignPlan
	err := s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) (err error) {
		plan, _, err = s.planCampaign(ctx, tx, ask.Connection)
		return err
	})
	if err == nil && plan.Keys == 0 {
		return plan, refuse(RuleNotPossible, "There are no live keys to ask about.").on("connection")
	}
	return plan, err
}

// refreshDeciders brings up to date who may be asked about any system.
func (s *Service) refreshDeciders(ctx context.Context) {
	groups := append([]string{}, s.today.Admins...)
	for _, c := range s.today.Connections {
		if c.Owners != "" {
			groups = append(groups, c.Owners)
		}
	}
	s.Refresh(ctx, s.today.Sources(groups...))
}

func (s *Service) planCampaign(ctx context.Context, tx storage.Tx, connection string) (CampaignPlan, []storage.CampaignItem, error) {
	plan := CampaignPlan{BySystem: map[string]int{}}
	keys, err := tx.LiveKeys(ctx, connection)
	if err != nil {
		return plan, nil, err
	}
	asked, err := s.whoHears(ctx, tx, keys)
	if err != nil {
		return plan, nil, err
	}
	items := make([]storage.CampaignItem, len(keys))
	people := map[storage.PersonID]bool{}
	for i, c := range keys {
		items[i] = storage.CampaignItem{CredentialID: c.ID, Deciders: asked[c.ID]}
		plan.BySystem[c.Connection]++
		own := false
		for _, p := range asked[c.ID] {
			people[p] = true
			own = own || p == c.OwnerID
		}
		if !own {
			plan.Ownerless++
		}
		if len(asked[c.ID]) == 0 {
			plan.Nobody++
		}
	}
	plan.Keys, plan.People = len(keys), len(people)
	return plan, items, nil
}

func (s *Service) checkCampaign(ask CampaignAsk) error {
	title := strings.TrimSpace(ask.Title)
	known := false
	for _, d := range CampaignLengths() {
		known = known || d == ask.Length
	}
	_, there := s.today.Connections[ask.Connection]
	switch {
	case title == "":
		return refuse(RuleReason, "Say what it is for: everybody who is asked reads it.").on("title")
	case !fits(title, maxLabel) || strings.ContainsAny(title, "\r\n"):
		return refuse(RuleReason, "Keep the title to one line under %d characters.", maxLabel).on("title")
	case !known:
		return refuse(RuleCeiling, "People have %s to answer.", listLengths()).on("lifetime")
	case ask.Connection != "" && !there:
		return refuse(RuleUnknown, "There is no system called %s.", cut(ask.Connection)).on("connection")
	}
	return nil
}

func listLengths() string {
	var out []string
	for _, d := range CampaignLengths() {
		out = append(out, d.Words())
	}
	last := len(out) - 1
	return strings.Join(out[:last], ", ") + " or " + out[last]
}

// StartCampaign asks everybody about what they hold. Admins only, one campaign
// at a time. sourceKey makes it harmless to send twice.
func (s *Service) StartCampaign(ctx context.Context, a Actor, ask CampaignAsk, sourceKey string) (storage.Campaign, error) {
	if err := s.mustAdmin(ctx, a, campaignAct); err != nil {
		return storage.Campaign{}, err
	}
	if err := s.checkCampaign(ask); err != nil {
		return storage.Campaign{}, err
	}
	s.refreshDeciders(ctx)
	c := storage.Campaign{Title: strings.TrimSpace(ask.Title), Connection: ask.Connection, State: storage.CampaignRunning, Actor: a.by(), SourceKey: sourceKey}
	err := s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		c.CreatedAt, c.Deadline = now, now.Add(time.Duration(ask.Length))
		c.NextActionAt = now.Add(campaignLook)
		err = tx.InsertCampaign(ctx, &c)
		switch {
		case errors.Is(err, storage.ErrDuplicate):
			return nil
		case errors.Is(err, storage.ErrConflict):
			return refuse(RuleNotPossible, "Another campaign is under way. There is one at a time.")
		case err != nil:
			return err
		}
		return s.fillCampaign(ctx, tx, c)
	})
	if err != nil {
		return storage.Campaign{}, err
	}
	return s.DB.Campaign(ctx, c.ID)
}

func (s *Service) fillCampaign(ctx context.Context, tx storage.Tx, c storage.Campaign) error {
	_, items, err := s.planCampaign(ctx, tx, c.Connection)
	if err != nil {
		return err
	}
	if len(items) == 0 {
		return refuse(RuleNotPossible, "There are no live keys to ask about.").on("connection")
	}
	if err := tx.InsertCampaignItems(ctx, c.ID, items); err != nil {
		return err
	}
	if err := tx.AddAsks(ctx, c.ID); err != nil {
		return err
	}
	return notifyCampaign(ctx, tx, c.ID)
}

// CancelCampaign calls a campaign off: nothing more is asked or ended. What
// was decided stays. Admins only; doing it again is no error.
func (s *Service) CancelCampaign(ctx context.Context, a Actor, id storage.CampaignID) (storage.Campaign, error) {
	return s.steerCampaign(ctx, a, id, "call a campaign off", func(ctx context.Context, tx storage.Tx, c *storage.Campaign) error {
		switch c.State {
		case storage.CampaignCanceled:
			return nil
		case storage.CampaignEnding, storage.CampaignDone:
			return refuse(RuleDecided, "The deadline of “%s” is over, so it can't be called off any more.", c.Title)
		case storage.CampaignRunning:
		}
		c.NextActionAt = time.Time{}
		return moveCampaign(ctx, tx, c, eventCancel, a.by(), "")
	})
}

// remindPause keeps reminders by hand from becoming a nuisance.
const remindPause = time.Hour

// RemindCampaign reminds everybody with something left to decide on. Admins
// only.
func (s *Service) RemindCampaign(ctx context.Context, a Actor, id storage.CampaignID) (storage.Campaign, error) {
	return s.steerCampaign(ctx, a, id, "send a reminder", func(ctx context.Context, tx storage.Tx, c *storage.Campaign) error {
		now, err := tx.Now(ctx)
		switch {
		case err != nil:
			return err
		case c.State != storage.CampaignRunning || !now.Before(c.Deadline):
			return refuse(RuleDecided, "The campaign “%s” is over, so nobody is reminded any more.", c.Title)
		case now.Sub(c.RemindedAt) < remindPause:
			return refuse(RuleNotPossible, "Everybody was reminded less than an hour ago. Give them some time.")
		}
		return s.remind(ctx, tx, c, a.by())
	})
}

func (s *Service) remind(ctx context.Context, tx storage.Tx, c *storage.Campaign, by storage.Actor) error {
	if _, err := tx.Remind(ctx, c, by); err != nil {
		return err
	}
	return notifyCampaign(ctx, tx, c.ID)
}

// steerCampaign changes a campaign for an admin.
func (s *Service) steerCampaign(ctx context.Context, a Actor, id storage.CampaignID, what string, change func(context.Context, storage.Tx, *storage.Campaign) error) (storage.Campaign, error) {
	if err := s.mustAdmin(ctx, a, what); err != nil {
		return storage.Campaign{}, err
	}
	var c storage.Campaign
	err := s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) (err error) {
		if c, err = tx.LockCampaign(ctx, id); err != nil {
			return gone(err, "such campaign")
		}
		return change(ctx, tx, &c)
	})
	return c, err
}

// campaignName is a campaign in a reason.
func campaignName(c storage.Campaign) string { return fmt.Sprintf("campaign %s", c.Title) }
