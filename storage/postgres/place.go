//go:build unix

package postgres

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	lockName     = "server.lock" // its flock says that a process runs the server
	locationName = "location"    // names where the data is when it can't be here
	dataName     = "data"

	// longestSocket is the longest path a socket can have on every platform
	// we know: macOS has 104 bytes with the final zero, Linux 108.
	longestSocket = 103
	socketName    = ".s.PGSQL.5432"

	// systemState holds the data of servers that root runs, where the
	// configured directory is closed to the server's account.
	systemState = "/var/lib/latchkey-postgres"
)

// claim makes dir ours and returns its resolved path and its lock, which the
// kernel frees when this process ends in whatever way.
func claim(dir string) (string, *os.File, error) {
	if dir == "" {
		return "", nil, errors.New("no database directory is given")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", nil, fmt.Errorf("find database directory: %w", err)
	}
	// What we make on the way must let the server's account through.
	err = os.MkdirAll(filepath.Dir(dir), 0o711)
	if err != nil {
		return "", nil, fmt.Errorf("make database directory: %w", err)
	}
	err = os.Mkdir(dir, 0o700)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return "", nil, fmt.Errorf("make database directory: %w", err)
	}
	dir, err = filepath.EvalSymlinks(dir)
	if err != nil {
		return "", nil, fmt.Errorf("find database directory: %w", err)
	}
	err = checkOurs(dir)
	if err != nil {
		return "", nil, err
	}
	lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return "", nil, fmt.Errorf("open lock of database directory: %w", err)
	}
	err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return dir, lock, nil
	}
	defer func() { _ = lock.Close() }()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return "", nil, readUser(dir, lock)
	}
	return "", nil, fmt.Errorf("lock database directory: %w", err)
}

// checkOurs refuses a directory with other things in it, because it will be
// closed to everyone but the server's account, and one of another user.
func checkOurs(dir string) error {
	owner, err := ownerOf(dir)
	if err != nil {
		return fmt.Errorf("look at database directory: %w", err)
	}
	if self := os.Geteuid(); self != 0 && owner != uint32(self) {
		return fmt.Errorf("database directory %s belongs to user ID %d, and this process runs as user ID %d", dir, owner, self)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("read database directory: %w", err)
	}
	if len(entries) == 0 {
		return nil
	}
	for _, entry := range entries {
		if entry.Name() == lockName {
			return nil
		}
	}
	return fmt.Errorf("database directory %s holds other files: give an empty or a new one", dir)
}

// locate returns the directory that holds the data for a claimed dir, and the
// account it belongs to. That is dir itself, or a directory elsewhere when the
// account can't get to dir, as in a home that only root can enter. dir
// remembers the name of the other one, so that it is found again after a move
// and forgotten when dir is deleted.
func locate(dir string, cfg Config) (string, *account, error) {
	acct, err := accountFor(filepath.Join(dir, dataName))
	if err != nil {
		return "", nil, err
	}
	memory := filepath.Join(dir, locationName)
	text, err := os.ReadFile(memory)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", nil, fmt.Errorf("read location of database: %w", err)
	}
	name, known := string(text), err == nil
	if !known && acct.reaches(dir) {
		return dir, acct, nil
	}
	if !known {
		name = strings.ToLower(rand.Text())
	}
	// The name may have been written by whoever owns dir, and root is about
	// to give the directory away: it must not lead out of its base.
	if len(name) < 16 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz234567") != "" {
		return "", nil, fmt.Errorf("location of database in %s is damaged", memory)
	}
	root, acct, err := makeElsewhere(name, acct, known, cfg.Ephemeral)
	if err != nil {
		return "", nil, fmt.Errorf("keep database of %s elsewhere: %w", dir, err)
	}
	if !known {
		err = os.WriteFile(memory, []byte(name), 0o600)
		if err != nil {
			return "", nil, fmt.Errorf("remember location of database: %w", err)
		}
	}
	cfg.Logger.Warn().Str("dir", dir).Str("data", root).
		Msg("database directory is closed to the server's user, data is kept elsewhere")
	return root, acct, nil
}

