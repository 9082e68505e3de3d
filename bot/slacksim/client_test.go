package slacksim_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
)

// screen is what GET /client/state says, as far as the tests look.
type screen struct {
	Rev      int `json:"rev"`
	Me       struct{ ID, Initials string }
	Channels []struct {
		ID, Kind, With string
		Unread         int
		IsExtShared    bool `json:"is_ext_shared"`
	}
	Messages map[string][]struct {
		TS, Text  string
		Ephemeral bool
		Blocks    []map[string]any
	}
	Views []struct {
		ID, Hash string
		Title    map[string]any
		Blocks   []map[string]any
		Errors   map[string]string
		Values   map[string]map[string]map[string]any
	}
	Home     *struct{ ID string }
	Toasts   []struct{ ID, Text string }
	Commands []struct{ Command string }
	Personas []string
}

func (b *testBundle) browse(method, path string, body any, header map[string]string) (int, []byte) {
	b.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		b.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(b.ctx, method, b.sim.URL()+path, bytes.NewReader(raw))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for key, value := range header {
		req.Header.Set(key, value)
	}
	if host := header["Host"]; host != "" {
		req.Host = host
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var out bytes.Buffer
	if _, err := out.ReadFrom(resp.Body); err != nil {
		b.t.Fatal(err)
	}
	return resp.StatusCode, out.Bytes()
}

func (b *testBundle) screen(user string) screen {
	b.t.Helper()
	status, raw := b.browse(http.MethodGet, "/client/state?as="+user, nil, nil)
	var out screen
	if err := json.Unmarshal(raw, &out); err != nil || status != http.StatusOK {
		b.t.Fatalf("state of %s: %d %s: %v", user, status, raw, err)
	}
	return out
}

func (b *testBundle) act(user string, body map[string]any) map[string]any {
	b.t.Helper()
	status, raw := b.browse(http.MethodPost, "/client/act?as="+user, body, nil)
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil || status != http.StatusOK {
		b.t.Fatalf("act of %s: %d %s: %v", user, status, raw, err)
	}
	return out
}

func wantOK(t *testing.T, got map[string]any) {
	t.Helper()
	if diff := cmp.Diff(map[string]any{"ok": true}, got); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}
}

