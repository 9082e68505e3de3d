package slacksim_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"latchkey/bot/slacksim"
)

// narrowManifest grants what one small app needs and nothing more.
const narrowManifest = `{
	"display_information": {"name": "Latchkey"},
	"features": {
		"app_home": {"home_tab_enabled": false, "messages_tab_enabled": false},
		"bot_user": {"display_name": "latchkey", "always_online": true},
		"shortcuts": [{"name": "Request a key", "type": "global", "callback_id": "request", "description": "Ask for a key"}],
		"slash_commands": [{"command": "/keys", "description": "Keys", "should_escape": false}]
	},
	"oauth_config": {"scopes": {"bot": ["commands", "chat:write", "users:read"]}},
	"settings": {
		"event_subscriptions": {"bot_events": ["user_change"]},
		"interactivity": {"is_enabled": true},
		"org_deploy_enabled": false, "socket_mode_enabled": true, "token_rotation_enabled": false
	}
}`

func TestAuthTestNamesTheTeamAndTheScopes(t *testing.T) {
	t.Parallel()
	b := setupWith(t, slacksim.Config{Manifest: []byte(narrowManifest)})
	got, err := b.api.AuthTestContext(b.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if got.TeamID != "T0LATCH" || got.UserID != "U0LATCHBOT" || got.BotID != "B0LATCH" {
		t.Errorf("got %+v", got)
	}
	if scopes := got.Header.Get("X-OAuth-Scopes"); scopes != "commands,chat:write,users:read" {
		t.Errorf("scopes are %q", scopes)
	}
}

func TestTokensAreReadFromEveryPlaceSlackReadsThem(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const form, asJSON = "application/x-www-form-urlencoded", "application/json; charset=utf-8"
	bot, app := b.sim.BotToken(), b.sim.AppToken()
	tests := []struct{ name, method, kind, bearer, body, want string }{
		{"form field", "auth.test", form, "", url.Values{"token": {bot}}.Encode(), ""},
		{"form with bearer", "auth.test", form, bot, "", ""},
		{"JSON with bearer", "auth.test", asJSON, bot, `{}`, ""},
		{"token inside JSON is not read", "auth.test", asJSON, "", `{"token":"` + bot + `"}`, "not_authed"},
		{"no token", "auth.test", form, "", "", "not_authed"},
		{"wrong token", "auth.test", form, "xoxb-wrong", "", "invalid_auth"},
		{"app token for a bot method", "auth.test", form, app, "", "not_allowed_token_type"},
		{"bot token for an app method", "apps.connections.open", asJSON, bot, `{}`, "not_allowed_token_type"},
		{"app token as form field", "apps.connections.open", form, "", url.Values{"token": {app}}.Encode(), "not_authed"},
		{"app token in the header", "apps.connections.open", form, app, "", ""},
		{"broken JSON", "auth.test", asJSON, bot, `{`, "invalid_json"},
		{"no such method", "auth.tset", form, bot, "", "unknown_method"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, got := b.call(tt.method, tt.kind, tt.bearer, tt.body)
			errName, _ := got["error"].(string)
			if status != http.StatusOK || errName != tt.want || got["ok"] != (tt.want == "") {
				t.Errorf("got %d %v, want error %q", status, got, tt.want)
			}
		})
	}
}

func TestMissingScopeSaysWhatIsNeeded(t *testing.T) {
	t.Parallel()
	b := setupWith(t, slacksim.Config{Manifest: []byte(narrowManifest)})
	_, err := b.api.GetUserByEmailContext(b.ctx, "alice@example.com")
	refused, ok := errors.AsType[slack.SlackErrorResponse](err)
	if !ok || refused.Err != "missing_scope" || refused.Needed != "users:read.email" || refused.Provided != "commands,chat:write,users:read" {
		t.Errorf("got %+v", err)
	}
	user, err := b.api.GetUserInfoContext(b.ctx, "U0ALICE")
	if err != nil {
		t.Fatal(err)
	}
	if user.Profile.Email != "" {
		t.Errorf("the e-mail %q came without its scope", user.Profile.Email)
	}
	if len(b.sim.Problems()) != 1 {
		t.Errorf("want the missing scope as the one problem, got %q", b.sim.Problems())
	}
}

func TestManifestWithoutSocketModeIsRefused(t *testing.T) {
	t.Parallel()
	_, err := slacksim.Start(t.Context(), slacksim.Config{
		Manifest: []byte(strings.Replace(narrowManifest, `"socket_mode_enabled": true`, `"socket_mode_enabled": false`, 1)),
	})
	if err == nil || !strings.Contains(err.Error(), "socket_mode_enabled") {
		t.Errorf("got %v", err)
	}
}

