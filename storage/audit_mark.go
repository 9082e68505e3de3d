package storage

import (
	"context"

	"github.com/jackc/pgx/v5"
)

const (
	// markEach is how many positions have one checkpoint that is looked at,
	// the last of them. There may be as many as events.
	markEach = 1000
	// marksAtOnce is for how many positions they are read at once.
	marksAtOnce = 100 * markEach
)

// auditMarks are the checkpoints within a stretch, in order, about one for
// every thousand events. For the same stretch they are always the same.
type auditMarks struct {
	db    *DB
	past  int64 // where the stretch ends: the checkpoint there is not one of them
	until int64 // they were read up to this size
	marks []Checkpoint
}

// newAuditMarks are the checkpoints of trees larger than from and smaller than
// past.
func newAuditMarks(db *DB, from, past int64) *auditMarks {
	return &auditMarks{db: db, past: past, until: from}
}

// at brings the checkpoint of a tree of size events; empty for none. Ask for
// sizes in rising order.
func (m *auditMarks) at(ctx context.Context, size int64) (note string, err error) {
	if size >= m.past {
		return "", nil
	}
	if size > m.until {
		if err := m.read(ctx); err != nil {
			return "", err
		}
	}
	for len(m.marks) > 0 && m.marks[0].Size < size {
		m.marks = m.marks[1:]
	}
	if len(m.marks) == 0 || m.marks[0].Size > size {
		return "", nil
	}
	return m.marks[0].Note, nil
}

func (m *auditMarks) read(ctx context.Context) error {
	from := m.until
	m.until = (from/marksAtOnce + 1) * marksAtOnce
	rows, err := m.db.pool.Query(ctx, `
		SELECT c.size, c.note, c.at
		FROM generate_series($1::bigint / $4 * $4, least($2::bigint, $3) - 1, $4::bigint) g (low)
		CROSS JOIN LATERAL (
			SELECT size, note, at
			FROM audit_checkpoint
			WHERE size > greatest(g.low, $1)
			  AND size <= g.low + $4
			  AND size < $3
			ORDER BY size DESC
			LIMIT 1) c
		ORDER BY c.size`, pgx.QueryExecModeCacheStatement, from, m.until, m.past, int64(markEach))
	if err != nil {
		return wrap("read checkpoints", err)
	}
	m.marks, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Checkpoint])
	return wrap("read checkpoints", err)
}
