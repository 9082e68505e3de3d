package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"latchkey/connectors/github/githubtest"
)

// A token of which nothing but its text is known is dead after the command,
// and only with --yes.
func TestLeakedTokensAreEnded(t *testing.T) {
	t.Parallel()
	const app, installation = 42, 7
	d, base := githubtest.Start(t, githubtest.Config{AppID: app, InstallationID: installation})
	d.AddMember("alice")
	leaked := d.AddPAT(githubtest.PAT{Owner: "alice", Name: "laptop"}).Secret
	env := map[string]string{"LATCHKEY_KEY": newKeeperKey(), "APP_KEY": d.PrivateKey().Expose()}
	file := filepath.Join(t.TempDir(), "latchkey.yaml")
	text := fmt.Sprintf(`
keeper: "base64key://${LATCHKEY_KEY}"
admins: [it]
groups: {it: {members: [erin@example.com]}}
connections:
  github: {kind: github, org_id: %s, app_id: %d, installation_id: %d, private_key: "${APP_KEY}", base_url: %q, allow_private: true}
policies: []
`, githubtest.DefaultOrg, app, installation, base)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	c := &console{ctx: context.Background(), out: &out, err: &out, log: zerolog.Nop(), env: func(k string) (string, bool) { v, ok := env[k]; return v, ok }}
	for _, yes := range []bool{false, true} {
		cmd := &leakedCommand{System: "github", Yes: yes, ConfigFile: file, in: strings.NewReader(leaked.Expose() + "\n")}
		if err := cmd.Run(c); err != nil {
			t.Fatal(err)
		}
		if d.Works(leaked) == yes {
			t.Errorf("with --yes %t the token works: %t", yes, !yes)
		}
	}
	if got := out.String(); !strings.Contains(got, "Nothing was done") || strings.Contains(got, leaked.Expose()) {
		t.Errorf("printed %q", got)
	}
}
