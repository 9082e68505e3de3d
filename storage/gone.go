package storage

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// GoneFromSlack is a person none of whose Slack accounts works any more,
// although one did, or one of whose accounts works again although Slack said
// that they left.
type GoneFromSlack struct {
	Person PersonID
	Gone   bool
	Since  time.Time // when the last account was deactivated; zero if not Gone
}

const goneQuery = `
	SELECT p.id, p.active, coalesce(max(a.deleted_at), '0001-01-01')
	FROM person p JOIN account a ON a.person_id = p.id AND a.system = 'slack' AND NOT a.is_bot AND NOT a.is_outsider
	WHERE ($1::bigint = 0 OR p.id = $1)
	GROUP BY p.id
	HAVING p.active AND bool_and(a.is_deleted) AND max(a.deleted_at) IS NOT NULL AND NOT EXISTS (
	           SELECT FROM offboarding o WHERE o.person_id = p.id AND o.source = 'slack' AND o.began_at >= max(a.deleted_at))
	    OR NOT p.active AND p.left_by = 'slack' AND NOT bool_and(a.is_deleted)`

// GoneFromSlack lists people whose standing here and at Slack differ; of one
// person if id is not zero. A leave that was undone here is not told again, and
// who had left before we first saw them is no news.
func (db *DB) GoneFromSlack(ctx context.Context, id PersonID) ([]GoneFromSlack, error) {
	rows, err := db.pool.Query(ctx, goneQuery, id)
	if err != nil {
		return nil, wrap("find who left Slack", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (GoneFromSlack, error) {
		var g GoneFromSlack
		return g, row.Scan(&g.Person, &g.Gone, &g.Since)
	})
	return out, wrap("find who left Slack", err)
}
