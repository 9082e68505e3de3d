package storage

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// HeldSample reads the first cases that wait for a human, the oldest first,
// and how many there are.
func (db *DB) HeldSample(ctx context.Context, limit int) (first []Offboarding, all int, err error) {
	rows, err := db.pool.Query(ctx, `
		SELECT count(*) OVER (), `+offboardingColumns+` FROM offboarding WHERE state = 'held' AND NOT final ORDER BY id LIMIT $1`,
		pgx.QueryExecModeCacheStatement, limit)
	if err != nil {
		return nil, 0, wrap("find held offboardings", err)
	}
	first, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (Offboarding, error) {
		var o Offboarding
		return o, row.Scan(append([]any{&all}, o.dest()...)...)
	})
	return first, all, wrap("find held offboardings", err)
}

// Crowd counts the cases that began within a time, without the first few of
// them.
type Crowd struct {
	Held   int
	Open   int
	Closed int
	Undone int
	Paged  int // open, and a human was called
}

// Crowd counts the cases that began from one time to before another, without
// the first few.
func (db *DB) Crowd(ctx context.Context, from, to time.Time, without int) (Crowd, error) {
	var c Crowd
	err := db.pool.QueryRow(ctx, `
		SELECT count(*) FILTER (WHERE state = 'held'), count(*) FILTER (WHERE state = 'open'), count(*) FILTER (WHERE state = 'closed'),
		       count(*) FILTER (WHERE state = 'undone'), count(*) FILTER (WHERE state = 'open' AND paged)
		FROM (SELECT state, paged FROM offboarding WHERE began_at >= $1 AND began_at < $2 ORDER BY id OFFSET $3) o`,
		pgx.QueryExecModeCacheStatement, from, to, without).Scan(&c.Held, &c.Open, &c.Closed, &c.Undone, &c.Paged)
	return c, wrap("count offboardings of a time", err)
}

// CrowdRank counts the cases that began from a time on and before a case was
// filed, and the case.
func (db *DB) CrowdRank(ctx context.Context, o Offboarding, from time.Time) (int, error) {
	var n int
	err := db.pool.QueryRow(ctx, `SELECT count(*) FROM offboarding WHERE began_at >= $1 AND began_at <= $2 AND id <= $3`,
		pgx.QueryExecModeCacheStatement, from, o.BeganAt, o.ID).Scan(&n)
	return n, wrap("rank offboarding", err)
}

// CrowdWaits counts, by system, the cases that a human was called for, that
// began within a time and that the system keeps open.
func (db *DB) CrowdWaits(ctx context.Context, from, to time.Time) (map[string]int, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT s.connection, count(*) FROM offboarding o JOIN offboarding_system s ON s.offboarding_id = o.id
		WHERE o.began_at >= $1 AND o.began_at < $2 AND o.state = 'open' AND o.paged AND s.clean_at IS NULL AND s.waived_at IS NULL
		GROUP BY s.connection`, pgx.QueryExecModeCacheStatement, from, to)
	if err != nil {
		return nil, wrap("count what offboardings wait for", err)
	}
	out := map[string]int{}
	var name string
	var n int
	_, err = pgx.ForEachRow(rows, []any{&name, &n}, func() error { out[name] = n; return nil })
	return out, wrap("count what offboardings wait for", err)
}

// HeldDecided reads who decided last on held cases that began within a time,
// the zero event if nobody has.
func (db *DB) HeldDecided(ctx context.Context, from, to time.Time) (Event, error) {
	var out []Event
	err := db.bun.NewSelect().Model(&out).
		Where("subject = ? AND before = ? AND subject_id IN (SELECT id FROM offboarding WHERE began_at >= ? AND began_at < ?)", SubjectOffboarding, OffboardingHeld, from, to).
		Order("id DESC").Limit(1).Scan(ctx)
	if err != nil || len(out) == 0 {
		return Event{}, bunErr("read who decided on held offboardings", err)
	}
	return out[0], nil
}
