package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/cmd/latchkey/config"
)

// TestBadFiles holds every message to a golden file.
func TestBadFiles(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("found %d files: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := problems(t, filepath.Base(file), data).Error() + "\n"
			golden := strings.TrimSuffix(file, ".yaml") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestProblemsAreInTheOrderOfTheFile(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/bad/everything.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p := problems(t, "x", data)
	if len(p.List) < 20 {
		t.Errorf("got %d problems, want at least 20", len(p.List))
	}
	if !slices.IsSortedFunc(p.List, func(a, b config.Problem) int {
		return (a.Line-b.Line)*1000 + a.Column - b.Column
	}) {
		t.Error("the problems are not in the order of the file")
	}
}

// TestOddBytes has the files that no editor would keep as they are.
func TestOddBytes(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, give, want string }{
		{"empty", "", "f:1:1: the file is empty: start from latchkey.example.yaml"},
		{"only a mark", "\uFEFF", "f:1:1: the file is empty: start from latchkey.example.yaml"},
		{"only comments", "# a\n\n# b\n", "f:1:1: the file is empty: start from latchkey.example.yaml"},
		{"not UTF-8", "admins: [ops]\n# caf\xe9\n", "f:2:6: the file is not UTF-8 text: save it in that encoding"},
		{"UTF-16", "\xff\xfea\x00", "f:1:1: the file is not UTF-8 text: save it in that encoding"},
		{"NUL", minimal + "listen: \"\x00\"\n", "f:5:10: the file is not UTF-8 text: save it in that encoding"},
		{"tab", "slack:\n\tbot_token: x\n", "f:2:1: a tab can't be used here: indent with spaces"},
		{"huge", strings.Repeat("# a comment\n", 100_000), "f:1:1: the file is larger than 1 MiB: this is probably not a configuration"},
		{"busy", "people: [" + strings.Repeat("a,", 30_000) + "]", "f:1:50007: the file has too much in it: this is probably not a configuration"},
		{"deep brackets", "people: " + strings.Repeat("[", 400_000), "f:1:40: lists and mappings are nested too deep here: no setting needs it"},
		{"deep dashes", strings.Repeat("- ", 20_000), "f:1:65: lists and mappings are nested too deep here: no setting needs it"},
		{"deep questions", strings.Repeat("? ", 20_000), "f:1:65: lists and mappings are nested too deep here: no setting needs it"},
		{"deep indentation", deepIndentation(100), "f:33:33: lists and mappings are nested too deep here: no setting needs it"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, problems(t, "f", []byte(tc.give)).Error()); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func deepIndentation(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

// TestWindowsFile reads the same from an editor that marks and ends lines in
// its own way, and has the same positions.
func TestWindowsFile(t *testing.T) {
	t.Parallel()
	parse(t, "\uFEFF"+strings.ReplaceAll(string(config.Example), "\n", "\r\n"))

	bad, err := os.ReadFile("testdata/bad/everything.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := problems(t, "f", bad)
	got := problems(t, "f", []byte("\uFEFF"+strings.ReplaceAll(string(bad), "\n", "\r\n")))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-LF +CRLF):\n%s", diff)
	}
}

// TestSecretsInTheFileAreNotRepeated has people write secrets where the
// environment's name should be, and make a mistake.
func TestSecretsInTheFileAreNotRepeated(t *testing.T) {
	t.Parallel()
	p := problems(t, "f", []byte(`slack: {bot_token: "hidden 1", app_token: ["hidden 2"]}
database_url: hidden3
keeper: "base64key://hidden4"
admins: [ops]
groups: {ops: {scim: Ops}}
connections:
  a: {kind: tempo, token: {hidden: 5}}
  b: {kind: atlassian, token: hidden6, api_key: [hidden7]}
  c: {kind: tempo, token: "hidden ${hidden8 $ {hidden9}"}
`))
	want := []string{
		"slack.bot_token", "slack.app_token", "database_url", "keeper",
		"connections.a.token", "connections.b", "connections.b.api_key", "connections.c.token",
	}
	var got []string
	for _, one := range p.List {
		got = append(got, one.Path)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("paths (-want +got):\n%s", diff)
	}
}
