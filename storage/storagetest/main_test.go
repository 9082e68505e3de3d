//go:build unix

package storagetest

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"latchkey/storage/postgres"
)

// role makes the test program play another process instead of running tests,
// and playDir is the directory it does so in.
const (
	role       = "LATCHKEY_STORAGETEST_ROLE"
	playDir    = "LATCHKEY_STORAGETEST_DIR"
	roleUser   = "user"   // a test process: playUser
	roleServer = "server" // a stand-in for PostgreSQL: playServer
)

func TestMain(m *testing.M) {
	var err error
	switch os.Getenv(role) {
	case roleUser:
		err = playUser(os.Getenv(playDir))
	case roleServer:
		err = playServer(os.Getenv(playDir))
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}

// playUser joins the server that meets in dir, prints its DSN, and prints the
// DSN of a new database for every line of input.
func playUser(dir string) error {
	dsn, lease, err := rendezvous{dir: dir}.join(context.Background())
	if err != nil {
		return err
	}
	defer lease.Close()
	fmt.Println(dsn)
	srv := newServer(dsn, lease)
	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		name, err := srv.create(context.Background(), loggedTemplate("shared", dir+".migrations"))
		if err != nil {
			return err
		}
		database, err := withDatabase(dsn, name)
		if err != nil {
			return err
		}
		fmt.Println(database)
	}
	return input.Err()
}

// playServer ends on SIGINT, and notes whether the last user had left by then.
func playServer(dir string) error {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT)
	err := say(filepath.Join(dir, "calls"), "server")
	if err != nil {
		return err
	}
	<-stop
	_, err = os.Stat(filepath.Join(dir, "left"))
	outcome := "after the last user"
	if err != nil {
		outcome = "before the last user"
	}
	return os.WriteFile(filepath.Join(dir, "stopped"), []byte(outcome), 0o600)
}

func say(fifo, word string) error {
	file, err := os.OpenFile(fifo, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.WriteString(word + "\n")
	return err
}

// loggedTemplate makes one table and adds a line to a file each time it runs.
func loggedTemplate(key, log string) Template {
	return Template{Key: key, Migrate: func(ctx context.Context, dsn string) error {
		file, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		defer file.Close()
		_, err = file.WriteString("migrated\n")
		if err != nil {
			return err
		}
		conn, err := pgx.Connect(ctx, dsn)
		if err != nil {
			return err
		}
		_, err = conn.Exec(ctx, "CREATE TABLE notes (text text PRIMARY KEY)")
		return errors.Join(err, conn.Close(ctx))
	}}
}

// ownTemplate is a template of this test alone, dropped when it ends.
func ownTemplate(t *testing.T, srv *server, log string) Template {
	t.Helper()
	tpl := loggedTemplate(rand.Text(), log)
	t.Cleanup(func() {
		err := srv.drop(context.Background(), templateName(tpl.Key))
		if err != nil {
			t.Error(err)
		}
	})
	return tpl
}

// another returns a command that plays a role in dir.
func another(t *testing.T, name, dir string) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), role+"="+name, playDir+"="+dir)
	cmd.Stderr = os.Stderr
	return cmd
}

// openDir returns a directory that the server's account may pass through,
// which t.TempDir is not. Its path is short enough for sockets.
func openDir(t *testing.T) string {
	t.Helper()
	temp, err := postgres.TempDir()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp(temp, "lkst")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	err = os.Chmod(dir, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// needServer returns the server that tests of this process use, as a process
// that has just joined sees it.
func needServer(t *testing.T) *server {
	t.Helper()
	srv, err := ownServer()
	if errors.Is(err, postgres.ErrNoBinaries) {
		withoutServer(t, err, os.Getenv("CI") == "true")
	}
	if err != nil {
		t.Fatal(err)
	}
	return newServer(srv.dsn, nil)
}

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func execute(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	_, err := conn.Exec(t.Context(), sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func count(t *testing.T, conn *pgx.Conn, sql string, args ...any) int {
	t.Helper()
	var n int
	err := conn.QueryRow(t.Context(), sql, args...).Scan(&n)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return n
}

func lines(t *testing.T, path string) int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(text), "\n")
}
