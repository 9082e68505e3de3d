package auditlog

import (
	"crypto/rand"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// ErrCheckpoint is a text that is no checkpoint, or not one of the expected
// signer.
var ErrCheckpoint = errors.New("not a checkpoint that this key signed")

// NewSigner makes a signing key: public verifies (safe to publish), private
// signs. name stands on every checkpoint, and is the log's origin.
func NewSigner(name string) (private, public string, err error) {
	return note.GenerateKey(rand.Reader, name)
}

// SignCheckpoint writes the signed note of a tree: origin, size and root hash
// as the tlog-checkpoint format has them.
func SignCheckpoint(private string, t tlog.Tree) (string, error) {
	signer, err := note.NewSigner(private)
	if err != nil {
		return "", fmt.Errorf("read the signing key: %w", err)
	}
	text := fmt.Sprintf("%s\n%d\n%s\n", signer.Name(), t.N, t.Hash)
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	return string(signed), err
}

// OpenCheckpoint verifies a checkpoint and returns its tree.
func OpenCheckpoint(public, text string) (tlog.Tree, error) {
	verifier, err := note.NewVerifier(public)
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("read the verifying key: %w", err)
	}
	n, err := note.Open([]byte(text), note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	return parseCheckpoint(n.Text, verifier.Name())
}

func parseCheckpoint(text, origin string) (tlog.Tree, error) {
	var name, hash string
	var t tlog.Tree
	if n, err := fmt.Sscanf(text, "%s\n%d\n%s\n", &name, &t.N, &hash); err != nil || n != 3 || name != origin || t.N < 0 {
		return tlog.Tree{}, ErrCheckpoint
	}
	h, err := tlog.ParseHash(hash)
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	t.Hash = h
	if fmt.Sprintf("%s\n%d\n%s\n", origin, t.N, t.Hash) != text {
		return tlog.Tree{}, ErrCheckpoint
	}
	return t, nil
}
