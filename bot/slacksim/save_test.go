package slacksim_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"latchkey/bot/slacksim"
)

// lived is a workspace with something of everything that Save keeps, and of
// what it leaves out. The clock stands an hour after a fresh workspace's.
type lived struct {
	*testBundle
	card string // the app's message in #general: blocks, metadata, thread, reaction, choices, an edit
}

func live(t *testing.T) lived {
	t.Helper()
	b := setup(t)
	b.clock.advance(time.Hour)
	b.app(func(evt socketmode.Event) (any, bool) {
		if c, ok := evt.Data.(slack.InteractionCallback); ok && c.Type == slack.InteractionTypeBlockSuggestion {
			return slack.OptionsResponse{Options: []*slack.OptionBlockObject{option("ops"), option("web")}}, true
		}
		if c, ok := evt.Data.(slack.SlashCommand); ok {
			_, err := b.api.OpenViewContext(b.ctx, c.TriggerID, modal("request"))
			return nil, err == nil
		}
		return nil, true
	})
	l := lived{testBundle: b}
	l.people()
	l.messages()
	l.home()
	return l
}

func (l *lived) ok(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

func (l *lived) people() {
	l.sim.SetGroup("S0ITADMIN", "U0ERIN", "U0DANA")
	l.sim.SetGroup("S0NEW", "U0BOB")
	l.sim.AddUser(worldUser("U0HUGO", "hugo"))
	l.sim.UpdateUser("U0BOB", func(u *slacksim.WorldUser) { u.RealName = "Robert Baker" })
	l.sim.Deactivate("U0FRANK")
}

func (l *lived) messages() {
	l.t.Helper()
	metadata := slack.MsgOptionMetadata(slack.SlackMetadata{EventType: "request", EventPayload: map[string]any{"id": "TK-1"}})
	blocks := slack.MsgOptionBlocks(section("Alice asks"), buttons("decide", "approve", "deny"),
		slack.NewActionBlock("ticks", slack.NewCheckboxGroupsBlockElement("tick", option("one"), option("two"))))
	_, card, err := l.api.PostMessageContext(l.ctx, "C0GENERAL", slack.MsgOptionText("Alice asks", false), blocks, metadata)
	l.ok(err)
	l.card = card
	_, _, err = l.api.PostMessageContext(l.ctx, "C0GENERAL", slack.MsgOptionText("in the thread", false), slack.MsgOptionTS(card))
	l.ok(err)
	_, _, _, err = l.api.UpdateMessageContext(l.ctx, "C0GENERAL", card, slack.MsgOptionText("Alice asks again", false))
	l.ok(err)
	l.ok(l.api.AddReactionContext(l.ctx, "eyes", slack.NewRefToMessage("C0GENERAL", card)))
	bob := l.sim.User("U0BOB")
	tick := slacksim.Action{ActionID: "tick", Value: slacksim.Value{Options: []string{"two"}}}
	_, err = bob.Act(l.ctx, slacksim.Place{Channel: "C0GENERAL", TS: card}, tick)
	l.ok(err)

	l.ok(bob.Say("C0GENERAL", "fine with me"))
	wantOK(l.t, l.act("U0ALICE", map[string]any{"type": "read", "channel": "C0GENERAL"}))
	const content = "id,owner\nTK-1,alice\n"
	alice := l.sim.User("U0ALICE")
	_, err = l.api.UploadFileContext(l.ctx, slack.UploadFileParameters{
		Channel: alice.DM(), Filename: "keys.csv", Title: "Keys", FileSize: len(content), Content: content, InitialComment: "Your export",
	})
	l.ok(err)
	_, err = l.api.PostEphemeralContext(l.ctx, "C0SHARED", "U0BOB", slack.MsgOptionText("psst", false))
	l.ok(err)
	_, err = alice.Slash(l.ctx, "C0GENERAL", "/tokens") // leaves a modal open
	l.ok(err)
}

// home publishes one with an external select and chooses from it.
func (l *lived) home() {
	l.t.Helper()
	one := 1
	element := slack.NewOptionsSelectBlockElement(slack.OptTypeExternal, plainText("Project"), "project")
	element.MinQueryLength = &one
	_, err := l.api.PublishViewContext(l.ctx, slack.PublishViewContextRequest{UserID: "U0ALICE", View: slack.HomeTabViewRequest{
		Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: []slack.Block{section("Your keys"), slack.NewActionBlock("pick", element)}},
	}})
	l.ok(err)
	l.choose("ops")
}

// choose picks a project in Alice's Home.
func (l *lived) choose(value string) {
	l.t.Helper()
	alice := l.sim.User("U0ALICE")
	home, _ := alice.Home()
	if strings.Contains(string(home.Values), "null") {
		_, err := alice.Suggest(l.ctx, home.ID, "project", "o")
		l.ok(err)
	}
	_, err := alice.Act(l.ctx, home.Place(), slacksim.Action{ActionID: "project", Value: slacksim.Value{Option: value}})
	l.ok(err)
}

