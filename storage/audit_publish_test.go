package storage

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func openPublished(t *testing.T, dir string) *Published {
	t.Helper()
	p, err := OpenPublished(dir)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *Published) all(t *testing.T) (out []Ending) {
	t.Helper()
	if err := p.Endings(func(e Ending) error { out = append(out, e); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

func mustAppend(t *testing.T, p *Published, past int64, endings ...Ending) {
	t.Helper()
	if err := p.Append(endings, past); err != nil {
		t.Fatal(err)
	}
}

func through(t *testing.T, p *Published) int64 {
	t.Helper()
	past, err := p.Through()
	if err != nil {
		t.Fatal(err)
	}
	return past
}

// What two processes write into one folder is all there, also after one of
// them was killed in the middle of a line.
func TestEndedFileSurvivesACrash(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p, q := openPublished(t, dir), openPublished(t, dir)
	one, two, three := Ending{3, SubjectCredential, 7, EndingRevoked}, Ending{5, SubjectPerson, 9, EndingLeft}, Ending{8, SubjectCredential, 8, EndingExpired}
	mustAppend(t, p, 4, one)
	if got := through(t, q); got != 4 {
		t.Errorf("the other process sees %d", got)
	}
	mustAppend(t, q, 6, two)
	path := filepath.Join(p.Dir(), "ended")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(text, "7 credential 70"...), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := through(t, p); got != 6 {
		t.Errorf("after the crash %d", got)
	}
	mustAppend(t, p, 9, three)
	if diff := cmp.Diff([]Ending{one, two, three}, p.all(t)); diff != "" || through(t, q) != 9 {
		t.Errorf("through %d (-want +got):\n%s", through(t, q), diff)
	}
}

// A long file is written anew with the last word on each.
func TestEndedFileIsCompacted(t *testing.T) {
	t.Parallel()
	p := openPublished(t, t.TempDir())
	const batch = 1000
	written := 0
	for past := int64(0); past <= compactAfter; past += batch {
		var some []Ending
		for at := past; at < past+batch; at++ {
			what := []string{EndingLeft, EndingReturned}[at%2]
			some = append(some, Ending{at, SubjectPerson, 9, what}, Ending{at, SubjectCredential, at % 10, EndingRevoked}, Ending{at, SubjectCredential, 1, EndingRevealed})
		}
		written += len(some)
		mustAppend(t, p, past+batch, some...)
	}
	got := p.all(t)
	if len(got) > written/2 || through(t, p) != compactAfter+batch {
		t.Errorf("%d of %d lines are left, through %d", len(got), written, through(t, p))
	}
	last := map[ending]string{}
	for _, e := range got {
		last[e.key()] = e.What
	}
	if len(last) != 12 || last[ending{SubjectPerson, 9, false}] != EndingReturned {
		t.Errorf("%v", last)
	}
}

// What was published is replaced as a whole, and put aside under its size.
func TestPublishedIsReplacedAndRetired(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := openPublished(t, dir)
	if h, err := p.Held(); err != nil || h.Note != "" || len(h.Followed) != 0 {
		t.Errorf("an empty folder holds %+v, %v", h, err)
	}
	for _, note := range []string{"first\n", "second\n"} {
		if err := p.Replace("key", note); err != nil {
			t.Fatal(err)
		}
	}
	mustAppend(t, p, 4, Ending{3, SubjectCredential, 7, EndingRevoked})
	if err := p.Follow(nil, "B", "A"); err != nil {
		t.Fatal(err)
	}
	if h, err := p.Held(); err != nil || h.Note != "second\n" || h.Public != "key" || strings.Join(h.Followed, " ") != "A B" {
		t.Errorf("it holds %+v, %v", h, err)
	}
	if err := p.Retire(4); err != nil {
		t.Fatal(err)
	}
	if h, err := p.Held(); err != nil || h.Note != "" || len(h.Followed) != 2 || through(t, p) != 0 {
		t.Errorf("put aside, it holds %+v, %v", h, err)
	}
	for _, name := range []string{"checkpoint.4", "ended.4", "key.4"} {
		if _, err := os.Stat(filepath.Join(p.Dir(), name)); err != nil {
			t.Error(err)
		}
	}
}

// A folder is put aside in an order in which a crash leaves no checkpoint that
// can't be read.
func TestRetireCutShort(t *testing.T) {
	t.Parallel()
	p := openPublished(t, t.TempDir())
	if err := p.Replace("key", "note\n"); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, p, 4, Ending{3, SubjectCredential, 7, EndingRevoked})
	// The last of the renames fails: there is a folder with something in it.
	if err := os.MkdirAll(filepath.Join(p.Dir(), "key.4", "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := p.Retire(4); err == nil {
		t.Fatal("a rename onto a folder succeeded")
	}
	if h, err := p.Held(); err != nil || h.Note != "" || h.Public != "key" {
		t.Errorf("it holds %+v, %v", h, err)
	}
}

// A file that was emptied is not the same as one that was never written.
func TestEmptiedFilesAreNoticed(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"checkpoint", "key"} {
		p := openPublished(t, t.TempDir())
		if err := p.Replace("key", "note\n"); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(filepath.Join(p.Dir(), name), 0); err != nil {
			t.Fatal(err)
		}
		if h, err := p.Held(); err == nil || !strings.Contains(err.Error(), "empty") {
			t.Errorf("with an empty %s it holds %+v, %v", name, h, err)
		}
	}
}

// A line is read as it was written, or not at all.
func FuzzEnding(f *testing.F) {
	f.Add("3 credential 7 revoked\n")
	f.Add("through 12\n")
	f.Add("7 credential 70")
	f.Fuzz(func(t *testing.T, line string) {
		if e, ok := parseEnding(line); ok && e.line() != line {
			t.Errorf("%q is read as %+v", line, e)
		}
		if past, ok := parseThrough(line); ok && throughLine(past) != line {
			t.Errorf("%q is read as through %d", line, past)
		}
	})
}
