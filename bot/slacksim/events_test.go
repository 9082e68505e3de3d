package slacksim_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack/slackevents"
	"github.com/slack-go/slack/socketmode"

	"latchkey/bot/slacksim"
)

// events runs an app that passes on the inner events it gets.
func (b *testBundle) events() <-chan any {
	out := make(chan any, 16)
	b.app(func(evt socketmode.Event) (any, bool) {
		if e, ok := evt.Data.(slackevents.EventsAPIEvent); ok {
			out <- e.InnerEvent.Data
		}
		return nil, true
	})
	return out
}

func TestEditedGroupTellsWhoCameAndWent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	got := b.events()
	b.sim.SetGroup("S0APPROVE", "U0BOB", "U0ERIN")
	var changed *slackevents.SubteamMembersChangedEvent
	var updated *slackevents.SubteamUpdatedEvent
	for range 2 {
		switch e := (<-got).(type) {
		case *slackevents.SubteamMembersChangedEvent:
			changed = e
		case *slackevents.SubteamUpdatedEvent:
			updated = e
		}
	}
	if changed == nil || updated == nil {
		t.Fatal("one of the two events is missing")
	}
	if diff := cmp.Diff([]string{"U0ERIN"}, changed.AddedUsers); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"U0CAROL", "U0DANA"}, changed.RemovedUsers); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"U0BOB", "U0ERIN"}, updated.Subteam.Users); diff != "" || updated.Subteam.UserCount != 2 {
		t.Error(diff)
	}
	users, err := b.api.GetUserGroupMembersContext(b.ctx, "S0APPROVE")
	if err != nil || len(users) != 2 {
		t.Errorf("got %v, %v", users, err)
	}
}

func TestDeactivationReachesTheAppAndTheGroups(t *testing.T) {
	t.Parallel()
	b := setup(t)
	got := b.events()
	b.sim.Deactivate("U0FRANK")
	if e, ok := (<-got).(*slackevents.UserChangeEvent); !ok || e.User.ID != "U0FRANK" || !e.User.Deleted {
		t.Errorf("got %+v", e)
	}
	if e, ok := (<-got).(*slackevents.SubteamMembersChangedEvent); !ok || e.SubteamID != "S0PAYROLL" {
		t.Errorf("got %+v", e)
	}
	users, err := b.api.GetUserGroupMembersContext(b.ctx, "S0PAYROLL")
	if err != nil || len(users) != 2 {
		t.Errorf("got %v, %v", users, err)
	}
	if _, err := b.sim.User("U0FRANK").Slash(b.ctx, "C0GENERAL", "/tokens"); err == nil {
		t.Error("Frank still works")
	}
}

func TestNewPeopleAndNewGroupsAreAnnounced(t *testing.T) {
	t.Parallel()
	b := setup(t)
	got := b.events()
	b.sim.AddUser(worldUser("U0NEW", "new"))
	if e, ok := (<-got).(*slackevents.TeamJoinEvent); !ok || e.User.ID != "U0NEW" || e.User.TeamID != "T0LATCH" {
		t.Errorf("got %+v", e)
	}
	b.sim.SetGroup("S0NEW", "U0NEW")
	if e, ok := (<-got).(*slackevents.SubteamCreatedEvent); !ok || e.Subteam.ID != "S0NEW" {
		t.Errorf("got %+v", e)
	}
	if err := b.sim.User("U0NEW").Say(b.sim.User("U0NEW").DM(), "hello"); err != nil {
		t.Fatal(err)
	}
	if e, ok := (<-got).(*slackevents.MessageEvent); !ok || e.Text != "hello" || e.ChannelType != "im" || e.User != "U0NEW" {
		t.Errorf("got %+v", e)
	}
}

func TestHomeOpenedCarriesTheTab(t *testing.T) {
	t.Parallel()
	b := setup(t)
	got := b.events()
	if err := b.sim.User("U0ALICE").OpenHome(b.ctx); err != nil {
		t.Fatal(err)
	}
	e, ok := (<-got).(*slackevents.AppHomeOpenedEvent)
	if !ok || e.User != "U0ALICE" || e.Tab != "home" || e.Channel != b.sim.User("U0ALICE").DM() {
		t.Errorf("got %+v", e)
	}
}

func TestEventsNeedASubscription(t *testing.T) {
	t.Parallel()
	b := setupWith(t, slacksim.Config{Manifest: []byte(narrowManifest)})
	b.sim.SetGroup("S0APPROVE", "U0BOB")
	b.sim.UpdateUser("U0BOB", func(u *slacksim.WorldUser) { u.Email = "robert@example.com" })
	if sent := b.sim.LastEnvelopes(); len(sent) == 0 || sent[0].RetryAttempt != 0 {
		t.Fatalf("got %+v", sent)
	}
	var types []string
	for _, e := range b.sim.LastEnvelopes() {
		if e.RetryAttempt == 0 {
			types = append(types, innerType(t, e.Payload))
		}
	}
	if diff := cmp.Diff([]string{"user_change"}, types); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestAdminDeactivatesSomebody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	got := b.events()
	for _, tt := range []struct{ who, whom string }{
		{"U0ALICE", "U0FRANK"}, {"U0ERIN", "U0ERIN"}, {"U0ERIN", "U0NONE"}, {"U0ERIN", "U0ROBOT"}, {"U0ERIN", "U0OLGA"}, {"U0ERIN", "U0DORA"},
	} {
		if err := b.sim.User(tt.who).Deactivate(tt.whom); !errors.Is(err, slacksim.ErrRefused) {
			t.Errorf("%s deactivates %s: %v", tt.who, tt.whom, err)
		}
	}
	if err := b.sim.User("U0ERIN").Deactivate("U0FRANK"); err != nil {
		t.Fatal(err)
	}
	if e, ok := (<-got).(*slackevents.UserChangeEvent); !ok || e.User.ID != "U0FRANK" || !e.User.Deleted {
		t.Errorf("got %+v", e)
	}
	<-got // Frank's groups
	<-got
	wantOK(t, b.act("U0ERIN", map[string]any{"type": "deactivate", "id": "U0GUS"}))
	if e, ok := (<-got).(*slackevents.UserChangeEvent); !ok || e.User.ID != "U0GUS" || !e.User.Deleted {
		t.Errorf("got %+v", e)
	}
	if got := b.act("U0BOB", map[string]any{"type": "deactivate", "id": "U0ALICE"}); got["ok"] != false {
		t.Errorf("got %v", got)
	}
}
