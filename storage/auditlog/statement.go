package auditlog

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// ErrStatement is a text that is no statement of that kind, or not one that
// the key signed.
var ErrStatement = errors.New("not a statement that this key signed")

// SignStatement signs a statement in the log's name. The note begins with a
// line of the kind and the log's name, so that it is neither a checkpoint nor
// a statement of another kind; text follows in lines of its own.
func SignStatement(private, kind, text string) (string, error) {
	signer, err := note.NewSigner(private)
	if err != nil {
		return "", fmt.Errorf("read the signing key: %w", err)
	}
	signed, err := note.Sign(&note.Note{Text: kind + " of " + signer.Name() + "\n" + text + "\n"}, signer)
	return string(signed), err
}

// OpenStatement verifies a statement of a kind and returns its text. Nothing
// may stand in it that the signature does not cover.
func OpenStatement(public, kind, signed string) (string, error) {
	verifier, err := note.NewVerifier(public)
	if err != nil {
		return "", fmt.Errorf("read the verifying key: %w", err)
	}
	n, err := note.Open([]byte(signed), note.VerifierList(verifier))
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrStatement, err)
	}
	text, ok := strings.CutPrefix(n.Text, kind+" of "+verifier.Name()+"\n")
	if !ok || !isBase64(n.Sigs[0].Base64) || signed != n.Text+"\n— "+n.Sigs[0].Name+" "+n.Sigs[0].Base64+"\n" {
		return "", ErrStatement
	}
	return strings.TrimSuffix(text, "\n"), nil
}
