package slacksim_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/slack-go/slack"

	"latchkey/bot/slacksim"
)

// people is a users_select that starts with one person.
func people(actionID, initial string) *slack.SelectBlockElement {
	element := slack.NewOptionsSelectBlockElement(slack.OptTypeUser, plainText("Choose a person"), actionID)
	element.InitialUser = initial
	return element
}

func TestPersonIsChosenInAFormAndBesideAText(t *testing.T) {
	t.Parallel()
	b := setup(t)
	aside := slack.NewSectionBlock(plainText("Backup"), nil, slack.NewAccessory(people("backup", "U0CAROL")))
	aside.BlockID = "aside"
	r := b.record(func(c slack.InteractionCallback) any {
		if c.Type == slack.InteractionTypeShortcut {
			view := modal("hand over", slack.NewInputBlock("to", plainText("To"), nil, people("to", "")), aside)
			if _, err := b.api.OpenViewContext(b.ctx, c.TriggerID, view); err != nil {
				t.Error(err)
			}
		}
		return nil
	})
	alice := b.sim.User("U0ALICE")
	if _, err := alice.Shortcut(b.ctx, "request"); err != nil {
		t.Fatal(err)
	}
	<-r.callbacks
	for _, nobody := range []string{"U0NONE", "U0DORA", "C0GENERAL"} {
		if err := alice.Fill(b.ctx, "to", "to", slacksim.Value{ID: nobody}); !errors.Is(err, slacksim.ErrRefused) {
			t.Errorf("chose %s: %v", nobody, err)
		}
	}
	if got, err := alice.Submit(b.ctx); err != nil || !strings.Contains(got.Errors["to"], "required") {
		t.Errorf("got %+v, %v", got, err)
	}
	if err := alice.Fill(b.ctx, "to", "to", slacksim.Value{ID: "U0BOB"}); err != nil {
		t.Fatal(err)
	}
	if err := alice.Fill(b.ctx, "aside", "backup", slacksim.Value{ID: "U0DANA"}); err != nil {
		t.Fatal(err)
	}
	got := <-r.callbacks // the accessory tells at once, the input waits
	if a := got.ActionCallback.BlockActions[0]; a.ActionID != "backup" || a.SelectedUser != "U0DANA" || a.InitialUser != "U0CAROL" {
		t.Errorf("got %+v", a)
	}
	b.sim.Deactivate("U0DANA") // who is chosen stays chosen: the app has to look
	wantOK(t, b.act("U0ALICE", map[string]any{"type": "view_submit", "view_id": got.View.ID, "values": b.screen("U0ALICE").Views[0].Values}))
	state := (<-r.callbacks).View.State.Values
	if state["to"]["to"].SelectedUser != "U0BOB" || state["aside"]["backup"].SelectedUser != "U0DANA" {
		t.Errorf("got %+v", state)
	}
	b.noProblems()
}

func TestChannelsToChooseAreThoseOnesOwn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	channels := slack.NewOptionsSelectBlockElement(slack.OptTypeChannels, plainText("Channel"), "channel")
	anywhere := slack.NewOptionsSelectBlockElement(slack.OptTypeConversations, plainText("Anywhere"), "anywhere")
	_, ts, err := b.api.PostMessageContext(b.ctx, "C0GENERAL", slack.MsgOptionText("where", false),
		slack.MsgOptionBlocks(slack.NewActionBlock("where", channels, anywhere)))
	if err != nil {
		t.Fatal(err)
	}
	r := b.record(nil)
	for _, tt := range []struct {
		action, id string
		want       bool
	}{
		{"channel", "C0SHARED", true},
		{"channel", "C0APPROVALS", false}, // Alice is not in it
		{"channel", "D0ALICE", false},
		{"anywhere", "D0ALICE", true},
		{"anywhere", "D0BOB", false},
	} {
		_, err := b.sim.User("U0ALICE").Act(b.ctx, slacksim.Place{Channel: "C0GENERAL", TS: ts},
			slacksim.Action{ActionID: tt.action, Value: slacksim.Value{ID: tt.id}})
		if (err == nil) != tt.want {
			t.Errorf("%s %s: %v", tt.action, tt.id, err)
		}
		if err == nil {
			<-r.callbacks
		}
	}
}