func TestTeamAndBotInfo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	team, err := b.api.GetTeamInfoContext(b.ctx)
	if err != nil || team.ID != "T0LATCH" || team.Domain != "latchkey-demo" {
		t.Errorf("got %+v, %v", team, err)
	}
	bot, err := b.api.GetBotInfoContext(b.ctx, slack.GetBotInfoParameters{Bot: "B0LATCH"})
	if err != nil || bot.UserID != "U0LATCHBOT" || bot.AppID != "A0LATCH" {
		t.Errorf("got %+v, %v", bot, err)
	}
	_, err = b.api.GetBotInfoContext(b.ctx, slack.GetBotInfoParameters{Bot: "B0NOBODY"})
	wantSlackError(t, err, "bot_not_found")
}

func TestRateLimitKnobAnswers429(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sim.Knobs().RateLimit("auth.test", 7*time.Second, 1)
	_, err := b.api.AuthTestContext(b.ctx)
	limited, ok := errors.AsType[*slack.RateLimitedError](err)
	if !ok || limited.RetryAfter != 7*time.Second {
		t.Errorf("got %v", err)
	}
	if _, err := b.api.AuthTestContext(b.ctx); err != nil {
		t.Errorf("the second call: %v", err)
	}
}

func TestFailKnobHasNoEffectAndFailAfterHasOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	post := func() error {
		_, _, err := b.api.PostMessageContext(b.ctx, "C0GENERAL", slack.MsgOptionText("hello", false))
		return err
	}
	b.sim.Knobs().Fail("chat.postMessage", "fatal_error", 1)
	wantSlackError(t, post(), "fatal_error")
	if got := b.sim.User("U0ALICE").Messages("C0GENERAL"); len(got) != 0 {
		t.Errorf("a failed call posted %v", got)
	}
	b.sim.Knobs().FailAfter("chat.postMessage", 1)
	if err := post(); err == nil {
		t.Error("the lost answer arrived")
	}
	if got := b.sim.User("U0ALICE").Messages("C0GENERAL"); len(got) != 1 {
		t.Errorf("a call with a lost answer posted %v", got)
	}
	b.noProblems()
}

func TestDelayKnobOutlivesTheCaller(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sim.Knobs().Delay("auth.test", time.Hour)
	ctx, cancel := context.WithCancel(b.ctx)
	failed := async(func() error { _, err := b.api.AuthTestContext(ctx); return err })
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestDownKnobTakesEverythingAway(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.connect()
	b.sim.Knobs().Down(true)
	if err := w.ended(); err == nil {
		t.Error("the socket stayed open")
	}
	_, err := b.api.AuthTestContext(b.ctx)
	if code, ok := errors.AsType[slack.StatusCodeError](err); !ok || code.Code != http.StatusServiceUnavailable {
		t.Errorf("got %v", err)
	}
	if _, err := b.sim.User("U0ALICE").Slash(b.ctx, "C0GENERAL", "/tokens"); !errors.Is(err, slacksim.ErrDidNotRespond) {
		t.Errorf("got %v", err)
	}
	b.sim.Knobs().Down(false)
	if _, err := b.api.AuthTestContext(b.ctx); err != nil {
		t.Errorf("after the outage: %v", err)
	}
}

func TestRevokedTokensTellTheAppFirst(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.connect()
	b.sim.Knobs().RevokeTokens()
	if f := w.next(); !strings.Contains(string(f.Payload), `"tokens_revoked"`) {
		t.Errorf("got %s", f.Payload)
	}
	_, err := b.api.AuthTestContext(b.ctx)
	wantSlackError(t, err, "token_revoked")
}

func TestTrafficHoldsEverythingButTheTokens(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, _, err := b.api.PostMessageContext(b.ctx, "C0GENERAL", slack.MsgOptionText("canary-4711", false)); err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(b.sim.URL() + "/traffic.json")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var log strings.Builder
	if _, err := copyTo(&log, resp.Body); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "canary-4711") || !strings.Contains(log.String(), "chat.postMessage") {
		t.Errorf("the call is missing in %s", log.String())
	}
	if strings.Contains(log.String(), b.sim.BotToken()) {
		t.Error("the bot token is in the traffic log")
	}
}

func TestBlocksValidateAnswersWithPointers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, good := b.call("blocks.validate", "application/json", b.sim.BotToken(),
		`{"blocks":[{"type":"divider"}]}`)
	if good["ok"] != true {
		t.Errorf("got %v", good)
	}
	_, bad := b.call("blocks.validate", "application/json", b.sim.BotToken(),
		`{"blocks":[{"type":"header","text":{"type":"mrkdwn","text":"x"}}]}`)
	found, _ := bad["errors"].([]any)
	if bad["error"] != "invalid_blocks" || len(found) == 0 {
		t.Fatalf("got %v", bad)
	}
	if pointer := found[0].(map[string]any)["pointer"].(string); !strings.HasPrefix(pointer, "/0") {
		t.Errorf("pointer is %q", pointer)
	}
	_, both := b.call("blocks.validate", "application/json", b.sim.BotToken(), `{"blocks":[],"view":{}}`)
	if both["error"] != "invalid_arguments" {
		t.Errorf("got %v", both)
	}
}
