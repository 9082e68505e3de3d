package storage

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/tlog"

	"latchkey/storage/auditlog"
)

// CheckAudit looks through the whole log: every event against its leaf hash,
// and the tree of them against checkpoints on the way, the latest one and
// published, a tree that the log is known to have had; the zero value is none.
// open verifies checkpoints. It returns the tree that it found in order. What
// is wrong is ErrAuditTree with an auditlog.Problem that names the first bad
// position. It reads in constant memory, and holds no lock and no snapshot for
// long; about five seconds a million events.
//
// A log whose end was cut off, or that was written anew by somebody who has the
// signing key, shows nothing of it by itself: published does.
func (db *DB) CheckAudit(ctx context.Context, open func(note string) (tlog.Tree, error), published tlog.Tree) (tlog.Tree, error) {
	tree, err := db.latestWhole(ctx, open)
	if err != nil {
		return tree, err
	}
	if published.N > tree.N {
		return tree, damage(tree.N, published.N-1, "missing: they were in the log when its checkpoint was published")
	}
	checker, err := auditlog.NewChecker(auditlog.Frontier{}, open, published)
	if err != nil {
		return tree, err
	}
	marks := newAuditMarks(db, 0, tree.N)
	err = db.AuditEntries(ctx, 0, tree.N, func(e *auditlog.Entry, stored tlog.Hash) error {
		if err := checker.Event(e, stored); err != nil {
			return err
		}
		note, err := marks.at(ctx, checker.Size())
		if err != nil || note == "" {
			return err
		}
		return checker.Checkpoint(note)
	})
	if err == nil && tree.N > 0 {
		err = checker.Fits(tree)
	}
	if _, ok := errors.AsType[*auditlog.Problem](err); ok && !errors.Is(err, ErrAuditTree) {
		err = fmt.Errorf("%w: %w", ErrAuditTree, err)
	}
	return tree, err
}

// latestWhole reads the latest checkpoint, of which no leaf may lie outside.
func (db *DB) latestWhole(ctx context.Context, open func(string) (tlog.Tree, error)) (tlog.Tree, error) {
	var size, leaves int64
	var note string
	err := db.pool.QueryRow(ctx, `
		SELECT coalesce(c.size, 0), coalesce(c.note, ''), coalesce((SELECT max(position) + 1 FROM audit_leaf), 0)
		FROM (SELECT) nothing
		LEFT JOIN (SELECT size, note FROM audit_checkpoint ORDER BY size DESC LIMIT 1) c ON true`,
		pgx.QueryExecModeCacheStatement).Scan(&size, &note, &leaves)
	if err != nil {
		return tlog.Tree{}, wrap("read latest checkpoint", err)
	}
	var tree tlog.Tree
	if size > 0 {
		if tree, err = open(note); err != nil {
			return tree, damage(size-1, size-1, "the latest checkpoint: "+err.Error())
		}
	}
	if leaves > tree.N {
		return tree, damage(tree.N, leaves-1, "no checkpoint signs them")
	}
	return tree, nil
}
