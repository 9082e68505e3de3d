package slacksim_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"

	"latchkey/bot/slacksim"
)

func TestSuggestionsCanBeChosen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.record(func(c slack.InteractionCallback) any {
		switch c.Type {
		case slack.InteractionTypeShortcut:
			one := 1
			element := slack.NewOptionsSelectBlockElement(slack.OptTypeExternal, plainText("Project"), "project")
			element.MinQueryLength = &one
			if _, err := b.api.OpenViewContext(b.ctx, c.TriggerID, modal("request", slack.NewInputBlock("project", plainText("Project"), nil, element))); err != nil {
				t.Error(err)
			}
			return nil
		case slack.InteractionTypeBlockSuggestion:
			if c.Value == "bad" {
				return map[string]any{"options": []any{map[string]any{"value": "no text"}}}
			}
			return slack.OptionsResponse{Options: []*slack.OptionBlockObject{option("ops"), option(c.Value)}}
		}
		return nil
	})
	alice := b.sim.User("U0ALICE")
	if _, err := alice.Shortcut(b.ctx, "request"); err != nil {
		t.Fatal(err)
	}
	<-r.callbacks
	view, _ := alice.Modal()
	if _, err := alice.Suggest(b.ctx, view.ID, "project", ""); !errors.Is(err, slacksim.ErrRefused) {
		t.Errorf("below min_query_length: %v", err)
	}
	if err := alice.Fill(b.ctx, "project", "project", slacksim.Value{Option: "ops"}); !errors.Is(err, slacksim.ErrRefused) {
		t.Errorf("an option nobody offered: %v", err)
	}
	got, err := alice.Suggest(b.ctx, view.ID, "project", "web")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]slacksim.Option{{Text: "OPS", Value: "ops"}, {Text: "WEB", Value: "web"}}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if c := <-r.callbacks; c.ActionID != "project" || c.Value != "web" || c.View.ID != view.ID {
		t.Errorf("got %+v", c)
	}
	if err := alice.Fill(b.ctx, "project", "project", slacksim.Value{Option: "ops"}); err != nil {
		t.Fatal(err)
	}
	if _, err := alice.Submit(b.ctx); err != nil {
		t.Fatal(err)
	}
	if c := <-r.callbacks; c.View.State.Values["project"]["project"].SelectedOption.Value != "ops" {
		t.Errorf("got %+v", c.View.State)
	}
	b.noProblems()
}

func TestBadSuggestionsAreAProblem(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.record(func(c slack.InteractionCallback) any {
		if c.Type == slack.InteractionTypeBlockSuggestion {
			return map[string]any{"options": []any{map[string]any{"value": "no text"}}}
		}
		return nil
	})
	element := slack.NewOptionsSelectBlockElement(slack.OptTypeExternal, plainText("Project"), "project")
	if _, err := b.api.PublishViewContext(b.ctx, slack.PublishViewContextRequest{UserID: "U0ALICE", View: slack.HomeTabViewRequest{
		Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: []slack.Block{slack.NewActionBlock("a", element)}},
	}}); err != nil {
		t.Fatal(err)
	}
	alice := b.sim.User("U0ALICE")
	home, _ := alice.Home()
	if _, err := alice.Suggest(b.ctx, home.ID, "project", "web"); err == nil {
		t.Error("options without text were shown")
	}
	if len(b.sim.Problems()) == 0 {
		t.Error("nothing was recorded")
	}
}

