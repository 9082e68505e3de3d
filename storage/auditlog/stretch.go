package auditlog

import (
	"golang.org/x/mod/sumdb/tlog"
)

// Stretch is the events from position From up to, not including, To of a tree
// of Size.
type Stretch struct{ From, To, Size int64 }

// Span is a subtree: the leaves from Lo up to, not including, Hi.
type Span struct{ Lo, Hi int64 }

// Outside lists the subtrees that together are the rest of the tree, from left
// to right: with their hashes and the leaves of the stretch, the root of the
// whole tree can be computed. There are at most two a level.
func (s Stretch) Outside() []Span {
	var out []Span
	s.collect(Span{0, s.Size}, &out)
	return out
}

func (s Stretch) collect(sp Span, out *[]Span) {
	switch {
	case sp.Hi <= sp.Lo || sp.Lo >= s.From && sp.Hi <= s.To:
	case sp.Hi <= s.From || sp.Lo >= s.To:
		*out = append(*out, sp)
	default:
		middle := sp.Lo + split(sp.Hi-sp.Lo)
		s.collect(Span{sp.Lo, middle}, out)
		s.collect(Span{middle, sp.Hi}, out)
	}
}

// Root computes the root of the whole tree. It asks for the hashes of Outside
// and for the stretch's leaves in order, each once, and keeps none.
func (s Stretch) Root(outside func(Span) (tlog.Hash, error), leaf func() (tlog.Hash, error)) (tlog.Hash, error) {
	if s.Size == 0 {
		return tlog.TreeHash(0, nil)
	}
	return s.root(Span{0, s.Size}, outside, leaf)
}

// root is the hash of a subtree (RFC 6962, section 2.1: it is divided at the
// largest power of two below its size).
func (s Stretch) root(sp Span, outside func(Span) (tlog.Hash, error), leaf func() (tlog.Hash, error)) (tlog.Hash, error) {
	if sp.Hi <= s.From || sp.Lo >= s.To {
		return outside(sp)
	}
	if sp.Hi-sp.Lo == 1 {
		return leaf()
	}
	middle := sp.Lo + split(sp.Hi-sp.Lo)
	left, err := s.root(Span{sp.Lo, middle}, outside, leaf)
	if err != nil {
		return left, err
	}
	right, err := s.root(Span{middle, sp.Hi}, outside, leaf)
	return tlog.NodeHash(left, right), err
}

// split is the largest power of two below n, which is at least 2.
func split(n int64) int64 {
	k := int64(1)
	for k*2 < n {
		k *= 2
	}
	return k
}
