package config_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"latchkey/cmd/latchkey/config"
	"latchkey/connectors"
	"latchkey/secret"
	"latchkey/workflow"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const testKey = "c21hbGwga2V5cyBhcmUgbm90IGtleXMgYXQgYWxsICE=" // 32 bytes

// kinds is a catalog with the kinds that the files here use.
func kinds() map[string][]string {
	return map[string][]string{
		"tempo":     {"mode", "token", "check_path"},
		"brokered":  {"owners", "token", "header", "scheme", "check_path", "scopes"},
		"github":    {"token", "sync_every"},
		"vault":     {"token", "places"},
		"atlassian": {"owners", "org_id", "api_key", "sync_every"},
	}
}

func environment() map[string]string {
	return map[string]string{
		"SLACK_BOT_TOKEN": "xoxb-hidden-bot-token",
		"SLACK_APP_TOKEN": "xapp-hidden-app-token",
		"DATABASE_URL":    "postgres://latchkey:hidden-password@db.example.com/latchkey",
		"LATCHKEY_KEY":    testKey,
		"TEMPO_TOKEN":     "hidden-tempo-token",
		"ATLASSIAN_ORG":   "hidden-org",
		"ATLASSIAN_KEY":   "hidden-atlassian-key",
		"WRONG":           "hidden-wrong-value",
		"EMPTY":           "",
		"NOT_TEXT":        "hidden-\xff",
	}
}

func lookUp(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := env[name]
		return v, ok
	}
}

func parse(t *testing.T, text string) *config.Config {
	t.Helper()
	c, err := config.Parse("latchkey.yaml", []byte(text), lookUp(environment()), kinds())
	if err != nil {
		t.Fatalf("parse:\n%v", err)
	}
	return c
}

// problems parses a file that is expected to be bad.
func problems(t *testing.T, name string, data []byte) *config.Problems {
	t.Helper()
	c, err := config.Parse(name, data, lookUp(environment()), kinds())
	var p *config.Problems
	if !errors.As(err, &p) || c != nil {
		t.Fatalf("got config %v and error %v, want only *Problems", c, err)
	}
	if strings.Contains(err.Error(), "hidden") || strings.Contains(err.Error(), testKey) {
		t.Errorf("a message has a value of the environment:\n%v", err)
	}
	return p
}

// minimal is the least there can be; tests add to it.
const minimal = `slack: {bot_token: "${SLACK_BOT_TOKEN}", app_token: "${SLACK_APP_TOKEN}"}
keeper: "base64key://${LATCHKEY_KEY}"
groups: {ops: {members: [erin@example.com]}}
admins: [ops]
`

func TestDesignFile(t *testing.T) {
	t.Parallel()
	c, err := config.Load("testdata/good/design.yaml", lookUp(environment()), kinds())
	if err != nil {
		t.Fatalf("load:\n%v", err)
	}
	day := workflow.Duration(24 * time.Hour)
	want := &config.Config{
		Slack: config.Slack{
			BotToken: secret.New("xoxb-hidden-bot-token"), AppToken: secret.New("xapp-hidden-app-token"),
			Command: "/tokens", ApprovalsChannel: "C0APPROVALS",
		},
		DatabaseURL: secret.New("postgres://latchkey:hidden-password@db.example.com/latchkey"),
		DataDir:     "./latchkey-data",
		PublicURL:   "https://latchkey.example.com",
		Listen:      "127.0.0.1:8080",
		Gateway:     config.Gateway{Listen: "127.0.0.1:8081", PublicURL: "https://api.example.com"},
		Keeper:      secret.New("base64key://" + testKey),
		Policy: workflow.Document{
			Admins: []string{"it-admins"},
			Quotas: workflow.Quotas{Pending: 5, Live: 20},
			People: []workflow.PersonEntry{{Email: "erin@example.com", Slack: []string{"U0ERIN", "U0ERINADM"}}},
			Groups: map[string]workflow.Group{
				"it-admins": {SlackUsergroup: "S0ITADMIN"},
				"security":  {SCIM: "Security"},
				"payroll":   {Members: []string{"alice@example.com", "bob@example.com"}},
			},
			Policies: []workflow.Policy{
				{
					Name: "tempo-read", Connections: []string{"tempo"}, Scopes: []string{"*:view"},
					Requesters: []string{"everyone"}, Approval: workflow.Approval{Auto: true}, MaxLifetime: 90 * day,
				},
				{
					Name: "tempo-write", Connections: []string{"tempo"}, Scopes: []string{"worklogs:manage", "plans:manage"},
					Requesters: []string{"payroll"}, When: "request.reason.size() >= 10",
					Approval: workflow.Approval{Steps: []workflow.StepRule{
						{Group: "it-admins", Quorum: 1},
						{Group: "security", Quorum: 2, When: `request.lifetime > duration("720h")`},
					}},
					MaxLifetime: 30 * day, PendingFor: day, NotifyBefore: []workflow.Duration{14 * day, 7 * day, 3 * day, day},
					Rotation: workflow.Rotation{Overlap: day}, StaleAfter: 30 * day,
				},
			},
			Enforcement: workflow.Enforcement{
				Unmanaged: workflow.Unmanaged{Read: "report", Write: "warn", After: 7 * day, Then: "revoke"},
				MaxAge:    365 * day,
				Breaker:   workflow.Breaker{MaxPercent: 5, MinCount: 10},
			},
		},
		Connections: []connectors.Settings{
			{Name: "tempo", Kind: "tempo", Mode: "brokered", Token: secret.New("hidden-tempo-token"), Owners: "it-admins"},
			{Name: "jira", Kind: "atlassian", SyncEvery: time.Hour, OrgID: "hidden-org", APIKey: secret.New("hidden-atlassian-key")},
		},
	}
	sameSecret := cmp.Comparer(func(a, b secret.Value) bool { return a.Expose() == b.Expose() })
	if diff := cmp.Diff(want, c, sameSecret, cmpopts.IgnoreUnexported(config.Config{})); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
}

