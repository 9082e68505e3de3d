package auditlog

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

func TestFilesVerify(t *testing.T) {
	t.Parallel()
	m := makeLog(t, 40, 6)
	for _, tc := range []struct{ from, to, size, older int64 }{
		{0, 40, 40, 0}, {0, 40, 40, 12}, {0, 1, 6, 0}, {0, 0, 40, 0}, {5, 7, 12, 0}, {12, 24, 24, 0}, {12, 23, 40, 6}, {39, 40, 40, 40}, {7, 8, 40, 36},
	} {
		h := m.header(t, tc.from, tc.to, tc.size, tc.older)
		file := m.file(t, FormatJSONL, h)
		v, err := Verify(bytes.NewReader(file), Known{Public: m.public, Checkpoint: m.notes[tc.older]})
		if err != nil {
			t.Errorf("%+v: %v", tc, err)
			continue
		}
		if v.From != tc.from || v.To != tc.to || v.Events != tc.to-tc.from || v.Size != tc.size || v.Kept != tc.older || v.Believed || v.Single || v.Origin != "house.example/audit" {
			t.Errorf("%+v: %+v", tc, v)
		}
		if v, err := Verify(bytes.NewReader(file), Known{}); err != nil || !v.Believed {
			t.Errorf("%+v without a key: %+v, %v", tc, v, err)
		}
	}
	golden(t, "export.jsonl", m.file(t, FormatJSONL, m.header(t, 4, 20, 24, 6)))
}

// A checkpoint that was kept is met among the events, too, and one that the
// file can't speak about is no success.
func TestKeptCheckpoints(t *testing.T) {
	t.Parallel()
	m := makeLog(t, 40, 1)
	other := makeLog(t, 41, 1)
	other.entries[3].Action = "credential.kept"
	other.sign(t, 1)
	whole := m.file(t, FormatJSONL, m.header(t, 0, 30, 32, 0))
	part := m.file(t, FormatJSONL, m.header(t, 10, 30, 32, 8))
	for _, tc := range []struct {
		name string
		file []byte
		kept string
		want string // of the error; empty: verified
	}{
		{"at the start", part, m.notes[10], ""},
		{"within", whole, m.notes[17], ""},
		{"at the end", whole, m.notes[30], ""},
		{"of the whole tree", whole, m.notes[32], ""},
		{"proven in the header", part, m.notes[8], ""},
		{"before the stretch", part, m.notes[7], ErrUnproven.Error()},
		{"after the stretch", whole, m.notes[31], ErrUnproven.Error()},
		{"after the tree", whole, m.notes[40], "positions 32 to 39: missing: the log had 40 events"},
		{"another log's, at the start", part, other.notes[10], "position 9: the log was rewritten"},
		{"another log's, within", whole, other.notes[17], "positions 16 to 16"},
		{"another log's, of the whole tree", whole, other.notes[32], "positions 0 to 31: the log was rewritten"},
		{"another log's, in the header", part, other.notes[8], "positions 0 to 7: the log was rewritten"},
		{"not one at all", whole, "hello", "the checkpoint that was kept: not a checkpoint"},
	} {
		v, err := Verify(bytes.NewReader(tc.file), Known{Checkpoint: tc.kept})
		if tc.want == "" && (err != nil || v.Kept == 0 || v.Believed) {
			t.Errorf("%s: %+v, %v", tc.name, v, err)
		}
		if tc.want != "" && (err == nil || !strings.Contains(err.Error(), strings.Replace(tc.want, "positions 16 to 16", "position 16", 1))) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
		}
	}
}

