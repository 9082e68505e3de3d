package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Slack down: readiness says so, work goes on, and everybody is told later.
func TestSlackDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.request("U0ALICE", "tempo", "write", "7d", "Fix last month's import of worklogs")
	w.card("U0BOB", id, "approve")
	w.sim.Knobs().Down(true)
	w.eventually("readiness to fail", func() bool {
		status, body := w.get(w.main.URL()+"/readyz", "")
		return status == http.StatusServiceUnavailable && strings.Contains(body, "slack")
	})
	w.must(w.jumpClock(w.ctx, jumps["day"]+jumps["hour"]))
	if n := w.count(`SELECT count(*) FROM request WHERE state = 'lapsed'`); n != 1 {
		t.Fatal("work stopped with Slack")
	}
	w.sim.Knobs().Down(false)
	w.await("Alice to be told after all", func() bool {
		return strings.Contains(strings.ToLower(w.transcript("U0ALICE", w.user("U0ALICE").DM())), "lapsed")
	})
	w.eventually("readiness to come back", func() bool { status, _ := w.get(w.main.URL()+"/readyz", ""); return status == http.StatusOK })
}

// Vendor down: the request says that it is being tried again, never that it
// is active; once the vendor is back the key is made, once.
func TestVendorDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.breakAcme(true)
	id := w.request("U0ALICE", "acme", "read", "7d", "Look at the customers")
	w.click("U0ERIN", id, "approve")
	dm := func() string { return w.transcript("U0ALICE", w.user("U0ALICE").DM()) }
	w.await("the retry to be told", func() bool { return strings.Contains(dm(), "retrying") })
	if strings.Contains(dm(), "Active") || revealURLs.MatchString(dm()) {
		t.Fatalf("promised before the vendor's success was stored:\n%s", dm())
	}
	w.breakAcme(false)
	w.await("the key", func() bool { return revealURLs.MatchString(dm()) })
	if n := len(w.acme.Live()); n != 1 {
		t.Fatalf("%d keys at the vendor, want 1", n)
	}
}

// Database down: an honest "try again", and nothing is acked as done.
func TestDatabaseDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.request("U0ALICE", "tempo", "write", "7d", "Fix last month's import of worklogs")
	card := w.card("U0BOB", id, "approve")
	back := w.closeDatabase()
	if got := w.slash("U0ALICE", "/tokens mine"); !strings.Contains(got, "nothing was done") {
		t.Errorf("a command is told %q", got)
	}
	if got := w.clickOn("U0BOB", card, "approve/"+id); !strings.Contains(got, "nothing was done") {
		t.Errorf("a click is told %q", got)
	}
	back()
	if n := w.count(`SELECT count(*) FROM review`); n != 0 {
		t.Fatalf("%d votes were counted without a database", n)
	}
	w.says(w.click("U0BOB", id, "approve"), "counted")
}

// closeDatabase shuts everybody out of the test's database until it is let
// back in.
func (w *world) closeDatabase() (back func()) {
	w.t.Helper()
	cfg := w.main.db.Pool().Config().ConnConfig.Copy()
	name := cfg.Database
	cfg.Database = "postgres"
	admin, err := pgx.ConnectConfig(w.ctx, cfg)
	w.must(err)
	_, err = admin.Exec(w.ctx, `ALTER DATABASE `+pgx.Identifier{name}.Sanitize()+` ALLOW_CONNECTIONS false`)
	w.must(err)
	_, err = admin.Exec(w.ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1`, name)
	w.must(err)
	return func() {
		_, err := admin.Exec(w.ctx, `ALTER DATABASE `+pgx.Identifier{name}.Sanitize()+` ALLOW_CONNECTIONS true`)
		w.must(err)
		w.must(admin.Close(w.ctx))
		w.eventually("the database to be back", func() bool { return w.main.db.Ping(w.ctx) == nil })
	}
}

// A gateway of its own refuses a key within the second of its revoke.
func TestGatewayAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alone := w.replica(RoleGateway)
	w.request("U0ALICE", "tempo", "read", "7d", "A report for the team")
	key, token := w.reveal("U0ALICE")
	ask := func() int {
		status, _ := w.get(alone.GatewayURL()+"/tempo/4/worklogs", key)
		return status
	}
	w.eventually("the key to reach the gateway", func() bool { return ask() == http.StatusOK })
	w.slash("U0ERIN", "/tokens revoke "+token+" it leaked")
	began := time.Now()
	w.eventually("the revoke to reach the gateway", func() bool { return ask() == http.StatusUnauthorized })
	t.Logf("refused %s after the revoke was answered", time.Since(began).Round(time.Millisecond))
}

// eventually asks something outside Slack again and again, as fast as it
// answers.
func (w *world) eventually(what string, cond func() bool) {
	w.t.Helper()
	for end := time.Now().Add(patience); !cond(); {
		if time.Now().After(end) {
			w.t.Fatalf("waited in vain for %s\n%s", what, w.log)
		}
	}
}
