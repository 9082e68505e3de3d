package server

import (
	"context"
	"encoding/base64"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What the documentation tells people to type works: the call as its users
// proposed it to their vendor, and opening the answer with what comes with
// Node.js or with Python.
func TestTheDocumentedRotation(t *testing.T) {
	t.Parallel()
	need(t, "sh", "curl")
	for name, open := range map[string][]string{
		"node":   {"node", "testdata/rotation/open.js"},
		"python": {"python3", "testdata/rotation/open.py"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			need(t, open[0])
			if name == "python" && exec.CommandContext(t.Context(), "python3", "-c", "import cryptography").Run() != nil {
				t.Skip("this test needs Python's cryptography package, and it is not on this machine")
			}
			b := setupAPI(t)
			old := b.bobs(t)
			script, err := os.ReadFile(filepath.Join("testdata", "rotation", "rotate.sh"))
			if err != nil {
				t.Fatal(err)
			}
			at := func(days int) string { return time.Now().AddDate(0, 0, days).UTC().Format(time.RFC3339) }
			call := strings.NewReplacer("https://latchkey.example.com", b.http.URL, "2027-01-31T12:00:00Z", at(60), "2027-01-02T12:00:00Z", at(2)).Replace(string(script))
			cmd := exec.CommandContext(t.Context(), "sh", "-euc", call)
			cmd.Env = append(cmd.Environ(), "KEY_ID="+strings.ToLower(old.ID.String()), "LATCHKEY_KEY="+b.key, "JOB_ID=4711")
			answer, err := cmd.Output()
			if err != nil {
				t.Fatalf("curl: %v", err)
			}
			want := b.unsealed(t, reply{status: http.StatusOK, body: string(answer)}.data(t))
			cmd = exec.CommandContext(t.Context(), open[0], open[1])
			cmd.Env = append(cmd.Environ(), "LATCHKEY_PSK="+base64.StdEncoding.EncodeToString([]byte(b.psk.Expose())))
			cmd.Stdin = strings.NewReader(string(answer))
			got, err := cmd.Output()
			if err != nil || string(got) != want {
				t.Fatalf("%s does not open it: %v", name, err)
			}
			hash := b.service.Keys.Box.Hash(string(got))
			var live bool
			err = b.db.Pool().QueryRow(context.WithoutCancel(t.Context()), `SELECT state = 'active' FROM credential WHERE key_hash = $1`, hash[:]).Scan(&live)
			if err != nil || !live {
				t.Errorf("the gateway does not know that key: %v", err)
			}
		})
	}
}

// need skips a test whose program is not on this machine; CI has to have it.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, name := range programs {
		_, err := exec.LookPath(name)
		if err != nil && os.Getenv("CI") == "true" {
			t.Fatalf("this test needs %s", name)
		}
		if err != nil {
			t.Skipf("this test needs %s, and there is none on this machine", name)
		}
	}
}
