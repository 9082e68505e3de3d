package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// EvidenceList is a question to the database whose answer an auditor has: all
// that happened in a period, or everything that is an exception to the rules.
type EvidenceList struct {
	Name    string // "grants"; also that of its file
	Subject string // of what is listed: "credential"
	// Query is the question itself, which the evidence shows. $1 and $2 are
	// the period, from $1 on until, not including, $2; $3 is how old keys may
	// get, zero for any age. Its columns are those of EvidenceRow.
	Query string
	Args  int // how many of them it has
}

// EvidenceRow is one line of the answer. All but the ID may be empty.
type EvidenceRow struct {
	ID   int64
	What string
	Who  string
	At   time.Time
	Why  string
}

// EvidencePopulations are what samples are drawn from, and what else happened.
func EvidencePopulations() []EvidenceList {
	return []EvidenceList{
		{Name: "grants", Subject: SubjectCredential, Args: 2, Query: `
SELECT c.id, c.connection, coalesce(p.name, ''), c.activated_at, c.policy_name
FROM credential c
LEFT JOIN person p ON p.id = c.owner_id
WHERE c.managed
  AND c.replaces_id IS NULL
  AND c.activated_at >= $1
  AND c.activated_at < $2
ORDER BY c.id`},
		{Name: "rotations", Subject: SubjectCredential, Args: 2, Query: `
SELECT c.id, c.connection, coalesce(p.name, ''), c.activated_at, c.policy_name
FROM credential c
LEFT JOIN person p ON p.id = c.owner_id
WHERE c.replaces_id IS NOT NULL
  AND c.activated_at >= $1
  AND c.activated_at < $2
ORDER BY c.id`},
		{Name: "terminations", Subject: SubjectCredential, Args: 2, Query: `
SELECT c.id, c.connection, coalesce(p.name, ''), c.ended_at, c.state_reason
FROM credential c
LEFT JOIN person p ON p.id = c.owner_id
WHERE c.state IN ('revoked', 'expired')
  AND c.ended_at >= $1
  AND c.ended_at < $2
ORDER BY c.id`},
		{Name: "offboardings", Subject: SubjectOffboarding, Args: 2, Query: `
SELECT o.id, o.state, p.name, o.began_at, o.reason
FROM offboarding o
JOIN person p ON p.id = o.person_id
WHERE o.began_at >= $1
  AND o.began_at < $2
ORDER BY o.id`},
		{Name: "denied", Subject: SubjectRequest, Args: 2, Query: `
SELECT r.id, r.connection, p.name, r.decided_at, r.state_reason
FROM request r
JOIN person p ON p.id = r.requester_id
WHERE r.state = 'denied'
  AND r.decided_at >= $1
  AND r.decided_at < $2
ORDER BY r.id`},
		{Name: "lapsed", Subject: SubjectRequest, Args: 2, Query: `
SELECT r.id, r.connection, p.name, r.decided_at, r.state_reason
FROM request r
JOIN person p ON p.id = r.requester_id
WHERE r.state = 'lapsed'
  AND r.decided_at >= $1
  AND r.decided_at < $2
ORDER BY r.id`},
		{Name: "campaigns", Subject: SubjectCampaign, Args: 2, Query: `
SELECT k.id, k.title || ', ' || k.state, k.actor, k.created_at, k.evidence
FROM campaign k
WHERE k.created_at < $2
  AND (k.ended_at IS NULL OR k.ended_at >= $1)
ORDER BY k.id`},
	}
}

// EvidenceRows asks and hands every line to each, in the order of the query,
// keeping none. The row is overwritten by the next one.
func (db *DB) EvidenceRows(ctx context.Context, l EvidenceList, from, to time.Time, maxAge time.Duration, each func(*EvidenceRow) error) error {
	args := []any{from, to, maxAge}[:l.Args]
	rows, err := db.pool.Query(ctx, l.Query, append([]any{pgx.QueryExecModeCacheStatement}, args...)...)
	if err != nil {
		return fmt.Errorf("list %s: %w", l.Name, err)
	}
	defer rows.Close()
	for rows.Next() {
		var r EvidenceRow
		var at *time.Time
		if err := rows.Scan(&r.ID, &r.What, &r.Who, &at, &r.Why); err != nil {
			return fmt.Errorf("list %s: %w", l.Name, err)
		}
		if at != nil {
			r.At = *at
		}
		if err := each(&r); err != nil {
			return err
		}
	}
	return wrap("list "+l.Name, rows.Err())
}
