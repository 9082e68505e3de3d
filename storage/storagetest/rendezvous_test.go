//go:build unix

package storagetest

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// user is another test process.
type user struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
}

func startUser(t *testing.T, dir string) *user {
	t.Helper()
	cmd := another(t, roleUser, dir)
	stdin, inErr := cmd.StdinPipe()
	stdout, outErr := cmd.StdoutPipe()
	err := errors.Join(inErr, outErr, cmd.Start())
	if err != nil {
		t.Fatal(err)
	}
	u := &user{cmd: cmd, stdin: stdin, stdout: bufio.NewReader(stdout)}
	t.Cleanup(u.kill)
	return u
}

func (u *user) kill() {
	_ = u.cmd.Process.Kill()
	_ = u.cmd.Wait()
}

// reads returns the next line, a DSN.
func (u *user) reads(t *testing.T) string {
	t.Helper()
	line, err := u.stdout.ReadString('\n')
	if err != nil || strings.HasPrefix(line, "error:") {
		t.Fatalf("another process: %v %s", err, line)
	}
	return strings.TrimSpace(line)
}

func (u *user) database(t *testing.T) string {
	t.Helper()
	_, err := io.WriteString(u.stdin, "database\n")
	if err != nil {
		t.Fatal(err)
	}
	return u.reads(t)
}

// awaitEnd returns when the server ends the session.
func awaitEnd(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	_, err := conn.WaitForNotification(t.Context())
	if err == nil || t.Context().Err() != nil {
		t.Fatalf("waiting for the server's end: %v", err)
	}
}

func TestProcessesShareAServerUntilTheLastEnds(t *testing.T) {
	t.Parallel()
	needServer(t)
	dir := filepath.Join(openDir(t), "meet")
	var users []*user
	for range 4 {
		users = append(users, startUser(t, dir))
	}
	shared := users[0].reads(t)
	databases := map[string]bool{}
	for i, u := range users {
		if i > 0 {
			if dsn := u.reads(t); dsn != shared {
				t.Errorf("process %d uses %s, not %s", i, dsn, shared)
			}
		}
		databases[u.database(t)] = true
	}
	if len(databases) != len(users) {
		t.Errorf("%d processes got %d databases", len(users), len(databases))
	}
	if got := lines(t, dir+".migrations"); got != 1 {
		t.Errorf("migrated %d times", got)
	}

	// Whichever of them started the server: the others keep it.
	conn := connect(t, shared)
	for _, u := range users[:3] {
		u.kill()
	}
	execute(t, connect(t, users[3].database(t)), "INSERT INTO notes VALUES ('still here')")
	users[3].kill()
	awaitEnd(t, conn)

	next := startUser(t, dir)
	if dsn := next.reads(t); dsn == shared {
		t.Errorf("the next process was given the server that ended")
	}
	next.database(t)
	_ = next.stdin.Close()
	err := next.cmd.Wait()
	if err != nil {
		t.Error(err)
	}
}

func TestJoinPassesOverWhatKilledProcessesLeft(t *testing.T) {
	t.Parallel()
	needServer(t)
	dir := filepath.Join(openDir(t), "meet")
	meeting := rendezvous{dir: dir}
	unwatched := filepath.Join(dir, "pg1")
	unpublished := filepath.Join(dir, "pg2")
	for _, path := range []string{unwatched, unpublished} {
		err := os.MkdirAll(path, 0o711)
		if err != nil {
			t.Fatal(err)
		}
		reader, lease, err := makeLease(filepath.Join(path, leaseName))
		if err != nil {
			t.Fatal(err)
		}
		_ = lease.Close()
		if path == unwatched {
			_ = reader.Close()
			continue
		}
		t.Cleanup(func() { _ = reader.Close() })
	}
	dsn, lease, err := meeting.join(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	conn := connect(t, dsn)
	_, err = os.Stat(unwatched)
	if !os.IsNotExist(err) {
		t.Errorf("what nobody watches is still there: %v", err)
	}
	_, err = os.Stat(unpublished)
	if err != nil {
		t.Errorf("what somebody watches is gone: %v", err)
	}
	_ = lease.Close()
	awaitEnd(t, conn)
}

func TestJoinRefusesADirectoryThatIsNone(t *testing.T) {
	t.Parallel()
	link := filepath.Join(t.TempDir(), "link")
	err := os.Symlink(t.TempDir(), link)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = rendezvous{dir: link}.join(t.Context())
	if err == nil || !strings.Contains(err.Error(), "another user") {
		t.Errorf("join through a link: %v", err)
	}
}
