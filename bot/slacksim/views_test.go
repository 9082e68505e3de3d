package slacksim_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"latchkey/bot/slacksim"
)

// modal is a small valid modal with one required text input.
func modal(callbackID string, blocks ...slack.Block) slack.ModalViewRequest {
	if len(blocks) == 0 {
		blocks = []slack.Block{nameInput()}
	}
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: callbackID, Title: plainText("Request"), Submit: plainText("Send"),
		Close: plainText("Cancel"), Blocks: slack.Blocks{BlockSet: blocks},
	}
}

func nameInput() *slack.InputBlock {
	element := slack.NewPlainTextInputBlockElement(nil, "name").WithMinLength(3).WithMaxLength(10)
	return slack.NewInputBlock("name", plainText("Name"), nil, element)
}

// trigger runs a shortcut and returns the trigger the app got.
func (b *testBundle) trigger(w *wire, user string) string {
	b.t.Helper()
	done := async(func() error { _, err := b.sim.User(user).Shortcut(b.ctx, "request"); return err })
	f := w.next()
	var payload struct {
		TriggerID string `json:"trigger_id"`
	}
	if err := json.Unmarshal(f.Payload, &payload); err != nil {
		b.t.Fatal(err)
	}
	w.ack(f.EnvelopeID, nil)
	if err := <-done; err != nil {
		b.t.Fatal(err)
	}
	return payload.TriggerID
}

func TestTriggerWorksOnceAndForThreeSeconds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.connect()
	trigger := b.trigger(w, "U0ALICE")
	_, err := b.api.OpenViewContext(b.ctx, "made.up.trigger", modal("request"))
	wantSlackError(t, err, "invalid_trigger_id")
	view, err := b.api.OpenViewContext(b.ctx, trigger, modal("request"))
	if err != nil {
		t.Fatal(err)
	}
	if top, ok := b.sim.User("U0ALICE").Modal(); !ok || top.ID != view.ID || top.Title != "Request" || top.Hash != view.Hash {
		t.Errorf("got %+v", top)
	}
	_, err = b.api.OpenViewContext(b.ctx, trigger, modal("request"))
	wantSlackError(t, err, "exchanged_trigger_id")

	late := b.trigger(w, "U0ALICE")
	b.clock.advance(3*time.Second + time.Millisecond)
	_, err = b.api.OpenViewContext(b.ctx, late, modal("request"))
	wantSlackError(t, err, "expired_trigger_id")
	b.noProblems()
}

