package main

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"latchkey/bot/slacksim/blockkit"
	"latchkey/cmd/latchkey/config"
)

func TestConfigKeyIsAKeeper(t *testing.T) {
	t.Parallel()
	first, second := latchkey(t.Context(), nil, "config", "key"), latchkey(t.Context(), nil, "config", "key")
	if first.status != 0 || first.err != "" || first.out == second.out {
		t.Fatalf("got %+v, then %+v", first, second)
	}
	key := strings.TrimSuffix(first.out, "\n")
	if b, err := base64.URLEncoding.DecodeString(key); err != nil || len(b) != 32 {
		t.Errorf("the key has %d bytes, want 32: %v", len(b), err)
	}
	env := map[string]string{"LATCHKEY_KEY": key, "SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "TEMPO_TOKEN": "t"}
	cfg, err := config.Parse("example", config.Example, variables(env), kindFields())
	if err != nil {
		t.Fatal(err)
	}
	k, done, err := openKeeper(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	if err := keeperWorks(t.Context(), k); err != nil {
		t.Error(err)
	}
}

func TestConfigPrintsWhatIsBuiltIn(t *testing.T) {
	t.Parallel()
	for command, want := range map[string][]byte{"schema": config.Schema, "example": config.Example} {
		if got := latchkey(t.Context(), nil, "config", command); got != (ran{0, string(want), ""}) {
			t.Errorf("config %s: status %d, errors %q, %d bytes, want %d", command, got.status, got.err, len(got.out), len(want))
		}
	}
	if !json.Valid(config.Schema) {
		t.Error("the schema is no JSON")
	}
}

func TestManifestIsValid(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"manifest"}, {"manifest", "--command=/keys", "--name=Key Desk"}} {
		got := latchkey(t.Context(), nil, args...)
		if got.status != 0 {
			t.Errorf("%v: %+v", args, got)
		}
		for _, p := range blockkit.ValidateManifest([]byte(got.out)) {
			t.Errorf("%v: Slack would refuse: %+v", args, p)
		}
	}
}
