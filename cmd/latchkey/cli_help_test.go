package main

import (
	"strings"
	"testing"
)

// commands are all of them, with the root as the empty one.
func commands() []string {
	return []string{
		"", "demo", "serve", "migrate", "doctor", "manifest", "healthcheck",
		"config", "config example", "config key", "config validate", "config schema",
		"policy", "policy explain", "policy test", "enforce", "leaked",
		"audit", "audit export", "audit verify", "audit prove", "audit key", "audit erase", "audit accept", "audit deliver", "audit evidence", "audit check-evidence",
	}
}

// TestHelp holds every help to a golden file. Read them one after the other
// when they change: together they are a newcomer's first hour.
func TestHelp(t *testing.T) {
	t.Parallel()
	for _, command := range commands() {
		name := strings.ReplaceAll("latchkey "+command, " ", "-")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := latchkey(t.Context(), nil, append(strings.Fields(command), "--help")...)
			if got.status != 0 || got.err != "" {
				t.Errorf("exit status %d, errors %q", got.status, got.err)
			}
			golden(t, "help/"+strings.TrimSuffix(name, "-")+".golden", got.out)
		})
	}
}

// TestHelpNamesEveryCommand guards the list above.
func TestHelpNamesEveryCommand(t *testing.T) {
	t.Parallel()
	known := strings.Join(commands(), "\n") + "\n"
	for _, of := range []string{"", "config", "policy", "audit"} {
		help := latchkey(t.Context(), nil, append(strings.Fields(of), "--help")...).out
		_, list, _ := strings.Cut(help, "\nCommands:\n")
		list, _, _ = strings.Cut(list, "\n\n")
		for line := range strings.Lines(list) {
			name, _, _ := strings.Cut(strings.TrimPrefix(line, "  "), "   ")
			if name != "" && !strings.Contains(known, "\n"+name+"\n") {
				t.Errorf("%q has no golden help", name)
			}
		}
	}
}

func TestNothingShowsHelp(t *testing.T) {
	t.Parallel()
	got, want := latchkey(t.Context(), nil), latchkey(t.Context(), nil, "--help")
	if got != want || got.status != 0 {
		t.Errorf("got status %d\n%s%s", got.status, got.out, got.err)
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	if got := latchkey(t.Context(), nil, "--version"); got != (ran{0, version + "\n", ""}) {
		t.Errorf("got %+v", got)
	}
}

// TestMisuse: usage and the nearest match on the error output, nothing on the
// other, and exit status 2.
func TestMisuse(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ args, usage, says string }{
		{"serv", "Usage: latchkey <command>", `unexpected argument serv, did you mean "serve"?`},
		{"wallpaper", "Usage: latchkey <command>", "unexpected argument wallpaper\n"},
		{"--lock-level=debug", "Usage: latchkey <command>", `unknown flag --lock-level, did you mean "--log-level"?`},
		{"--log-level=loud doctor", "Usage: latchkey", `--log-level must be one of "debug","info","warn","error" but got "loud"`},
		{"serve --rols bot", "Usage: latchkey serve", `unknown flag --rols, did you mean "--roles"?`},
		{"serve now", "Usage: latchkey serve", "unexpected argument now"},
		{"config", "config validate", `expected one of "example", "key", "validate", "schema"`},
		{"config validat", "config validate", `unexpected argument validat, did you mean "validate"?`},
		{"config validate a b", "Usage: latchkey config validate [<file>]", "unexpected argument b"},
		{"policy explane", "policy explain", `unexpected argument explane, did you mean "explain"?`},
		{"policy test", "Usage: latchkey policy test <file>", `expected "<file>"`},
		{"policy explain", "Usage: latchkey policy explain", "missing flags: --requester=EMAIL, --scopes=SCOPE,..., --system=NAME"},
		{"doctor --config", "Usage: latchkey doctor", "--config: expected string value"},
		{"manifest --nam x", "Usage: latchkey manifest", `unknown flag --nam, did you mean "--name"?`},
	} {
		t.Run(tc.args, func(t *testing.T) {
			t.Parallel()
			got := latchkey(t.Context(), nil, strings.Fields(tc.args)...)
			if got.status != 2 || got.out != "" {
				t.Errorf("exit status %d, want 2; output %q, want none", got.status, got.out)
			}
			_, last, _ := strings.Cut(got.err, "\nlatchkey: ")
			if !strings.Contains(got.err, tc.usage) || !strings.HasPrefix(last, strings.TrimSuffix(tc.says, "\n")) {
				t.Errorf("want %q and %q in:\n%s", tc.usage, tc.says, got.err)
			}
		})
	}
}
