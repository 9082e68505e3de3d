package storage

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/tlog"

	"latchkey/storage/auditlog"
)

// nodeStep is how many levels lie between the hashes that are stored: a leaf's
// level is 0, then comes 8.
const nodeStep = 8

// rower is what reads rows: the pool or a transaction.
type rower interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// auditTiles reads the tree in tiles of 256 hashes, as tlog wants it. tlog
// checks whatever it reads against the root it is given.
type auditTiles struct {
	ctx context.Context
	db  rower
	had map[tlog.Tile][]byte
}

func newAuditTiles(ctx context.Context, db rower) *auditTiles {
	return &auditTiles{ctx, db, map[tlog.Tile][]byte{}}
}

// Height implements tlog.TileReader.
func (*auditTiles) Height() int { return nodeStep }

// SaveTiles implements tlog.TileReader.
func (a *auditTiles) SaveTiles(tiles []tlog.Tile, data [][]byte) {
	for i, t := range tiles {
		a.had[t] = data[i]
	}
}

// ReadTiles implements tlog.TileReader.
func (a *auditTiles) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(tiles))
	for i, t := range tiles {
		if out[i] = a.had[t]; out[i] != nil {
			continue
		}
		data, err := a.read(t)
		if err != nil {
			return nil, err
		}
		out[i] = data
	}
	return out, nil
}

const (
	readLeaves = `SELECT hash FROM audit_leaf WHERE position >= $1 AND position < $2 ORDER BY position`
	readNodes  = `SELECT hash FROM audit_node WHERE level = $3 AND n >= $1 AND n < $2 ORDER BY n`
)

func (a *auditTiles) read(t tlog.Tile) ([]byte, error) {
	first := t.N << nodeStep
	query, args := readLeaves, []any{pgx.QueryExecModeCacheStatement, first, first + int64(t.W)}
	if t.L > 0 {
		query, args = readNodes, append(args, t.L*nodeStep)
	}
	rows, err := a.db.Query(a.ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errTreeUnread, err)
	}
	data := make([]byte, 0, t.W*tlog.HashSize)
	var hash []byte
	if _, err := pgx.ForEachRow(rows, []any{&hash}, func() error { data = append(data, hash...); return nil }); err != nil {
		return nil, fmt.Errorf("%w: %w", errTreeUnread, err)
	}
	if len(data) != t.W*tlog.HashSize {
		return nil, fmt.Errorf("%w: %d hashes are missing at level %d from %d on", ErrAuditTree, t.W-len(data)/tlog.HashSize, t.L*nodeStep, first)
	}
	return data, nil
}

// errTreeUnread says that the database did not answer, which tells nothing of
// what is stored.
var errTreeUnread = errors.New("read audit tree")

// treeErr makes ErrAuditTree of what tlog says of a tree that was read; that
// it could not be read stays what it is.
func treeErr(err error) error {
	if err == nil || errors.Is(err, errTreeUnread) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrAuditTree, err)
}

// hashOf is the hash of a subtree of a tree that is given by its root.
func hashOf(tree tlog.Tree, sp auditlog.Span, reader tlog.HashReader) (tlog.Hash, error) {
	var parts []int64 // stored hashes, from left to right, each of a complete subtree
	for lo := sp.Lo; lo < sp.Hi; {
		level := 0
		for size := int64(2); lo%size == 0 && lo+size <= sp.Hi; size *= 2 {
			level++
		}
		parts = append(parts, tlog.StoredHashIndex(level, lo>>level))
		lo += 1 << level
	}
	hashes, err := reader.ReadHashes(parts)
	if err != nil {
		return tlog.Hash{}, fmt.Errorf("read audit tree of %d: %w", tree.N, err)
	}
	whole := hashes[len(hashes)-1]
	for i := len(hashes) - 2; i >= 0; i-- {
		whole = tlog.NodeHash(hashes[i], whole)
	}
	return whole, nil
}
