package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/tlog"

	"latchkey/storage/auditlog"
)

// ErrAuditTree says that what is stored of the audit tree does not fit its
// latest checkpoint: somebody changed it past the service.
var ErrAuditTree = errors.New("the audit log does not fit its checkpoint")

// auditLock makes one sequencer of all replicas. It ends with the transaction.
const auditLock = 0x1a7c70

// Sequencer gives committed events their place in the tree. Use one from one
// goroutine; any number of replicas may have one.
type Sequencer struct {
	db *DB
	// low is where to look from: every event of an earlier transaction has
	// its place. Empty at the start, when all are looked at.
	low string
	// after is how far a backlog is worked off, by event.
	after int64
}

// NewSequencer makes a sequencer.
func NewSequencer(db *DB) *Sequencer { return &Sequencer{db: db} }

// sign makes the checkpoint of a tree.
type sign = func(tlog.Tree) (string, error)

// Next places up to limit events and stores a signed checkpoint of the tree
// with them, all at once. It returns how many; zero also where another replica
// is at it.
func (s *Sequencer) Next(ctx context.Context, open func(note string) (tlog.Tree, error), make sign, limit int) (placed int, err error) {
	var horizon string
	var last int64
	err = pgx.BeginFunc(ctx, s.db.pool, func(tx pgx.Tx) error {
		var mine bool
		if err := tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock($1)`, pgx.QueryExecModeCacheStatement, auditLock).Scan(&mine); err != nil || !mine {
			return err
		}
		// A snapshot from here on sees all that was placed under the lock.
		if err := tx.QueryRow(ctx, `SELECT pg_snapshot_xmin(pg_current_snapshot())::text`, pgx.QueryExecModeCacheStatement).Scan(&horizon); err != nil {
			return err
		}
		entries, err := s.waiting(ctx, tx, limit)
		if err != nil {
			return err
		}
		placed = len(entries)
		if placed == 0 {
			return nil
		}
		last = entries[placed-1].ID
		return extend(ctx, tx, entries, open, make)
	})
	if err != nil {
		return 0, fmt.Errorf("sequence audit events: %w", err)
	}
	s.moveOn(placed == limit, last, horizon)
	return placed, nil
}

// moveOn remembers where to look next. Only a look at everything from low on
// that left nothing tells that all before the horizon has its place.
func (s *Sequencer) moveOn(more bool, last int64, horizon string) {
	switch {
	case more:
		s.after = last
	case s.after > 0:
		s.after = 0
	case horizon != "":
		s.low = horizon
	}
}

const entryColumns = `e.id, e.at, coalesce(e.actor_id, 0), coalesce(e.account_id, 0), e.action, e.subject, e.subject_id, coalesce(e.policy_hash, ''), e.ref,
	e.actor, e.before, e.after, e.reason`

func entryFields(e *auditlog.Entry) []any {
	return []any{&e.ID, &e.At, &e.Person, &e.Account, &e.Action, &e.Subject, &e.SubjectID, &e.Policy, &e.Ref,
		&e.Texts.Actor, &e.Texts.Before, &e.Texts.After, &e.Texts.Reason}
}

// waiting reads events without a place.
func (s *Sequencer) waiting(ctx context.Context, tx pgx.Tx, limit int) ([]auditlog.Entry, error) {
	low := s.low
	if low == "" {
		low = "0"
	}
	rows, err := tx.Query(ctx, `
		SELECT `+entryColumns+`
		FROM audit_event e
		WHERE e.xid >= $1::text::xid8
		  AND e.id > $2
		  AND NOT EXISTS (SELECT FROM audit_leaf l WHERE l.event_id = e.id)
		ORDER BY e.id
		LIMIT $3`, pgx.QueryExecModeCacheStatement, low, s.after, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (auditlog.Entry, error) {
		e := auditlog.Entry{Salt: auditlog.NewSalt()}
		return e, row.Scan(entryFields(&e)...)
	})
}

// extend adds the entries to the tree.
func extend(ctx context.Context, tx pgx.Tx, entries []auditlog.Entry, open func(string) (tlog.Tree, error), make sign) error {
	tree, err := latestTree(ctx, tx, open)
	if err != nil {
		return err
	}
	base := tlog.StoredHashCount(tree.N)
	var added []tlog.Hash // the stored hashes from base on
	old := tlog.TileHashReader(tree, newAuditTiles(ctx, tx))
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		return readBoth(indexes, base, added, old)
	})
	leaves := [][]any{}
	nodes := [][]any{}
	for i := range entries {
		e := &entries[i]
		e.Position = tree.N + int64(i)
		leaf := e.Hash()
		hashes, err := tlog.StoredHashesForRecordHash(e.Position, leaf, reader)
		if err != nil {
			return errors.Join(ErrAuditTree, err)
		}
		for k, h := range hashes {
			if level, n := tlog.SplitStoredHashIndex(base + int64(len(added)+k)); level > 0 && level%nodeStep == 0 {
				nodes = append(nodes, []any{int16(level), n, h[:]}) //nolint:gosec // at most 63
			}
		}
		added = append(added, hashes...)
		leaves = append(leaves, []any{e.Position, e.ID, e.At, e.Salt, leaf[:]})
	}
	size := tree.N + int64(len(entries))
	root, err := tlog.TreeHash(size, reader)
	if err != nil {
		return errors.Join(ErrAuditTree, err)
	}
	note, err := make(tlog.Tree{N: size, Hash: root})
	if err != nil {
		return err
	}
	if _, err := tx.CopyFrom(ctx, pgx.Identifier{"audit_leaf"}, []string{"position", "event_id", "at", "salt", "hash"}, pgx.CopyFromRows(leaves)); err != nil {
		return err
	}
	if _, err := tx.CopyFrom(ctx, pgx.Identifier{"audit_node"}, []string{"level", "n", "hash"}, pgx.CopyFromRows(nodes)); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO audit_checkpoint (size, note) VALUES ($1, $2)`, pgx.QueryExecModeCacheStatement, size, note)
	return err
}

// readBoth reads hashes of the tree as it is stored, and of what comes to it.
func readBoth(indexes []int64, base int64, added []tlog.Hash, old tlog.HashReader) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	var stored []int64
	var at []int
	for i, index := range indexes {
		if index >= base {
			out[i] = added[index-base]
			continue
		}
		stored, at = append(stored, index), append(at, i)
	}
	if len(stored) == 0 {
		return out, nil
	}
	hashes, err := old.ReadHashes(stored)
	for i, h := range hashes {
		out[at[i]] = h
	}
	return out, err
}

