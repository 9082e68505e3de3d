package auditlog

import (
	"errors"
	"fmt"
	"io"

	"golang.org/x/mod/sumdb/tlog"
)

// single checks the lines of a file of single events.
func (v *verifier) single() error {
	v.Checkpoints = 1
	for n := 2; ; n++ {
		err := v.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = v.proven()
		}
		if _, ok := errors.AsType[*Problem](err); err != nil && !ok {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if err != nil {
			return err
		}
	}
	if v.Events == 0 {
		return fmt.Errorf("%w: it has no event", ErrNotAFile)
	}
	return nil
}

func (v *verifier) proven() error {
	l, err := parseLine(v.line)
	if err != nil {
		return err
	}
	proof, err := hashesOf(l.Proof)
	if err != nil {
		return err
	}
	e, leaf, err := v.event(l, func(e *Entry, leaf tlog.Hash) []byte { return appendProven(v.again[:0], e, leaf, proof) })
	if err != nil {
		return err
	}
	if e.Hash() != leaf {
		return &Problem{e.Position, e.Position, "the event was changed: its leaf hash is that of another content"}
	}
	if e.Position < 0 || e.Position >= v.Size || tlog.CheckRecord(proof, v.Size, v.Root, e.Position, leaf) != nil {
		return &Problem{e.Position, e.Position, "the event is not proven to be at this position of the log"}
	}
	v.count(&e)
	return nil
}
