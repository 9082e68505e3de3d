package storage

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"
)

// Turn is what the sweep leaves of a credential that it looked at.
type Turn struct {
	ID           CredentialID
	Next         time.Time // when to look again; zero: never
	NoticedUntil time.Time // the rungs up to here are told; zero: as before
}

// TakeTurns writes many turns at once.
func (t Tx) TakeTurns(ctx context.Context, turns []Turn) error {
	if len(turns) == 0 {
		return nil
	}
	ids, next, told := make([]CredentialID, len(turns)), make([]*time.Time, len(turns)), make([]*time.Time, len(turns))
	for i, v := range turns {
		ids[i], next[i], told[i] = v.ID, micro(v.Next), micro(v.NoticedUntil)
	}
	_, err := t.exec(ctx, `
		UPDATE credential c SET next_action_at = i.next, noticed_until = coalesce(i.told, c.noticed_until)
		FROM unnest($1::bigint[], $2::timestamptz[], $3::timestamptz[]) AS i (id, next, told)
		WHERE c.id = i.id`, ids, next, told)
	return wrap("take turns", err)
}

// Expire ends credentials whose time is up, each with its audit row, and
// erases the keys that were never collected. It returns those it ended.
func (t Tx) Expire(ctx context.Context, ids []CredentialID, by Actor) ([]CredentialID, error) {
	var out []CredentialID
	var id CredentialID
	err := t.each(ctx, `
		WITH due AS (
			SELECT id, state FROM credential WHERE id = ANY($1) AND state IN ('active', 'suspended') AND expires_at <= latchkey_now() FOR UPDATE
		), moved AS (
			UPDATE credential c
			SET state = 'expired', state_reason = '', ended_at = latchkey_now(), next_action_at = NULL, lease_until = NULL, attempts = 0
			FROM due WHERE c.id = due.id
			RETURNING c.id, due.state
		), emptied AS (
			UPDATE ticket SET sealed = NULL FROM moved WHERE credential_id = moved.id AND sealed IS NOT NULL
		), told AS (
			INSERT INTO audit_event (actor, action, subject, subject_id, before, after)
			SELECT $2, 'credential.expired', 'credential', id, state, 'expired' FROM moved
		)
		SELECT id FROM moved`, []any{ids, by.Name}, []any{&id}, func() { out = append(out, id) })
	return out, wrap("expire credentials", err)
}

// TicketsOf reads which of many credentials wait to be collected, and until
// when.
func (t Tx) TicketsOf(ctx context.Context, ids []CredentialID) (map[CredentialID]time.Time, error) {
	out := map[CredentialID]time.Time{}
	var id CredentialID
	var ends time.Time
	err := t.each(ctx, `SELECT credential_id, expires_at FROM ticket WHERE credential_id = ANY($1) AND sealed IS NOT NULL`,
		[]any{ids}, []any{&id, &ends}, func() { out[id] = ends })
	return out, wrap("read tickets", err)
}

// CountEnding counts a connection's live credentials that end between two
// times.
func (t Tx) CountEnding(ctx context.Context, connection string, from, to time.Time) (int, error) {
	var n int
	err := t.queryRow(ctx, `
		SELECT count(*) FROM credential WHERE connection = $1 AND state IN ('active', 'suspended') AND expires_at >= $2 AND expires_at < $3`,
		[]any{connection, from, to}, &n)
	return n, wrap("count what ends", err)
}

// ComingUp locks what the sweep has to look at until a time of the keys that
// some people own, or somebody who can't be told, and skips what another
// replica holds. It begins after a row, as a page of that order; the zero row
// is the beginning.
func (t Tx) ComingUp(ctx context.Context, owners []PersonID, until time.Time, after Credential, limit int) ([]Credential, error) {
	var out []Credential
	err := t.NewSelect().Model(&out).ColumnExpr(credentialColumns).
		Where("managed AND state IN ('active', 'suspended') AND next_action_at > latchkey_now() AND next_action_at <= ?", until).
		Where("(next_action_at, id) > (?, ?)", after.NextActionAt, after.ID).
		Where("(owner_id IN (?) OR owner_id IN (SELECT p.id FROM person p WHERE NOT ("+reachable+")))", bun.List(owners)).
		Order("next_action_at", "id").Limit(int64(limit)).For("UPDATE SKIP LOCKED").Scan(ctx)
	return out, bunErr("find what is due soon", err)
}

// Replan has the sweep look at every live credential anew, a batch at a time
// by key, because the rules it lives under changed. It returns the last key of
// the batch, zero at the end.
func (db *DB) Replan(ctx context.Context, after CredentialID, limit int) (CredentialID, error) {
	var last *CredentialID
	err := db.pool.QueryRow(ctx, `
		WITH batch AS (
			SELECT id FROM credential WHERE id > $1 AND managed AND state IN ('active', 'suspended') ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED
		), changed AS (
			UPDATE credential c SET next_action_at = least(c.next_action_at, latchkey_now()) FROM batch WHERE c.id = batch.id
		)
		SELECT max(id) FROM batch`, pgx.QueryExecModeCacheStatement, after, limit).Scan(&last)
	if err != nil || last == nil {
		return 0, wrap("replan credentials", err)
	}
	return *last, nil
}
