//go:build unix

package postgres

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/rs/zerolog"
)

func TestStartKeepsDataAndIsDurable(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	first := start(t, Config{Dir: dir, Logger: zerolog.Nop()})
	conn := connect(t, first.DSN())
	got := map[string]string{}
	for _, name := range []string{
		"timezone", "max_connections", "fsync", "full_page_writes", "synchronous_commit",
		"listen_addresses", "unix_socket_permissions", "data_checksums", "server_encoding",
	} {
		got[name] = answer(t, conn, "SHOW "+name)
	}
	want := map[string]string{
		"timezone": "UTC", "max_connections": "200", "fsync": "on", "full_page_writes": "on", "synchronous_commit": "on",
		"listen_addresses": "", "unix_socket_permissions": "0700", "data_checksums": "on", "server_encoding": "UTF8",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	exec1(t, conn, "CREATE TABLE kept AS SELECT 'yes'::text AS word")
	stop(t, first)
	err := conn.Ping(t.Context())
	if err == nil {
		t.Error("the session outlived the server")
	}

	second := start(t, Config{Dir: dir, Logger: zerolog.Nop()})
	if got := answer(t, connect(t, second.DSN()), "SELECT word FROM kept"); got != "yes" {
		t.Errorf("after a restart the row says %q", got)
	}
}

func TestStartEphemeral(t *testing.T) {
	t.Parallel()
	server := start(t, Config{Dir: openDir(t), Ephemeral: true, Logger: zerolog.Nop()})
	conn := connect(t, server.DSN())
	if got := answer(t, conn, "SHOW fsync"); got != "off" {
		t.Errorf("fsync is %s", got)
	}
	if got := answer(t, conn, "SHOW timezone"); got != "UTC" {
		t.Errorf("timezone is %s", got)
	}
}

func TestServerRunsApartFromUs(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	server := start(t, Config{Dir: dir, Ephemeral: true, Logger: zerolog.Nop()})

	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o700 {
		t.Errorf("directory of the socket has mode %o", info.Mode().Perm())
	}
	owner, err := ownerOf(filepath.Join(dir, dataName, "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	if root := os.Geteuid() == 0; root == (owner == 0) {
		t.Errorf("we run as root: %t, but the server runs as user ID %d", root, owner)
	}
	group, err := syscall.Getpgid(server.cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if group == syscall.Getpgrp() {
		t.Error("the server shares our process group, so that Ctrl-C would reach it first")
	}
}

func TestStopIsRepeatableAndImmediateWhenTheContextEnds(t *testing.T) {
	t.Parallel()
	server := start(t, Config{Dir: openDir(t), Ephemeral: true, Logger: zerolog.Nop()})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 2 {
		err := server.Stop(ctx)
		if err != nil {
			t.Error(err)
		}
	}
	_, err := pgx.Connect(t.Context(), server.DSN())
	if err == nil {
		t.Error("the server still answers")
	}
}

func TestStartReportsALiveServer(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	server := start(t, Config{Dir: dir, Ephemeral: true, Logger: zerolog.Nop()})
	_, err := Start(t.Context(), Config{Dir: dir, Ephemeral: true, Logger: zerolog.Nop()})
	var taken *InUseError
	if !errors.As(err, &taken) {
		t.Fatalf("second start: %v", err)
	}
	if taken.PID != os.Getpid() || taken.DSN != server.DSN() || !strings.Contains(err.Error(), dir) {
		t.Errorf("second start: %#v", taken)
	}
}

func TestStartReportsAServerStartedByHand(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	cluster, err := Prepare(t.Context(), Config{Dir: dir, Ephemeral: true, Logger: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	_ = cluster.Unlock()
	byHand := cluster.Command()
	byHand.Args = []string{byHand.Args[0], "-D", cluster.data(), "-k", cluster.sockets, "-c", "listen_addresses=", "-c", "fsync=off"}
	err = byHand.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = byHand.Process.Signal(syscall.SIGINT)
		_ = byHand.Wait()
	})
	err = cluster.Ready(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	_, err = Start(t.Context(), Config{Dir: dir, Ephemeral: true, Logger: zerolog.Nop()})
	var taken *InUseError
	if !errors.As(err, &taken) || taken.PID != byHand.Process.Pid {
		t.Errorf("start beside process %d: %v", byHand.Process.Pid, err)
	}
	connect(t, cluster.DSN()) // still runs
}

func TestStartRecoversFromKillOfTheParent(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	parent := startHelper(t, exec.Command(self(t)), dir)
	conn := connect(t, parent.dsn)
	exec1(t, conn, "CREATE TABLE kept AS SELECT 'yes'::text AS word")
	err := parent.cmd.Process.Kill()
	if err != nil {
		t.Fatal(err)
	}
	_ = parent.cmd.Wait()

	server := start(t, Config{Dir: dir, Ephemeral: true, Logger: zerolog.Nop()})
	if got := answer(t, connect(t, server.DSN()), "SELECT word FROM kept"); got != "yes" {
		t.Errorf("after the kill the row says %q", got)
	}
}

func TestStartStopsAnOrphan(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	cfg := Config{Dir: dir, Ephemeral: true, Logger: zerolog.Nop()}
	cluster, err := Prepare(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	// What is left on a system that can't tie a child to its parent.
	orphan := cluster.Command()
	err = orphan.Start()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- orphan.Wait() }()
	err = cluster.Ready(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_ = cluster.Unlock()

	start(t, cfg)
	err = <-ended
	if err != nil {
		t.Errorf("the orphan was not shut down in order: %v", err)
	}
}

func TestStartIgnoresThePidFileOfAStranger(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	cfg := Config{Dir: dir, Ephemeral: true, Logger: zerolog.Nop()}
	server := start(t, cfg)
	stop(t, server)
	// As after kill -9 in a container, where process IDs start over.
	stale := strings.Join([]string{strconv.Itoa(os.Getppid()), server.cluster.data(), "1", "5432", server.cluster.sockets, "", ""}, "\n")
	err := os.WriteFile(filepath.Join(server.cluster.data(), "postmaster.pid"), []byte(stale), 0o644)
	if err != nil {
		t.Fatal(err)
	}
	connect(t, start(t, cfg).DSN())
}

func TestStartRepeatsAnInterruptedCreation(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	unfinished := filepath.Join(dir, dataName+".new")
	err := os.MkdirAll(unfinished, 0o700)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{filepath.Join(dir, lockName), filepath.Join(unfinished, "PG_VERSION")} {
		err = os.WriteFile(name, []byte("15\n"), 0o600)
		if err != nil {
			t.Fatal(err)
		}
	}
	connect(t, start(t, Config{Dir: dir, Ephemeral: true, Logger: zerolog.Nop()}).DSN())
}

func TestStartExplainsAServerThatEnds(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	cfg := Config{Dir: dir, Ephemeral: true, Logger: zerolog.Nop()}
	stop(t, start(t, cfg))
	err := os.Remove(filepath.Join(dir, dataName, "global", "pg_control"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = Start(t.Context(), cfg)
	if err == nil || !strings.Contains(err.Error(), "pg_control") {
		t.Errorf("start without a control file: %v", err)
	}
}

func TestFailingStatementsLeaveNoValuesInTheLog(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	server := start(t, Config{Dir: openDir(t), Ephemeral: true, Logger: zerolog.New(&log)})
	conn := connect(t, server.DSN())
	exec1(t, conn, "CREATE TABLE keys (name text PRIMARY KEY, size int CHECK (size > 0))")
	exec1(t, conn, "INSERT INTO keys VALUES ('s3cret', 1)")
	for _, sql := range []string{
		"INSERT INTO keys VALUES ('s3cret', 2)",      // the detail names the key
		"INSERT INTO keys VALUES ('s3cret-too', -1)", // the detail shows the row
		"SELECT 's3cret'::int",                       // the message itself
		"SELECT s3cret FROM nowhere",                 // the statement
		"DO $$ BEGIN RAISE WARNING 's3cret'; END $$", // below an error
	} {
		_, _ = conn.Exec(t.Context(), sql)
	}
	_, err := conn.Exec(t.Context(), "INSERT INTO keys VALUES ($1, $2)", "s3cret", 3)
	if err == nil {
		t.Error("a bound duplicate was taken")
	}
	stop(t, server)
	if !strings.Contains(log.String(), "database system is ready") {
		t.Error("the server's log does not arrive")
	}
	if strings.Contains(log.String(), "s3cret") {
		t.Errorf("the log holds a value:\n%s", log.String())
	}
}

// lockedBuffer takes log lines from several goroutines.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
