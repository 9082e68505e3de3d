package storage

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Receipt is a vendor's answer, kept as the proof of what was done there.
type Receipt struct {
	CredentialID CredentialID
	At           time.Time
	Verb         string // "revoke", "suspend", "resume"
	Answer       string // the vendor's words: method, path and status, a line a call
	Liveness     string // "live", "dead", "unknown": what the vendor says of it since
	Attempts     int
}

// LivenessDead is the answer that proves an end.
const LivenessDead = "dead"

// InsertReceipt stores a vendor's answer with the move that it proves.
func (t Tx) InsertReceipt(ctx context.Context, r Receipt) error {
	_, err := t.exec(ctx, `INSERT INTO receipt (credential_id, verb, answer, liveness, attempts) VALUES ($1, $2, $3, $4, $5)`,
		r.CredentialID, r.Verb, r.Answer, r.Liveness, r.Attempts)
	return wrap("insert receipt", err)
}

// Receipts reads a credential's receipts, oldest first.
func (db *DB) Receipts(ctx context.Context, id CredentialID) ([]Receipt, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT credential_id, at, verb, answer, liveness, attempts FROM receipt WHERE credential_id = $1 ORDER BY id`, id)
	if err != nil {
		return nil, wrap("read receipts", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Receipt])
	return out, wrap("read receipts", err)
}

// ReceiptsOf reads the receipts of many credentials, oldest first.
func (db *DB) ReceiptsOf(ctx context.Context, ids []CredentialID) (map[CredentialID][]Receipt, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT credential_id, at, verb, answer, liveness, attempts FROM receipt WHERE credential_id = ANY($1) ORDER BY id`,
		pgx.QueryExecModeCacheStatement, ids)
	if err != nil {
		return nil, wrap("read receipts", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Receipt])
	out := map[CredentialID][]Receipt{}
	for _, r := range all {
		out[r.CredentialID] = append(out[r.CredentialID], r)
	}
	return out, wrap("read receipts", err)
}
