//go:build unix

package postgres

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/rs/zerolog"
)

// helperDir, when set, makes the test program start a server on that directory
// instead of running tests, print its DSN, and hold it until its input ends.
const helperDir = "LATCHKEY_POSTGRES_TEST_DIR"

func TestMain(m *testing.M) {
	dir := os.Getenv(helperDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	server, err := Start(context.Background(), Config{Dir: dir, Ephemeral: true, Logger: zerolog.Nop()})
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println(server.DSN())
	_, _ = io.Copy(io.Discard, os.Stdin)
	err = server.Stop(context.Background())
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}

// helper is another process that runs a server.
type helper struct {
	cmd   *exec.Cmd
	stdin io.Closer
	dsn   string
}

// startHelper runs program, a test program, on dir. The environment is small
// so that nothing of the test's own leads it astray.
func startHelper(t *testing.T, cmd *exec.Cmd, dir string) *helper {
	t.Helper()
	cmd.Env = []string{helperDir + "=" + dir, "PATH=" + os.Getenv("PATH"), "TMPDIR=/tmp", "PG_BIN=" + os.Getenv("PG_BIN")}
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	err = cmd.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil || strings.HasPrefix(line, "error:") {
		t.Fatalf("helper did not start a server: %v %s", err, line)
	}
	return &helper{cmd: cmd, stdin: stdin, dsn: strings.TrimSpace(line)}
}

func self(t *testing.T) string {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// openDir returns a path for a database under a folder that every user may
// pass through, which t.TempDir is not.
func openDir(t *testing.T) string {
	t.Helper()
	needBinaries(t)
	parent, err := os.MkdirTemp("/tmp", "lkpg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(parent) })
	err = os.Chmod(parent, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(parent, "db")
}

func needBinaries(t *testing.T) {
	t.Helper()
	_, err := FindBinaries()
	if err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal(err)
	}
	t.Skip(err)
}

// start runs a server until the test ends.
func start(t *testing.T, cfg Config) *Server {
	t.Helper()
	server, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, server) })
	return server
}

func stop(t *testing.T, server *Server) {
	t.Helper()
	err := server.Stop(context.Background())
	if err != nil {
		t.Error(err)
	}
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

func exec1(t *testing.T, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	_, err := conn.Exec(t.Context(), sql, args...)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// answer returns the one value that a query yields, as text.
func answer(t *testing.T, conn *pgx.Conn, sql string) string {
	t.Helper()
	var value string
	err := conn.QueryRow(t.Context(), sql).Scan(&value)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return value
}
