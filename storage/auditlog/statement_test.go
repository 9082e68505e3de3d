package auditlog

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// A statement is what it was signed as: by that key, of that kind, to the last
// byte, and no checkpoint.
func TestStatement(t *testing.T) {
	t.Parallel()
	private, public, err := NewSigner("house.example/audit")
	if err != nil {
		t.Fatal(err)
	}
	_, another, err := NewSigner("house.example/audit")
	if err != nil {
		t.Fatal(err)
	}
	signed, err := SignStatement(private, "evidence pack", "sha256 0f0f")
	if err != nil {
		t.Fatal(err)
	}
	if text, err := OpenStatement(public, "evidence pack", signed); err != nil || text != "sha256 0f0f" {
		t.Fatal(text, err)
	}
	checkpoint, err := SignCheckpoint(private, tlog.Tree{N: 3})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ public, kind, signed string }{
		"another key": {another, "evidence pack", signed}, "another kind": {public, "licence", signed}, "a checkpoint": {public, "evidence pack", checkpoint},
		"signed twice": {public, "evidence pack", signed + signed[strings.LastIndex(signed, "—"):]}, "more of it": {public, "evidence pack", "x\n" + signed},
		"none": {public, "evidence pack", ""},
	} {
		if text, err := OpenStatement(c.public, c.kind, c.signed); !errors.Is(err, ErrStatement) {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	if _, err := OpenCheckpoint(public, signed); !errors.Is(err, ErrCheckpoint) {
		t.Errorf("as a checkpoint: %v", err)
	}
	for i := range len(signed) {
		changed := []byte(signed)
		changed[i] ^= 1
		if text, err := OpenStatement(public, "evidence pack", string(changed)); err == nil {
			t.Errorf("byte %d was changed: it says %q", i, text)
		}
	}
}
