package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"latchkey/storage/auditlog"
)

// The files of Published.
const (
	fileCheckpoint = "checkpoint" // the newest signed note
	fileKey        = "key"        // what verifies it
	fileEnded      = "ended"      // what ended by then; see Ending
	fileAccepted   = "accepted"   // tokens of quarantines that are over
)

// Published is what a replica keeps of the audit log outside the database, so
// that a database that goes back in time, or is rewritten, is found out: the
// newest checkpoint, and what has ended by then. Processes may share a folder.
type Published struct {
	dir string

	mu    sync.Mutex
	ended endedFile
}

// OpenPublished makes the folder audit under a data folder if it is not there.
func OpenPublished(dataDir string) (*Published, error) {
	p := &Published{dir: filepath.Join(dataDir, "audit")}
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make a folder for the audit log's checkpoint: %w", err)
	}
	return p, nil
}

// Dir is where the files are.
func (p *Published) Dir() string { return p.dir }

// Held is what a replica has published last.
type Held struct {
	Public   string   // verifies the note
	Note     string   // empty: nothing yet
	Followed []string // tokens of quarantines that were accepted, and are over here too
}

// Tree verifies the note by the key that lies beside it.
func (h Held) Tree() (tlog.Tree, error) { return auditlog.OpenCheckpoint(h.Public, h.Note) }

// Held reads what was published. Read it before the database, which then must
// reach it.
func (p *Published) Held() (Held, error) {
	var h Held
	var err error
	for name, into := range map[string]*string{fileCheckpoint: &h.Note, fileKey: &h.Public} {
		if *into, err = p.whole(name); err != nil {
			return h, err
		}
	}
	h.Public = strings.TrimSpace(h.Public)
	tokens, err := p.read(fileAccepted)
	h.Followed = strings.Fields(tokens)
	return h, err
}

// Replace puts a newer checkpoint in the place of the one that is held. It is
// on the disk when Replace returns, and at no moment is there half of one.
func (p *Published) Replace(public, note string) error {
	if had, err := p.whole(fileKey); err != nil || strings.TrimSpace(had) != public {
		if err := errors.Join(err, p.write(fileKey, public+"\n")); err != nil {
			return err
		}
	}
	return p.write(fileCheckpoint, note)
}

// Follow notes that quarantines are over here too.
func (p *Published) Follow(had []string, tokens ...string) error {
	all := slices.Concat(had, tokens)
	slices.Sort(all)
	return p.write(fileAccepted, strings.Join(slices.Compact(all), "\n")+"\n")
}

// Retire puts everything that was published aside, under names that end with
// the size of its tree, so that publishing begins anew.
func (p *Published) Retire(size int64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, name := range []string{fileEnded, fileCheckpoint, fileKey} { // a note is never without its key
		err := os.Rename(p.path(name), fmt.Sprintf("%s.%d", p.path(name), size))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("put the old checkpoint aside: %w", err)
		}
	}
	p.ended = endedFile{}
	return p.settle()
}

func (p *Published) path(name string) string { return filepath.Join(p.dir, name) }

// read reads a file; one that is not there is empty.
func (p *Published) read(name string) (string, error) {
	b, err := os.ReadFile(p.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return string(b), wrap("read what was published of the audit log", err)
}

// whole reads a file that is either not there or has something in it: one that
// was emptied must not pass for nothing published yet.
func (p *Published) whole(name string) (string, error) {
	b, err := os.ReadFile(p.path(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err == nil && strings.TrimSpace(string(b)) == "":
		return "", fmt.Errorf("%s is empty; if a disk or a person emptied it, move the folder away", p.path(name))
	}
	return string(b), wrap("read what was published of the audit log", err)
}

// write replaces a file as a whole, and returns when the disk has it.
func (p *Published) write(name, text string) error {
	f, err := os.CreateTemp(p.dir, "."+name+"-")
	if err != nil {
		return fmt.Errorf("publish the audit log's %s: %w", name, err)
	}
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), p.path(name))
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("publish the audit log's %s: %w", name, err)
	}
	return p.settle()
}

// settle has the disk remember the names in the folder.
func (p *Published) settle() error {
	d, err := os.Open(p.dir)
	if err == nil {
		err = errors.Join(d.Sync(), d.Close())
	}
	return wrap("publish the audit log", err)
}
