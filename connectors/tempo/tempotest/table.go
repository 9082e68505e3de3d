package tempotest

import (
	"maps"
	"slices"
)

// table is one kind of row by its id; the double's lock guards it.
type table[T any] struct {
	rows map[int64]T
	last int64
}

func (t *table[T]) add(one func(id int64) T) T {
	if t.rows == nil {
		t.rows = map[int64]T{}
	}
	t.last++
	row := one(t.last)
	t.rows[t.last] = row
	return row
}

func (t *table[T]) all() []T {
	var out []T
	for _, id := range slices.Sorted(maps.Keys(t.rows)) {
		out = append(out, t.rows[id])
	}
	return out
}
