package storage

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// PolicyUse is a version of the policy that had a say in a period.
type PolicyUse struct {
	Hash     string
	FirstAt  time.Time // the first start of the service with it
	LastAt   time.Time // the last one; zero: not known
	Requests int64     // that were filed under it in the period
}

// PolicyUses lists the versions that requests of a period were filed under, the
// one that ruled when it began, and those that came in it.
func (db *DB) PolicyUses(ctx context.Context, from, to time.Time) ([]PolicyUse, error) {
	rows, err := db.pool.Query(ctx, `
		WITH used AS (
			SELECT policy_hash AS hash, count(*) AS n
			FROM request
			WHERE created_at >= $1 AND created_at < $2
			GROUP BY policy_hash
		), before AS (
			SELECT hash FROM policy_version WHERE created_at < $1 ORDER BY used_at DESC NULLS LAST, created_at DESC LIMIT 1
		)
		SELECT v.hash, v.created_at, coalesce(v.used_at, '0001-01-01 00:00Z'), coalesce(u.n, 0)
		FROM policy_version v
		LEFT JOIN used u ON u.hash = v.hash
		WHERE u.hash IS NOT NULL
		   OR v.created_at >= $1 AND v.created_at < $2
		   OR v.hash IN (SELECT hash FROM before)
		ORDER BY v.created_at, v.hash`, pgx.QueryExecModeCacheStatement, from, to)
	if err != nil {
		return nil, wrap("list policies", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[PolicyUse])
	return out, wrap("list policies", err)
}

// GroupSince tells since when a person has been in a group that lives
// elsewhere, as far as we know.
type GroupSince struct {
	Source   string // "scim:Security"
	PersonID PersonID
	Since    time.Time
}

// GroupsSince reads the members of groups by source.
func (db *DB) GroupsSince(ctx context.Context, sources []string) ([]GroupSince, error) {
	rows, err := db.pool.Query(ctx, `SELECT source, person_id, since FROM group_member WHERE source = ANY($1) ORDER BY source, person_id`,
		pgx.QueryExecModeCacheStatement, sources)
	if err != nil {
		return nil, wrap("read since when members are", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[GroupSince])
	return out, wrap("read since when members are", err)
}

// AuditPositionsOf finds where the events of a credential, and of the request
// that led to it, are in the tree: in order, and how many have no place yet.
func (db *DB) AuditPositionsOf(ctx context.Context, c CredentialID, r RequestID) (positions []int64, waiting int, err error) {
	rows, err := db.pool.Query(ctx, `
		SELECT l.position
		FROM audit_event e
		LEFT JOIN audit_leaf l ON l.event_id = e.id
		WHERE e.subject = 'credential' AND e.subject_id = $1
		   OR e.subject = 'request' AND e.subject_id = $2
		ORDER BY l.position`, pgx.QueryExecModeCacheStatement, c, r)
	if err != nil {
		return nil, 0, wrap("find audit positions", err)
	}
	var at *int64
	_, err = pgx.ForEachRow(rows, []any{&at}, func() error {
		if at == nil {
			waiting++
			return nil
		}
		positions = append(positions, *at)
		return nil
	})
	return positions, waiting, wrap("find audit positions", err)
}
