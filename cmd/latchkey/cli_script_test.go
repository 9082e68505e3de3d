package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs the command as people do: a process, files and environment
// variables.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("SLACK_BOT_TOKEN", "xoxb-hidden-bot")
			e.Setenv("SLACK_APP_TOKEN", "xapp-hidden-app")
			e.Setenv("TEMPO_TOKEN", "hidden-tempo")
			e.Setenv("LATCHKEY_KEY", "c21hbGwga2V5cyBhcmUgbm90IGtleXMgYXQgYWxsICE=")
			return nil
		},
	})
}
