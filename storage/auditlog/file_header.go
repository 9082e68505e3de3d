package auditlog

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// The first member of a file says what it is.
const (
	exportFormat = "latchkey-audit/1"
	proofFormat  = "latchkey-audit-proof/1"
)

// Header begins a file in the format JSONL: a stretch of the log with all that
// proves it. Each line is a JSON object without spaces, in UTF-8, its members
// in the order given here, escaped as RFC 8785 says; members that are empty or
// zero are left out where this says "if". Hashes and salts are in base64 (RFC
// 4648, section 4, with padding). Every line ends with a line feed.
//
// The first line is the header:
//
//	format      "latchkey-audit/1"
//	origin      name of the log
//	public      verifies its checkpoints (C2SP signed-note)
//	size        of the tree that the stretch is proven in
//	from, to    positions: from the first event's up to, not including, to
//	checkpoint  of that tree, a signed note (C2SP tlog-checkpoint)
//	outside     hashes of the subtrees beside the stretch, from left to right
//	older       if: checkpoint of an older tree that this one continues
//	extends     with older: the proof of that (RFC 6962, section 2.1.2)
//
// A line follows for each event, in order:
//
//	position    its place in the tree, counted from 0
//	event       its number in Latchkey, which says nothing about the order
//	at          UTC, to the microsecond: 2026-03-01T09:30:00.000000Z
//	person      if: number of the person who did it
//	account     if: number of the account they did it with
//	action      "credential.revoked"
//	subject     "credential"
//	subject_id  number of the subject
//	policy      if: hash of the policy it was decided under
//	ref         if: the Slack or HTTP request that carried it
//	actor, before, after, reason   if: the texts
//	salt        hides the texts, 16 bytes; not in an erased event
//	erased      what is left of erased texts: an object of commitments with
//	            the members actor, before, after and reason, if each
//	leaf        the leaf hash
//
// About every thousandth event is followed by {"checkpoint": ...}: the signed
// note of the tree that ends there. If the end of the stretch does not fit the
// header's checkpoint, they tell between which two of them something is wrong.
//
// To verify an event: the commitment of each text that is not empty is
// HMAC-SHA-256 under the salt over the member's name, a zero byte and the
// text, in base64. The record is the object of account, action, actor, after,
// at, before, event, person, policy, reason, ref, subject and subject_id with
// the commitments in the place of the texts, in canonical JSON (RFC 8785).
// The leaf hash is SHA-256 over a zero byte and the record, and the tree is
// that of RFC 6962, section 2.1.
//
// To verify the stretch: divide the whole tree at the largest power of two
// below its size, and go on so with each part that lies neither wholly within
// the stretch nor wholly beside it. The parts beside it are those of outside.
type Header struct {
	Public     string      // verifies the checkpoints
	From, To   int64       // positions: from From up to, not including, To
	Checkpoint string      // of the tree that the stretch is proven in
	Outside    []tlog.Hash // as Stretch.Outside lists them
	Older      string      // checkpoint of an older tree; empty: none
	Extends    tlog.TreeProof
}

// errForm is a line that is not as Latchkey writes it.
var errForm = errors.New("not as Latchkey writes it")

// originAndSize reads the first two lines of a checkpoint without verifying it.
func originAndSize(checkpoint string) (origin string, size int64, err error) {
	text, _, found := strings.Cut(checkpoint, "\n\n")
	if !found {
		return "", 0, ErrCheckpoint
	}
	origin, _, _ = strings.Cut(text, "\n")
	tree, err := parseCheckpoint(text+"\n", origin)
	return origin, tree.N, err
}

func appendHeader(b []byte, h *Header) ([]byte, error) {
	origin, size, err := originAndSize(h.Checkpoint)
	if err != nil {
		return nil, err
	}
	b = append(b, '{')
	b = appendMember(b, "format", exportFormat)
	b = appendMember(b, "origin", origin)
	b = appendMember(b, "public", h.Public)
	b = appendInteger(b, "size", size)
	b = appendInteger(b, "from", h.From)
	b = appendInteger(b, "to", h.To)
	b = appendMember(b, "checkpoint", h.Checkpoint)
	b = appendHashes(b, "outside", h.Outside)
	b = appendOlder(b, h)
	return append(b, '}', '\n'), nil
}

func appendOlder(b []byte, h *Header) []byte {
	if h.Older == "" {
		return b
	}
	b = appendMember(b, "older", h.Older)
	return appendHashes(b, "extends", h.Extends)
}

func appendHashes(b []byte, name string, hashes []tlog.Hash) []byte {
	b = append(appendName(b, name), '[')
	for i, h := range hashes {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendQuotedBytes(b, h[:])
	}
	return append(b, ']')
}

func appendCheckpoint(b []byte, checkpoint string) []byte {
	b = appendMember(append(b, '{'), "checkpoint", checkpoint)
	return append(b, '}', '\n')
}

// openOwn is OpenCheckpoint for a note in one of our files, in which nothing
// may stand that the signature does not cover.
func openOwn(public, checkpoint string) (tlog.Tree, error) {
	verifier, err := note.NewVerifier(public)
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("read the verifying key: %w", err)
	}
	n, err := note.Open([]byte(checkpoint), note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	tree, err := parseCheckpoint(n.Text, verifier.Name())
	if err != nil {
		return tree, err
	}
	if len(n.Sigs) != 1 || len(n.UnverifiedSigs) != 0 || !isBase64(n.Sigs[0].Base64) {
		return tree, fmt.Errorf("%w: it has more in it than that", ErrCheckpoint)
	}
	return tree, nil
}

// ParseHeader reads the first line of an export without verifying anything.
func ParseHeader(line []byte) (Header, error) {
	l, err := parseLine(line)
	if err != nil || l.Format != exportFormat {
		return Header{}, ErrNotAFile
	}
	return l.header()
}