func TestScreenShowsOnlyWhatThePersonMaySee(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, err := b.api.PostEphemeralContext(b.ctx, "C0SHARED", "U0BOB", slack.MsgOptionText("psst", false)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.api.PostMessageContext(b.ctx, "U0ALICE", slack.MsgOptionText("hello", false), slack.MsgOptionBlocks(section("hello"))); err != nil {
		t.Fatal(err)
	}
	channels := func(user string) []string {
		var out []string
		for _, ch := range b.screen(user).Channels {
			out = append(out, ch.ID)
		}
		return out
	}
	for user, want := range map[string][]string{
		"U0ALICE": {"C0GENERAL", "C0SHARED", "D0ALICE"},
		"U0CAROL": {"C0GENERAL", "C0APPROVALS", "D0CAROL"},
		"U0OLGA":  {"C0SHARED"},
	} {
		if diff := cmp.Diff(want, channels(user)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", user, diff)
		}
	}
	alice, bob := b.screen("U0ALICE"), b.screen("U0BOB")
	if alice.Me.ID != "U0ALICE" || alice.Me.Initials != "AA" || len(alice.Messages["C0SHARED"]) != 0 || len(bob.Messages["C0SHARED"]) != 1 {
		t.Errorf("got %+v and %+v", alice.Messages, bob.Messages)
	}
	if m := alice.Messages["D0ALICE"]; len(m) != 1 || m[0].Blocks[0]["block_id"] == "" {
		t.Errorf("got %+v", m)
	}
	if dm := alice.Channels[2]; dm.Kind != "app" || dm.Unread != 1 || dm.With != "U0LATCHBOT" {
		t.Errorf("got %+v", dm)
	}
	wantOK(t, b.act("U0ALICE", map[string]any{"type": "read", "channel": "D0ALICE"}))
	if dm := b.screen("U0ALICE").Channels[2]; dm.Unread != 0 {
		t.Errorf("got %+v", dm)
	}
	if slices.Contains(alice.Personas, "U0DORA") || !slices.Contains(alice.Personas, "U0OLGA") {
		t.Errorf("personas are %v", alice.Personas)
	}
}

func TestBrowserFillsAndSubmitsAModal(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.app(func(evt socketmode.Event) (any, bool) {
		switch data := evt.Data.(type) {
		case slack.SlashCommand:
			project := slack.NewOptionsSelectBlockElement(slack.OptTypeExternal, plainText("Project"), "project")
			view := modal("request", nameInput(), slack.NewInputBlock("project", plainText("Project"), nil, project).WithOptional(true),
				buttons("more", "add"))
			if _, err := b.api.OpenViewContext(b.ctx, data.TriggerID, view); err != nil {
				t.Error(err)
			}
		case slack.InteractionCallback:
			switch {
			case data.Type == slack.InteractionTypeBlockSuggestion:
				return slack.OptionsResponse{Options: []*slack.OptionBlockObject{option("web")}}, true
			case data.Type == slack.InteractionTypeViewSubmission && data.View.State.Values["name"]["name"].Value == "taken":
				return slack.NewErrorsViewSubmissionResponse(map[string]string{"name": "Taken."}), true
			}
		}
		return nil, true
	})
	wantOK(t, b.act("U0ALICE", map[string]any{"type": "command", "channel": "C0GENERAL", "text": "/tokens request"}))
	view := b.screen("U0ALICE").Views[0]
	entered := func(name string) map[string]any {
		return map[string]any{"name": map[string]any{"name": map[string]any{"type": "plain_text_input", "value": name}}}
	}
	container := map[string]any{"type": "view", "view_id": view.ID}
	wantOK(t, b.act("U0ALICE", map[string]any{
		"type": "block_action", "container": container, "block_id": "more", "action_id": "press_add",
		"action": map[string]any{"type": "button", "value": "add"}, "values": entered("draft"),
	}))
	if got := b.screen("U0ALICE").Views[0].Values["name"]["name"]["value"]; got != "draft" {
		t.Errorf("the draft is %v", got)
	}
	got := b.act("U0ALICE", map[string]any{"type": "suggest", "container": container, "block_id": "project", "action_id": "project", "value": "web"})
	if options, _ := got["options"].([]any); got["ok"] != true || len(options) != 1 {
		t.Errorf("got %v", got)
	}
	for name, want := range map[string]string{"": "required", "taken": "Taken."} {
		got := b.act("U0ALICE", map[string]any{"type": "view_submit", "view_id": view.ID, "values": entered(name)})
		errs, _ := got["errors"].(map[string]any)
		if shown := fmt.Sprint(errs["name"]); got["ok"] != false || !strings.Contains(shown, want) {
			t.Errorf("%q: got %v", name, got)
		}
	}
	if got := b.screen("U0ALICE").Views[0].Errors["name"]; got == "" {
		t.Error("the error is not on the screen")
	}
	wantOK(t, b.act("U0ALICE", map[string]any{"type": "view_submit", "view_id": view.ID, "values": entered("Alice")}))
	if got := b.screen("U0ALICE").Views; len(got) != 0 {
		t.Errorf("got %+v", got)
	}
	b.noProblems()
}

// TestBrowserSubmitsWhatWasChosenFromTheStart sends every value, as the client
// does, among them initial options that the app never suggested.
func TestBrowserSubmitsWhatWasChosenFromTheStart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	project := slack.NewOptionsSelectBlockElement(slack.OptTypeExternal, plainText("Project"), "project")
	project.InitialOption = option("web")
	scopes := slack.NewOptionsMultiSelectBlockElement(slack.MultiOptTypeExternal, plainText("Scopes"), "scopes")
	scopes.InitialOptions = []*slack.OptionBlockObject{option("read"), option("write")}
	r := b.record(func(c slack.InteractionCallback) any {
		if c.Type == slack.InteractionTypeShortcut {
			view := modal("request", slack.NewInputBlock("project", plainText("Project"), nil, project), slack.NewInputBlock("scopes", plainText("Scopes"), nil, scopes))
			if _, err := b.api.OpenViewContext(b.ctx, c.TriggerID, view); err != nil {
				t.Error(err)
			}
		}
		return nil
	})
	wantOK(t, b.act("U0ALICE", map[string]any{"type": "shortcut", "callback_id": "request"}))
	<-r.callbacks
	view := b.screen("U0ALICE").Views[0]
	values := view.Values
	held := values["scopes"]["scopes"]["selected_options"].([]any)
	values["scopes"]["scopes"]["selected_options"] = held[:1]
	wantOK(t, b.act("U0ALICE", map[string]any{"type": "view_submit", "view_id": view.ID, "values": values}))
	got := (<-r.callbacks).View.State.Values
	if got["project"]["project"].SelectedOption.Value != "web" || len(got["scopes"]["scopes"].SelectedOptions) != 1 {
		t.Errorf("got %+v", got)
	}
	values["project"]["project"]["selected_option"] = map[string]any{"value": "made up"}
	wantOK(t, b.act("U0ALICE", map[string]any{"type": "shortcut", "callback_id": "request"}))
	<-r.callbacks
	view = b.screen("U0ALICE").Views[0]
	if got := b.act("U0ALICE", map[string]any{"type": "view_submit", "view_id": view.ID, "values": values}); got["ok"] != false {
		t.Errorf("an option nobody offered: %v", got)
	}
	b.noProblems()
}

