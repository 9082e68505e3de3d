package workflow

import (
	"bytes"
	"container/heap"
	"crypto/sha256"
	"slices"
)

// sampler draws a sample from a population of any size that passes by once.
// The sample are the IDs whose ticket is lowest. A ticket is the SHA-256 of the
// seed, the population's name and the ID, each ended by a line feed: so the
// seed alone decides, whatever the order, and everybody can draw it again.
type sampler struct {
	seed, population string
	size             int
	drawn            tickets
}

type ticketOf struct {
	number [sha256.Size]byte
	id     int64
	name   string
}

// offer lets the next ID take part.
func (s *sampler) offer(id int64, name string) {
	if s.size == 0 {
		return
	}
	t := ticketOf{number: sha256.Sum256([]byte(s.seed + "\n" + s.population + "\n" + name + "\n")), id: id, name: name}
	if len(s.drawn) < s.size {
		heap.Push(&s.drawn, t)
		return
	}
	if bytes.Compare(t.number[:], s.drawn[0].number[:]) < 0 {
		s.drawn[0] = t
		heap.Fix(&s.drawn, 0)
	}
}

// sample are those drawn, the lowest ticket first.
func (s *sampler) sample() []ticketOf {
	out := slices.Clone(s.drawn)
	slices.SortFunc(out, func(a, b ticketOf) int { return bytes.Compare(a.number[:], b.number[:]) })
	return out
}

// tickets is a heap with the highest on top.
type tickets []ticketOf

// Len implements heap.Interface.
func (t tickets) Len() int { return len(t) }

// Less implements heap.Interface.
func (t tickets) Less(i, j int) bool { return bytes.Compare(t[i].number[:], t[j].number[:]) > 0 }

// Swap implements heap.Interface.
func (t tickets) Swap(i, j int) { t[i], t[j] = t[j], t[i] }

// Push implements heap.Interface.
func (t *tickets) Push(x any) { *t = append(*t, x.(ticketOf)) }

// Pop implements heap.Interface.
func (t *tickets) Pop() any {
	last := (*t)[len(*t)-1]
	*t = (*t)[:len(*t)-1]
	return last
}
