package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"latchkey/cmd/latchkey/config"
	"latchkey/connectors/catalog"
	"latchkey/workflow"
)

// The README's facts are the code's: the table, the diagrams, the example.
func TestReadme(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme := string(b)
	if table := strings.TrimSpace(catalog.Table()); !strings.Contains(readme, table) {
		t.Errorf("the capability table is not the code's, which is\n%s", table)
	}
	diagrams, err := workflow.Diagrams()
	if err != nil {
		t.Fatal(err)
	}
	for name, d := range diagrams {
		if !strings.Contains(readme, "```mermaid\n"+strings.TrimSpace(d)+"\n```") {
			t.Errorf("the diagram of the %s is not the code's, which is\n%s", name, d)
		}
	}
	example := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindStringSubmatch(readme)
	if example == nil {
		t.Fatal("no configuration example")
	}
	env := map[string]string{"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "LATCHKEY_KEY": newKeeperKey(), "TEMPO_TOKEN": "t", "WIKI_TOKEN": "w", "DATABASE_URL": "postgres://localhost/latchkey"}
	cfg, err := config.Parse("README.md", []byte(example[1]), func(k string) (string, bool) { v, ok := env[k]; return v, ok }, kindFields())
	if err != nil {
		t.Fatal(err)
	}
	rules, err := compile(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	scenarios := regexp.MustCompile(`(?m)^\S+@example\.com .* -> .*$`).FindAllString(readme, -1)
	if len(scenarios) < 2 {
		t.Fatal("no scenarios")
	}
	if err := runScenarios(os.Stderr, rules, "README.md", strings.Join(scenarios, "\n")); err != nil {
		t.Error(err)
	}
}