// latestTree is the tree of the latest checkpoint; none is the empty tree.
func latestTree(ctx context.Context, db rower, open func(string) (tlog.Tree, error)) (tlog.Tree, error) {
	note, err := latestCheckpoint(ctx, db)
	if errors.Is(err, ErrNotFound) {
		empty, err := tlog.TreeHash(0, nil)
		return tlog.Tree{Hash: empty}, err
	}
	if err != nil {
		return tlog.Tree{}, err
	}
	tree, err := open(note.Note)
	if err != nil {
		return tree, errors.Join(ErrAuditTree, err)
	}
	return tree, nil
}

// Checkpoint is a signed statement about the tree.
type Checkpoint struct {
	Size int64
	Note string
	At   time.Time
}

func latestCheckpoint(ctx context.Context, db rower) (Checkpoint, error) {
	var c Checkpoint
	err := db.QueryRow(ctx, `SELECT size, note, at FROM audit_checkpoint ORDER BY size DESC LIMIT 1`, pgx.QueryExecModeCacheStatement).Scan(&c.Size, &c.Note, &c.At)
	return c, notFound(err)
}

// LatestCheckpoint reads the newest checkpoint; ErrNotFound before the first.
func (db *DB) LatestCheckpoint(ctx context.Context) (Checkpoint, error) {
	c, err := latestCheckpoint(ctx, db.pool)
	return c, wrap("read latest checkpoint", err)
}
