package auditlog

import (
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// Every stretch of every tree up to some size: from its first hashes, its
// leaves and the hashes right of it comes the root of the whole.
func TestFrontierMakesTheTreeOfEveryStretch(t *testing.T) {
	t.Parallel()
	m := makeLog(t, 19, 1)
	leaves := m.leaves()
	for size := int64(1); size <= 19; size++ {
		want, err := tlog.TreeHash(size, m.hashes(t))
		if err != nil {
			t.Fatal(err)
		}
		for from := range size {
			for to := from + 1; to <= size; to++ {
				h := m.header(t, from, to, size, 0)
				left := 0
				for _, sp := range (Stretch{from, to, size}).Outside() {
					if sp.Hi <= from {
						left++
					}
				}
				f, ok := FrontierAt(from, h.Outside[:left])
				if !ok {
					t.Fatalf("[%d, %d) of %d has %d subtrees to its left", from, to, size, left)
				}
				for _, leaf := range leaves[from:to] {
					f.Add(leaf)
				}
				if got, ok := f.Within(size, h.Outside[left:]); !ok || got != want {
					t.Fatalf("[%d, %d) of %d: %s, %v, want %s", from, to, size, got, ok, want)
				}
				if f.Root() != m.subtree(leaves, Span{0, to}) {
					t.Fatalf("[%d, %d) of %d: the tree that ends with it is another", from, to, size)
				}
				if _, ok := f.Within(size, append(h.Outside[left:len(h.Outside):len(h.Outside)], want)); ok {
					t.Fatalf("[%d, %d) of %d: a hash too many was not noticed", from, to, size)
				}
			}
		}
	}
}