func TestInputsReachTheAppOnlyWhenTheyDispatch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.record(func(c slack.InteractionCallback) any {
		if c.Type == slack.InteractionTypeShortcut {
			eager := nameInput()
			eager.BlockID, eager.DispatchAction = "eager", true
			date := slack.NewDatePickerBlockElement("day")
			if _, err := b.api.OpenViewContext(b.ctx, c.TriggerID, modal("request", nameInput(), eager, slack.NewActionBlock("when", date))); err != nil {
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
	for _, fill := range []struct {
		block, action string
		value         slacksim.Value
	}{
		{"name", "name", slacksim.Value{Text: "quiet"}},
		{"eager", "name", slacksim.Value{Text: "loud"}},
		{"when", "day", slacksim.Value{Date: "2026-04-01"}},
	} {
		if err := alice.Fill(b.ctx, fill.block, fill.action, fill.value); err != nil {
			t.Fatal(err)
		}
	}
	eager, day := <-r.callbacks, <-r.callbacks
	if a := eager.ActionCallback.BlockActions[0]; a.BlockID != "eager" || a.Value != "loud" {
		t.Errorf("got %+v", a)
	}
	if a := day.ActionCallback.BlockActions[0]; a.SelectedDate != "2026-04-01" {
		t.Errorf("got %+v", a)
	}
	state := day.View.State.Values
	if state["name"]["name"].Value != "quiet" || state["eager"]["name"].Value != "loud" || state["when"]["day"].SelectedDate != "2026-04-01" {
		t.Errorf("got %+v", state)
	}
	b.noProblems()
}

// options as raw JSON, with and without a group around them.
const (
	someOptions = `"options":[{"text":{"type":"plain_text","text":"A"},"value":"a"},{"text":{"type":"plain_text","text":"B"},"value":"b"}]`
	someGroups  = `"option_groups":[{"label":{"type":"plain_text","text":"G"},` + someOptions + `}]`
)

func TestEveryKindOfInputKeepsItsOwnState(t *testing.T) {
	t.Parallel()
	tests := []struct {
		element string
		value   slacksim.Value
		want    string
		wrong   string // what the client says to it instead
	}{
		{`"type":"plain_text_input","initial_value":"before"`, slacksim.Value{}, `{"type":"plain_text_input","value":null}`, ""},
		{`"type":"plain_text_input"`, slacksim.Value{Text: "x"}, `{"type":"plain_text_input","value":"x"}`, ""},
		{`"type":"email_text_input"`, slacksim.Value{Text: "a@b.example"}, `{"type":"email_text_input","value":"a@b.example"}`, ""},
		{`"type":"email_text_input"`, slacksim.Value{Text: "nope"}, "", "valid email"},
		{`"type":"url_text_input"`, slacksim.Value{Text: "https://a.example/"}, `{"type":"url_text_input","value":"https://a.example/"}`, ""},
		{`"type":"url_text_input"`, slacksim.Value{Text: "nope"}, "", "valid URL"},
		{`"type":"number_input","is_decimal_allowed":true`, slacksim.Value{Text: "1.5"}, `{"type":"number_input","value":"1.5"}`, ""},
		{`"type":"number_input","is_decimal_allowed":false,"min_value":"1"`, slacksim.Value{Text: "0"}, "", "at least 1"},
		{`"type":"number_input","is_decimal_allowed":false,"max_value":"9"`, slacksim.Value{Text: "10"}, "", "at most 9"},
		{`"type":"static_select",` + someOptions, slacksim.Value{Option: "b"}, `{"type":"static_select","selected_option":{"text":{"type":"plain_text","text":"B"},"value":"b"}}`, ""},
		{`"type":"static_select",` + someGroups, slacksim.Value{Option: "a"}, `{"type":"static_select","selected_option":{"text":{"type":"plain_text","text":"A"},"value":"a"}}`, ""},
		{`"type":"radio_buttons",` + someOptions, slacksim.Value{Option: "a"}, `{"type":"radio_buttons","selected_option":{"text":{"type":"plain_text","text":"A"},"value":"a"}}`, ""},
		{`"type":"multi_static_select",` + someOptions, slacksim.Value{Options: []string{"b"}}, `{"type":"multi_static_select","selected_options":[{"text":{"type":"plain_text","text":"B"},"value":"b"}]}`, ""},
		{`"type":"checkboxes",` + someOptions, slacksim.Value{}, `{"type":"checkboxes","selected_options":[]}`, ""},
		{`"type":"users_select"`, slacksim.Value{ID: "U0BOB"}, `{"type":"users_select","selected_user":"U0BOB"}`, ""},
		{`"type":"multi_users_select"`, slacksim.Value{IDs: []string{"U0BOB"}}, `{"type":"multi_users_select","selected_users":["U0BOB"]}`, ""},
		{`"type":"conversations_select"`, slacksim.Value{ID: "C0GENERAL"}, `{"type":"conversations_select","selected_conversation":"C0GENERAL"}`, ""},
		{`"type":"multi_channels_select"`, slacksim.Value{}, `{"type":"multi_channels_select","selected_channels":[]}`, ""},
		{`"type":"datepicker"`, slacksim.Value{Date: "2026-04-01"}, `{"type":"datepicker","selected_date":"2026-04-01"}`, ""},
		{`"type":"timepicker"`, slacksim.Value{Time: "15:04"}, `{"type":"timepicker","selected_time":"15:04"}`, ""},
		{`"type":"datetimepicker"`, slacksim.Value{Unix: 1775000000}, `{"type":"datetimepicker","selected_date_time":1775000000}`, ""},
	}
	for i, tt := range tests {
		kind, _, _ := strings.Cut(strings.TrimPrefix(tt.element, `"type":"`), `"`)
		t.Run(fmt.Sprintf("%d %s", i, kind), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			w := b.connect()
			body := fmt.Sprintf(`{"trigger_id":%q,"view":{"type":"modal","title":{"type":"plain_text","text":"T"},"submit":{"type":"plain_text","text":"Send"},
				"blocks":[{"type":"input","block_id":"b","optional":true,"label":{"type":"plain_text","text":"L"},"element":{"action_id":"a",%s}}]}}`,
				b.trigger(w, "U0ALICE"), tt.element)
			if _, got := b.call("views.open", "application/json", b.sim.BotToken(), body); got["ok"] != true {
				t.Fatalf("got %v", got)
			}
			alice := b.sim.User("U0ALICE")
			if err := alice.Fill(b.ctx, "b", "a", tt.value); err != nil {
				t.Fatal(err)
			}
			if tt.wrong != "" {
				if got, err := alice.Submit(b.ctx); err != nil || !strings.Contains(got.Errors["b"], tt.wrong) {
					t.Errorf("got %+v, %v", got, err)
				}
				return
			}
			done := async(func() error { _, err := alice.Submit(b.ctx); return err })
			f := w.next()
			w.ack(f.EnvelopeID, nil)
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			var sent struct {
				View struct {
					State struct {
						Values map[string]map[string]any `json:"values"`
					} `json:"state"`
				} `json:"view"`
			}
			var want any
			if err := errors.Join(json.Unmarshal(f.Payload, &sent), json.Unmarshal([]byte(tt.want), &want)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, sent.View.State.Values["b"]["a"]); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestOverflowAndCheckboxesInAMessage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.record(nil)
	channel, ts, err := b.api.PostMessageContext(b.ctx, "C0GENERAL", slack.MsgOptionText("asks", false), slack.MsgOptionBlocks(
		slack.NewActionBlock("a", slack.NewOverflowBlockElement("more", option("copy"), option("open")),
			slack.NewCheckboxGroupsBlockElement("tick", option("one"), option("two"))),
	))
	if err != nil {
		t.Fatal(err)
	}
	m, _ := b.sim.User("U0ALICE").Last(channel)
	if m.TS != ts {
		t.Fatalf("got %+v", m)
	}
	alice := b.sim.User("U0ALICE")
	if _, err := alice.Act(b.ctx, m.Place(), slacksim.Action{ActionID: "more", Value: slacksim.Value{Option: "open"}}); err != nil {
		t.Fatal(err)
	}
	if a := (<-r.callbacks).ActionCallback.BlockActions[0]; a.SelectedOption.Value != "open" || a.Type != "overflow" {
		t.Errorf("got %+v", a)
	}
	if _, err := alice.Act(b.ctx, m.Place(), slacksim.Action{ActionID: "tick", Value: slacksim.Value{Options: []string{"one", "two"}}}); err != nil {
		t.Fatal(err)
	}
	got := <-r.callbacks
	if a := got.ActionCallback.BlockActions[0]; len(a.SelectedOptions) != 2 {
		t.Errorf("got %+v", a)
	}
	if _, overflowHasState := got.BlockActionState.Values["a"]["more"]; overflowHasState {
		t.Error("an overflow menu keeps no state")
	}
	b.noProblems()
}
