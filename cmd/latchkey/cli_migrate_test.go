package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"latchkey/storage/postgres"
)

const upToDate = "The database is up to date.\n"

// TestMigrateAtOnce: of several that start together one does it, and it is
// done once.
func TestMigrateAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.env["DATABASE_URL"] = emptyDatabase(t)
	const together = 3
	answers := make(chan ran, together)
	for range together {
		go func() { answers <- latchkey(t.Context(), s.env, "migrate", "-c", siteConfig) }()
	}
	applied := 0
	for range together {
		got := <-answers
		if got.status != 0 {
			t.Errorf("exit status %d: %s", got.status, got.err)
		}
		if strings.HasPrefix(got.out, "Applied 0001_") && strings.Contains(got.out, "river 1") {
			applied++
		} else if got.out != upToDate {
			t.Errorf("got %q", got.out)
		}
	}
	if applied != 1 {
		t.Errorf("%d of %d migrated, want one", applied, together)
	}
	if got := s.run(t, "migrate"); got.out != upToDate || got.status != 0 {
		t.Errorf("again: %+v", got)
	}
	var twice int
	err := openedDB(t, s.env["DATABASE_URL"]).Pool().QueryRow(t.Context(),
		`SELECT count(*) - count(DISTINCT name) FROM schema_migration`).Scan(&twice)
	if err != nil || twice != 0 {
		t.Errorf("%d migrations are recorded twice: %v", twice, err)
	}
}

// TestMigrateGrants says so where there is nobody to grant to.
func TestMigrateGrants(t *testing.T) {
	t.Parallel()
	got := newSite(t).run(t, "migrate", "--grant", "nobody_of_that_name")
	if got.status != 1 || !strings.Contains(got.err, "CREATE ROLE nobody_of_that_name LOGIN") {
		t.Errorf("got %+v", got)
	}
}

func TestMigrateWithoutADatabase(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.env["DATABASE_URL"] = "postgres://latchkey:" + hiddenPassword + "@127.0.0.1:1/latchkey"
	got := s.run(t, "migrate")
	if got.status != 1 || got.out != "" || !strings.Contains(got.err, "latchkey: connect to the database: ") {
		t.Errorf("got %+v", got)
	}
}

// TestToolsBesideThePrivatePostgres: while the service runs its own database,
// `migrate` and `doctor` use that one and leave it running.
func TestToolsBesideThePrivatePostgres(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.env["DATABASE_URL"], s.env["DATA_DIR"] = "", openFolder(t)
	running, err := postgres.Start(t.Context(), postgres.Config{Dir: filepath.Join(s.env["DATA_DIR"], "postgres"), Ephemeral: true, Logger: zerolog.Nop()})
	if errors.Is(err, postgres.ErrNoBinaries) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = running.Stop(context.WithoutCancel(t.Context())) })

	checkDiagnosis(t, s.run(t, "doctor"), map[string]string{"database": "lacks migrations"})
	if got := s.run(t, "migrate"); got.status != 0 || !strings.HasPrefix(got.out, "Applied 0001_") {
		t.Errorf("migrate: %+v", got)
	}
	checkDiagnosis(t, s.run(t, "doctor"), nil)
	if err := openedDB(t, running.DSN()).Ping(t.Context()); err != nil {
		t.Errorf("the service's Postgres is gone: %v", err)
	}

	// A second service on the folder would lose its database with the first.
	got := s.run(t, "serve")
	if got.status != 1 || !strings.Contains(got.err, "is in use by process") {
		t.Errorf("serve: %+v", got)
	}
}

// openFolder lets the account through that Postgres runs as when we are root.
func openFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "latchkey-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}