func TestStackHoldsThreeViews(t *testing.T) {
	t.Parallel()
	b := setup(t)
	dispatching := nameInput()
	dispatching.DispatchAction = true
	view := modal("deep", dispatching)
	alice := b.sim.User("U0ALICE")
	var pushed []error
	b.app(func(evt socketmode.Event) (any, bool) {
		callback, _ := evt.Data.(slack.InteractionCallback)
		switch callback.Type {
		case slack.InteractionTypeShortcut:
			_, err := b.api.OpenViewContext(b.ctx, callback.TriggerID, view)
			pushed = append(pushed, err)
		case slack.InteractionTypeBlockActions:
			_, err := b.api.PushViewContext(b.ctx, callback.TriggerID, view)
			pushed = append(pushed, err)
		}
		return nil, true
	})
	if _, err := alice.Shortcut(b.ctx, "deep"); err != nil {
		t.Fatal(err)
	}
	root, _ := alice.Modal()
	for range 3 {
		if err := alice.Fill(b.ctx, "name", "name", slacksim.Value{Text: "Alice"}); err != nil {
			t.Fatal(err)
		}
	}
	got := []string{}
	for _, err := range pushed {
		got = append(got, slackError(err))
	}
	if diff := cmp.Diff([]string{"", "", "", "push_limit_reached"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if top, _ := alice.Modal(); top.RootID != root.ID || top.ID == root.ID {
		t.Errorf("the top view is %+v over %+v", top, root)
	}
	for range 3 {
		if err := alice.CloseModal(b.ctx); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok := alice.Modal(); ok {
		t.Error("a modal is left")
	}
}

func TestPushNeedsATriggerFromAModal(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.connect()
	_, err := b.api.PushViewContext(b.ctx, b.trigger(w, "U0ALICE"), modal("request"))
	wantSlackError(t, err, "not_found")
}

func TestUpdateNeedsTheLatestHash(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.connect()
	alice := b.sim.User("U0ALICE")
	first, err := b.api.OpenViewContext(b.ctx, b.trigger(w, "U0ALICE"), modal("request"))
	if err != nil {
		t.Fatal(err)
	}
	if err := alice.Fill(b.ctx, "", "name", slacksim.Value{Text: "Alice"}); err != nil {
		t.Fatal(err)
	}
	second, err := b.api.UpdateViewContext(b.ctx, modal("request", section("more"), nameInput()), "", first.Hash, first.ID)
	if err != nil {
		t.Fatal(err)
	}
	if second.Hash == first.Hash || second.ID != first.ID {
		t.Errorf("got %s then %s", first.Hash, second.Hash)
	}
	_, err = b.api.UpdateViewContext(b.ctx, modal("request"), "", first.Hash, first.ID)
	wantSlackError(t, err, "hash_conflict")
	if top, _ := alice.Modal(); !strings.Contains(string(top.Values), `"Alice"`) {
		t.Errorf("the entered text is gone: %s", top.Values)
	}
	if err := alice.CloseModal(b.ctx); err != nil {
		t.Fatal(err)
	}
	_, err = b.api.UpdateViewContext(b.ctx, modal("request"), "", "", first.ID)
	wantSlackError(t, err, "not_found")
	b.noProblems()
}

func TestExternalIDIsUniqueAndAddressesTheView(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.connect()
	view := modal("request")
	view.ExternalID = "draft-1"
	if _, err := b.api.OpenViewContext(b.ctx, b.trigger(w, "U0ALICE"), view); err != nil {
		t.Fatal(err)
	}
	_, err := b.api.OpenViewContext(b.ctx, b.trigger(w, "U0BOB"), view)
	wantSlackError(t, err, "duplicate_external_id")
	view.Title = plainText("Changed")
	if _, err := b.api.UpdateViewContext(b.ctx, view, "draft-1", "", ""); err != nil {
		t.Fatal(err)
	}
	if top, _ := b.sim.User("U0ALICE").Modal(); top.Title != "Changed" {
		t.Errorf("got %+v", top)
	}
}

func TestViewsAreValidated(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.connect()
	trigger := b.trigger(w, "U0ALICE")
	long := modal("request")
	long.Title = plainText(strings.Repeat("x", 25))
	_, err := b.api.OpenViewContext(b.ctx, trigger, long)
	wantSlackError(t, err, "invalid_arguments")
	huge := modal("request")
	huge.PrivateMetadata = strings.Repeat("x", 250_001)
	_, err = b.api.OpenViewContext(b.ctx, trigger, huge)
	wantSlackError(t, err, "view_too_large")
	if _, err := b.api.OpenViewContext(b.ctx, trigger, modal("request")); err != nil {
		t.Errorf("a refused view used the trigger up: %v", err)
	}
	if len(b.sim.Problems()) == 0 {
		t.Error("nothing was recorded")
	}
}

func TestHomeIsPublishedPerPersonWithAHash(t *testing.T) {
	t.Parallel()
	b := setup(t)
	home := func(text string) slack.HomeTabViewRequest {
		return slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: []slack.Block{section(text)}}}
	}
	b.app(func(evt socketmode.Event) (any, bool) {
		if evt.Type == socketmode.EventTypeEventsAPI {
			_, err := b.api.PublishViewContext(b.ctx, slack.PublishViewContextRequest{UserID: "U0ALICE", View: home("first")})
			if err != nil && b.ctx.Err() == nil { // a late retry may meet the end of the test
				t.Error(err)
			}
		}
		return nil, true
	})
	alice := b.sim.User("U0ALICE")
	if err := alice.OpenHome(b.ctx); err != nil {
		t.Fatal(err)
	}
	b.waitFor("home", func() bool { _, ok := alice.Home(); return ok })
	shown, _ := alice.Home()
	publish := func(user string, view slack.HomeTabViewRequest, hash string) error {
		_, err := b.api.PublishViewContext(b.ctx, slack.PublishViewContextRequest{UserID: user, View: view, Hash: &hash})
		return err
	}
	if err := publish("U0ALICE", home("second"), shown.Hash); err != nil {
		t.Fatal(err)
	}
	wantSlackError(t, publish("U0ALICE", home("third"), shown.Hash), "hash_conflict")
	wantSlackError(t, publish("U0OLGA", home("x"), ""), "user_not_found")
	if got, _ := alice.Home(); !strings.Contains(string(got.Blocks), "second") {
		t.Errorf("got %s", got.Blocks)
	}
	if _, ok := b.sim.User("U0BOB").Home(); ok {
		t.Error("Bob has Alice's home")
	}
	b.noProblems()
}

func TestHomeCanBeSwitchedOff(t *testing.T) {
	t.Parallel()
	b := setupWith(t, slacksim.Config{Manifest: []byte(narrowManifest)})
	_, err := b.api.PublishViewContext(b.ctx, slack.PublishViewContextRequest{UserID: "U0ALICE", View: slack.HomeTabViewRequest{
		Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: []slack.Block{section("x")}},
	}})
	wantSlackError(t, err, "not_enabled")
	_, _, err = b.api.PostMessageContext(b.ctx, "U0ALICE", slack.MsgOptionText("x", false))
	wantSlackError(t, err, "messages_tab_disabled")
	if err := b.sim.User("U0ALICE").OpenHome(b.ctx); err == nil {
		t.Error("a home that is off opened")
	}
}
