//go:build unix

package postgres

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is the user the server runs as when we are root, because PostgreSQL
// refuses to run as root. A nil account stands for our own user.
type account struct {
	name     string
	uid, gid uint32
}

// defaultAccount returns nil unless we are root; then the account that
// packages of PostgreSQL create, or else nobody.
func defaultAccount() (*account, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(found.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(found.Gid, 10, 32)
		if err := errors.Join(uidErr, gidErr); err != nil {
			return nil, fmt.Errorf("read user %s: %w", name, err)
		}
		return &account{name: name, uid: uint32(uid), gid: uint32(gid)}, nil
	}
	return nil, errors.New("PostgreSQL does not run as root, and there is neither a user postgres nor a user nobody to run it as")
}

// accountFor returns the account for existing data: its owner goes on running
// it, so that root and a user can take turns on one directory.
func accountFor(data string) (*account, error) {
	acct, err := defaultAccount()
	if acct == nil || err != nil {
		return nil, err
	}
	info, err := os.Stat(data)
	if errors.Is(err, fs.ErrNotExist) {
		return acct, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look at data directory: %w", err)
	}
	owner := info.Sys().(*syscall.Stat_t)
	if owner.Uid == 0 || owner.Uid == acct.uid {
		return acct, nil
	}
	return &account{name: strconv.Itoa(int(owner.Uid)), uid: owner.Uid, gid: owner.Gid}, nil
}

// credential is how a child process becomes the account.
func (a *account) credential() *syscall.Credential {
	if a == nil {
		return nil
	}
	return &syscall.Credential{Uid: a.uid, Gid: a.gid}
}

// userID is the user ID the server runs as.
func (a *account) userID() uint32 {
	if a == nil {
		return uint32(os.Geteuid())
	}
	return a.uid
}

// own makes dir a directory that only the account can enter.
func (a *account) own(dir string) error {
	if a != nil {
		err := os.Chown(dir, int(a.uid), int(a.gid))
		if err != nil {
			return fmt.Errorf("give directory to user %s: %w", a.name, err)
		}
	}
	err := os.Chmod(dir, 0o700)
	if err != nil {
		return fmt.Errorf("close directory to others: %w", err)
	}
	return nil
}

// reaches reports whether the account may pass through every folder above
// path, judged by the permission bits.
func (a *account) reaches(path string) bool {
	if a == nil {
		return true
	}
	for parent := filepath.Dir(path); ; parent = filepath.Dir(parent) {
		info, err := os.Stat(parent)
		if err != nil || !a.mayEnter(info) {
			return false
		}
		if parent == filepath.Dir(parent) {
			return true
		}
	}
}

func (a *account) mayEnter(dir fs.FileInfo) bool {
	owner := dir.Sys().(*syscall.Stat_t)
	switch {
	case owner.Uid == a.uid:
		return dir.Mode()&0o100 != 0
	case owner.Gid == a.gid:
		return dir.Mode()&0o010 != 0
	default:
		return dir.Mode()&0o001 != 0
	}
}

// ownerOf returns who owns the thing at path itself, not what a link points
// to.
func ownerOf(path string) (uint32, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return 0, err
	}
	return info.Sys().(*syscall.Stat_t).Uid, nil
}
