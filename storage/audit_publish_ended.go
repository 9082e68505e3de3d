package storage

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// What ends, in the words of the file.
const (
	EndingRevoked  = "revoked"  // a credential: from the moment its end began
	EndingExpired  = "expired"  // a credential
	EndingRevealed = "revealed" // a credential: its secret was shown, once for ever
	EndingLeft     = "left"     // a person
	EndingReturned = "returned" // a person who had left
)

// Ending is a line of what is kept outside the database to be done again after
// a restore: somebody or something was stopped, at a position of the log.
type Ending struct {
	Position int64
	Subject  string // SubjectCredential or SubjectPerson
	ID       int64
	What     string
}

func (e Ending) line() string {
	return fmt.Sprintf("%d %s %d %s\n", e.Position, e.Subject, e.ID, e.What)
}

// parseEnding reads a line. Not ok is a line that a crash cut short.
func parseEnding(line string) (e Ending, ok bool) {
	n, err := fmt.Sscanf(line, "%d %s %d %s\n", &e.Position, &e.Subject, &e.ID, &e.What)
	return e, err == nil && n == 4 && e.line() == line
}

// parseThrough reads a line that says how far the lines above it go.
func parseThrough(line string) (past int64, ok bool) {
	n, err := fmt.Sscanf(line, "through %d\n", &past)
	return past, err == nil && n == 1 && throughLine(past) == line
}

func throughLine(past int64) string { return fmt.Sprintf("through %d\n", past) }

// endedFile is what is known of the file: another process may write to it.
type endedFile struct {
	info  os.FileInfo
	past  int64
	lines int
}

// compactAfter is how many lines of one file may be about what another line
// says already, before it is written anew.
const compactAfter = 20_000

// Endings reads everything in the order of the log.
func (p *Published) Endings(each func(Ending) error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, err := p.scan(each)
	return err
}

// Through says up to where, by position, everything that ended is in the file.
func (p *Published) Through() (int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	info, err := os.Stat(p.path(fileEnded))
	if errors.Is(err, fs.ErrNotExist) {
		p.ended = endedFile{}
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("look at what ended: %w", err)
	}
	if had := p.ended.info; had != nil && os.SameFile(had, info) && had.Size() == info.Size() {
		return p.ended.past, nil
	}
	p.ended, err = p.scan(func(Ending) error { return nil })
	return p.ended.past, err
}

// Append adds what ended before a position of the log. It is on the disk when
// Append returns.
func (p *Published) Append(endings []Ending, past int64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	f, err := os.OpenFile(p.path(fileEnded), os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("write down what ended: %w", err)
	}
	var b strings.Builder
	if cut, err := cutShort(f); err != nil || cut {
		b.WriteString("\n") // after a line that a crash cut short
	}
	for _, e := range endings {
		b.WriteString(e.line())
	}
	b.WriteString(throughLine(past))
	_, err = f.WriteString(b.String())
	info, statErr := f.Stat()
	if err := errors.Join(err, statErr, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write down what ended: %w", err)
	}
	p.ended = endedFile{info: info, past: past, lines: p.ended.lines + len(endings) + 1}
	if p.ended.lines < compactAfter {
		return nil
	}
	return p.compact()
}

// cutShort tells whether the last line of a file has no end.
func cutShort(f *os.File) (bool, error) {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return false, err
	}
	var last [1]byte
	_, err = f.ReadAt(last[:], info.Size()-1)
	return last[0] != '\n', err
}

// scan reads the file. Lines after the last that says how far they go are
// read too: they are true, and come again.
func (p *Published) scan(each func(Ending) error) (endedFile, error) {
	var out endedFile
	f, err := os.Open(p.path(fileEnded))
	if errors.Is(err, fs.ErrNotExist) {
		return out, nil
	}
	if err != nil {
		return out, fmt.Errorf("read what ended: %w", err)
	}
	defer func() { _ = f.Close() }() // nothing was written
	if out.info, err = f.Stat(); err != nil {
		return out, fmt.Errorf("read what ended: %w", err)
	}
	lines := bufio.NewReader(f)
	for {
		line, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, fmt.Errorf("read what ended: %w", err)
		}
		out.lines++
		if past, ok := parseThrough(line); ok {
			out.past = max(out.past, past)
			continue
		}
		if e, ok := parseEnding(line); ok {
			if err := each(e); err != nil {
				return out, err
			}
		}
	}
}

// ending is what lines can be about more than once.
type ending struct {
	subject string
	id      int64
	shown   bool
}

func (e Ending) key() ending { return ending{e.Subject, e.ID, e.What == EndingRevealed} }

// compact leaves the last word on each. What another process adds meanwhile is
// lost with the old file, which that process sees, and writes again.
func (p *Published) compact() error {
	last := map[ending]Ending{}
	before, err := p.scan(func(e Ending) error { last[e.key()] = e; return nil })
	if err != nil || before.lines < compactAfter {
		return err
	}
	if before.lines < 2*len(last) { // it would not be much shorter
		p.ended = endedFile{info: before.info, past: before.past}
		return nil
	}
	var b strings.Builder
	_, err = p.scan(func(e Ending) error {
		if last[e.key()] == e {
			b.WriteString(e.line())
			delete(last, e.key())
		}
		return nil
	})
	if err != nil {
		return err
	}
	b.WriteString(throughLine(before.past))
	if err := p.write(fileEnded, b.String()); err != nil {
		return err
	}
	p.ended = endedFile{} // read it anew
	return nil
}
