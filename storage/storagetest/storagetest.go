package storagetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"latchkey/storage/postgres"
)

// serverVariable names a server to use instead of a private one. Its role must
// be allowed to create databases.
const serverVariable = "LATCHKEY_TEST_DATABASE_URL"

// dropTime bounds the removal of a database after its test.
const dropTime = 30 * time.Second

// Template describes the database that tests get copies of.
type Template struct {
	// Key names the outcome of Migrate, such as a hash of the migrations:
	// equal keys share one template.
	Key string
	// Migrate fills an empty database and leaves no connection to it open.
	// It runs once per server and key, however many processes ask.
	Migrate func(ctx context.Context, dsn string) error
}

// Database returns the DSN of a fresh database made from tpl, which is dropped
// when the test ends. Without PostgreSQL on the machine the test is skipped,
// but fails when the environment says CI=true.
func Database(t testing.TB, tpl Template) string {
	t.Helper()
	srv, err := ownServer()
	if errors.Is(err, postgres.ErrNoBinaries) {
		withoutServer(t, err, os.Getenv("CI") == "true")
	}
	if err != nil {
		t.Fatalf("find a server for tests: %v", err)
	}
	name, err := srv.create(t.Context(), tpl)
	if err != nil {
		t.Fatalf("make a database for the test: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), dropTime)
		defer cancel()
		err := srv.drop(ctx, name)
		if err != nil {
			t.Logf("the database of the test stays until it is swept: %v", err)
		}
	})
	dsn, err := withDatabase(srv.dsn, name)
	if err != nil {
		t.Fatal(err)
	}
	return dsn
}

// withoutServer ends a test that can't run here.
func withoutServer(t testing.TB, err error, mustRun bool) {
	t.Helper()
	if mustRun {
		t.Fatalf("this test needs PostgreSQL: %v", err)
		return
	}
	t.Skipf("this test needs PostgreSQL: %v", err)
}

// server is a server as one test process sees it.
type server struct {
	dsn string
	// lease, when there is one, keeps the shared server running for as long
	// as this process has it open.
	lease *os.File

	mu    sync.Mutex
	ready map[string]bool // template databases this process has seen finished
}

// ownServer is the one package variable here: a lease is a property of the
// process, so its tests share it, and only the end of the process gives it
// back.
var ownServer = sync.OnceValues(findServer)

func findServer() (*server, error) {
	dsn := os.Getenv(serverVariable)
	if dsn != "" {
		return newServer(dsn, nil), nil
	}
	meeting, err := systemRendezvous()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), joinTime)
	defer cancel()
	dsn, lease, err := meeting.join(ctx)
	if err != nil {
		return nil, fmt.Errorf("join the shared server in %s: %w", meeting.dir, err)
	}
	return newServer(dsn, lease), nil
}

func newServer(dsn string, lease *os.File) *server {
	return &server{dsn: dsn, lease: lease, ready: map[string]bool{}}
}
