package auditlog

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Problem is what is wrong with a log, and where: the first position that is
// not as it was, or the stretch in which it lies.
type Problem struct {
	First, Last int64 // positions
	Why         string
}

// Error implements error.
func (p *Problem) Error() string {
	if p.First >= p.Last {
		return fmt.Sprintf("position %d: %s", p.First, p.Why)
	}
	return fmt.Sprintf("positions %d to %d: %s", p.First, p.Last, p.Why)
}

// Checker checks events in the order of their positions, and checkpoints where
// they stand between them. It keeps a few hashes. Use one from one goroutine,
// and no longer once it returned an error.
type Checker struct {
	tree   Frontier
	proven int64 // all before this position lies under a checkpoint that fits
	open   func(note string) (tlog.Tree, error)
	kept   tlog.Tree
}

// NewChecker starts at the end of tree. open verifies a checkpoint. kept is a
// tree that the log is known to have had, to be met on the way; the zero value
// is none.
func NewChecker(tree Frontier, open func(note string) (tlog.Tree, error), kept tlog.Tree) (*Checker, error) {
	c := &Checker{tree: tree, proven: tree.size, open: open, kept: kept}
	return c, c.meet()
}

// Size is the position of the next event.
func (c *Checker) Size() int64 { return c.tree.size }

// Tree is what the events so far make. Don't keep it beyond the next of them.
func (c *Checker) Tree() *Frontier { return &c.tree }

// Event checks the next event against the leaf hash that was stored of it.
func (c *Checker) Event(e *Entry, stored tlog.Hash) error {
	return c.hashed(e.Position, e.Hash(), stored)
}

// hashed is Event for an event whose leaf hash was computed already.
func (c *Checker) hashed(position int64, leaf, stored tlog.Hash) error {
	switch next := c.tree.size; {
	case position > next:
		return &Problem{next, position - 1, "missing"}
	case position < next:
		return &Problem{next, next, fmt.Sprintf("an event that says it is at position %d stands here", position)}
	case leaf != stored:
		return &Problem{position, position, "the event was changed: its leaf hash is that of another content"}
	}
	c.tree.Add(stored)
	return c.meet()
}

// meet compares with the tree that was kept, where that ends.
func (c *Checker) meet() error {
	if c.kept.N == 0 || c.kept.N != c.tree.size {
		return nil
	}
	if c.tree.Root() != c.kept.Hash {
		return &Problem{min(c.proven, c.tree.size-1), c.tree.size - 1, fmt.Sprintf("the log was rewritten: its first %d events are not those of the checkpoint that was kept", c.kept.N)}
	}
	c.proven = c.tree.size
	return nil
}

// Checkpoint checks the checkpoint of a tree that ends here.
func (c *Checker) Checkpoint(note string) error {
	at := max(c.tree.size-1, 0)
	tree, err := c.open(note)
	if err != nil {
		return &Problem{at, at, "the checkpoint after it: " + err.Error()}
	}
	if tree.N != c.tree.size {
		return &Problem{at, at, fmt.Sprintf("a checkpoint of %d events stands after %d", tree.N, c.tree.size)}
	}
	return c.fits(tree.Hash, c.tree.Root(), tree.N)
}

// Fits compares a tree that ends here, and that was verified to be signed, with
// the one that the events make.
func (c *Checker) Fits(signed tlog.Tree) error { return c.fits(signed.Hash, c.tree.Root(), signed.N) }

// fits compares the hash of a tree of size events that was signed with the one
// that the events make.
func (c *Checker) fits(signed, made tlog.Hash, size int64) error {
	if signed != made {
		return &Problem{c.proven, max(c.tree.size-1, c.proven), fmt.Sprintf(
			"something here was changed, added or taken away, and its leaf hash with it: the events do not make the tree that the checkpoint of %d events signs", size)}
	}
	c.proven = c.tree.size
	return nil
}
