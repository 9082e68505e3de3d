package storage

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// LeakID is never shown.
type LeakID int64

// Leak is a token that was reported as found where it must not be. A token is
// known by its keyed hash only.
type Leak struct {
	ID           LeakID
	Hash         [32]byte
	CredentialID CredentialID // zero: none of ours
	Type         string       // the reporter's word for what it is
	Source       string       // the reporter's word for where it was: "commit"
	URL          string       // empty: not said
	Reporter     string       // who said so, as the audit log names them
	Times        int          // how often it was reported
	FirstAt      time.Time
	LastAt       time.Time
}

// KnowSecret remembers a vendor's secret by its keyed hash.
func (t Tx) KnowSecret(ctx context.Context, hash [32]byte, id CredentialID) error {
	_, err := t.exec(ctx, `INSERT INTO known_secret (hash, credential_id) VALUES ($1, $2) ON CONFLICT DO NOTHING`, hash[:], id)
	return wrap("know secret", err)
}

// WhoseSecrets finds the credentials that hashes are of, in any state. Those
// of nobody are left out.
func (db *DB) WhoseSecrets(ctx context.Context, hashes [][]byte) (map[[32]byte]CredentialID, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT key_hash, id
		FROM credential
		WHERE key_hash = ANY($1)
		UNION ALL
		SELECT hash, credential_id
		FROM known_secret
		WHERE hash = ANY($1)`, pgx.QueryExecModeCacheStatement, hashes)
	if err != nil {
		return nil, wrap("find whose secrets", err)
	}
	out := map[[32]byte]CredentialID{}
	var hash []byte
	var id CredentialID
	_, err = pgx.ForEachRow(rows, []any{&hash, &id}, func() error { out[[32]byte(hash)] = id; return nil })
	return out, wrap("find whose secrets", err)
}

// NoteLeak stores a report. Fresh is false if the token was reported before as
// the same credential's; then it is counted.
func (t Tx) NoteLeak(ctx context.Context, l *Leak) (fresh bool, err error) {
	var before CredentialID
	err = t.queryRow(ctx, `SELECT coalesce(credential_id, 0) FROM leak WHERE hash = $1 FOR UPDATE`, []any{l.Hash[:]}, &before)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return false, wrap("look for leak", err)
	}
	err = t.queryRow(ctx, `
		INSERT INTO leak AS l (hash, credential_id, type, source, url, reporter)
		VALUES ($1, nullif($2, 0), $3, $4, $5, $6)
		ON CONFLICT (hash) DO UPDATE
		SET times = l.times + 1, last_at = latchkey_now(), credential_id = coalesce(l.credential_id, excluded.credential_id)
		RETURNING id, times, first_at, last_at`,
		[]any{l.Hash[:], l.CredentialID, l.Type, l.Source, l.URL, l.Reporter}, &l.ID, &l.Times, &l.FirstAt, &l.LastAt)
	return l.Times == 1 || before != l.CredentialID, wrap("note leak", err)
}

// NoteUnknownLeaks stores reports of tokens that are none of ours: their keyed
// hashes, and who reported them.
func (db *DB) NoteUnknownLeaks(ctx context.Context, hashes [][]byte, reporter string) error {
	if len(hashes) == 0 {
		return nil
	}
	_, err := db.pool.Exec(ctx, `
		INSERT INTO leak AS l (hash, reporter)
		SELECT DISTINCT h, $2
		FROM unnest($1::bytea[]) AS h
		ORDER BY h
		ON CONFLICT (hash) DO UPDATE
		SET times = l.times + 1, last_at = latchkey_now()`, pgx.QueryExecModeCacheStatement, hashes, reporter)
	return wrap("note unknown leaks", err)
}

// Leak reads one.
func (db *DB) Leak(ctx context.Context, id LeakID) (Leak, error) {
	l := Leak{ID: id}
	var hash []byte
	err := db.pool.QueryRow(ctx, `
		SELECT hash, coalesce(credential_id, 0), type, source, url, reporter, times, first_at, last_at
		FROM leak
		WHERE id = $1`, pgx.QueryExecModeCacheStatement, id).
		Scan(&hash, &l.CredentialID, &l.Type, &l.Source, &l.URL, &l.Reporter, &l.Times, &l.FirstAt, &l.LastAt)
	copy(l.Hash[:], hash)
	return l, wrap("read leak", notFound(err))
}
