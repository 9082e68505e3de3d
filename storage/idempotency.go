package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"
)

// Answer is what a key of Latchkey's own was answered under an idempotency key.
type Answer struct {
	KeyID   CredentialID
	Name    [32]byte    // a keyed hash of the idempotency key
	Request [32]byte    // a keyed hash of what was asked
	ID      string      // of the claim: the same for all who work on it, another one once it was dropped or forgotten; set by ClaimAnswer
	Until   time.Time   // till when whoever claimed it holds it; set by ClaimAnswer
	Status  int         // an HTTP status; zero: there is no answer yet
	Headers http.Header // that belong to the answer
	Body    []byte
	Again   bool // the same was asked before; set by ClaimAnswer
}

// ClaimAnswer takes the right to answer what a.Name stands for, for so long.
// ErrConflict: somebody else works on it. ErrDuplicate: it was another request.
// Otherwise it brings the answer that was given, or one without a status, which
// the caller is to give now: who had it before crashed, or let go of it.
func (db *DB) ClaimAnswer(ctx context.Context, a Answer, hold time.Duration) (Answer, error) {
	err := db.pool.QueryRow(ctx, `
		INSERT INTO api_answer (key_id, name, request, held_until)
		VALUES ($1, $2, $3, clock_timestamp() + $4)
		ON CONFLICT (key_id, name) DO UPDATE
		SET held_until = excluded.held_until
		WHERE api_answer.status IS NULL
		  AND api_answer.request = excluded.request
		  AND api_answer.held_until <= clock_timestamp()
		RETURNING xmax <> 0, id::text, held_until`, pgx.QueryExecModeCacheStatement, a.KeyID, a.Name[:], a.Request[:], hold).Scan(&a.Again, &a.ID, &a.Until)
	if !errors.Is(err, pgx.ErrNoRows) {
		return a, wrap("claim answer", err)
	}
	return db.givenAnswer(ctx, a)
}

// givenAnswer reads the answer that stands in the way of a claim.
func (db *DB) givenAnswer(ctx context.Context, a Answer) (Answer, error) {
	var request, headers []byte
	err := db.pool.QueryRow(ctx, `
		SELECT request, coalesce(status, 0), headers, body
		FROM api_answer
		WHERE key_id = $1
		  AND name = $2`, pgx.QueryExecModeCacheStatement, a.KeyID, a.Name[:]).Scan(&request, &a.Status, &headers, &a.Body)
	switch {
	case errors.Is(err, pgx.ErrNoRows): // it was dropped this very moment
		return a, ErrConflict
	case err != nil:
		return a, fmt.Errorf("read answer: %w", err)
	case [32]byte(request) != a.Request:
		return a, ErrDuplicate
	case a.Status == 0:
		return a, ErrConflict
	}
	a.Again = true
	return a, wrap("read answer", json.Unmarshal(headers, &a.Headers))
}

// KeepAnswer stores the answer that was claimed. One that is there stays, and
// so does a claim that somebody else took up when its time was over.
func (db *DB) KeepAnswer(ctx context.Context, a Answer) error {
	headers, err := json.Marshal(a.Headers)
	if err != nil {
		return fmt.Errorf("keep answer: %w", err)
	}
	_, err = db.pool.Exec(ctx, `
		UPDATE api_answer
		SET status = $4, headers = $5, body = $6
		WHERE key_id = $1
		  AND name = $2
		  AND held_until = $3
		  AND status IS NULL`, pgx.QueryExecModeCacheStatement, a.KeyID, a.Name[:], a.Until, a.Status, headers, a.Body)
	return wrap("keep answer", err)
}

// ReleaseAnswer lets go of a claim: the same request may be worked on again,
// and no other one takes its place. A claim that somebody else took up stays
// theirs.
func (db *DB) ReleaseAnswer(ctx context.Context, a Answer) error {
	_, err := db.pool.Exec(ctx, `
		UPDATE api_answer
		SET held_until = clock_timestamp()
		WHERE key_id = $1
		  AND name = $2
		  AND held_until = $3
		  AND status IS NULL`, pgx.QueryExecModeCacheStatement, a.KeyID, a.Name[:], a.Until)
	return wrap("release answer", err)
}

// DropAnswer forgets a claim: nothing came of the request, so its idempotency
// key is free for another one. A claim that somebody else took up stays theirs.
func (db *DB) DropAnswer(ctx context.Context, a Answer) error {
	_, err := db.pool.Exec(ctx, `
		DELETE FROM api_answer
		WHERE key_id = $1
		  AND name = $2
		  AND held_until = $3
		  AND status IS NULL`, pgx.QueryExecModeCacheStatement, a.KeyID, a.Name[:], a.Until)
	return wrap("drop answer", err)
}

// ForgetAnswers deletes answers that are older than an age, so many at a time,
// and says how many there were.
func (db *DB) ForgetAnswers(ctx context.Context, age time.Duration, limit int) (int, error) {
	tag, err := db.pool.Exec(ctx, `
		DELETE FROM api_answer
		WHERE (key_id, name) IN (
			SELECT key_id, name
			FROM api_answer
			WHERE created_at <= latchkey_now() - $1::interval
			ORDER BY created_at
			LIMIT $2
			FOR UPDATE SKIP LOCKED)`, pgx.QueryExecModeCacheStatement, age, limit)
	return int(tag.RowsAffected()), wrap("forget answers", err)
}
