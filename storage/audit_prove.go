package storage

import (
	"context"
	"io"

	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/tlog"

	"latchkey/storage/auditlog"
)

// AuditPositions finds where in the tree the events of one subject are, in
// order.
func (db *DB) AuditPositions(ctx context.Context, subject string, id int64) ([]int64, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT l.position
		FROM audit_event e
		JOIN audit_leaf l ON l.event_id = e.id
		WHERE e.subject = $1
		  AND e.subject_id = $2
		ORDER BY l.position`, pgx.QueryExecModeCacheStatement, subject, id)
	if err != nil {
		return nil, wrap("find audit positions", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	return out, wrap("find audit positions", err)
}

// WriteAuditProof writes a file that proves the events at some positions, in
// the form of auditlog.ProofWriter, and that their log extends older; empty is
// none. The same positions bring the same file.
func (db *DB) WriteAuditProof(ctx context.Context, w io.Writer, older string, positions ...int64) error {
	past := int64(0)
	for _, at := range positions {
		past = max(past, at+1)
	}
	h, err := db.HeaderOf(ctx, 0, past, older)
	if err != nil {
		return err
	}
	tree, err := auditlog.OpenCheckpoint(h.Public, h.Checkpoint)
	if err != nil {
		return err
	}
	out, err := auditlog.NewProofWriter(w, &h)
	if err != nil {
		return err
	}
	for _, at := range positions {
		proof, err := db.ProveRecord(ctx, tree, at)
		if err != nil {
			return err
		}
		err = db.AuditEntries(ctx, at, at+1, func(e *auditlog.Entry, stored tlog.Hash) error { return out.Event(e, stored, proof) })
		if err != nil {
			return err
		}
	}
	return nil
}
