package main

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestMain lets tests start the command as a process of its own: `latchkey`
// is on their PATH.
func TestMain(m *testing.M) {
	testscript.Main(undisturbed{m}, map[string]func(){"latchkey": main})
}

// undisturbed runs tests without the variables that change what is printed.
// The commands they start keep theirs.
type undisturbed struct{ *testing.M }

// Run implements testscript.TestingM.
func (m undisturbed) Run() int {
	for _, name := range []string{"COLUMNS", "LATCHKEY_CONFIG", "LATCHKEY_LOG_LEVEL", "LATCHKEY_LOG_JSON"} {
		_ = os.Unsetenv(name)
	}
	return m.M.Run()
}

// ran is what a command did.
type ran struct {
	status   int
	out, err string
}

// latchkey runs a command to its end, without a process.
func latchkey(ctx context.Context, env map[string]string, args ...string) ran {
	var out, errOut bytes.Buffer
	status := run(ctx, args, &out, &errOut, variables(env))
	return ran{status, out.String(), errOut.String()}
}

func variables(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	}
}

// golden compares a text with a file under testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}
