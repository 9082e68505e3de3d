package storage

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// EvidenceTimes is how long something took, over a period.
type EvidenceTimes struct {
	Count   int64   // what there was
	Took    int64   // of which it is known how long it took
	Median  float64 // seconds; half took no longer
	Most    float64 // seconds; nine of ten took no longer
	Longest float64 // seconds
	// Buckets counts what took at least the bound before it and less than its
	// own; the last has no bound.
	Buckets []int64
}

// EvidenceBounds are the bounds of the buckets, in seconds.
func EvidenceBounds() []float64 {
	return []float64{1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600}
}

// took sums up the seconds in a relation of that name.
const tookSums = `
	SELECT (SELECT count(*) FROM took),
	       (SELECT count(s) FROM took),
	       coalesce((SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY s) FROM took), 0),
	       coalesce((SELECT percentile_disc(0.9) WITHIN GROUP (ORDER BY s) FROM took), 0),
	       coalesce((SELECT max(s) FROM took), 0),
	       ARRAY(SELECT count(t.s)
	             FROM generate_series(0, cardinality($3::float8[])) g
	             LEFT JOIN took t ON width_bucket(t.s, $3::float8[]) = g
	             GROUP BY g
	             ORDER BY g)`

// RevokeTimes is how long it took from the moment that a credential was to end
// until its system confirmed that it is dead; where the gateway itself is the
// system, until it refused the key.
func (db *DB) RevokeTimes(ctx context.Context, from, to time.Time) (EvidenceTimes, error) {
	return db.evidenceTimes(ctx, `
	WITH ended AS MATERIALIZED (
		SELECT c.brokered, c.ended_at,
		       (SELECT min(e.at) FROM audit_event e
		        WHERE e.subject = 'credential' AND e.subject_id = c.id AND e.action = 'credential.revoking') AS asked,
		       (SELECT min(x.at) FROM receipt x
		        WHERE x.credential_id = c.id AND x.liveness = 'dead') AS confirmed
		FROM credential c
		WHERE c.state = 'revoked'
		  AND c.ended_at >= $1
		  AND c.ended_at < $2
	), took AS MATERIALIZED (
		SELECT greatest(extract(epoch FROM coalesce(confirmed, CASE WHEN brokered THEN ended_at END) - asked), 0)::float8 AS s
		FROM ended
	)`+tookSums, from, to)
}

// LeaveTimes is how long it took from a leave until everything the person held
// was accounted for.
func (db *DB) LeaveTimes(ctx context.Context, from, to time.Time) (EvidenceTimes, error) {
	return db.evidenceTimes(ctx, `
	WITH took AS MATERIALIZED (
		SELECT CASE WHEN state = 'closed' THEN extract(epoch FROM closed_at - began_at)::float8 END AS s
		FROM offboarding
		WHERE state <> 'undone'
		  AND began_at >= $1
		  AND began_at < $2
	)`+tookSums, from, to)
}

func (db *DB) evidenceTimes(ctx context.Context, query string, from, to time.Time) (EvidenceTimes, error) {
	var t EvidenceTimes
	err := db.pool.QueryRow(ctx, query, pgx.QueryExecModeCacheStatement, from, to, EvidenceBounds()).
		Scan(&t.Count, &t.Took, &t.Median, &t.Most, &t.Longest, &t.Buckets)
	return t, wrap("measure how long it took", err)
}
