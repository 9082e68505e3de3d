//go:build unix

package storagetest

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"latchkey/storage/postgres"
)

const (
	// idleTime is how long the shared server outlives its last user. It
	// bridges the gaps between the packages of one "go test ./...".
	idleTime = 30 * time.Second
	// joinTime bounds starting a server on a busy machine.
	joinTime = 2 * time.Minute

	// layout changes when processes of different versions of this package
	// would misunderstand each other.
	layout = "v1"
)

//go:embed watchdog.sh
var watchdog string

// rendezvous is the directory in which the test processes of a user find the
// one server they share. Each server has a directory of its own in it:
//
//	lock             held while joining or starting, by one process at a time
//	pg*/lease        the FIFO that keeps the server alive
//	pg*/closing      the same, when the server takes no new users
//	pg*/dsn          written when the server is ready
//	pg*/server.log   what the server and its watchdog said
//
// A server nobody holds a lease on stops by itself. No process has to clear
// up, so none can fail to, not even by kill -9.
type rendezvous struct {
	dir  string
	idle time.Duration
}

// systemRendezvous is where all tests of this user meet.
func systemRendezvous() (rendezvous, error) {
	temp, err := postgres.TempDir()
	if err != nil {
		return rendezvous{}, err
	}
	sum := sha256.Sum256([]byte(layout + os.Getenv("PG_BIN")))
	name := "lktest-" + strconv.Itoa(os.Geteuid()) + "-" + hex.EncodeToString(sum[:3])
	return rendezvous{dir: filepath.Join(temp, name), idle: idleTime}, nil
}

// join returns the DSN of the shared server, which it starts when there is
// none. The server stays for as long as this process keeps the lease open.
func (r rendezvous) join(ctx context.Context) (string, *os.File, error) {
	err := r.makeDir()
	if err != nil {
		return "", nil, err
	}
	lock, err := os.OpenFile(filepath.Join(r.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", nil, fmt.Errorf("open lock: %w", err)
	}
	defer func() { _ = lock.Close() }()
	err = flock(lock)
	if err != nil {
		return "", nil, fmt.Errorf("take lock: %w", err)
	}
	dirs, err := filepath.Glob(filepath.Join(r.dir, "pg*"))
	if err != nil {
		return "", nil, fmt.Errorf("look for servers: %w", err)
	}
	for _, dir := range dirs {
		dsn, lease := use(ctx, dir)
		if lease != nil {
			return dsn, lease, nil
		}
	}
	return r.start(ctx)
}

// makeDir makes the directory, through which the server's account must pass,
// and refuses one that another user put there.
func (r rendezvous) makeDir() error {
	err := os.Mkdir(r.dir, 0o711)
	if err == nil {
		return os.Chmod(r.dir, 0o711)
	}
	if !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make directory: %w", err)
	}
	info, err := os.Lstat(r.dir)
	if err != nil {
		return fmt.Errorf("look at directory: %w", err)
	}
	if !info.IsDir() || info.Sys().(*syscall.Stat_t).Uid != uint32(os.Geteuid()) {
		return fmt.Errorf("%s was made by another user", r.dir)
	}
	return nil
}

// start runs a new server under its watchdog. It is called under the lock.
func (r rendezvous) start(ctx context.Context) (_ string, _ *os.File, err error) {
	dir, err := os.MkdirTemp(r.dir, "pg")
	if err != nil {
		return "", nil, fmt.Errorf("make directory of server: %w", err)
	}
	cluster, err := postgres.Prepare(ctx, postgres.Config{Dir: dir, Ephemeral: true, Logger: zerolog.Nop()})
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	// From here on the lease guards the directory.
	defer func() { _ = cluster.Unlock() }()
	reader, lease, err := makeLease(filepath.Join(dir, leaseName))
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	defer func() { _ = reader.Close() }()
	err = r.launch(ctx, cluster, dir, reader)
	if err != nil {
		_ = lease.Close() // which has the watchdog stop what there is
		return "", nil, err
	}
	return cluster.DSN(), lease, nil
}

// launch runs watchdog and server, detached from this process, and publishes
// the server when it is ready.
func (r rendezvous) launch(ctx context.Context, cluster *postgres.Cluster, dir string, lease *os.File) error {
	log, err := os.OpenFile(filepath.Join(dir, "server.log"), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open log of server: %w", err)
	}
	defer func() { _ = log.Close() }()
	dirs := cluster.Dirs()
	idle := strconv.Itoa(int(r.idle / time.Second))
	cmd := cluster.Command("/bin/sh", "-c", watchdog, "watchdog", idle, dir, dirs[len(dirs)-1])
	cmd.ExtraFiles = []*os.File{lease}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr.Setpgid, cmd.SysProcAttr.Setsid = false, true
	err = cmd.Start()
	if err != nil {
		return fmt.Errorf("run watchdog: %w", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		_ = cmd.Wait() // its status is that of clearing up
		cancel(errors.New("server ended"))
	}()
	err = cluster.Ready(ctx)
	if err != nil {
		// The watchdog has removed the log, but our descriptor still reads it.
		said, _ := io.ReadAll(io.NewSectionReader(log, 0, 1<<16))
		return fmt.Errorf("%w: %s", err, said)
	}
	err = os.WriteFile(filepath.Join(dir, "dsn"), []byte(cluster.DSN()), 0o600)
	if err != nil {
		return fmt.Errorf("publish server: %w", err)
	}
	return nil
}
