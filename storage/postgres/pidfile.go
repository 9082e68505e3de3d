//go:build unix

package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	clusterName = "latchkey"

	// settleTime is how long a process named by a pid file may go without
	// answering before the file counts as a dead server's: it may be a server
	// on its way out, or a stranger that got the process ID later.
	settleTime   = 2 * time.Second
	orphanTime   = 30 * time.Second
	pollInterval = 5 * time.Millisecond
)

// pidFile is what a running server writes into its data directory.
type pidFile struct {
	pid     int
	sockets string
}

// readPidFile returns false when there is no readable pid file: no server, or
// one that is just starting.
func readPidFile(data string) (pidFile, bool) {
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return pidFile{}, false
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) < 5 {
		return pidFile{}, false
	}
	pid, err := strconv.Atoi(lines[0])
	if err != nil || pid <= 1 {
		return pidFile{}, false
	}
	return pidFile{pid: pid, sockets: lines[4]}, true
}

// alive reports whether the process exists, whoever's it is.
func (p pidFile) alive() bool {
	err := syscall.Kill(p.pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

// answers reports whether a server listens on the socket that the file names.
func (p pidFile) answers() bool {
	conn, err := net.DialTimeout("unix", filepath.Join(p.sockets, socketName), time.Second)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// clearOrphan ends what a killed process left behind, so that a server can
// start on data. The caller holds the lock of the directory: a live server is
// then an orphan of ours, or somebody started one by hand, which is an error.
func clearOrphan(ctx context.Context, dir, data string) error {
	found, ok := readPidFile(data)
	if !ok || !found.alive() {
		return nil // a dead server's file is PostgreSQL's own to judge
	}
	if found.answers() {
		if !isOurs(data) {
			return &InUseError{Dir: dir, PID: found.pid, DSN: dsn(found.sockets)}
		}
		err := syscall.Kill(found.pid, syscall.SIGINT)
		if err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("stop orphaned server %d: %w", found.pid, err)
		}
		err = found.awaitEnd(ctx, data, orphanTime)
		if err != nil {
			return fmt.Errorf("stop orphaned server %d: %w", found.pid, err)
		}
		return nil
	}
	err := found.awaitEnd(ctx, data, settleTime)
	if err == nil || ctx.Err() != nil {
		return err
	}
	err = os.Remove(filepath.Join(data, "postmaster.pid"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove pid file of a dead server: %w", err)
	}
	return nil
}

// isOurs reports whether the last server on data was started by this package.
func isOurs(data string) bool {
	options, err := os.ReadFile(filepath.Join(data, "postmaster.opts"))
	return err == nil && strings.Contains(string(options), "cluster_name="+clusterName)
}

// awaitEnd waits until the server is gone or has taken its file away.
func (p pidFile) awaitEnd(ctx context.Context, data string, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for p.alive() {
		now, ok := readPidFile(data)
		if !ok || now.pid != p.pid {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
	return nil
}

// dsn addresses a server by the directory of its socket.
func dsn(sockets string) string {
	address := url.URL{
		Scheme:   "postgres",
		User:     url.User(superuser),
		Path:     "/postgres",
		RawQuery: url.Values{"host": {sockets}, "sslmode": {"disable"}}.Encode(),
	}
	return address.String()
}
