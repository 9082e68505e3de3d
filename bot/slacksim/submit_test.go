package slacksim_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"

	"latchkey/bot/slacksim"
)

func TestSubmissionOutcomes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := modal("other", section("thanks"), nameInput())
	other.Title = plainText("Other")
	answers := map[string]any{
		"error":   slack.NewErrorsViewSubmissionResponse(map[string]string{"name": "Taken."}),
		"update":  slack.NewUpdateViewSubmissionResponse(&other),
		"push":    slack.NewPushViewSubmissionResponse(&other),
		"clear":   slack.NewClearViewSubmissionResponse(),
		"wrong":   slack.NewErrorsViewSubmissionResponse(map[string]string{"nope": "Taken."}),
		"unknown": map[string]any{"response_action": "dance"},
	}
	r := b.record(func(c slack.InteractionCallback) any {
		if c.Type == slack.InteractionTypeShortcut {
			if _, err := b.api.OpenViewContext(b.ctx, c.TriggerID, modal("request")); err != nil {
				t.Error(err)
			}
			return nil
		}
		return answers[c.View.State.Values["name"]["name"].Value]
	})
	alice := b.sim.User("U0ALICE")
	submit := func(name string) (slacksim.SubmitResult, error) {
		t.Helper()
		if _, err := alice.Shortcut(b.ctx, "request"); err != nil {
			t.Fatal(err)
		}
		<-r.callbacks
		if err := alice.Fill(b.ctx, "name", "name", slacksim.Value{Text: name}); err != nil {
			t.Fatal(err)
		}
		return alice.Submit(b.ctx)
	}
	title := func() string {
		v, _ := alice.Modal()
		return v.Title
	}

	got, err := submit("error")
	if diff := cmp.Diff(map[string]string{"name": "Taken."}, got.Errors); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	callback := <-r.callbacks
	if callback.View.CallbackID != "request" || callback.View.Hash == "" || callback.TriggerID == "" || callback.User.TeamID != "T0LATCH" {
		t.Errorf("got %+v", callback.View)
	}
	if v, _ := alice.Modal(); v.Errors["name"] != "Taken." {
		t.Errorf("got %+v", v)
	}

	for name, want := range map[string]string{"plain": "", "update": "Other", "push": "Other", "clear": ""} {
		got, err := submit(name)
		<-r.callbacks
		if err != nil || len(got.Errors) > 0 || title() != want {
			t.Errorf("%s: %+v, %v, on screen %q", name, got, err, title())
		}
	}
	b.noProblems()
	for _, name := range []string{"wrong", "unknown"} {
		if _, err := submit(name); err == nil {
			t.Errorf("%s: was accepted", name)
		}
		<-r.callbacks
		if title() != "Request" {
			t.Errorf("%s: on screen is %q", name, title())
		}
	}
	if len(b.sim.Problems()) != 2 || len(alice.Toasts()) != 2 {
		t.Errorf("got %q, %q", b.sim.Problems(), alice.Toasts())
	}
}

func TestClientChecksComeBeforeTheApp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.connect()
	number := slack.NewInputBlock("days", plainText("Days"), nil, slack.NewNumberInputBlockElement(nil, "days", false)).WithOptional(true)
	if _, err := b.api.OpenViewContext(b.ctx, b.trigger(w, "U0ALICE"), modal("request", nameInput(), number)); err != nil {
		t.Fatal(err)
	}
	alice := b.sim.User("U0ALICE")
	tests := []struct{ name, days, block, want string }{
		{"", "", "name", "required"},
		{"   ", "", "name", "required"},
		{"ab", "", "name", "at least 3"},
		{strings.Repeat("x", 11), "", "name", "at most 10"},
		{"Alice", "many", "days", "valid number"},
		{"Alice", "1.5", "days", "valid number"},
	}
	for _, tt := range tests {
		for id, v := range map[string]string{"name": tt.name, "days": tt.days} {
			if err := alice.Fill(b.ctx, id, id, slacksim.Value{Text: v}); err != nil {
				t.Fatal(err)
			}
		}
		got, err := alice.Submit(b.ctx)
		if err != nil || len(got.Errors) != 1 || !strings.Contains(got.Errors[tt.block], tt.want) {
			t.Errorf("%+v: got %+v, %v", tt, got, err)
		}
	}
	for _, e := range b.sim.LastEnvelopes() {
		if strings.Contains(string(e.Payload), "view_submission") {
			t.Error("the app was asked")
		}
	}
}

func TestClosingTellsTheAppIfItAsked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.record(func(c slack.InteractionCallback) any {
		if c.Type == slack.InteractionTypeShortcut {
			view := modal(c.CallbackID)
			view.NotifyOnClose = c.CallbackID == "loud"
			if _, err := b.api.OpenViewContext(b.ctx, c.TriggerID, view); err != nil {
				t.Error(err)
			}
		}
		return nil
	})
	alice := b.sim.User("U0ALICE")
	open := func(callbackID string) {
		t.Helper()
		if _, err := alice.Shortcut(b.ctx, callbackID); err != nil {
			t.Fatal(err)
		}
		<-r.callbacks
	}
	open("quiet")
	if err := alice.CloseModal(b.ctx); err != nil {
		t.Fatal(err)
	}
	open("loud")
	if err := alice.CloseModal(b.ctx); err != nil {
		t.Fatal(err)
	}
	if got := <-r.callbacks; got.Type != slack.InteractionTypeViewClosed || got.View.CallbackID != "loud" || got.IsCleared {
		t.Errorf("got %+v", got)
	}
	open("loud")
	if err := alice.CloseAll(b.ctx); err != nil {
		t.Fatal(err)
	}
	if got := <-r.callbacks; got.Type != slack.InteractionTypeViewClosed || !got.IsCleared {
		t.Errorf("got %+v", got)
	}
	if err := alice.CloseModal(b.ctx); !errors.Is(err, slacksim.ErrRefused) {
		t.Errorf("got %v", err)
	}
}
