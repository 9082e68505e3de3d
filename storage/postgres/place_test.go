//go:build unix

package postgres

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rs/zerolog"
)

func TestStartOnALongPath(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(openDir(t), strings.Repeat("long", 20), "and,odd'\" name")
	server := start(t, Config{Dir: dir, Ephemeral: true, Logger: zerolog.Nop()})
	connect(t, server.DSN())
	sockets := server.cluster.sockets
	if len(filepath.Join(sockets, socketName)) > longestSocket {
		t.Errorf("socket lies in %s", sockets)
	}
	stop(t, server)
	_, err := os.Stat(sockets)
	if !os.IsNotExist(err) {
		t.Errorf("the socket's directory is left behind: %v", err)
	}
	_, err = os.Stat(filepath.Join(dir, dataName, "PG_VERSION"))
	if err != nil {
		t.Errorf("the data does not lie where it was asked for: %v", err)
	}
}

func TestStartRefusesADirectoryWithOtherFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	err := os.WriteFile(filepath.Join(dir, "thesis.txt"), nil, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Start(t.Context(), Config{Dir: dir, Ephemeral: true, Logger: zerolog.Nop()})
	if err == nil || !strings.Contains(err.Error(), "holds other files") {
		t.Errorf("start: %v", err)
	}
	after, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if before.Mode() != after.Mode() {
		t.Errorf("mode of the directory went from %v to %v", before.Mode(), after.Mode())
	}
}

func TestStartNeedsADirectory(t *testing.T) {
	t.Parallel()
	_, err := Start(t.Context(), Config{Logger: zerolog.Nop()})
	if err == nil {
		t.Error("started nowhere")
	}
}

// A home that only root can enter is the usual place of a first try.
func TestStartAsRootInAClosedHome(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root runs the server as somebody else")
	}
	needBinaries(t)
	home := t.TempDir()
	err := os.Chmod(home, 0o700)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(home, "data", "db")
	var log lockedBuffer
	cfg := Config{Dir: dir, Ephemeral: true, Logger: zerolog.New(&log)}
	first := start(t, cfg)
	elsewhere := first.cluster.root
	t.Cleanup(func() { _ = os.RemoveAll(elsewhere) })
	if !strings.Contains(log.String(), elsewhere) {
		t.Errorf("the log does not say that the data is in %s:\n%s", elsewhere, log.String())
	}
	exec1(t, connect(t, first.DSN()), "CREATE TABLE kept AS SELECT 'yes'::text AS word")
	stop(t, first)

	moved := filepath.Join(home, "moved")
	err = os.Rename(dir, moved)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Dir = moved
	second := start(t, cfg)
	if got := answer(t, connect(t, second.DSN()), "SELECT word FROM kept"); got != "yes" {
		t.Errorf("after a move the row says %q", got)
	}
}

func TestLocateRefuses(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root runs the server as somebody else")
	}
	tests := map[string]struct{ location, want string }{
		"a way out":         {"../../../../etc", "damaged"},
		"nothing":           {"", "damaged"},
		"data that is lost": {"abcdefghijklmnopqrstuvwxyz", "is gone"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			err := os.WriteFile(filepath.Join(dir, locationName), []byte(test.location), 0o600)
			if err != nil {
				t.Fatal(err)
			}
			_, _, err = locate(dir, Config{Logger: zerolog.Nop()})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("want %q, got %v", test.want, err)
			}
		})
	}
}

func TestStartAsAnOrdinaryUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("the other tests run as an ordinary user already")
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Skip(err)
	}
	uid, uidErr := strconv.Atoi(nobody.Uid)
	gid, gidErr := strconv.Atoi(nobody.Gid)
	if uidErr != nil || gidErr != nil {
		t.Fatal(uidErr, gidErr)
	}
	dir := openDir(t)
	program := filepath.Join(filepath.Dir(dir), "program")
	copyProgram(t, self(t), program)
	err = os.Mkdir(dir, 0o700)
	if err != nil {
		t.Fatal(err)
	}
	err = os.Chown(dir, uid, gid)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	other := startHelper(t, cmd, dir)
	connect(t, other.dsn)
	_ = other.stdin.Close()
	err = other.cmd.Wait()
	if err != nil {
		t.Fatal(err)
	}

	// Root takes over without taking the data away from its owner.
	server := start(t, Config{Dir: dir, Ephemeral: true, Logger: zerolog.Nop()})
	connect(t, server.DSN())
	for _, path := range []string{dir, filepath.Join(dir, dataName, "postmaster.pid")} {
		owner, err := ownerOf(path)
		if err != nil {
			t.Fatal(err)
		}
		if int(owner) != uid {
			t.Errorf("%s belongs to user ID %d, want %d", path, owner, uid)
		}
	}
}

// copyProgram leaves the copying to another process: a descriptor open for
// writing in this one could leak into a child of a parallel test, and then the
// copy would be too busy to run.
func copyProgram(t *testing.T, from, to string) {
	t.Helper()
	out, err := exec.Command("cp", from, to).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	err = os.Chmod(to, 0o755)
	if err != nil {
		t.Fatal(err)
	}
}
