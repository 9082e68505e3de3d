package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/rs/zerolog"

	"latchkey/bot/slacksim"
	"latchkey/secret"
	"latchkey/storage"
	"latchkey/workflow"
)

// keysOfDrill is how many keys come back to life with the backup.
const keysOfDrill = 1000

// drill is an installation whose database is restored.
type drill struct {
	*site
	t    *testing.T
	log  *safeBuffer
	keys []string
}

func (d *drill) start(roles ...Role) *Main {
	d.t.Helper()
	return d.startIn(d.env["DATA_DIR"], roles...)
}

func (d *drill) startIn(dataDir string, roles ...Role) *Main {
	d.t.Helper()
	cfg, err := loadConfig(&console{env: variables(d.env)}, siteConfig)
	if err != nil {
		d.t.Fatal(err)
	}
	cfg.DataDir, cfg.Slack.ApprovalsChannel = dataDir, "C0APPROVALS"
	m := &Main{Config: cfg, Roles: roles, Logger: zerolog.New(d.log), SlackAPIURL: d.env["SLACK_API_URL"]}
	if err := m.Start(d.t.Context()); err != nil {
		d.t.Fatalf("start: %v\n%s", err, d.log)
	}
	d.t.Cleanup(func() { d.stop(m) })
	return m
}

func (d *drill) stop(m *Main) {
	d.t.Helper()
	if err := m.Stop(context.WithoutCancel(d.t.Context())); err != nil {
		d.t.Errorf("stop: %v", err)
	}
}

func (d *drill) until(what string, cond func() bool) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), patience)
	defer cancel()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for !cond() {
		select {
		case <-ctx.Done():
			d.t.Fatalf("waited in vain for %s\n%s", what, d.log)
		case <-look.C:
		}
	}
}

// issue makes so many brokered keys of a person's.
func (d *drill) issue(m *Main, owner string, n int) storage.PersonID {
	d.t.Helper()
	var person storage.PersonID
	err := m.db.Pool().QueryRow(d.t.Context(), `INSERT INTO person (email, name) VALUES ($1, $1) RETURNING id`, owner).Scan(&person)
	if err != nil {
		d.t.Fatal(err)
	}
	var hashes [][]byte
	for range n {
		key := secret.NewKey().Expose()
		hash := m.keys.Box.Hash(key)
		d.keys, hashes = append(d.keys, key), append(hashes, hash[:])
	}
	_, err = m.db.Pool().Exec(d.t.Context(), `
		INSERT INTO credential (connection, kind, brokered, managed, owner_id, scopes, lifetime_s, state, vendor_ref, key_hash, activated_at, expires_at, use_known)
		SELECT 'tempo', 'api_key', true, true, $1, '{worklogs:view}', 864000, 'active', encode(h, 'hex'), h, latchkey_now(), latchkey_now() + interval '10 days', true
		FROM unnest($2::bytea[]) h`, person, hashes)
	if err != nil {
		d.t.Fatal(err)
	}
	return person
}

// use sends a request with each key, and counts the answers by status.
func (d *drill) use(m *Main, keys []string) map[int]int {
	d.t.Helper()
	out := map[int]int{}
	var mu sync.Mutex
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(keys); i = int(next.Add(1)) - 1 {
				r, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet, m.GatewayURL()+"/tempo/4/worklogs", nil)
				if err != nil {
					d.t.Error(err)
					return
				}
				r.Header.Set("Authorization", "Bearer "+keys[i])
				answer, err := http.DefaultClient.Do(r)
				if err != nil {
					d.t.Error(err)
					return
				}
				_ = answer.Body.Close()
				mu.Lock()
				out[answer.StatusCode]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return out
}

// copyDatabase makes a database a copy of another one that nobody uses; of
// none, it is gone.
func (d *drill) copyDatabase(to, from string) {
	d.t.Helper()
	u, err := url.Parse(d.env["DATABASE_URL"])
	if err != nil {
		d.t.Fatal(err)
	}
	u.Path = "/postgres"
	ctx := context.WithoutCancel(d.t.Context())
	conn, err := pgx.Connect(ctx, u.String())
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	statements := []string{"DROP DATABASE IF EXISTS " + pgx.Identifier{to}.Sanitize() + " WITH (FORCE)"}
	if from != "" {
		statements = append(statements, "CREATE DATABASE "+pgx.Identifier{to}.Sanitize()+" TEMPLATE "+pgx.Identifier{from}.Sanitize()+" STRATEGY wal_log")
	}
	for _, sql := range statements {
		if _, err := conn.Exec(ctx, sql); err != nil {
			d.t.Fatal(err)
		}
	}
}

// published is what the replica keeps outside the database.
func (d *drill) published(name string) string {
	b, err := os.ReadFile(filepath.Join(d.env["DATA_DIR"], "audit", name))
	if err != nil {
		return ""
	}
	return string(b)
}

