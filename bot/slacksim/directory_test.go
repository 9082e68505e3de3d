package slacksim_test

import (
	"io"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"
)

func copyTo(w io.Writer, r io.Reader) (int64, error) { return io.Copy(w, r) }

func TestUsersListPagesThroughOwnPeopleOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	users, err := b.api.GetUsersContext(b.ctx, slack.GetUsersOptionLimit(4))
	if err != nil {
		t.Fatal(err)
	}
	flags := map[string]string{}
	for _, u := range users {
		switch {
		case u.Deleted:
			flags[u.ID] = "deleted"
		case u.IsBot:
			flags[u.ID] = "bot"
		case u.IsRestricted:
			flags[u.ID] = "guest"
		}
	}
	want := map[string]string{"U0DORA": "deleted", "U0ROBOT": "bot", "U0LATCHBOT": "bot", "U0GUS": "guest"}
	if diff := cmp.Diff(want, flags); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if slices.ContainsFunc(users, func(u slack.User) bool { return u.ID == "U0OLGA" }) {
		t.Error("the list holds an outsider")
	}
	if len(users) != 11 {
		t.Errorf("got %d users", len(users))
	}
}

func TestUserInfoShowsOutsidersForWhatTheyAre(t *testing.T) {
	t.Parallel()
	b := setup(t)
	olga, err := b.api.GetUserInfoContext(b.ctx, "U0OLGA")
	if err != nil {
		t.Fatal(err)
	}
	if olga.TeamID != "T0OTHER" || !olga.IsStranger {
		t.Errorf("got team %s, stranger %v", olga.TeamID, olga.IsStranger)
	}
	_, err = b.api.GetUserInfoContext(b.ctx, "U0NOBODY")
	wantSlackError(t, err, "user_not_found")
}

func TestLookupByEmailFindsActiveOwnPeople(t *testing.T) {
	t.Parallel()
	b := setup(t)
	got, err := b.api.GetUserByEmailContext(b.ctx, "Bob@Example.com")
	if err != nil || got.ID != "U0BOB" {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, email := range []string{"dora@example.com", "olga@partner.example", "nobody@example.com"} {
		_, err := b.api.GetUserByEmailContext(b.ctx, email)
		wantSlackError(t, err, "users_not_found")
	}
}

func TestUserGroups(t *testing.T) {
	t.Parallel()
	b := setup(t)
	groups, err := b.api.GetUserGroupsContext(b.ctx, slack.GetUserGroupsOptionIncludeUsers(true))
	if err != nil {
		t.Fatal(err)
	}
	members := map[string][]string{}
	for _, g := range groups {
		members[g.Handle] = g.Users
	}
	want := map[string][]string{
		"it-admins": {"U0ERIN"}, "tempo-approvers": {"U0BOB", "U0CAROL", "U0DANA"},
		"security": {"U0DANA"}, "payroll": {"U0ALICE", "U0FRANK", "U0ERIN"},
	}
	if diff := cmp.Diff(want, members); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	users, err := b.api.GetUserGroupMembersContext(b.ctx, "S0SECURITY")
	if err != nil || !slices.Equal(users, []string{"U0DANA"}) {
		t.Errorf("got %v, %v", users, err)
	}
	_, err = b.api.GetUserGroupMembersContext(b.ctx, "S0NONE")
	wantSlackError(t, err, "no_such_subteam")
}

func TestConversations(t *testing.T) {
	t.Parallel()
	b := setup(t)
	shared, err := b.api.GetConversationInfoContext(b.ctx, &slack.GetConversationInfoInput{ChannelID: "C0SHARED"})
	if err != nil || !shared.IsExtShared || shared.Name != "shared-with-partner" {
		t.Errorf("got %+v, %v", shared, err)
	}
	_, err = b.api.GetConversationInfoContext(b.ctx, &slack.GetConversationInfoInput{ChannelID: "C0NONE"})
	wantSlackError(t, err, "channel_not_found")

	all, cursor, err := b.api.GetConversationsContext(b.ctx, &slack.GetConversationsParameters{Limit: 2})
	if err != nil || len(all) != 2 || cursor == "" {
		t.Fatalf("got %d channels, cursor %q, %v", len(all), cursor, err)
	}
	rest, cursor, err := b.api.GetConversationsContext(b.ctx, &slack.GetConversationsParameters{Limit: 2, Cursor: cursor})
	if err != nil || len(rest) != 1 || cursor != "" {
		t.Errorf("got %d channels, cursor %q, %v", len(rest), cursor, err)
	}
	_, _, err = b.api.GetConversationsContext(b.ctx, &slack.GetConversationsParameters{Cursor: "made up"})
	wantSlackError(t, err, "invalid_cursor")

	members, _, err := b.api.GetUsersInConversationContext(b.ctx, &slack.GetUsersInConversationParameters{ChannelID: "C0SHARED"})
	if err != nil || !slices.Contains(members, "U0OLGA") {
		t.Errorf("got %v, %v", members, err)
	}
	mine, _, err := b.api.GetConversationsForUserContext(b.ctx, &slack.GetConversationsForUserParameters{UserID: "U0CAROL"})
	if err != nil || len(mine) != 2 {
		t.Errorf("got %v, %v", mine, err)
	}
}

func TestOpenConversation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ch, _, _, err := b.api.OpenConversationContext(b.ctx, &slack.OpenConversationParameters{Users: []string{"U0ALICE"}, ReturnIM: true})
	if err != nil {
		t.Fatal(err)
	}
	if ch.ID != b.sim.User("U0ALICE").DM() || ch.User != "U0ALICE" || !ch.IsIM {
		t.Errorf("got %+v", ch)
	}
	for user, want := range map[string]string{"U0DORA": "user_disabled", "U0ROBOT": "cannot_dm_bot", "U0NOBODY": "user_not_found"} {
		_, _, _, err := b.api.OpenConversationContext(b.ctx, &slack.OpenConversationParameters{Users: []string{user}})
		wantSlackError(t, err, want)
	}
}
