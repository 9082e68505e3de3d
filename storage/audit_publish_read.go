package storage

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/tlog"
)

// ErrForked says that a tree does not extend the one that was published.
var ErrForked = errors.New("the audit log does not extend what was published of it")

// CheckExtends proves from what is stored that a tree extends an older one.
// ErrForked if it does not, and ErrAuditTree if what is stored is not the tree.
func (db *DB) CheckExtends(ctx context.Context, tree, older tlog.Tree) error {
	switch {
	case older.N > tree.N:
		return fmt.Errorf("%w: it has %d events, and %d were published", ErrForked, tree.N, older.N)
	case older.N == 0:
		return nil
	}
	proof, err := db.ProveTree(ctx, tree, older.N)
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(proof, tree.N, tree.Hash, older.N, older.Hash); err != nil {
		return fmt.Errorf("%w: its first %d events are not those that were published", ErrForked, older.N)
	}
	return nil
}

// endings tells which events say that something ended, and what their words
// in Ending are.
const endings = `
	SELECT l.position, e.subject, e.subject_id,
	       CASE e.action
	           WHEN 'credential.expired' THEN 'expired'
	           WHEN 'credential.revealed' THEN 'revealed'
	           WHEN 'person.left' THEN 'left'
	           WHEN 'person.returned' THEN 'returned'
	           ELSE 'revoked' END
	FROM audit_leaf l
	JOIN audit_event e ON e.id = l.event_id
	WHERE l.position >= $1
	  AND l.position < $2
	  AND e.action IN ('credential.revoking', 'credential.revoked', 'credential.expired', 'credential.revealed', 'person.left', 'person.returned')
	ORDER BY l.position`

// AuditEndings reads what ended by the events from position from up to, not
// including, to.
func (db *DB) AuditEndings(ctx context.Context, from, to int64, each func(Ending) error) error {
	rows, err := db.pool.Query(ctx, endings, pgx.QueryExecModeCacheStatement, from, to)
	if err != nil {
		return fmt.Errorf("read what ended: %w", err)
	}
	var e Ending
	_, err = pgx.ForEachRow(rows, []any{&e.Position, &e.Subject, &e.ID, &e.What}, func() error { return each(e) })
	return wrap("read what ended", err)
}