// restart saves the workspace, closes it and starts another from what it saved,
// whose clock is back at the beginning.
func (l lived) restart(c slacksim.Config) lived {
	l.t.Helper()
	l.ok(l.sim.Close())
	raw, err := l.sim.Save()
	l.ok(err)
	c.Saved = raw
	return lived{testBundle: setupWith(l.t, c), card: l.card}
}

// seen is everything that every person sees and a restart keeps.
func (l lived) seen() map[string]any {
	l.t.Helper()
	out := map[string]any{}
	for _, id := range l.screen("U0ERIN").Personas {
		_, raw := l.browse(http.MethodGet, "/client/state?as="+id, nil, nil)
		var state map[string]any
		l.ok(json.Unmarshal([]byte(strings.ReplaceAll(string(raw), l.sim.URL(), "")), &state))
		for _, passing := range []string{"rev", "now", "views", "toasts"} {
			delete(state, passing)
		}
		user := l.sim.User(id)
		var messages []slacksim.Message
		for _, channel := range []string{"C0GENERAL", "C0APPROVALS", user.DM()} {
			messages = append(messages, user.Messages(channel)...)
		}
		home, _ := user.Home()
		out[id] = []any{state, messages, home}
	}
	return out
}

func TestWorkspaceOutlivesARestart(t *testing.T) {
	t.Parallel()
	before := live(t)
	if _, ephemeral := before.sim.User("U0BOB").Last("C0SHARED"); !ephemeral {
		t.Fatal("the ephemeral message never showed")
	}
	rev := before.screen("U0ALICE").Rev
	want := before.seen()
	bobs := want["U0BOB"].([]any)[0].(map[string]any)
	bobs["messages"].(map[string]any)["C0SHARED"] = []any{} // the ephemeral message is gone
	for _, ch := range bobs["channels"].([]any) {
		if ch := ch.(map[string]any); ch["id"] == "C0SHARED" {
			ch["unread"] = 0.0
		}
	}
	after := before.restart(slacksim.Config{})
	if diff := cmp.Diff(want, after.seen()); diff != "" {
		t.Errorf("(-before +after)\n%s", diff)
	}
	alice := after.screen("U0ALICE")
	if len(alice.Views) != 0 || alice.Rev <= rev {
		t.Errorf("%d modals are open, the revision went from %d to %d", len(alice.Views), rev, alice.Rev)
	}
	if problems := after.sim.Problems(); len(problems) != 0 || len(after.sim.LastEnvelopes()) != 0 {
		t.Errorf("problems %v and %d envelopes came along", problems, len(after.sim.LastEnvelopes()))
	}
}

func TestAppGoesOnAfterARestart(t *testing.T) {
	t.Parallel()
	before := live(t)
	old, _ := before.sim.User("U0ALICE").Last("C0GENERAL")
	raw, err := before.sim.Save()
	before.ok(err)
	after := before.restart(slacksim.Config{})
	// The app kept its configuration: the tokens of before.
	after.api = slack.New(before.sim.BotToken(), slack.OptionAPIURL(after.sim.APIURL()), slack.OptionAppLevelToken(before.sim.AppToken()))
	r := after.record(nil)

	_, _, _, err = after.api.UpdateMessageContext(after.ctx, "C0GENERAL", after.card, slack.MsgOptionText("Approved", false))
	after.ok(err)
	history, err := after.api.GetConversationHistoryContext(after.ctx, &slack.GetConversationHistoryParameters{
		ChannelID: "C0GENERAL", Oldest: after.card, Inclusive: true, IncludeAllMetadata: true,
	})
	after.ok(err)
	card := history.Messages[len(history.Messages)-1]
	if card.Timestamp != after.card || card.Text != "Approved" || len(card.Blocks.BlockSet) != 3 || card.ReplyCount != 1 ||
		card.Metadata.EventPayload["id"] != "TK-1" || card.Edited.Timestamp <= old.TS {
		t.Errorf("got %+v", card)
	}
	if _, err := after.sim.User("U0BOB").Act(after.ctx, slacksim.Place{Channel: "C0GENERAL", TS: after.card},
		slacksim.Action{BlockID: "decide", Button: "approve"}); err != nil {
		t.Error(err)
	}
	if c := <-r.callbacks; c.BlockActionState.Values["ticks"]["tick"].SelectedOptions[0].Value != "two" {
		t.Errorf("what Bob ticked before is %+v", c.BlockActionState)
	}
	after.choose("web") // offered before the restart

	_, ts, err := after.api.PostMessageContext(after.ctx, "U0HUGO", slack.MsgOptionText("hello", false), slack.MsgOptionBlocks(section("hello")))
	after.ok(err)
	if ts <= old.TS {
		t.Errorf("the new message has ts %s, there was %s", ts, old.TS)
	}
	posted, _ := after.sim.User("U0HUGO").Last("D0HUGO")
	var blocks []struct {
		ID string `json:"block_id"`
	}
	after.ok(json.Unmarshal(posted.Blocks, &blocks))
	if strings.Contains(string(raw), `"`+blocks[0].ID+`"`) {
		t.Errorf("block ID %s was given before", blocks[0].ID)
	}
	file := after.sim.User("U0ALICE").Files("D0ALICE")[0]
	if _, content := after.browse(http.MethodGet, "/client/files/"+file.ID+"?as=U0ALICE", nil, nil); string(content) != "id,owner\nTK-1,alice\n" {
		t.Errorf("the browser downloads %q", content)
	}
	after.noProblems()
}

