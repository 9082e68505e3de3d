package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

// --data keeps the demo's world: keys work, messages are there and go on
// being corrected.
func TestDemoKeepsItsWorld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.request("U0ALICE", "tempo", "read", "7d", "A report for the team")
	key, token := w.reveal("U0ALICE")
	id := w.request("U0ALICE", "tempo", "write", "7d", "Fix last month's import of worklogs")
	w.card("U0BOB", id, "approve")

	w.must(w.demo.close())
	d, err := startDemo(w.ctx, demoCommand{Slack: "127.0.0.1:0", Panel: "127.0.0.1:0", Server: "127.0.0.1:0", Gateway: "127.0.0.1:0",
		Data: w.data, databaseURL: w.env["DEMO_DATABASE_URL"], world: testWorld(), patient: patience}, zerolog.New(w.log))
	w.must(err)
	w.demo = d
	t.Cleanup(func() { _ = d.close() })

	w.until(key, "/4/worklogs", http.StatusOK)
	w.says(w.slash("U0ALICE", "/tokens mine"), token)
	w.says(w.click("U0BOB", id, "approve"), "counted")
	w.says(w.click("U0CAROL", id, "approve"), "counted")
	w.await("the old cards to be closed", func() bool {
		return !strings.Contains(w.transcript("U0BOB", w.user("U0BOB").DM()), `"approve/`+id)
	})
}