// makeElsewhere makes the directory of that name, or finds the one that must
// be there already: starting on an empty database where a full one is expected
// would look like a loss of everything.
func makeElsewhere(name string, acct *account, known, ephemeral bool) (string, *account, error) {
	base := systemState
	if ephemeral {
		temp, err := sharedTemp(acct)
		if err != nil {
			return "", nil, err
		}
		base = temp
	}
	root := filepath.Join(base, "latchkey-"+name)
	_, err := os.Stat(root)
	if known && !ephemeral && errors.Is(err, fs.ErrNotExist) {
		return "", nil, fmt.Errorf("%s is gone: restore it, or delete the former to start with an empty one", root)
	}
	err = makeEnterable(base)
	if err != nil {
		return "", nil, err
	}
	acct, err = accountFor(filepath.Join(root, dataName))
	if err != nil {
		return "", nil, err
	}
	if !acct.reaches(root) {
		return "", nil, fmt.Errorf("%s is closed to user %s too: run \"chmod a+x\" on it", base, acct.name)
	}
	return root, acct, makePrivate(root, acct)
}

// socketDir returns a directory for the server's socket: root itself unless
// its path can't be a socket's.
func socketDir(root string, acct *account) (string, error) {
	// Clients read a comma as the start of another host.
	if len(filepath.Join(root, socketName)) <= longestSocket && !strings.ContainsAny(root, `,"`) {
		return root, nil
	}
	base, err := sharedTemp(acct)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(root))
	dir := filepath.Join(base, "latchkey-"+hex.EncodeToString(sum[:8]))
	if len(filepath.Join(dir, socketName)) > longestSocket {
		return "", fmt.Errorf("temporary directory %s is too deep for a socket: set TMPDIR to a shorter one", base)
	}
	return dir, makePrivate(dir, acct)
}

// TempDir returns the first of the system's temporary directories in which a
// server can live: one that its account can get to, and that leaves room for a
// socket's path.
func TempDir() (string, error) {
	acct, err := defaultAccount()
	if err != nil {
		return "", err
	}
	return sharedTemp(acct)
}

func sharedTemp(acct *account) (string, error) {
	const room = len("/latchkey-0123456789abcdef/") + len(socketName)
	for _, dir := range []string{os.TempDir(), "/tmp", "/var/tmp"} {
		info, err := os.Stat(dir)
		if err != nil || !info.IsDir() || len(dir)+room > longestSocket {
			continue
		}
		if acct == nil || (acct.mayEnter(info) && acct.reaches(dir)) {
			return dir, nil
		}
	}
	return "", errors.New("no temporary directory is open to the server's user: set TMPDIR to one that is")
}

// makePrivate makes a directory under a folder that others may write to, and
// refuses one that somebody else put there first.
func makePrivate(dir string, acct *account) error {
	err := os.Mkdir(dir, 0o700)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make private directory: %w", err)
	}
	if err == nil {
		return acct.own(dir)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("look at private directory: %w", err)
	}
	owner := info.Sys().(*syscall.Stat_t).Uid
	if !info.IsDir() || (owner != acct.userID() && owner != uint32(os.Geteuid())) {
		return fmt.Errorf("%s was made by somebody else: remove it", dir)
	}
	return acct.own(dir)
}

// makeEnterable makes a directory that everyone may pass through, whatever the
// umask says; an existing one is left as it is.
func makeEnterable(dir string) error {
	_, err := os.Stat(dir)
	if err == nil {
		return nil
	}
	err = os.MkdirAll(dir, 0o755)
	if err != nil {
		return fmt.Errorf("make %s: %w", dir, err)
	}
	err = os.Chmod(dir, 0o755)
	if err != nil {
		return fmt.Errorf("open %s: %w", dir, err)
	}
	return nil
}
