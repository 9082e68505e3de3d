package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"latchkey/bot"
	"latchkey/bot/slacksim"
	"latchkey/connectors/tempo/tempotest"
	"latchkey/secret"
	"latchkey/storage"
	"latchkey/storage/storagetest"
)

// siteConfig is a configuration that has everything from the environment.
const siteConfig = "testdata/doctor.yaml"

// site is all that an installation depends on, well until a test breaks it.
type site struct {
	slack  *slacksim.Sim
	public *httptest.Server // what people's browsers reach
	env    map[string]string
}

// newSite starts one whose Slack app lacks some of its scopes.
func newSite(t *testing.T, lacks ...string) *site {
	t.Helper()
	manifest, err := bot.Manifest("/tokens", "Latchkey")
	if err != nil {
		t.Fatal(err)
	}
	sim, err := slacksim.Start(t.Context(), slacksim.Config{Manifest: without(t, manifest, lacks), Logger: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Close() })
	token := secret.Token(32)
	tempo := httptest.NewServer(tempotest.New(tempotest.Config{Tokens: []secret.Value{token}, PerSecond: -1}).Handler())
	t.Cleanup(tempo.Close)
	public := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(public.Close)
	return &site{slack: sim, public: public, env: map[string]string{
		"SLACK_API_URL": sim.APIURL(), "SLACK_BOT_TOKEN": sim.BotToken(), "SLACK_APP_TOKEN": sim.AppToken(),
		"DATABASE_URL": database(t), "DATA_DIR": t.TempDir(), "PUBLIC_URL": public.URL, "LATCHKEY_KEY": newKeeperKey(),
		"TEMPO_TOKEN": token.Expose(), "TEMPO_URL": tempo.URL, "LONGEST": "90d", "SCOPE": "*:view",
	}}
}

// without takes bot scopes out of a manifest.
func without(t *testing.T, manifest []byte, scopes []string) []byte {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal(manifest, &doc); err != nil {
		t.Fatal(err)
	}
	granted := doc["oauth_config"].(map[string]any)["scopes"].(map[string]any)
	granted["bot"] = slices.DeleteFunc(granted["bot"].([]any), func(s any) bool { return slices.Contains(scopes, s.(string)) })
	out, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// run runs a command of the site's, and fails if it shows a secret.
func (s *site) run(t *testing.T, args ...string) ran {
	t.Helper()
	got := latchkey(t.Context(), s.env, append(args, "--config", siteConfig)...)
	s.keepsSecrets(t, got.out+got.err)
	return got
}

func (s *site) keepsSecrets(t *testing.T, shown string) {
	t.Helper()
	for _, name := range []string{"SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "LATCHKEY_KEY", "TEMPO_TOKEN"} {
		if s.env[name] != "" && strings.Contains(shown, s.env[name]) {
			t.Errorf("%s is shown:\n%s", name, shown)
		}
	}
	if strings.Contains(shown, hiddenPassword) {
		t.Errorf("the password of the database is shown:\n%s", shown)
	}
}

// hiddenPassword stands in database URLs that lead nowhere.
const hiddenPassword = "hidden-password"

// emptyDatabase is one without our schema.
func emptyDatabase(t *testing.T) string {
	t.Helper()
	return storagetest.Database(t, storagetest.Template{Key: "nothing", Migrate: func(context.Context, string) error { return nil }})
}

// openedDB is a connection of the test's own.
func openedDB(t *testing.T, dsn string) *storage.DB {
	t.Helper()
	db, err := storage.Open(t.Context(), storage.Config{DSN: dsn, Logger: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}