func TestOverflowInTheHome(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.record(nil)
	row := slack.NewSectionBlock(plainText("TK-1"), nil, slack.NewAccessory(slack.NewOverflowBlockElement("more", option("rotate"), option("revoke"))))
	row.BlockID = "TK-1"
	if _, err := b.api.PublishViewContext(b.ctx, slack.PublishViewContextRequest{UserID: "U0ALICE", View: slack.HomeTabViewRequest{
		Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: []slack.Block{row}},
	}}); err != nil {
		t.Fatal(err)
	}
	alice := b.sim.User("U0ALICE")
	home, _ := alice.Home()
	more := slacksim.Action{ActionID: "more", BlockID: "TK-1", Value: slacksim.Value{Option: "revoke"}}
	if _, err := alice.Act(b.ctx, home.Place(), more); err != nil {
		t.Fatal(err)
	}
	got := <-r.callbacks
	if a := got.ActionCallback.BlockActions[0]; a.BlockID != "TK-1" || a.SelectedOption.Value != "revoke" || got.View.ID != home.ID || got.TriggerID == "" {
		t.Errorf("got %+v in %s", a, got.View.ID)
	}
	more.Value.Option = "copy"
	if _, err := alice.Act(b.ctx, home.Place(), more); !errors.Is(err, slacksim.ErrRefused) {
		t.Errorf("an option that is not there: %v", err)
	}
	six := slack.NewOverflowBlockElement("more", option("1"), option("2"), option("3"), option("4"), option("5"), option("6"))
	_, _, err := b.api.PostMessageContext(b.ctx, "C0GENERAL", slack.MsgOptionText("x", false), slack.MsgOptionBlocks(slack.NewActionBlock("a", six)))
	wantSlackError(t, err, "invalid_blocks")
}

// TestLinksReachTheAppToo clicks a button and a menu entry that open a page: the
// app hears of both and has to ack.
func TestLinksReachTheAppToo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.record(nil)
	const page = "https://latchkey.example.com/reveal/1"
	button := slack.NewButtonBlockElement("reveal", "", plainText("Reveal")).WithURL(page)
	link := option("web")
	link.URL = page
	for _, channel := range []string{"U0ALICE", "C0GENERAL"} {
		channel, ts, err := b.api.PostMessageContext(b.ctx, channel, slack.MsgOptionText("a link", false),
			slack.MsgOptionBlocks(slack.NewActionBlock("links", button, slack.NewOverflowBlockElement("more", link, option("copy")))))
		if err != nil {
			t.Fatal(err)
		}
		place := slacksim.Place{Channel: channel, TS: ts}
		for _, click := range []slacksim.Action{{ActionID: "reveal"}, {ActionID: "more", Value: slacksim.Value{Option: "web"}}} {
			ack, err := b.sim.User("U0ALICE").Act(b.ctx, place, click)
			if err != nil || ack.EnvelopeID == "" {
				t.Fatalf("%s: %+v, %v", click.ActionID, ack, err)
			}
			got := <-r.callbacks
			if a := got.ActionCallback.BlockActions[0]; got.Type != slack.InteractionTypeBlockActions || a.ActionID != click.ActionID || got.Container.MessageTs != ts {
				t.Errorf("got %+v", got)
			}
		}
	}
	var urls []string
	for _, e := range b.sim.LastEnvelopes() {
		if strings.Contains(string(e.Payload), `"action_id":"reveal","action_ts"`) && strings.Contains(string(e.Payload), `"url":"`+page+`"`) {
			urls = append(urls, e.Type)
		}
	}
	if diff := cmp.Diff([]string{"interactive", "interactive"}, urls); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	b.noProblems()
}

func TestTypedConfirmationIsCheckedByTheApp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sure := slack.NewCheckboxGroupsBlockElement("sure", option("all"), option("oauth"))
	r := b.record(func(c slack.InteractionCallback) any {
		switch c.Type {
		case slack.InteractionTypeShortcut:
			view := modal("revoke", slack.NewInputBlock("sure", plainText("What"), nil, sure),
				slack.NewInputBlock("typed", plainText("Type REVOKE"), nil, slack.NewPlainTextInputBlockElement(plainText("REVOKE"), "typed")))
			if _, err := b.api.OpenViewContext(b.ctx, c.TriggerID, view); err != nil {
				t.Error(err)
			}
		case slack.InteractionTypeViewSubmission:
			if c.View.State.Values["typed"]["typed"].Value != "REVOKE" {
				return slack.NewErrorsViewSubmissionResponse(map[string]string{"typed": "Type REVOKE."})
			}
		}
		return nil
	})
	erin := b.sim.User("U0ERIN")
	if _, err := erin.Shortcut(b.ctx, "request"); err != nil {
		t.Fatal(err)
	}
	<-r.callbacks
	submit := func(typed string, ticked ...string) map[string]string {
		t.Helper()
		for action, value := range map[string]slacksim.Value{"typed": {Text: typed}, "sure": {Options: ticked}} {
			if err := erin.Fill(b.ctx, "", action, value); err != nil {
				t.Fatal(err)
			}
		}
		got, err := erin.Submit(b.ctx)
		if err != nil {
			t.Fatal(err)
		}
		return got.Errors
	}
	for _, tt := range []struct {
		typed  string
		ticked []string
		want   map[string]string
	}{
		{"REVOKE", nil, map[string]string{"sure": "Please complete this required field."}},
		{"revoke", []string{"all"}, map[string]string{"typed": "Type REVOKE."}},
		{"REVOKE", []string{"all", "oauth"}, nil},
	} {
		if diff := cmp.Diff(tt.want, submit(tt.typed, tt.ticked...), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%q %v (-want +got)\n%s", tt.typed, tt.ticked, diff)
		}
	}
	<-r.callbacks
	if c := <-r.callbacks; len(c.View.State.Values["sure"]["sure"].SelectedOptions) != 2 {
		t.Errorf("got %+v", c.View.State)
	}
	b.noProblems()
}
