//go:build unix

package storagetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/jackc/pgx/v5"
)

const (
	leaseName   = "lease"
	closingName = "closing"
)

// use takes the lease of the server in dir and returns it with the server's
// DSN. It returns no lease when the server can't be used, and removes the
// directory when nobody watches over it any more.
func use(ctx context.Context, dir string) (string, *os.File) {
	lease, err := takeLease(filepath.Join(dir, leaseName))
	if err != nil {
		sweepServer(dir)
		return "", nil
	}
	dsn, err := os.ReadFile(filepath.Join(dir, "dsn"))
	if err != nil || !answers(ctx, string(dsn)) {
		_ = lease.Close() // its starter was killed half-way, or it is ending
		return "", nil
	}
	return string(dsn), lease
}

// makeLease makes a lease and returns both its ends, so that a watchdog that
// gets the reader never sees a server without a user.
func makeLease(path string) (reader, lease *os.File, err error) {
	err = syscall.Mkfifo(path, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("make lease: %w", err)
	}
	// Without waiting for a writer; the shell's reads shall wait again.
	reader, err = os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("open lease: %w", err)
	}
	err = syscall.SetNonblock(int(reader.Fd()), false)
	if err == nil {
		lease, err = takeLease(path)
	}
	if err != nil {
		_ = reader.Close()
		return nil, nil, fmt.Errorf("take own lease: %w", err)
	}
	return reader, lease, nil
}

// takeLease joins the users of a server. It fails when there is no lease, or a
// lease that nobody reads.
func takeLease(path string) (*os.File, error) {
	lease, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	_, err = lease.WriteString("+\n")
	if err != nil {
		_ = lease.Close()
		return nil, err
	}
	return lease, nil
}

// sweepServer removes the directory of a server whose watchdog is gone. Should
// the server itself have been left behind, it notices within a minute that its
// pid file is missing, and ends.
func sweepServer(dir string) {
	closing, err := os.OpenFile(filepath.Join(dir, closingName), os.O_WRONLY|syscall.O_NONBLOCK, 0)
	if err == nil {
		_ = closing.Close() // still watched, for those who joined last
		return
	}
	_ = os.RemoveAll(dir) // what can't be removed is met again by the next process
}

// tooManyConnections is what a busy server answers.
const tooManyConnections = "53300"

// answers reports whether a server takes sessions, were it not full of them.
func answers(ctx context.Context, dsn string) bool {
	conn, err := pgx.Connect(ctx, dsn)
	if err == nil {
		_ = conn.Close(ctx)
		return true
	}
	return isCode(err, tooManyConnections)
}

// flock waits for the lock, which ends with its file or its process.
func flock(file *os.File) error {
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
