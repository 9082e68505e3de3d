//go:build unix

package postgres

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// writeUser notes in the lock file of a directory who runs the server and how
// to reach it, for those who find the directory taken. The file may still hold
// the longer note of an earlier run.
func writeUser(lock *os.File, dsn string) error {
	err := lock.Truncate(0)
	if err != nil {
		return fmt.Errorf("clear lock of database directory: %w", err)
	}
	_, err = lock.WriteAt(fmt.Appendf(nil, "%d\n%s\n", os.Getpid(), dsn), 0)
	if err != nil {
		return fmt.Errorf("write lock of database directory: %w", err)
	}
	return nil
}

// readUser turns such a note into an error. Of a note that is
// only half written nothing is told.
func readUser(dir string, lock *os.File) error {
	taken := &InUseError{Dir: dir}
	text, err := io.ReadAll(lock)
	if err != nil {
		return taken
	}
	pid, dsn, _ := strings.Cut(string(text), "\n")
	dsn, complete := strings.CutSuffix(dsn, "\n")
	if !complete {
		return taken
	}
	taken.DSN = dsn
	taken.PID, _ = strconv.Atoi(pid) // zero when unreadable, as promised
	return taken
}