func TestBrowserIsToldWhatWentWrong(t *testing.T) {
	t.Parallel()
	b := setup(t)
	got := b.act("U0ALICE", map[string]any{"type": "command", "channel": "C0GENERAL", "text": "/tokens"})
	if got["ok"] != false || got["error"] != "The app didn't respond in time." {
		t.Errorf("got %v", got)
	}
	toasts := b.screen("U0ALICE").Toasts
	if len(toasts) != 1 || !strings.Contains(toasts[0].Text, "didn't respond") {
		t.Fatalf("got %+v", toasts)
	}
	wantOK(t, b.act("U0ALICE", map[string]any{"type": "dismiss_toast", "id": toasts[0].ID}))
	if toasts := b.screen("U0ALICE").Toasts; len(toasts) != 0 {
		t.Errorf("got %+v", toasts)
	}
	for _, body := range []map[string]any{
		{"type": "command", "channel": "C0GENERAL", "text": "/other"},
		{"type": "dance"},
		{"type": "view_submit", "view_id": "V0NONE"},
		{"type": "view_close", "view_id": "V0NONE"},
		{"type": "block_action", "container": map[string]any{"channel": "C0GENERAL", "ts": "1.0"}},
	} {
		got := b.act("U0ALICE", body)
		if text, _ := got["error"].(string); got["ok"] != false || !strings.HasSuffix(text, ".") {
			t.Errorf("%v: got %v", body, got)
		}
	}
}

func TestBrowserPostsAndOpensTheHome(t *testing.T) {
	t.Parallel()
	b := setup(t)
	events := b.events()
	wantOK(t, b.act("U0ALICE", map[string]any{"type": "message", "channel": "C0GENERAL", "text": "hello"}))
	<-events
	wantOK(t, b.act("U0ALICE", map[string]any{"type": "open_home"}))
	<-events
	wantOK(t, b.act("U0ALICE", map[string]any{"type": "open_messages_tab"}))
	<-events
	if m, _ := b.sim.User("U0BOB").Last("C0GENERAL"); m.Text != "hello" || m.User != "U0ALICE" {
		t.Errorf("got %+v", m)
	}
	wantOK(t, b.act("U0ALICE", map[string]any{"type": "shortcut", "callback_id": "request"}))
}

func TestBrowserStreamFollowsChanges(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.sim.URL()+"/client/events?as=U0ALICE", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	lines := bufio.NewScanner(resp.Body)
	next := func() string {
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				return data
			}
		}
		t.Fatal("the stream ended")
		return ""
	}
	first := next()
	if err := b.sim.User("U0BOB").Say("C0GENERAL", "hello"); err != nil {
		t.Fatal(err)
	}
	if second := next(); first == second {
		t.Errorf("got %s twice", first)
	}
}

func TestForeignPagesAreTurnedAway(t *testing.T) {
	t.Parallel()
	b := setup(t)
	act := map[string]any{"type": "open_home"}
	for name, header := range map[string]map[string]string{
		"another origin":   {"Origin": "https://evil.example"},
		"a rebound name":   {"Host": "evil.example:80"},
		"not sent as JSON": {"Content-Type": "text/plain"},
	} {
		if status, _ := b.browse(http.MethodPost, "/client/act?as=U0ALICE", act, header); status < 400 {
			t.Errorf("%s: got %d", name, status)
		}
	}
	if status, _ := b.browse(http.MethodPost, "/client/act?as=U0NOBODY", act, nil); status != http.StatusBadRequest {
		t.Errorf("nobody: got %d", status)
	}
	if status, page := b.browse(http.MethodGet, "/", nil, nil); status != http.StatusOK || !strings.Contains(string(page), "Not Slack") {
		t.Errorf("the page: got %d", status)
	}
	if status, _ := b.browse(http.MethodGet, "/web/index.html", nil, nil); status >= 400 {
		t.Errorf("an asset: got %d", status)
	}
	if status, _ := b.browse(http.MethodGet, "/web/doc.go", nil, nil); status != http.StatusNotFound {
		t.Errorf("source code: got %d", status)
	}
}