// TestSavedWorkspaceIsStable saves a restored workspace: nothing but the
// revision differs, however often it is done.
func TestSavedWorkspaceIsStable(t *testing.T) {
	t.Parallel()
	before := live(t)
	after := before.restart(slacksim.Config{World: slacksim.DefaultWorld()})
	decoded := func(s *slacksim.Sim) (out map[string]any) {
		raw, err := s.Save()
		before.ok(err)
		before.ok(json.Unmarshal(raw, &out))
		delete(out, "rev")
		return out
	}
	if diff := cmp.Diff(decoded(before.sim), decoded(after.sim)); diff != "" {
		t.Errorf("(-first +second)\n%s", diff)
	}
}

func TestStartRefusesWhatWasNotSaved(t *testing.T) {
	t.Parallel()
	b := live(t)
	raw, err := b.sim.Save()
	b.ok(err)
	edit := func(change func(w map[string]any)) string {
		var w map[string]any
		b.ok(json.Unmarshal(raw, &w))
		change(w)
		out, err := json.Marshal(w)
		b.ok(err)
		return string(out)
	}
	first := func(w map[string]any, key string) map[string]any { return w[key].([]any)[0].(map[string]any) }
	message := func(w map[string]any) map[string]any { return first(first(w, "channels"), "messages") }
	for _, tt := range []struct{ name, in, want string }{
		{"empty", "", "JSON"},
		{"cut off", string(raw[:len(raw)/2]), "JSON"},
		{"two of them", string(raw) + string(raw), "JSON"},
		{"something else", `{"format":"tempo-double","version":1}`, "not a slacksim-workspace"},
		{"a newer version", edit(func(w map[string]any) { w["version"] = 2 }), "version 2"},
		{"an unknown field", edit(func(w map[string]any) { w["extra"] = 1 }), "extra"},
		{"no token", edit(func(w map[string]any) { w["bot_token"] = "" }), "bot token"},
		{"no bot user", edit(func(w map[string]any) { w["world"].(map[string]any)["BotUser"] = "U0NONE" }), "U0NONE"},
		{"a person twice", edit(func(w map[string]any) { w["people"] = append(w["people"].([]any), first(w, "people")) }), "twice"},
		{"a channel twice", edit(func(w map[string]any) { w["channels"] = append(w["channels"].([]any), first(w, "channels")) }), "twice"},
		{"a person without a DM", edit(func(w map[string]any) { first(w, "people")["dm"] = "D0NONE" }), "U0ALICE"},
		{"a Home without a body", edit(func(w map[string]any) { first(w, "people")["home"] = map[string]any{"id": "V1"} }), "Home"},
		{"an unknown author", edit(func(w map[string]any) { message(w)["user"] = "U0NONE" }), "U0NONE"},
		{"a file twice", edit(func(w map[string]any) { w["files"] = append(w["files"].([]any), first(w, "files")) }), "twice"},
		{"a missing file", edit(func(w map[string]any) { message(w)["files"] = []string{"F0NONE"} }), "F0NONE"},
		{"another team", edit(func(w map[string]any) { w["world"].(map[string]any)["TeamID"] = "T0ELSE" }), "T0ELSE"},
	} {
		sim, err := slacksim.Start(b.ctx, slacksim.Config{Saved: []byte(tt.in), World: slacksim.DefaultWorld()})
		if err == nil {
			_ = sim.Close()
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), b.sim.BotToken()) {
			t.Errorf("%s: %v, want it to say %q", tt.name, err, tt.want)
		}
	}
}

// TestSaveIsOneMoment saves while people write: every result starts a
// workspace, and a later one has no fewer messages.
func TestSaveIsOneMoment(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var writers sync.WaitGroup
	for _, user := range []string{"U0ALICE", "U0BOB"} {
		writers.Go(func() {
			for range 50 {
				if err := b.sim.User(user).Say("C0GENERAL", "hello"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	count := 0
	for range 5 {
		raw, err := b.sim.Save()
		if err != nil {
			t.Fatal(err)
		}
		n := len(setupWith(t, slacksim.Config{Saved: raw}).sim.User("U0ALICE").Messages("C0GENERAL"))
		if n < count {
			t.Errorf("%d messages after %d", n, count)
		}
		count = n
	}
	writers.Wait()
}
