package auditlog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// stretch checks the lines of an export.
func (v *verifier) stretch() error {
	checker, right, err := v.begin()
	if err != nil {
		return err
	}
	for {
		err := v.next()
		if errors.Is(err, io.EOF) && checker.Size() == v.To {
			break
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return &Problem{checker.Size(), max(v.To-1, checker.Size()), "missing: the file ends before them, in the middle of a line or after one"}
		}
		if err != nil {
			return err
		}
		if err := v.lineOf(checker); err != nil {
			return err
		}
	}
	root, whole := checker.Tree().Within(v.Size, right)
	if !whole {
		return fmt.Errorf("the header is %w: it has too many or too few hashes outside the stretch", errForm)
	}
	if err := checker.fits(v.Root, root, v.Size); err != nil {
		return err
	}
	v.Checkpoints++
	return nil
}

// begin takes the header's hashes apart: those left of the stretch begin the
// tree, those right of it end it.
func (v *verifier) begin() (*Checker, []tlog.Hash, error) {
	h := &v.head
	v.From, v.To = h.From, h.To
	if h.From < 0 || h.To > v.Size || h.From >= h.To && h.To != 0 {
		return nil, nil, fmt.Errorf("the header is %w: it has no stretch from %d to %d", errForm, h.From, h.To)
	}
	left := bits.OnesCount64(uint64(h.From))
	if len(h.Outside) < left {
		return nil, nil, fmt.Errorf("the header is %w: it has too few hashes outside the stretch", errForm)
	}
	tree, _ := FrontierAt(h.From, h.Outside[:left])
	checker, err := NewChecker(tree, func(note string) (tlog.Tree, error) { return openOwn(v.Public, note) }, v.kept)
	return checker, h.Outside[left:], err
}

// lineOf checks an event or a checkpoint.
func (v *verifier) lineOf(checker *Checker) error {
	at := checker.Size()
	l, err := parseLine(v.line)
	if err != nil {
		return &Problem{at, at, "the line is " + err.Error()}
	}
	if l.Checkpoint != "" {
		v.again = appendCheckpoint(v.again[:0], l.Checkpoint)
		if !bytes.Equal(v.again, v.line) {
			return &Problem{at, at, "the checkpoint before it is " + errForm.Error()}
		}
		v.Checkpoints++
		return checker.Checkpoint(l.Checkpoint)
	}
	if at == v.To {
		return &Problem{at, at, "a line follows that is not of the stretch"}
	}
	e, leaf, err := v.event(l, func(e *Entry, leaf tlog.Hash) []byte { return appendEvent(v.again[:0], e, leaf) })
	if err != nil {
		return &Problem{at, at, "the line is " + err.Error()}
	}
	v.count(&e)
	return checker.Event(&e, leaf)
}
