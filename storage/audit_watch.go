package storage

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// watchLock makes one watcher of all replicas. It ends with its session.
const watchLock = 0x1a7c71

// FindingID is never shown.
type FindingID int64

// Finding is something that is wrong with the audit log.
type Finding struct {
	ID       FindingID
	At       time.Time // first found
	Position int64     // of the first event it is about; -1: no single one
	Problem  string    // a sentence
}

// Watched is what the last look at the whole log found.
type Watched struct {
	At      time.Time // zero before the first
	Size    int64     // of the tree that was looked at
	Problem string    // empty: nothing is wrong
}

// WatchAudit does a look at the whole log, on one replica at a time and not
// more often than each. Done is false where it was not our turn. A turn that is
// further away than each was never given by a look, and puts none off.
func (db *DB) WatchAudit(ctx context.Context, each time.Duration, look func(context.Context) (Watched, error)) (done bool, err error) {
	conn, err := db.pool.Acquire(ctx)
	if err != nil {
		return false, wrap("watch audit log", err)
	}
	defer conn.Release()
	var due bool
	err = conn.QueryRow(ctx, `
		SELECT CASE WHEN EXISTS (SELECT FROM audit_watch WHERE due_at > clock_timestamp() AND due_at <= clock_timestamp() + $2) THEN false
		            ELSE pg_try_advisory_lock($1) END`, pgx.QueryExecModeCacheStatement, watchLock, each).Scan(&due)
	if err != nil || !due {
		return false, wrap("watch audit log", err)
	}
	defer func() {
		_, _ = conn.Exec(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, watchLock) // else it ends with the session
	}()
	// Another one may have been at it between our two looks.
	tag, err := conn.Exec(ctx, `
		INSERT INTO audit_watch AS w (id, due_at) VALUES (1, clock_timestamp() + $1)
		ON CONFLICT (id) DO UPDATE SET due_at = excluded.due_at
		WHERE w.due_at <= clock_timestamp()
		   OR w.due_at > clock_timestamp() + $1`, pgx.QueryExecModeCacheStatement, each)
	if err != nil || tag.RowsAffected() == 0 {
		return false, wrap("watch audit log", err)
	}
	found, err := look(ctx)
	if err != nil {
		return false, err
	}
	_, err = conn.Exec(ctx, `UPDATE audit_watch SET watched_at = clock_timestamp(), size = $1, problem = $2 WHERE id = 1`,
		pgx.QueryExecModeCacheStatement, found.Size, found.Problem)
	return true, wrap("note what the watch found", err)
}

// Watched reads what the last look found; zero before the first.
func (db *DB) Watched(ctx context.Context) (Watched, error) {
	var w Watched
	err := db.pool.QueryRow(ctx, `
		SELECT coalesce(max(watched_at), '0001-01-01'), coalesce(max(size), 0), coalesce(max(problem), '') FROM audit_watch`,
		pgx.QueryExecModeCacheStatement).Scan(&w.At, &w.Size, &w.Problem)
	return w, wrap("read what the watch found", err)
}

// NoteFinding stores a finding. Fresh is false if it is known already.
func (t Tx) NoteFinding(ctx context.Context, f *Finding) (fresh bool, err error) {
	err = t.queryRow(ctx, `
		INSERT INTO audit_finding (position, problem) VALUES ($1, $2)
		ON CONFLICT DO NOTHING
		RETURNING id, at`, []any{f.Position, f.Problem}, &f.ID, &f.At)
	if err == ErrNotFound { //nolint:errorlint // queryRow returns the sentinel itself
		return false, nil
	}
	return err == nil, wrap("note finding", err)
}

// Finding reads one.
func (db *DB) Finding(ctx context.Context, id FindingID) (Finding, error) {
	var f Finding
	err := db.pool.QueryRow(ctx, `SELECT id, at, position, problem FROM audit_finding WHERE id = $1`, pgx.QueryExecModeCacheStatement, id).
		Scan(&f.ID, &f.At, &f.Position, &f.Problem)
	return f, wrap("read finding", notFound(err))
}

// AuditUnplaced finds the event that the sequencer should have placed next, if
// that happened longer than since ago; ErrNotFound where there is none. An
// event of a transaction that took long is found for a moment too.
func (db *DB) AuditUnplaced(ctx context.Context, since time.Duration) (id int64, at time.Time, err error) {
	err = db.pool.QueryRow(ctx, `
		SELECT e.id, e.at
		FROM audit_event e
		WHERE e.at < latchkey_now() - $1::interval
		  AND NOT EXISTS (SELECT FROM audit_leaf l WHERE l.event_id = e.id)
		ORDER BY e.xid, e.id
		LIMIT 1`, pgx.QueryExecModeCacheStatement, since).Scan(&id, &at)
	return id, at, wrap("find audit events without a place", notFound(err))
}

// AuditCounts is how much of the log there is.
type AuditCounts struct {
	Events    int64 // that have a place
	Waiting   int64 // that have none yet, but for those of slow transactions
	Published int64 // size of the newest checkpoint
}

// AuditCounts reads it, by the ends of indexes.
func (db *DB) AuditCounts(ctx context.Context) (AuditCounts, error) {
	var c AuditCounts
	err := db.pool.QueryRow(ctx, `
		SELECT coalesce((SELECT max(position) + 1 FROM audit_leaf), 0),
		       coalesce((SELECT max(size) FROM audit_checkpoint), 0),
		       (SELECT count(*)
		        FROM audit_event e
		        WHERE e.id > coalesce((SELECT event_id FROM audit_leaf ORDER BY position DESC LIMIT 1), 0)
		          AND NOT EXISTS (SELECT FROM audit_leaf l WHERE l.event_id = e.id))`, pgx.QueryExecModeCacheStatement).
		Scan(&c.Events, &c.Published, &c.Waiting)
	return c, wrap("count audit events", err)
}
