package storage

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Reading a request with its steps and votes is what every click does first,
// so it is one round trip of prepared statements.
const (
	requestQuery = `
	SELECT id, requester_id, account_id, connection, kind, scopes, lifetime_s, reason, policy_hash, policy_name, granted_scopes,
	       granted_s, state, state_reason, version, source_key, coalesce(lapses_at, '0001-01-01'), created_at,
	       coalesce(decided_at, '0001-01-01'), coalesce(adopts_id, 0), coalesce(holder_id, 0), vendor_request, vendor_match,
	       coalesce(extends_id, 0), coalesce(rotates_id, 0), sink, place, coalesce(filed_by, 0), latchkey_now()
	FROM request WHERE id = $1`
	requestLockQuery = requestQuery + ` FOR UPDATE`
	stepsQuery       = `SELECT request_id, position, group_name, quorum, eligible FROM step WHERE request_id = $1 ORDER BY position`
	reviewsQuery     = `
	SELECT id, request_id, reviewer_id, account_id, position, decision, reason, scopes, lifetime_s, source_key, created_at
	FROM review WHERE request_id = $1 AND voided_at IS NULL ORDER BY id`
)

// LockRequest reads a request with its steps and standing votes, and holds it
// until the transaction ends.
func (t Tx) LockRequest(ctx context.Context, id RequestID) (r Request, steps []Step, reviews []Review, err error) {
	err = t.PGX(func(p pgx.Tx) error {
		r, steps, reviews, err = readRequest(ctx, p.Conn(), requestLockQuery, id)
		return err
	})
	return r, steps, reviews, wrap("lock request", err)
}

// Request reads a request with its steps and standing votes.
func (db *DB) Request(ctx context.Context, id RequestID) (r Request, steps []Step, reviews []Review, err error) {
	err = db.pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
		r, steps, reviews, err = readRequest(ctx, c.Conn(), requestQuery, id)
		return err
	})
	return r, steps, reviews, wrap("read request", err)
}

// readRequest sends the three queries at once. The votes may be newer than
// the row when it had to wait for its lock: each statement sees what is
// committed when it runs, and they run in this order.
func readRequest(ctx context.Context, c *pgx.Conn, query string, id RequestID) (Request, []Step, []Review, error) {
	var b pgx.Batch
	for _, q := range []string{query, stepsQuery, reviewsQuery} {
		if _, err := c.Prepare(ctx, q, q); err != nil { // a look in a map, once prepared
			return Request{}, nil, nil, fmt.Errorf("prepare: %w", err)
		}
		b.Queue(q, id)
	}
	res := c.SendBatch(ctx, &b)
	defer func() { _ = res.Close() }()
	var r Request
	err := res.QueryRow().Scan(&r.ID, &r.RequesterID, &r.AccountID, &r.Connection, &r.Kind, &r.Scopes, &r.LifetimeS, &r.Reason, &r.PolicyHash,
		&r.PolicyName, &r.GrantedScopes, &r.GrantedS, &r.State, &r.StateReason, &r.Version, &r.SourceKey, &r.LapsesAt, &r.CreatedAt, &r.DecidedAt,
		&r.AdoptsID, &r.HolderID, &r.VendorRequest, &r.VendorMatch, &r.ExtendsID, &r.RotatesID, &r.Sink, &r.Place, &r.FiledBy, &r.Now)
	if err != nil {
		return r, nil, nil, notFound(err)
	}
	steps, err := collect(res, func(s *Step) []any { return []any{&s.RequestID, &s.Position, &s.Group, &s.Quorum, &s.Eligible} })
	if err != nil {
		return r, nil, nil, err
	}
	reviews, err := collect(res, func(v *Review) []any {
		return []any{&v.ID, &v.RequestID, &v.ReviewerID, &v.AccountID, &v.Position, &v.Decision, &v.Reason, &v.Scopes, &v.LifetimeS, &v.SourceKey, &v.CreatedAt}
	})
	if err != nil {
		return r, nil, nil, err
	}
	return r, steps, reviews, res.Close()
}

// collect reads the next result of a batch.
func collect[T any](res pgx.BatchResults, into func(*T) []any) ([]T, error) {
	rows, err := res.Query()
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (T, error) {
		var v T
		return v, row.Scan(into(&v)...)
	})
}
