package workflow

import (
	"slices"
	"sync"
	"testing"
	"time"

	"latchkey/storage"
)

func TestTheCampaignMachine(t *testing.T) {
	t.Parallel()
	diagram, err := campaignMachine.diagram()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "campaign.matrix.txt", matrix(campaignMachine))
	golden(t, "campaign.mmd", diagram)
	want := []string{string(storage.CampaignCanceled), string(storage.CampaignDone), string(storage.CampaignEnding), string(storage.CampaignRunning)}
	if got := campaignMachine.states(); !slices.Equal(got, want) {
		t.Errorf("states %v, want %v", got, want)
	}
}

func TestRemindersComeAtHalfTimeAndADayBefore(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	at := func(hours int) time.Time { return start.Add(time.Duration(hours) * time.Hour) }
	week := storage.Campaign{CreatedAt: start, Deadline: at(7 * 24)}
	for _, tt := range []struct {
		name     string
		reminded time.Time
		now      time.Time
		due      bool
		next     time.Time // zero: in campaignLook
	}{
		{"at the start", time.Time{}, start, false, time.Time{}},
		{"just before half time", time.Time{}, at(84).Add(-time.Minute), false, at(84)},
		{"at half time", time.Time{}, at(84), true, time.Time{}},
		{"when it was sent", at(84), at(84).Add(time.Second), false, time.Time{}},
		{"after one by hand shortly before", at(79), at(84), false, time.Time{}},
		{"after one by hand long before", at(70), at(84), true, time.Time{}},
		{"a day before the deadline", at(84), at(144), true, time.Time{}},
		{"when both were missed", time.Time{}, at(160), true, time.Time{}},
		{"when both are one", at(160), at(161), false, time.Time{}},
		{"just before the deadline", at(144), at(168).Add(-time.Second), false, at(168)},
	} {
		c := week
		c.RemindedAt = tt.reminded
		if got := reminderDue(c, tt.now); got != tt.due {
			t.Errorf("%s: due %v", tt.name, got)
		}
		if tt.next.IsZero() {
			tt.next = tt.now.Add(campaignLook)
		}
		if got := nextCampaignLook(c, tt.now); !got.Equal(tt.next) {
			t.Errorf("%s: looks again at %s, want %s", tt.name, got, tt.next)
		}
	}
}

func TestWhoMayBeginACampaign(t *testing.T) {
	t.Parallel()
	h := openCampaign(t, lenient())
	ok := CampaignAsk{Title: "Review", Length: 7 * day}
	for what, tt := range map[string]struct {
		who  string
		ask  CampaignAsk
		rule string
	}{
		"no admin":       {"alice", ok, RuleAdminOnly},
		"a guest":        {"guest", ok, RuleGuest},
		"no title":       {"erin", CampaignAsk{Title: " ", Length: 7 * day}, RuleReason},
		"two lines":      {"erin", CampaignAsk{Title: "a\nb", Length: 7 * day}, RuleReason},
		"no deadline":    {"erin", CampaignAsk{Title: "Review"}, RuleCeiling},
		"an odd one":     {"erin", CampaignAsk{Title: "Review", Length: 8 * day}, RuleCeiling},
		"no such system": {"erin", CampaignAsk{Title: "Review", Length: 7 * day, Connection: "nothing"}, RuleUnknown},
		"a second one":   {"erin", ok, RuleNotPossible},
	} {
		_, err := h.StartCampaign(t.Context(), h.people[tt.who], tt.ask, fresh())
		refused(t, what, err, tt.rule)
	}
	_, err := h.PlanCampaign(t.Context(), h.people["alice"], ok)
	refused(t, "a plan for somebody", err, RuleAdminOnly)
	_, err = h.CancelCampaign(t.Context(), h.people["alice"], h.campaign.ID)
	refused(t, "somebody calls it off", err, RuleAdminOnly)
	_, err = h.RemindCampaign(t.Context(), h.people["alice"], h.campaign.ID)
	refused(t, "somebody reminds", err, RuleAdminOnly)
	_, _, err = h.CampaignEvidence(t.Context(), h.people["alice"], h.campaign.ID)
	refused(t, "somebody wants the evidence", err, RuleAdminOnly)
	_, _, err = h.CampaignEvidence(t.Context(), h.people["erin"], h.campaign.ID)
	refused(t, "the evidence comes too early", err, RuleNotPossible)
	_, _, err = h.ShowCampaign(t.Context(), h.people["alice"])
	refused(t, "somebody looks", err, RuleAdminOnly)
}

