package auditlog

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Known is what somebody who verifies a file has of their own. The more of it,
// the less they have to trust whoever gave them the file. The zero value
// believes the key that the file brings along.
type Known struct {
	Public     string // verifies the log's checkpoints; empty: the file's
	Checkpoint string // one that was kept from earlier; empty: none
}

// Verified is what a file proved.
type Verified struct {
	Origin string // name of the log
	Public string // what its checkpoints were verified with
	// Believed says that Public came from the file itself, and nothing that
	// the verifier had shows that it is the log's: whoever can write such a
	// file from scratch can make a key as well.
	Believed bool
	// Single says that the file has single events with a proof each. Else it
	// has all from position From up to, not including, To.
	Single      bool
	From, To    int64
	Events      int64
	Erased      int64     // events whose texts were erased
	Checkpoints int       // that fit, with the header's
	Size        int64     // of the tree they lie in
	Root        tlog.Hash // of that tree
	Kept        int64     // size of the tree of Known.Checkpoint; the file's extends it
	First, Last time.Time // the earliest and the latest event; zero without any
}

// Errors of files that can't be verified, which need not mean that somebody
// changed them.
var (
	ErrNotAFile = errors.New("not a file that `latchkey audit export --format jsonl` or `latchkey audit prove` wrote")
	ErrUnproven = errors.New("the file has no proof that its log extends the checkpoint that was kept; have it written with --since-checkpoint")
)

// Verify checks a file from its first byte to its last and says what that
// proves. It needs nothing but the file, and little memory however long that
// is. What is wrong with the events is a *Problem.
func Verify(r io.Reader, known Known) (Verified, error) {
	v := verifier{in: bufio.NewReaderSize(r, writerRoom), known: known}
	err := v.header()
	if err == nil && v.Single {
		err = v.single()
	} else if err == nil {
		err = v.stretch()
	}
	return v.Verified, err
}

type verifier struct {
	Verified

	in    *bufio.Reader
	known Known
	head  Header
	kept  tlog.Tree
	line  []byte
	again []byte
}

// maxLine is how long a line may be: what it says has to fit into memory.
const maxLine = 16 << 20

// next reads a line with its end into v.line. It is valid until the next one.
func (v *verifier) next() error {
	v.line = v.line[:0]
	for {
		part, err := v.in.ReadSlice('\n')
		v.line = append(v.line, part...)
		switch {
		case err == nil:
			return nil
		case len(v.line) > maxLine:
			return fmt.Errorf("%w: a line is longer than any that it would write", errForm)
		case errors.Is(err, io.EOF) && len(v.line) > 0:
			return io.ErrUnexpectedEOF
		case !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
	}
}

func (v *verifier) header() error {
	if err := v.next(); err != nil {
		return fmt.Errorf("%w: %w", ErrNotAFile, err)
	}
	l, err := parseLine(v.line)
	if err != nil || l.Format != exportFormat && l.Format != proofFormat {
		return ErrNotAFile
	}
	v.Single = l.Format == proofFormat
	if v.head, err = l.header(); err != nil {
		return fmt.Errorf("the header is %w", err)
	}
	if v.Single {
		v.again, err = appendProofHeader(nil, &v.head)
	} else {
		v.again, err = appendHeader(nil, &v.head)
	}
	if err != nil {
		return fmt.Errorf("the header: %w", err)
	}
	if !bytes.Equal(v.again, v.line) {
		return fmt.Errorf("the header is %w", errForm)
	}
	if err := v.keys(); err != nil {
		return err
	}
	tree, err := openOwn(v.Public, v.head.Checkpoint)
	if err != nil {
		return fmt.Errorf("the header: %w", err)
	}
	v.Origin, _, _ = strings.Cut(v.head.Checkpoint, "\n")
	v.Size, v.Root = tree.N, tree.Hash
	return v.extends(tree)
}

// keys settles which key verifies, and opens the checkpoint that was kept.
func (v *verifier) keys() (err error) {
	v.Public = v.head.Public
	if v.known.Public != "" && v.known.Public != v.Public {
		return fmt.Errorf("the file was signed with the key %s, not with %s", v.Public, v.known.Public)
	}
	if verifier, err := note.NewVerifier(v.Public); err != nil || !strings.HasPrefix(v.Public, fmt.Sprintf("%s+%08x+", verifier.Name(), verifier.KeyHash())) {
		return fmt.Errorf("the header is %w: it has no verifying key", errForm)
	}
	v.Believed = v.known.Public == "" && v.known.Checkpoint == ""
	if v.known.Checkpoint != "" {
		if v.kept, err = OpenCheckpoint(v.Public, v.known.Checkpoint); err != nil {
			return fmt.Errorf("the checkpoint that was kept: %w: this is another log, or somebody signed the file with a key of their own", err)
		}
		v.Kept = v.kept.N
	}
	return nil
}

// extends checks the header's proof that its tree extends an older one, and
// whether it or the events show so of the checkpoint that was kept.
func (v *verifier) extends(tree tlog.Tree) error {
	var older tlog.Tree
	if v.head.Older != "" {
		var err error
		if older, err = openOwn(v.Public, v.head.Older); err != nil {
			return fmt.Errorf("the header's older checkpoint: %w", err)
		}
		if err := checkExtends(v.head.Extends, tree, older); err != nil {
			return fmt.Errorf("the header does not prove that the log extends its older checkpoint of %d events: %w", older.N, err)
		}
	}
	switch kept := v.kept; {
	case kept.N == 0:
		return nil
	case kept.N > tree.N:
		return &Problem{tree.N, kept.N - 1, fmt.Sprintf(
			"missing: the log had %d events when the checkpoint was kept, and has %d in this file; unless the file is older, its end was cut off", kept.N, tree.N)}
	case kept.N == tree.N && kept.Hash != tree.Hash, kept.N == older.N && kept.Hash != older.Hash:
		return &Problem{0, kept.N - 1, "the log was rewritten: it is not the one of the checkpoint that was kept"}
	case kept.N == tree.N, kept.N == older.N:
		return nil
	case !v.Single && v.head.From <= kept.N && kept.N <= v.head.To:
		return nil // met among the events
	}
	return ErrUnproven
}

// checkExtends is tlog.CheckTree for trees of any sizes.
func checkExtends(proof tlog.TreeProof, tree, older tlog.Tree) error {
	if older.N > tree.N || older.N == 0 {
		return errors.New("it is not older")
	}
	return tlog.CheckTree(proof, tree.N, tree.Hash, older.N, older.Hash)
}

// event reads the event of a line, for which again writes the same bytes.
func (v *verifier) event(l *fileLine, again func(e *Entry, leaf tlog.Hash) []byte) (Entry, tlog.Hash, error) {
	e, leaf, err := l.entry()
	if err == nil {
		v.again = again(&e, leaf)
		if !bytes.Equal(v.again, v.line) {
			err = errForm
		}
	}
	return e, leaf, err
}

func (v *verifier) count(e *Entry) {
	v.Events++
	if e.Erased != nil {
		v.Erased++
	}
	if v.First.IsZero() || e.At.Before(v.First) {
		v.First = e.At
	}
	if e.At.After(v.Last) {
		v.Last = e.At
	}
}
