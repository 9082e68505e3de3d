package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
)

// --data keeps the demo's world: keys work, messages are there and go on
// being corrected, and the vendors have what they had, at the time it was.
func TestDemoKeepsItsWorld(t *testing.T) {
	t.Parallel()
	w := newLivedInWorld(t)
	w.sync("jira", "github", "gitlab", "timepiece")
	w.must(w.jumpClock(w.ctx, jumps["day"]))
	w.request("U0ALICE", "tempo", "read", "7d", "A report for the team")
	key, token := w.reveal("U0ALICE")
	id := w.request("U0ALICE", "tempo", "write", "7d", "Fix last month's import of worklogs")
	w.card("U0BOB", id, "approve")

	found, had := w.count(`SELECT count(*) FROM credential WHERE NOT managed`), w.everyHolding()
	w.must(w.demo.close())
	d, err := startDemo(w.ctx, demoCommand{Slack: "127.0.0.1:0", Panel: "127.0.0.1:0", Server: "127.0.0.1:0", Gateway: "127.0.0.1:0",
		Data: w.data, databaseURL: w.env["DEMO_DATABASE_URL"], world: testWorld(), patient: patience}, zerolog.New(w.log))
	w.must(err)
	w.demo = d
	t.Cleanup(func() { _ = d.close() })

	if d := cmp.Diff(had, w.everyHolding()); d != "" {
		t.Errorf("what the vendors have (-before +after)\n%s", d)
	}
	w.sync("jira", "github", "gitlab", "timepiece")
	if n := w.count(`SELECT count(*) FROM credential WHERE NOT managed`); n != found {
		t.Errorf("%d keys are found, before there were %d", n, found)
	}
	w.until(key, "/4/worklogs", http.StatusOK)
	w.says(w.slash("U0ALICE", "/tokens mine"), token)
	w.says(w.click("U0BOB", id, "approve"), "counted")
	w.says(w.click("U0CAROL", id, "approve"), "counted")
	w.await("the old cards to be closed", func() bool {
		return !strings.Contains(w.transcript("U0BOB", w.user("U0BOB").DM()), `"approve/`+id)
	})
}

// everyHolding is what every vendor has, as text.
func (w *world) everyHolding() []string {
	var out []string
	for _, s := range w.systems() {
		for _, h := range s.holdings() {
			out = append(out, fmt.Sprintf("%s %s %s %s %v %s %v %v", s.Name, h.ID, h.Owner, h.Label, h.Scopes, h.Shown(), h.Works, w.accepts(s.Name, h)))
		}
	}
	return out
}

// accepts tells whether a vendor lets a secret in.
func (w *world) accepts(system string, h holding) bool {
	switch system {
	case "jira":
		return w.jira.Works(h.Secret)
	case "github":
		return w.github.Works(h.Secret)
	case "gitlab":
		return w.gitlab.Works(h.Secret)
	case "timepiece":
		return w.timepiece.Works(h.Secret)
	case "acme":
		return w.acme.Works(h.Secret)
	}
	return w.tempo.Works(h.Secret)
}
