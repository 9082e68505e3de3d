package server

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The strictest rules of a public linter find nothing to say about the
// document.
func TestTheDocumentLintsClean(t *testing.T) {
	t.Parallel()
	tools := os.Getenv("LATCHKEY_NODE_TOOLS")
	if tools == "" && os.Getenv("CI") == "true" {
		t.Fatal("this test needs LATCHKEY_NODE_TOOLS, a node_modules with @redocly/cli")
	}
	if tools == "" {
		t.Skip("this test needs LATCHKEY_NODE_TOOLS, a node_modules with @redocly/cli, and it is not set: see .ci/run")
	}
	b := setup(t)
	dir := t.TempDir()
	for _, name := range []string{"openapi.json", "openapi.yaml"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(b.do(t, http.MethodGet, "/v1/"+name).body), 0o600); err != nil {
			t.Fatal(err)
		}
		lint := exec.CommandContext(t.Context(), filepath.Join(tools, ".bin", "redocly"), "lint", name, "--extends=recommended-strict", "--format=stylish")
		lint.Dir = dir
		lint.Env = append(os.Environ(), "REDOCLY_TELEMETRY=off", "REDOCLY_SUPPRESS_UPDATE_NOTICE=true")
		if said, err := lint.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, said)
		}
	}
}