// TestRestoreFromABackup: a thousand keys are revoked and a person leaves after
// the backup. None of those keys ever works again, on any replica, and what was
// never revoked works after an operator accepted the loss.
func TestRestoreFromABackup(t *testing.T) {
	t.Parallel()
	d := &drill{site: newSite(t), t: t, log: &safeBuffer{}}
	dsn, err := url.Parse(d.env["DATABASE_URL"])
	if err != nil {
		t.Fatal(err)
	}
	live := strings.TrimPrefix(dsn.Path, "/")
	backup := live + "_backup"

	m := d.start()
	d.issue(m, "robot@elsewhere.example", keysOfDrill)
	leaver := d.issue(m, "leaver@elsewhere.example", 1)
	d.issue(m, "stayer@elsewhere.example", 1)
	ended, kept := d.keys[:keysOfDrill+1], d.keys[keysOfDrill+1:]
	some := ended[keysOfDrill-50:]
	d.until("the keys to work", func() bool {
		return m.gateway.Ready() == nil && d.use(m, d.keys[keysOfDrill:])[http.StatusUnauthorized] == 0
	})
	if got := d.use(m, append(slices.Clip(some), kept...)); got[http.StatusOK] != len(some)+1 {
		t.Fatalf("before: %v", got)
	}
	// A history for the backup to have.
	if err := m.db.InTx(t.Context(), func(ctx context.Context, tx storage.Tx) error {
		return tx.Record(ctx, storage.System("test"), storage.Event{Action: "audit.drilled", Subject: storage.SubjectAudit})
	}); err != nil {
		t.Fatal(err)
	}
	d.until("the first checkpoint", func() bool { return d.published("checkpoint") != "" })
	d.stop(m)
	d.copyDatabase(backup, live)
	t.Cleanup(func() { d.copyDatabase(backup, "") })

	m = d.start()
	d.revokeAll(m)
	if _, err := m.workflow.Offboard(t.Context(), workflow.Leave{Person: leaver, Source: "hr", SourceKey: "1", By: storage.System("test"), Reason: "left"}); err != nil {
		t.Fatal(err)
	}
	d.until("it all to be published", func() bool {
		text := d.published("ended")
		return strings.Contains(text, fmt.Sprintf(" person %d left\n", leaver)) && strings.Count(text, " revoked\n") >= keysOfDrill
	})
	old := d.published("checkpoint")
	d.stop(m)
	d.copyDatabase(live, backup)

	m = d.start()
	apart := d.startIn(t.TempDir(), RoleGateway) // a gateway elsewhere that has no file
	if got := d.use(m, d.keys); got[http.StatusServiceUnavailable] != len(d.keys) {
		t.Errorf("in quarantine: %v, want %d times 503", got, len(d.keys))
	}
	if got := d.use(apart, some); got[http.StatusServiceUnavailable] != len(some) {
		t.Errorf("a gateway elsewhere in quarantine: %v, want %d times 503", got, len(some))
	}
	d.until("Slack to be told", func() bool {
		return slices.ContainsFunc(d.slack.User("U0ERIN").Messages("C0APPROVALS"), func(m slacksim.Message) bool { return strings.Contains(m.Text, "restored from an older backup") })
	})
	if got := d.run(t, "doctor"); !strings.Contains(got.out, "FAILED  audit: the database is in quarantine") {
		t.Errorf("the doctor says %s", got.out)
	}
	d.until("everything to be ended again", func() bool { q, err := m.db.Quarantine(t.Context()); return err == nil && q.ReplayedAt.Year() > 1 })

	got := d.run(t, "audit", "accept", "--reason", "the drill", "--yes")
	if got.status != 0 || !strings.Contains(got.out, "Lost: the last ") {
		t.Fatalf("accept: %+v", got)
	}
	for replica, keys := range map[*Main][]string{m: ended, apart: some} {
		d.until("a gateway to open", func() bool { return d.use(replica, kept)[http.StatusOK] == 1 })
		if got := d.use(replica, keys); got[http.StatusUnauthorized] != len(keys) {
			t.Errorf("after the accept: %v, want %d times 401", got, len(keys))
		}
	}
	d.until("publishing to begin anew", func() bool { now := d.published("checkpoint"); return now != "" && now != old })
	if aside, _ := filepath.Glob(filepath.Join(d.env["DATA_DIR"], "audit", "checkpoint.*")); len(aside) != 1 {
		t.Errorf("the old checkpoint is kept as %v", aside)
	}
	d.stop(m)
	m = d.start() // nothing is in the way of the next start
	if err := m.publication.Doubt(); err != nil {
		t.Errorf("after the accept there is doubt: %v", err)
	}
	d.until("the keys to be judged", func() bool { return m.gateway.Ready() == nil })
	if got := d.use(m, some); got[http.StatusUnauthorized] != len(some) {
		t.Errorf("after another start: %v", got)
	}
}

// revokeAll begins the end of the first thousand keys, with their events.
func (d *drill) revokeAll(m *Main) {
	d.t.Helper()
	_, err := m.db.Pool().Exec(d.t.Context(), `
		WITH moved AS (UPDATE credential SET state = 'revoking', next_action_at = latchkey_now() WHERE id <= $1 RETURNING id)
		INSERT INTO audit_event (actor, action, subject, subject_id, before, after, reason)
		SELECT 'Erin Evans', 'credential.revoking', 'credential', id, 'active', 'revoking', 'drill' FROM moved`, keysOfDrill)
	if err != nil {
		d.t.Fatal(err)
	}
}
