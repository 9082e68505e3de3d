package auditlog

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/tlog"
)

// The key that signs in tests is written down, so that golden files can be.
const (
	madePrivate = "PRIVATE+KEY+house.example/audit+3ac95546+AXnqfeRWRt60D6QUNhM75qx/IWaVHMRsLTdkAlGpCSyj"
	madePublic  = "house.example/audit+3ac95546+ATXoiefq2K8As1WlBXL4JYPYpuqiLBpN2AGDNA4RvhVF"
)

// made is a log in memory.
type made struct {
	private, public string
	entries         []Entry
	notes           map[int64]string // checkpoints by size
}

// makeLog makes a log of n events, with a checkpoint after each that every
// divides.
func makeLog(t testing.TB, n int, every int64) *made {
	t.Helper()
	m := &made{private: madePrivate, public: madePublic, notes: map[int64]string{}}
	for i := range n {
		m.entries = append(m.entries, madeEntry(i))
	}
	m.sign(t, every)
	return m
}

// madeEntry is the same for the same i. Each eighth lost its texts.
func madeEntry(i int) Entry {
	e := Entry{
		Position: int64(i), ID: int64(i + 1), At: time.Date(2026, 3, 1, 9, 30, i, 123456000, time.UTC), Person: int64(i % 3), Account: int64(i % 3 * 2),
		Action: "credential.revoked", Subject: "credential", SubjectID: int64(7 + i), Policy: "2f6e", Ref: fmt.Sprintf("slack:%d", i),
		Texts: Texts{Actor: "Erin \"E\" Evans", Before: "active", After: "revoked", Reason: fmt.Sprintf("=left, \u2028line\nand more <&> %d", i)},
		Salt:  bytes.Repeat([]byte{byte(i)}, SaltSize),
	}
	if i%5 == 4 {
		e.Texts.Reason, e.Ref, e.Policy = "", "", ""
	}
	if i%8 == 7 {
		left := e.Commitments()
		e.Erased, e.Texts, e.Salt = &left, Texts{}, nil
	}
	return e
}

// sign makes the checkpoints.
func (m *made) sign(t testing.TB, every int64) {
	t.Helper()
	var tree Frontier
	for i := range m.entries {
		tree.Add(m.entries[i].Hash())
		if size := tree.Size(); size%every == 0 || size == int64(len(m.entries)) {
			note, err := SignCheckpoint(m.private, tlog.Tree{N: size, Hash: tree.Root()})
			if err != nil {
				t.Fatal(err)
			}
			m.notes[size] = note
		}
	}
}

func (m *made) leaves() []tlog.Hash {
	var out []tlog.Hash
	for i := range m.entries {
		out = append(out, m.entries[i].Hash())
	}
	return out
}

// hashes reads any hash of the tree.
func (m *made) hashes(t testing.TB) tlog.HashReader {
	t.Helper()
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, at := range indexes {
			out[i] = stored[at]
		}
		return out, nil
	})
	for i, leaf := range m.leaves() {
		more, err := tlog.StoredHashesForRecordHash(int64(i), leaf, reader)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, more...)
	}
	return reader
}

// subtree is the hash of a span.
func (m *made) subtree(leaves []tlog.Hash, sp Span) tlog.Hash {
	var f Frontier
	for _, leaf := range leaves[sp.Lo:sp.Hi] {
		f.Add(leaf)
	}
	return f.Root()
}

// header makes the header of a stretch in the tree of size events.
func (m *made) header(t testing.TB, from, to, size, older int64) *Header {
	t.Helper()
	h := &Header{Public: m.public, From: from, To: to, Checkpoint: m.notes[size]}
	leaves := m.leaves()
	for _, sp := range (Stretch{from, to, size}).Outside() {
		h.Outside = append(h.Outside, m.subtree(leaves, sp))
	}
	if older > 0 {
		proof, err := tlog.ProveTree(size, older, m.hashes(t))
		if err != nil {
			t.Fatal(err)
		}
		h.Older, h.Extends = m.notes[older], proof
	}
	return h
}

// file writes a stretch with all checkpoints in it.
func (m *made) file(t testing.TB, f Format, h *Header) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := NewWriter(&out, f, h, nil)
	if err != nil {
		t.Fatal(err)
	}
	for at := h.From; at < h.To; at++ {
		e := &m.entries[at]
		if err := w.Event(e, e.Hash()); err != nil {
			t.Fatal(err)
		}
		if note := m.notes[at+1]; note != "" && at+1 < h.To {
			if err := w.Checkpoint(note); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// proof writes the events at positions, each with its proof.
func (m *made) proof(t testing.TB, h *Header, size int64, positions ...int64) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := NewProofWriter(&out, h)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range positions {
		proof, err := tlog.ProveRecord(size, at, m.hashes(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Event(&m.entries[at], m.entries[at].Hash(), proof); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

// golden compares with a file under testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}
