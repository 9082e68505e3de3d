package config_test

import (
	"strings"
	"testing"

	"latchkey/cmd/latchkey/config"
)

// TestSlackTokens: both or neither, because a server or gateway that stands
// alone needs none.
func TestSlackTokens(t *testing.T) {
	t.Parallel()
	rest := minimal[strings.Index(minimal, "\n")+1:]
	for _, tc := range []struct {
		name, slack string
		ready       bool
		problem     string
	}{
		{name: "both", slack: `slack: {bot_token: "${SLACK_BOT_TOKEN}", app_token: "${SLACK_APP_TOKEN}"}`, ready: true},
		{name: "no section"},
		{name: "no tokens", slack: `slack: {command: /keys}`},
		{name: "both empty", slack: `slack: {bot_token: "${NOTHING}", app_token: "${NOTHING}"}`},
		{
			name: "one empty", slack: `slack: {bot_token: "${SLACK_BOT_TOKEN}", app_token: "${NOTHING}"}`,
			problem: "f:1:53: slack.app_token: this is empty, but the other token is set: set both, or neither where only server and gateway run",
		},
		{
			name: "the other empty", slack: `slack: {bot_token: "", app_token: "${SLACK_APP_TOKEN}"}`,
			problem: "f:1:20: slack.bot_token: this is empty, but the other token is set: set both, or neither where only server and gateway run",
		},
		{
			name: "one missing", slack: `slack: {bot_token: "${SLACK_BOT_TOKEN}"}`,
			problem: `f:1:1: slack: app_token is missing beside bot_token: add it, like app_token: "${SLACK_APP_TOKEN}"`,
		},
		{
			name: "one unset", slack: `slack: {bot_token: "${SLACK_BOT_TOKEN}", app_token: "${UNSET}"}`,
			problem: "f:1:54: slack.app_token: the environment variable UNSET is not set: set it",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			env := environment()
			env["NOTHING"] = ""
			c, err := config.Parse("f", []byte(tc.slack+"\n"+rest), lookUp(env), kinds())
			switch {
			case tc.problem == "" && err != nil:
				t.Fatalf("parse:\n%v", err)
			case tc.problem != "" && (err == nil || err.Error() != tc.problem):
				t.Errorf("got problem\n%v\nwant\n%s", err, tc.problem)
			case err == nil && c.Slack.Ready() != tc.ready:
				t.Errorf("ready is %v, want %v", c.Slack.Ready(), tc.ready)
			}
		})
	}
}