// What somebody does to a file is found, and where.
func TestChangedFiles(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		change func(m *made, lines []string) []string
		want   string
	}{
		{"a text", replaced(10, "revoked\",\"reason", "resumed\",\"reason"), "position 8: the event was changed"},
		{"a fact", replaced(9, `"person":1`, `"person":2`), "position 7: the event was changed"},
		{"an event and its leaf hash", func(m *made, lines []string) []string {
			e := m.entries[7]
			e.Person++
			lines[9] = string(appendEvent(nil, &e, e.Hash()))
			return lines
		}, "positions 6 to 11: something here was changed"},
		{"an event is left out", func(_ *made, lines []string) []string { return append(lines[:9], lines[10:]...) }, "position 7: missing"},
		{"two change places", func(_ *made, lines []string) []string { lines[9], lines[10] = lines[10], lines[9]; return lines }, "position 7: missing"},
		{"one is repeated", func(_ *made, lines []string) []string { lines[9] = lines[10]; return lines }, "position 7: missing"},
		{"one is put in between", func(m *made, lines []string) []string {
			e := m.entries[7]
			lines[9] += string(appendEvent(nil, &e, e.Hash()))
			return lines
		}, "position 8: an event that says it is at position 7 stands here"},
		{"the end is cut off", func(_ *made, lines []string) []string { return lines[:15] }, "positions 12 to 39: missing: the file ends"},
		{"the last line is torn", func(_ *made, lines []string) []string { lines[len(lines)-1] = lines[len(lines)-1][:40]; return lines }, "position 39: missing: the file ends"},
		{"more follows", func(_ *made, lines []string) []string { return append(lines, lines[len(lines)-1]) }, "position 40: a line follows"},
		{"a hash outside", func(m *made, _ []string) []string {
			h := m.header(t, 0, 36, 40, 0)
			h.Outside[0][5]++
			return strings.SplitAfter(string(m.file(t, FormatJSONL, h)), "\n")
		}, "positions 30 to 35: something here was changed"},
		{"too many hashes outside", func(m *made, _ []string) []string {
			h := m.header(t, 0, 36, 40, 0)
			h.Outside = append(h.Outside, tlog.Hash{})
			return strings.SplitAfter(string(m.file(t, FormatJSONL, h)), "\n")
		}, "too many or too few hashes"},
		{"a checkpoint of another key", func(m *made, lines []string) []string {
			private, _, err := NewSigner("house.example/audit")
			if err != nil {
				t.Fatal(err)
			}
			m.private = private
			m.sign(t, 6)
			lines[7] = string(appendCheckpoint(nil, m.notes[6]))
			return lines
		}, "position 5: the checkpoint after it: not a checkpoint"},
		{"not a file", func(*made, []string) []string { return []string{"hello\n"} }, ErrNotAFile.Error()},
		{"nothing", func(*made, []string) []string { return nil }, ErrNotAFile.Error()},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			m := makeLog(t, 40, 6)
			lines := strings.SplitAfter(strings.TrimSuffix(string(m.file(t, FormatJSONL, m.header(t, 0, 40, 40, 0))), "\n"), "\n")
			lines[len(lines)-1] += "\n"
			file := strings.Join(tc.change(m, lines), "")
			_, err := Verify(strings.NewReader(file), Known{})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %q", err, tc.want)
			}
		})
	}
}

func replaced(line int, old, by string) func(*made, []string) []string {
	return func(_ *made, lines []string) []string {
		lines[line] = strings.Replace(lines[line], old, by, 1)
		return lines
	}
}

// A log that was made from scratch under a key of the forger's own verifies,
// and says that nothing but its own key was believed; the log's key or any
// checkpoint of it finds it out.
func TestForgedLog(t *testing.T) {
	t.Parallel()
	genuine := makeLog(t, 20, 5)
	forged := makeLog(t, 20, 5)
	var err error
	if forged.private, forged.public, err = NewSigner("house.example/audit"); err != nil {
		t.Fatal(err)
	}
	forged.entries[3].Person = 99
	forged.sign(t, 5)
	file := forged.file(t, FormatJSONL, forged.header(t, 0, 20, 20, 0))
	if v, err := Verify(bytes.NewReader(file), Known{}); err != nil || !v.Believed {
		t.Errorf("%+v, %v", v, err)
	}
	for name, known := range map[string]Known{"key": {Public: genuine.public}, "checkpoint": {Checkpoint: genuine.notes[5]}} {
		if _, err := Verify(bytes.NewReader(file), known); err == nil {
			t.Errorf("the log's %s did not find it out", name)
		}
	}
}