func TestExampleFileIsValidAndClean(t *testing.T) {
	t.Parallel()
	c := parse(t, string(config.Example))
	if got := len(c.Policy.Policies); got != 2 {
		t.Errorf("got %d policies, want 2", got)
	}
	if !c.Policy.Enforcement.DryRun {
		t.Error("the file to start from must not touch anybody's keys")
	}
	if strings.Contains(string(config.Example), "\t") {
		t.Error("the example has a tab")
	}
}

func TestExampleFileIsValidWithItsCommentsTakenIn(t *testing.T) {
	t.Parallel()
	var lines []string
	for line := range strings.Lines(string(config.Example)) {
		if trimmed := strings.TrimLeft(line, " "); strings.HasPrefix(trimmed, "# billing:") || strings.HasPrefix(trimmed, "# vault:") ||
			strings.HasPrefix(trimmed, "# sinks:") || strings.HasPrefix(trimmed, "# trusted_proxies:") || strings.HasPrefix(trimmed, "# max_stale:") ||
			strings.HasPrefix(trimmed, "# limits:") || strings.HasPrefix(trimmed, "# metering:") || strings.HasPrefix(trimmed, "# - name:") || strings.HasPrefix(trimmed, "#   ") {
			line = strings.Replace(line, "# ", "", 1)
		}
		lines = append(lines, line)
	}
	text := strings.NewReplacer("# people:", "people:", "# pre_shared_keys:", "pre_shared_keys:", "# audit:", "audit:").Replace(strings.Join(lines, ""))
	env := environment()
	env["BILLING_TOKEN"], env["VAULT_TOKEN"] = "hidden-billing-token", "hidden-vault-token"
	env["AUDIT_SECRET"], env["SIEM_SECRET"] = "hidden-audit-secret", "hidden-siem-secret"
	env["LATCHKEY_PSK_CI"] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	c, err := config.Parse("latchkey.yaml", []byte(text), lookUp(env), kinds())
	if err != nil {
		t.Fatalf("parse:\n%v\n%s", err, text)
	}
	var names []string
	for _, s := range c.Connections {
		names = append(names, s.Name)
	}
	if len(c.Policy.People) != 1 || len(c.PreSharedKeys) != 1 || strings.Join(names, " ") != "tempo vault billing latchkey" || len(c.Connections[2].Scopes) != 1 {
		t.Errorf("the comments hold %d people, %d keys and the connections %q", len(c.Policy.People), len(c.PreSharedKeys), names)
	}
	if g := c.Gateway; len(g.TrustedProxies) != 1 || g.MaxStale == 0 || g.Limits.Duration == 0 || g.Metering.RetainDays != 90 {
		t.Errorf("the comments hold the gateway %+v", g)
	}
	if a := c.Audit; a.Publish.URL == "" || len(a.Webhooks) != 1 || len(a.Webhooks[0].Secrets) != 1 || a.Webhooks[0].Format != "ocsf" {
		t.Errorf("the comments hold the audit section %+v", a)
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	c := parse(t, minimal)
	got := []string{c.Slack.Command, c.DataDir, c.Listen, c.PublicURL, c.Gateway.Listen, c.Gateway.PublicURL}
	want := []string{"/tokens", "./latchkey-data", "127.0.0.1:8080", "http://127.0.0.1:8080", "127.0.0.1:8081", "http://127.0.0.1:8081"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
	if !c.DatabaseURL.Empty() {
		t.Error("there must be no database by default: it means a private one")
	}
}

func TestPortZeroHasNoPublicURLYet(t *testing.T) {
	t.Parallel()
	c := parse(t, minimal+"listen: 127.0.0.1:0\ngateway: {listen: \"[::1]:0\"}\n")
	if c.PublicURL != "" || c.Gateway.PublicURL != "" {
		t.Errorf("got %q and %q, want none before the port is known", c.PublicURL, c.Gateway.PublicURL)
	}
}

func TestPublicURLLosesItsFinalSlash(t *testing.T) {
	t.Parallel()
	c := parse(t, minimal+"public_url: https://latchkey.example.com/\n")
	if c.PublicURL != "https://latchkey.example.com" {
		t.Errorf("got %q", c.PublicURL)
	}
}

func TestKeeperTakesBothAlphabets(t *testing.T) {
	t.Parallel()
	env := environment()
	env["LATCHKEY_KEY"] = "+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/8="
	c, err := config.Parse("latchkey.yaml", []byte(minimal), lookUp(env), kinds())
	if err != nil {
		t.Fatalf("parse:\n%v", err)
	}
	if got, want := c.Keeper.Expose(), "base64key://-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_8="; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSettingsOfAConnection(t *testing.T) {
	t.Parallel()
	c := parse(t, minimal+`connections:
  zebra: {kind: github, token: t, sync_every: 90m}
  api:
    kind: brokered
    base_url: http://127.0.0.1:9000/v1
    allow_private: true
    token: "a$$b$c ${TEMPO_TOKEN}"
    header: X-Api-Key
    scheme: none
    check_path: /me
    scopes:
      - name: "worklogs:read"
        title: "Worklogs: read"
        access: read
        description: Read worklogs.
        rules: [{methods: [GET], path: "/4/worklogs/**"}, {deny: true, methods: [DELETE], path: "/4/worklogs/{id}"}]
`)
	want := []connectors.Settings{
		{Name: "zebra", Kind: "github", Token: secret.New("t"), SyncEvery: 90 * time.Minute},
		{
			Name: "api", Kind: "brokered", BaseURL: "http://127.0.0.1:9000/v1", AllowPrivate: true,
			Token: secret.New("a$b$c hidden-tempo-token"), Header: "X-Api-Key", Scheme: "none", CheckPath: "/me",
			Scopes: []connectors.Scope{{
				Name: "worklogs:read", Title: "Worklogs: read", Access: connectors.Read, Description: "Read worklogs.",
				Rules: []connectors.Rule{
					{Methods: []string{"GET"}, Path: "/4/worklogs/**"},
					{Methods: []string{"DELETE"}, Path: "/4/worklogs/{id}", Deny: true},
				},
			}},
		},
	}
	sameSecret := cmp.Comparer(func(a, b secret.Value) bool { return a.Expose() == b.Expose() })
	if diff := cmp.Diff(want, c.Connections, sameSecret); diff != "" {
		t.Errorf("connections (-want +got):\n%s", diff)
	}
}

func TestConfigPrintsNoSecret(t *testing.T) {
	t.Parallel()
	c := parse(t, string(config.Example))
	asJSON, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, printed := range []string{fmt.Sprintf("%v %+v %#v", c, *c, c), string(asJSON)} {
		if strings.Contains(printed, "hidden") || strings.Contains(printed, testKey) {
			t.Errorf("a secret was printed: %s", printed)
		}
	}
}

func TestLoadSaysWhichFileIsMissing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "none.yaml")
	_, err := config.Load(path, lookUp(nil), nil)
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
}
