package gateway

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"latchkey/connectors"
	"latchkey/connectors/brokered"
)

// The plain clients run as they stand on the page that shows them, through a
// gateway, and tell of a refusal.
func TestPlainClientsWork(t *testing.T) {
	t.Parallel()
	const says = `{"results":[1,2,3]}`
	b := start(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, says) }, nil)
	key, _ := b.issue(t, "tempo", "worklogs:view")
	poor, _ := b.issue(t, "tempo", "plans:view")
	dir := t.TempDir()
	for _, guide := range brokered.PlainClients(connectors.ClientAddress{Base: "http://" + b.addr + "/tempo", Read: "/4/worklogs"}) {
		language, _, _ := strings.Cut(guide.Name, ",")
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			run := runner(t, dir, language, guide.Code)
			if out, err := run(key); err != nil || !strings.Contains(out, says) {
				t.Errorf("with a key that may: %v\n%s", err, out)
			}
			if out, err := run(poor); err == nil || !strings.Contains(out, `"needs"`) || !strings.Contains(out, "worklogs:view") {
				t.Errorf("with a key that may not: %v\n%s", err, out)
			}
		})
	}
}

// runner writes a client down and returns what runs it with a key. It skips
// where the program is missing: none of them is needed to build or test
// anything else.
func runner(t *testing.T, dir, language, code string) func(key string) (string, error) {
	t.Helper()
	programs := map[string]struct {
		file string
		args []string
	}{
		"curl":    {"client.sh", []string{"sh"}},
		"Python":  {"client.py", []string{"python3"}},
		"Node.js": {"client.mjs", []string{"node"}},
		"Go":      {"client.go", []string{"go", "run"}},
	}
	p, known := programs[language]
	if !known {
		t.Fatalf("nobody runs the client for %s", language)
	}
	needs := p.args[0]
	if language == "curl" {
		needs = "curl"
	}
	if _, err := exec.LookPath(needs); err != nil {
		t.Skipf("this test needs %s, and there is none on this machine", needs)
	}
	if language == "Python" && exec.CommandContext(t.Context(), "python3", "-c", "import requests").Run() != nil {
		t.Skip("this test needs Python's requests, and it is not on this machine")
	}
	file := filepath.Join(dir, p.file)
	if err := os.WriteFile(file, []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	return func(key string) (string, error) {
		cmd := exec.CommandContext(t.Context(), p.args[0], append(p.args[1:], file)...)
		cmd.Env = append(os.Environ(), "LATCHKEY_KEY="+key, "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
}
