package auditlog

import (
	"errors"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// Frontier is a tree that leaves are added to, as little of it as that needs:
// the hashes of the complete subtrees that its leaves divide into, largest
// first. The zero value is the empty tree. Use one from one goroutine.
type Frontier struct {
	size   int64
	hashes []tlog.Hash
}

// FrontierAt continues a tree of size leaves. hashes are those of its complete
// subtrees from left to right, one for each bit that is set in size.
func FrontierAt(size int64, hashes []tlog.Hash) (Frontier, bool) {
	if size < 0 || len(hashes) != bits.OnesCount64(uint64(size)) {
		return Frontier{}, false
	}
	return Frontier{size, append([]tlog.Hash{}, hashes...)}, true
}

// Size is how many leaves the tree has.
func (f *Frontier) Size() int64 { return f.size }

// Add appends a leaf.
func (f *Frontier) Add(leaf tlog.Hash) { f.Grow(leaf, nil) }

// Grow appends a leaf and shows each subtree that is complete with it: the n-th
// of 2^level leaves.
func (f *Frontier) Grow(leaf tlog.Hash, complete func(level int, n int64, hash tlog.Hash)) {
	f.hashes = append(f.hashes, leaf)
	f.size++
	// Two subtrees of one size make one of the next.
	for level, n := 1, f.size; n&1 == 0; level, n = level+1, n>>1 {
		last := len(f.hashes) - 1
		f.hashes[last-1] = tlog.NodeHash(f.hashes[last-1], f.hashes[last])
		f.hashes = f.hashes[:last]
		if complete != nil {
			complete(level, n>>1-1, f.hashes[last-1])
		}
	}
}

// Root is the hash of the tree.
func (f *Frontier) Root() tlog.Hash {
	if f.size == 0 {
		empty, _ := tlog.TreeHash(0, nil) // reads nothing, so it can't fail
		return empty
	}
	root := f.hashes[len(f.hashes)-1]
	for i := len(f.hashes) - 2; i >= 0; i-- {
		root = tlog.NodeHash(f.hashes[i], root)
	}
	return root
}

// Within is the hash of a larger tree of size leaves that begins with this
// one. right are the hashes of Outside of the stretch from the frontier to the
// end; false when they are not as many as it takes.
func (f *Frontier) Within(size int64, right []tlog.Hash) (tlog.Hash, bool) {
	if size <= f.size {
		return f.Root(), size == f.size && len(right) == 0
	}
	left := f.hashes
	root, err := Stretch{f.size, f.size, size}.Root(func(sp Span) (tlog.Hash, error) {
		from := &right
		if sp.Hi <= f.size {
			from = &left
		}
		if len(*from) == 0 {
			return tlog.Hash{}, errTooFew
		}
		h := (*from)[0]
		*from = (*from)[1:]
		return h, nil
	}, nil)
	return root, err == nil && len(left) == 0 && len(right) == 0
}

var errTooFew = errors.New("too few hashes")
