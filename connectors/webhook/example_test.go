package webhook_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/webhook"
)

// What the documentation tells people to type works.
func TestExample(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"sh", "curl", "openssl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("no %s here", program)
		}
	}
	c, _ := open(t)
	c.SetNow(time.Now)
	arrived := make(chan []connectors.PersonEvent, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		events, err := c.Events(r, body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		arrived <- events
	}))
	defer srv.Close()
	script := strings.NewReplacer(
		"https://latchkey.example.com/hooks/hr", srv.URL,
		"2026-11-21T12:00:00Z", time.Now().UTC().Format(time.RFC3339),
	).Replace(webhook.Example)
	cmd := exec.CommandContext(t.Context(), "sh", "-euc", script)
	cmd.Env = append(cmd.Environ(), "SIGNING_SECRET="+signingSecret)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	got := <-arrived
	if len(got) != 1 || got[0].ID != "hr-2026-0042" || got[0].Active || got[0].Account.Email != "frank@example.com" {
		t.Errorf("events = %v", got)
	}
}