// A plan says what will be, and starting twice is starting once.
func TestACampaignIsPlannedAndBegun(t *testing.T) {
	t.Parallel()
	h := openCampaign(t, lenient())
	plan, err := h.PlanCampaign(t.Context(), h.people["erin"], CampaignAsk{Title: "Review", Length: 7 * day})
	if err != nil || plan.Keys != 5 || plan.People != 5 || plan.Ownerless != 2 || plan.Nobody != 0 || plan.BySystem["acme"] != 4 || plan.BySystem["tempo"] != 1 {
		t.Errorf("%+v, %v", plan, err)
	}
	v := h.look(t)
	if v.Total() != 5 || v.Open() != 5 || len(v.Parts) != 5 || v.Starter.Name != "erin" || v.Campaign.Deadline.Sub(v.Campaign.CreatedAt) != time.Duration(14*day) {
		t.Errorf("%+v", v)
	}
	for _, id := range h.orphans {
		if got := h.item(t, id).Deciders; len(got) != 3 || !slices.Contains(got, h.person("bob")) {
			t.Errorf("asked about an orphan: %v", got)
		}
	}
	if got := h.item(t, h.franks).Deciders; !slices.Equal(got, []storage.PersonID{h.person("frank")}) {
		t.Errorf("asked about frank's: %v", got)
	}
	if _, err := h.CancelCampaign(t.Context(), h.people["erin"], h.campaign.ID); err != nil {
		t.Fatal(err)
	}
	var ids [4]storage.CampaignID
	var all sync.WaitGroup
	for i := range ids {
		all.Go(func() {
			c, err := h.StartCampaign(t.Context(), h.people["erin"], CampaignAsk{Title: "Again", Connection: "acme", Length: 7 * day}, "view:1")
			if err != nil {
				t.Error(err)
			}
			ids[i] = c.ID
		})
	}
	all.Wait()
	if ids[0] == 0 || ids[0] != ids[1] || ids[1] != ids[2] || ids[2] != ids[3] {
		t.Errorf("campaigns %v", ids)
	}
	h.campaign.ID = ids[0]
	if v := h.look(t); v.Total() != 4 {
		t.Errorf("%d keys of acme", v.Total())
	}
	h.exec(t, `UPDATE credential SET state = 'revoked', ended_at = latchkey_now()`)
	if _, err := h.CancelCampaign(t.Context(), h.people["erin"], ids[0]); err != nil {
		t.Fatal(err)
	}
	_, err = h.StartCampaign(t.Context(), h.people["erin"], CampaignAsk{Title: "Nothing", Length: 7 * day}, fresh())
	refused(t, "nothing to ask about", err, RuleNotPossible)
	if cs, err := h.DB.Campaigns(t.Context(), 9); err != nil || len(cs) != 2 {
		t.Errorf("%d campaigns, %v", len(cs), err)
	}
}

// Who has nothing left is left in peace; a reminder by hand stands for the
// planned one.
func TestRemindersGoToThoseWithSomethingLeft(t *testing.T) {
	t.Parallel()
	h := openCampaign(t, lenient())
	reminders := func(want ...int) {
		t.Helper()
		for i, who := range []string{"alice", "frank", "bob"} {
			var got int
			err := h.DB.Pool().QueryRow(t.Context(), `SELECT reminder FROM campaign_ask WHERE person_id = $1`, h.person(who)).Scan(&got)
			if err != nil || got != want[i] {
				t.Errorf("%s was reminded last the %d. time, want %d, %v", who, got, want[i], err)
			}
		}
	}
	h.mustDecide(t, "alice", h.alices, storage.CampaignKeep)
	h.mustDecide(t, "alice", h.brokered, storage.CampaignKeep)
	h.turn(t)
	reminders(0, 0, 0)
	h.clock(t, time.Duration(7*day)+time.Minute)
	h.turn(t)
	h.turn(t)
	reminders(0, 1, 1)
	_, err := h.RemindCampaign(t.Context(), h.people["erin"], h.campaign.ID)
	refused(t, "too soon after the last one", err, RuleNotPossible)
	for _, id := range h.orphans {
		h.mustDecide(t, "bob", id, storage.CampaignKeep)
	}
	h.clock(t, time.Duration(13*day)-3*time.Hour)
	if _, err := h.RemindCampaign(t.Context(), h.people["erin"], h.campaign.ID); err != nil {
		t.Fatal(err)
	}
	reminders(0, 2, 1)
	h.clock(t, time.Duration(13*day)+time.Minute)
	h.turn(t)
	reminders(0, 2, 1)
	h.passDeadline(t)
	h.windUp(t)
	_, err = h.RemindCampaign(t.Context(), h.people["erin"], h.campaign.ID)
	refused(t, "after the end", err, RuleDecided)
	h.checkCampaign(t, h.campaign.ID)
}

func TestACampaignIsCalledOff(t *testing.T) {
	t.Parallel()
	h := openCampaign(t, lenient())
	h.mustDecide(t, "alice", h.alices, storage.CampaignRevoke)
	for range 2 {
		if c, err := h.CancelCampaign(t.Context(), h.people["erin"], h.campaign.ID); err != nil || c.State != storage.CampaignCanceled {
			t.Fatalf("%+v, %v", c, err)
		}
	}
	refused(t, "a decision after that", h.decide("frank", h.franks, storage.CampaignKeep), RuleDecided)
	h.passDeadline(t)
	h.windUp(t)
	if v := h.look(t); v.Campaign.State != storage.CampaignCanceled || v.Open() != 4 || len(h.batches(t)) != 0 {
		t.Errorf("%+v", v)
	}
	if c := h.credential(t, h.alices); c.State != storage.CredentialRevoked {
		t.Errorf("what was decided before: %s", c.State)
	}
	if got := h.credential(t, h.franks).State; got != storage.CredentialActive {
		t.Errorf("what was not: %s", got)
	}
}