func TestProofs(t *testing.T) {
	t.Parallel()
	m := makeLog(t, 40, 8)
	h := m.header(t, 0, 0, 32, 8)
	file := m.proof(t, h, 32, 7, 3, 31)
	v, err := Verify(bytes.NewReader(file), Known{Public: m.public, Checkpoint: m.notes[8]})
	if err != nil || !v.Single || v.Events != 3 || v.Erased != 2 || v.Size != 32 || v.Kept != 8 {
		t.Errorf("%+v, %v", v, err)
	}
	golden(t, "proof.jsonl", file)
	if _, err := Verify(bytes.NewReader(file), Known{Checkpoint: m.notes[16]}); !errors.Is(err, ErrUnproven) {
		t.Errorf("a checkpoint that nothing is said about: %v", err)
	}
	for _, change := range []struct{ old, by, want string }{
		{`"subject_id":10`, `"subject_id":11`, "position 3: the event was changed"},
		{`"position":3,`, `"position":2,`, "position 2: the event is not proven"},
		{`"position":3,`, `"position":33,`, "position 33: the event is not proven"},
		{`"proof":["`, `"proof":["AAAA`, "line 2: not as Latchkey writes it"},
	} {
		_, err := Verify(strings.NewReader(strings.Replace(string(file), change.old, change.by, 1)), Known{})
		if err == nil || !strings.Contains(err.Error(), change.want) {
			t.Errorf("%s: %v", change.by, err)
		}
	}
	if _, err := Verify(bytes.NewReader(m.proof(t, h, 32)), Known{}); !errors.Is(err, ErrNotAFile) {
		t.Errorf("no event: %v", err)
	}
}

// No byte of a file can be another, not even a letter's case. What the fuzz
// target does to several bytes this does to each.
func TestEveryByteCounts(t *testing.T) {
	t.Parallel()
	m := makeLog(t, 9, 3)
	for name, file := range map[string][]byte{
		"export": m.file(t, FormatJSONL, m.header(t, 5, 8, 9, 3)),
		"proof":  m.proof(t, m.header(t, 0, 0, 9, 0), 9, 4),
	} {
		if _, err := Verify(bytes.NewReader(file), Known{}); err != nil {
			t.Fatal(name, err)
		}
		for i, was := range file {
			file[i] = was ^ [...]byte{'a' ^ 'A', 1 << (i % 8)}[i%2]
			if _, err := Verify(bytes.NewReader(file), Known{}); err == nil {
				t.Errorf("%s: byte %d (%q) can be changed to %q", name, i, was, file[i])
			}
			file[i] = was
		}
	}
}

// No change of some bytes of a file verifies, whatever it is.
func FuzzVerify(f *testing.F) {
	m := makeLog(f, 14, 4)
	files := [2][]byte{m.file(f, FormatJSONL, m.header(f, 2, 11, 14, 4)), m.proof(f, m.header(f, 0, 0, 14, 4), 14, 3, 7)}
	f.Add(false, 10, 1, []byte("x"))
	f.Add(true, 700, 0, []byte(" "))
	f.Add(false, 0, 100_000, []byte("{}\n"))
	f.Add(true, 1000, 700, []byte{})
	f.Fuzz(func(t *testing.T, single bool, at, drop int, put []byte) {
		file := files[0]
		if single {
			file = files[1]
		}
		if at < 0 || at > len(file) || drop < 0 {
			return
		}
		end := min(len(file), at+min(drop, len(file)))
		changed := append(append(append([]byte{}, file[:at]...), put...), file[end:]...)
		v, err := Verify(bytes.NewReader(changed), Known{Public: m.public})
		if err != nil || bytes.Equal(changed, file) {
			return
		}
		// Of single events each is proven by itself, and may be left out or
		// stand there twice; of a stretch the checkpoints within may be.
		kept := map[string]bool{}
		for line := range strings.Lines(string(file)) {
			kept[line] = true
		}
		for line := range strings.Lines(string(changed)) {
			if !kept[line] {
				t.Errorf("verified %+v with the line %s", v, line)
			}
		}
		if !single && v.Events != 9 {
			t.Errorf("verified %d events of 9", v.Events)
		}
	})
}

func FuzzOpenCheckpoint(f *testing.F) {
	m := makeLog(f, 3, 3)
	f.Add(m.notes[3])
	f.Add("house.example/audit\n3\nAAAA\n\n— x y\n")
	f.Fuzz(func(t *testing.T, text string) {
		if tree, err := openOwn(m.public, text); err == nil && text != m.notes[3] {
			t.Errorf("%q passes for a checkpoint: %v", text, tree)
		}
		if _, err := OpenCheckpoint(m.public, text); err != nil && !errors.Is(err, ErrCheckpoint) {
			t.Errorf("an error of another kind: %v", err)
		}
		if origin, size, err := originAndSize(text); err == nil && !strings.HasPrefix(text, fmt.Sprintf("%s\n%d\n", origin, size)) {
			t.Errorf("read %q, %d of %q", origin, size, text)
		}
	})
}
