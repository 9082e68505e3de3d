package storage

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"golang.org/x/mod/sumdb/tlog"

	"latchkey/storage/auditlog"
)

// entriesAtOnce is how many events one statement reads: no statement, and no
// snapshot, lasts as long as a whole export.
const entriesAtOnce = 20_000

// AuditEntries reads the entries from position from up to, not including, to,
// in order, and keeps none of them: e is overwritten by the next one. An entry
// that is missing, or whose event is, ends it with ErrAuditTree and an
// auditlog.Problem.
func (db *DB) AuditEntries(ctx context.Context, from, to int64, each func(e *auditlog.Entry, stored tlog.Hash) error) error {
	for ; from < to; from += entriesAtOnce {
		if err := db.readEntries(ctx, from, min(from+entriesAtOnce, to), each); err != nil {
			return fmt.Errorf("read audit entries: %w", err)
		}
	}
	return nil
}

func (db *DB) readEntries(ctx context.Context, from, to int64, each func(e *auditlog.Entry, stored tlog.Hash) error) error {
	rows, err := db.pool.Query(ctx, `
		SELECT l.position, l.at, l.salt, l.commitments, l.hash, `+entryColumns+`
		FROM audit_leaf l
		JOIN audit_event e ON e.id = l.event_id
		WHERE l.position >= $1
		  AND l.position < $2
		ORDER BY l.position`, pgx.QueryExecModeCacheStatement, from, to)
	if err != nil {
		return err
	}
	defer rows.Close()
	var e auditlog.Entry
	var filed time.Time
	var salt, left, hash pgtype.DriverBytes // valid until the next row
	fields := append([]any{&e.Position, &filed, &salt, &left, &hash}, entryFields(&e)...)
	for next := from; next < to; next++ {
		e.Position = to
		if rows.Next() {
			if err := rows.Scan(fields...); err != nil { // the row is here, and is no event
				return damage(next, next, "it can't be read: "+err.Error())
			}
		} else if err := rows.Err(); err != nil {
			return err
		}
		if e.Position != next {
			return damage(next, e.Position-1, "missing")
		}
		if len(hash) != tlog.HashSize {
			return damage(next, next, "its leaf hash is not one")
		}
		if !filed.Equal(e.At) { // it decides which exports the event is in
			return damage(next, next, "the time it is found by is not the event's")
		}
		e.Salt, e.Erased = salt, nil
		if left != nil {
			if e.Texts != (auditlog.Texts{}) { // its leaf hash would fit any
				return damage(next, next, "it has texts, and they were erased")
			}
			e.Erased = &auditlog.Commitments{}
			if err := json.Unmarshal(left, e.Erased); err != nil {
				return damage(next, next, "what is left of its erased texts can't be read")
			}
		}
		if err := each(&e, tlog.Hash(hash)); err != nil {
			return err
		}
	}
	return rows.Err()
}

// damage is an error about events that are not as they were.
func damage(first, last int64, why string) error {
	return fmt.Errorf("%w: %w", ErrAuditTree, &auditlog.Problem{First: first, Last: last, Why: why})
}

// AuditSpans finds the positions of what happened from a time on until, not
// including, another: from the first such event to the last; zero for both
// when there is none. Events of transactions that took long may lie between
// them with earlier or later times.
func (db *DB) AuditSpans(ctx context.Context, from, to time.Time) (first, past int64, err error) {
	err = db.pool.QueryRow(ctx, `
		SELECT coalesce(min(position), 0), coalesce(max(position) + 1, 0)
		FROM audit_leaf
		WHERE at >= $1
		  AND at < $2`, pgx.QueryExecModeCacheStatement, from, to).Scan(&first, &past)
	return first, past, wrap("find audit positions", err)
}

// AuditPosition finds where in the tree an event is; ErrNotFound while it has
// no place yet.
func (db *DB) AuditPosition(ctx context.Context, event int64) (int64, error) {
	var position int64
	err := db.pool.QueryRow(ctx, `SELECT position FROM audit_leaf WHERE event_id = $1`, pgx.QueryExecModeCacheStatement, event).Scan(&position)
	return position, wrap("find audit position", notFound(err))
}

// CheckpointAt reads the first checkpoint of a tree of at least size events.
func (db *DB) CheckpointAt(ctx context.Context, size int64) (Checkpoint, error) {
	var c Checkpoint
	err := db.pool.QueryRow(ctx, `SELECT size, note, at FROM audit_checkpoint WHERE size >= $1 ORDER BY size LIMIT 1`, pgx.QueryExecModeCacheStatement, size).
		Scan(&c.Size, &c.Note, &c.At)
	return c, wrap("read checkpoint", notFound(err))
}

// AuditOutside reads the hashes of the rest of a tree around a stretch, in the
// order of Stretch.Outside. They are checked against the tree's root.
func (db *DB) AuditOutside(ctx context.Context, tree tlog.Tree, s auditlog.Stretch) ([]tlog.Hash, error) {
	reader := tlog.TileHashReader(tree, newAuditTiles(ctx, db.pool))
	var out []tlog.Hash
	for _, sp := range s.Outside() {
		h, err := hashOf(tree, sp, reader)
		if err != nil {
			return nil, treeErr(err)
		}
		out = append(out, h)
	}
	return out, nil
}

// ProveRecord proves that the leaf at a position is in a tree.
func (db *DB) ProveRecord(ctx context.Context, tree tlog.Tree, position int64) (tlog.RecordProof, error) {
	p, err := tlog.ProveRecord(tree.N, position, tlog.TileHashReader(tree, newAuditTiles(ctx, db.pool)))
	return p, treeErr(err)
}

// ProveTree proves that a tree extends an older one.
func (db *DB) ProveTree(ctx context.Context, tree tlog.Tree, older int64) (tlog.TreeProof, error) {
	p, err := tlog.ProveTree(tree.N, older, tlog.TileHashReader(tree, newAuditTiles(ctx, db.pool)))
	return p, treeErr(err)
}
