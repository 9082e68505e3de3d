//go:build unix

package storagetest

import (
	"context"
	"crypto/rand"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"latchkey/storage/postgres"
)

func TestDatabaseGivesEachTestItsOwn(t *testing.T) {
	t.Parallel()
	srv := needServer(t)
	log := filepath.Join(t.TempDir(), "migrations")
	tpl := ownTemplate(t, srv, log)
	var mu sync.Mutex
	seen := map[string]bool{}
	t.Run("group", func(t *testing.T) {
		for range 8 {
			t.Run("test", func(t *testing.T) {
				t.Parallel()
				dsn := Database(t, tpl)
				conn := connect(t, dsn)
				execute(t, conn, "INSERT INTO notes VALUES ('mine')")
				if got := count(t, conn, "SELECT count(*) FROM notes"); got != 1 {
					t.Errorf("%d rows, want only this test's", got)
				}
				mu.Lock()
				defer mu.Unlock()
				seen[conn.Config().Database] = true
			})
		}
	})
	if len(seen) != 8 {
		t.Errorf("8 tests got %d databases", len(seen))
	}
	if got := lines(t, log); got != 1 {
		t.Errorf("migrated %d times", got)
	}
	conn := connect(t, srv.dsn)
	for name := range seen {
		if count(t, conn, "SELECT count(*) FROM pg_database WHERE datname = $1", name) != 0 {
			t.Errorf("%s outlived its test", name)
		}
	}
}

func TestDatabaseIsDroppedUnderOpenConnections(t *testing.T) {
	t.Parallel()
	srv := needServer(t)
	name, err := srv.create(t.Context(), ownTemplate(t, srv, filepath.Join(t.TempDir(), "log")))
	if err != nil {
		t.Fatal(err)
	}
	dsn, err := withDatabase(srv.dsn, name)
	if err != nil {
		t.Fatal(err)
	}
	connect(t, dsn)
	err = srv.drop(t.Context(), name)
	if err != nil {
		t.Error(err)
	}
}

// ended is a test that notes how it was ended.
type ended struct {
	testing.TB
	how string
}

func (e *ended) Helper()               {}
func (e *ended) Fatalf(string, ...any) { e.how += "failed" }
func (e *ended) Skipf(string, ...any)  { e.how += "skipped" }

func TestWithoutServer(t *testing.T) {
	t.Parallel()
	for mustRun, want := range map[bool]string{false: "skipped", true: "failed"} {
		test := &ended{}
		withoutServer(test, postgres.ErrNoBinaries, mustRun)
		if test.how != want {
			t.Errorf("must run: %t: %s", mustRun, test.how)
		}
	}
}

func TestTemplateThatIsHalfMadeIsMadeAnew(t *testing.T) {
	t.Parallel()
	srv := needServer(t)
	tpl := ownTemplate(t, srv, filepath.Join(t.TempDir(), "log"))
	half := tpl
	half.Migrate = func(ctx context.Context, dsn string) error {
		conn, err := pgx.Connect(ctx, dsn)
		if err != nil {
			return err
		}
		_, err = conn.Exec(ctx, "CREATE TABLE notes (half int)")
		return errors.Join(err, conn.Close(ctx), errors.New("power cut"))
	}
	_, err := srv.create(t.Context(), half)
	if err == nil || !strings.Contains(err.Error(), "power cut") {
		t.Fatalf("create with a failing migration: %v", err)
	}
	conn := connect(t, Database(t, tpl))
	execute(t, conn, "INSERT INTO notes VALUES ('whole')")
}

func TestTemplateThatWasDroppedIsMadeAnew(t *testing.T) {
	t.Parallel()
	srv := needServer(t)
	log := filepath.Join(t.TempDir(), "log")
	tpl := ownTemplate(t, srv, log)
	admin := connect(t, srv.dsn)
	for range 2 {
		name, err := srv.create(t.Context(), tpl)
		if err != nil {
			t.Fatal(err)
		}
		err = srv.drop(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		for template := range srv.ready {
			err = dropDatabase(t.Context(), admin, template, "")
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := lines(t, log); got != 2 {
		t.Errorf("migrated %d times, want 2", got)
	}
}

func TestSweepDropsWhatNobodyUses(t *testing.T) {
	t.Parallel()
	srv := needServer(t)
	admin := connect(t, srv.dsn)
	id := strings.ToLower(rand.Text()[:8])
	var (
		oldTest     = testPrefix + "1_" + id
		oldTemplate = templatePrefix + "old_" + id
		newTemplate = templatePrefix + "new_" + id
		used        = testPrefix + "2_" + id
	)
	for _, name := range []string{oldTest, oldTemplate, newTemplate, used} {
		execute(t, admin, "CREATE DATABASE "+quote(name)+" STRATEGY wal_log")
		t.Cleanup(func() { _ = srv.drop(context.Background(), name) })
		if name == used { // at once, as another process may sweep
			dsn, err := withDatabase(srv.dsn, used)
			if err != nil {
				t.Fatal(err)
			}
			connect(t, dsn)
		}
	}
	execute(t, admin, "COMMENT ON DATABASE "+quote(oldTemplate)+" IS '1'")
	err := markUsed(t.Context(), admin, newTemplate)
	if err != nil {
		t.Fatal(err)
	}
	Database(t, ownTemplate(t, srv, filepath.Join(t.TempDir(), "log")))

	for name, want := range map[string]int{oldTest: 0, oldTemplate: 0, newTemplate: 1, used: 1} {
		if got := count(t, admin, "SELECT count(*) FROM pg_database WHERE datname = $1", name); got != want {
			t.Errorf("%s: %d databases, want %d", name, got, want)
		}
	}
}

func TestWithDatabase(t *testing.T) {
	t.Parallel()
	for give, want := range map[string]string{
		"postgres://me@/postgres?host=%2Ftmp%2Fa": "postgres://me@/x?host=%2Ftmp%2Fa",
		"postgresql://me:pw@db:5432/?sslmode=off": "postgresql://me:pw@db:5432/x?sslmode=off",
		"host=/tmp user=me dbname=postgres":       "host=/tmp user=me dbname=postgres dbname=x",
	} {
		got, err := withDatabase(give, "x")
		if err != nil || got != want {
			t.Errorf("%s: got %s, %v", give, got, err)
		}
	}
	_, err := withDatabase("postgres://me:s3cret@%zz/", "x")
	if err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("a broken URL: %v", err)
	}
}
