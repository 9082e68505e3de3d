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
	// low is the transaction to look from: all events of earlier ones have
	// their place.
	low string
	// after is how far a look has come, where there is more than one batch.
	after place
	// all is the first look: at whatever is there. Later ones leave out what
	// transactions did that are yet to come: a log that was loaded into
	// another server brings the numbers of its former transactions along.
	all bool
	// size is of the tree as it was last seen.
	size int64
}

// place is where an event stands among those that wait.
type place struct {
	xid string // of its transaction
	id  int64
}

// NewSequencer makes a sequencer.
func NewSequencer(db *DB) *Sequencer {
	s := &Sequencer{db: db}
	s.startOver()
	return s
}

// lastXID is what no transaction's number reaches.
const lastXID = "18446744073709551615"

// sign makes the checkpoint of a tree.
type sign = func(tlog.Tree) (string, error)

// Next places up to limit events and stores a signed checkpoint of the tree
// with them, all at once. It returns how many; zero also where another replica
// is at it.
func (s *Sequencer) Next(ctx context.Context, open func(note string) (tlog.Tree, error), seal sign, limit int) (placed int, err error) {
	var horizon string
	var last place
	var size int64
	err = pgx.BeginFunc(ctx, s.db.pool, func(tx pgx.Tx) error {
		var mine bool
		if err := tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock($1)`, pgx.QueryExecModeCacheStatement, auditLock).Scan(&mine); err != nil || !mine {
			return err
		}
		// A snapshot from here on sees all that was placed under the lock.
		var past string
		var back bool
		err := tx.QueryRow(ctx, `
			SELECT pg_snapshot_xmin(s)::text, pg_snapshot_xmax(s)::text, pg_snapshot_xmin(s) < $1::text::xid8, coalesce((SELECT max(size) FROM audit_checkpoint), 0)
			FROM pg_current_snapshot() s`, pgx.QueryExecModeCacheStatement, s.low).
			Scan(&horizon, &past, &back, &size)
		if err != nil {
			return err
		}
		if back || size < s.size {
			s.startOver()
		}
		if s.all {
			past = lastXID
		}
		var entries []auditlog.Entry
		if entries, last, err = s.waiting(ctx, tx, past, limit); err != nil {
			return err
		}
		placed = len(entries)
		if placed == 0 {
			return nil
		}
		return extend(ctx, tx, entries, open, seal)
	})
	if err != nil {
		return 0, fmt.Errorf("sequence audit events: %w", err)
	}
	s.moveOn(placed == limit, last, horizon)
	if horizon != "" {
		s.size = size + int64(placed)
	}
	return placed, nil
}

// startOver looks at everything again: the database went back in time, or
// another one took its place that had not heard of the latest. What is known of
// its transactions is not of this one.
func (s *Sequencer) startOver() {
	s.low, s.after, s.all, s.size = "0", place{}, true, 0
}

// moveOn remembers where to look next. Only a look at everything from low on
// that left nothing tells that all before the horizon has its place.
func (s *Sequencer) moveOn(more bool, last place, horizon string) {
	switch {
	case more:
		s.after = last
	case s.after != place{}:
		s.after = place{}
	case horizon != "":
		s.low, s.all = horizon, false
	}
}

const entryColumns = `e.id, e.at, coalesce(e.actor_id, 0), coalesce(e.account_id, 0), e.action, e.subject, e.subject_id, coalesce(e.policy_hash, ''), e.ref,
	e.actor, e.before, e.after, e.reason`

func entryFields(e *auditlog.Entry) []any {
	return []any{&e.ID, &e.At, &e.Person, &e.Account, &e.Action, &e.Subject, &e.SubjectID, &e.Policy, &e.Ref,
		&e.Texts.Actor, &e.Texts.Before, &e.Texts.After, &e.Texts.Reason}
}

// waiting reads events without a place, of transactions before past. Each is
// looked up among the leaves by itself: nearly all that are found are new.
func (s *Sequencer) waiting(ctx context.Context, tx pgx.Tx, past string, limit int) (out []auditlog.Entry, last place, err error) {
	after := s.after
	if after.xid == "" {
		after.xid = s.low
	}
	rows, err := tx.Query(ctx, `
		SELECT e.xid::text, `+entryColumns+`
		FROM audit_event e
		WHERE (e.xid, e.id) > ($1::text::xid8, $2)
		  AND e.xid < $3::text::xid8
		  AND (SELECT l.position FROM audit_leaf l WHERE l.event_id = e.id) IS NULL
		ORDER BY e.xid, e.id
		LIMIT $4`, pgx.QueryExecModeCacheStatement, after.xid, after.id, past, limit)
	if err != nil {
		return nil, last, err
	}
	var e auditlog.Entry
	_, err = pgx.ForEachRow(rows, append([]any{&last.xid}, entryFields(&e)...), func() error {
		e.Salt = auditlog.NewSalt()
		out = append(out, e)
		return nil
	})
	last.id = e.ID
	return out, last, err
}

// extend adds the entries to the tree.
func extend(ctx context.Context, tx pgx.Tx, entries []auditlog.Entry, open func(string) (tlog.Tree, error), seal sign) error {
	tree, err := latestTree(ctx, tx, open)
	if err != nil {
		return err
	}
	frontier, err := frontierOf(ctx, tx, tree)
	if err != nil {
		return err
	}
	leaves := [][]any{}
	nodes := [][]any{}
	complete := func(level int, n int64, hash tlog.Hash) {
		if level%nodeStep == 0 {
			nodes = append(nodes, []any{int16(level), n, hash[:]}) //nolint:gosec // at most 63
		}
	}
	for i := range entries {
		e := &entries[i]
		e.Position = frontier.Size()
		leaf := e.Hash()
		frontier.Grow(leaf, complete)
		leaves = append(leaves, []any{e.Position, e.ID, e.At, e.Salt, leaf[:]})
	}
	note, err := seal(tlog.Tree{N: frontier.Size(), Hash: frontier.Root()})
	if err != nil {
		return err
	}
	if _, err := tx.CopyFrom(ctx, pgx.Identifier{"audit_leaf"}, []string{"position", "event_id", "at", "salt", "hash"}, pgx.CopyFromRows(leaves)); err != nil {
		return err
	}
	if _, err := tx.CopyFrom(ctx, pgx.Identifier{"audit_node"}, []string{"level", "n", "hash"}, pgx.CopyFromRows(nodes)); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO audit_checkpoint (size, note) VALUES ($1, $2)`, pgx.QueryExecModeCacheStatement, frontier.Size(), note)
	return err
}

// frontierOf reads what of a tree it takes to add to it.
func frontierOf(ctx context.Context, db rower, tree tlog.Tree) (auditlog.Frontier, error) {
	var parts []int64 // the complete subtrees, from left to right
	for level := 62; level >= 0; level-- {
		if tree.N>>level&1 == 1 {
			parts = append(parts, tlog.StoredHashIndex(level, tree.N>>level-1))
		}
	}
	if len(parts) == 0 {
		return auditlog.Frontier{}, nil
	}
	hashes, err := tlog.TileHashReader(tree, newAuditTiles(ctx, db)).ReadHashes(parts)
	if err != nil {
		return auditlog.Frontier{}, treeErr(err)
	}
	frontier, _ := auditlog.FrontierAt(tree.N, hashes) // as many as there are bits
	return frontier, nil
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
