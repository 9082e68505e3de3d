package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// SessionID is the key of a sign-in to the console. Who knows it can do
// nothing with it.
type SessionID int64

// Session is a sign-in to the console.
type Session struct {
	ID        SessionID
	AccountID AccountID
	PersonID  PersonID
	Client    string // the browser's own words about itself
	BeganAt   time.Time
	SeenAt    time.Time // the latest request; by the minute
}

// SessionRules bound how long a sign-in lasts: from its beginning, and from
// the latest request.
type SessionRules struct{ Longest, Idle time.Duration }

// sessionKept is for how long one that is over is kept.
const sessionKept = 30 * 24 * time.Hour

const (
	sessionColumns = `s.id, s.account_id, s.person_id, s.client, s.began_at, s.seen_at`
	sessionLives   = `s.ended_at IS NULL AND s.began_at > latchkey_now() - $1::interval AND s.seen_at > latchkey_now() - $2::interval`
)

func (s *Session) dest() []any {
	return []any{&s.ID, &s.AccountID, &s.PersonID, &s.Client, &s.BeganAt, &s.SeenAt}
}

// InsertSession stores a sign-in by the hash of what its browser will send,
// fills in s, and forgets those that have long been over.
func (t Tx) InsertSession(ctx context.Context, s *Session, hash [32]byte, by Actor) error {
	if _, err := t.exec(ctx, `DELETE FROM session WHERE began_at < latchkey_now() - $1::interval`, sessionKept); err != nil {
		return wrap("forget old sessions", err)
	}
	err := t.queryRow(ctx, `
		INSERT INTO session (hash, account_id, person_id, client) VALUES ($1, $2, $3, $4)
		RETURNING id, began_at, seen_at`, []any{hash[:], s.AccountID, s.PersonID, s.Client}, &s.ID, &s.BeganAt, &s.SeenAt)
	if err != nil {
		return wrap("insert session", err)
	}
	return t.Record(ctx, by, Event{Action: "person.signed_in", Subject: SubjectPerson, SubjectID: int64(s.PersonID), After: s.ID.String()})
}

// String names a session in the audit log.
func (id SessionID) String() string { return fmt.Sprintf("session %d", int64(id)) }

// UseSession finds the sign-in of a request that is not over, and notes that
// it was used. ErrNotFound for any other.
func (db *DB) UseSession(ctx context.Context, hash [32]byte, rules SessionRules) (Session, error) {
	var s Session
	err := db.pool.QueryRow(ctx, `
		SELECT `+sessionColumns+` FROM session s WHERE `+sessionLives+` AND s.hash = $3`,
		pgx.QueryExecModeCacheStatement, rules.Longest, rules.Idle, hash[:]).Scan(s.dest()...)
	if err != nil {
		return s, wrap("find session", notFound(err))
	}
	_, err = db.pool.Exec(ctx, `
		UPDATE session SET seen_at = latchkey_now()
		WHERE id = $1
		  AND ended_at IS NULL
		  AND seen_at < latchkey_now() - interval '1 minute'`, pgx.QueryExecModeCacheStatement, s.ID)
	return s, wrap("note use of session", err)
}

// Sessions lists the sign-ins that are not over, the newest first.
func (db *DB) Sessions(ctx context.Context, rules SessionRules) ([]Session, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT `+sessionColumns+` FROM session s WHERE `+sessionLives+` ORDER BY s.id DESC LIMIT 500`, rules.Longest, rules.Idle)
	if err != nil {
		return nil, wrap("list sessions", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Session, error) {
		var s Session
		return s, row.Scan(s.dest()...)
	})
	return out, wrap("list sessions", err)
}

// EndSession ends one sign-in, with its audit row. Doing it again changes
// nothing.
func (t Tx) EndSession(ctx context.Context, id SessionID, by Actor, reason string) error {
	return t.endSessions(ctx, `id = $1`, int64(id), by, reason)
}

// EndSessionsOf ends every sign-in of a person.
func (t Tx) EndSessionsOf(ctx context.Context, id PersonID, by Actor, reason string) error {
	return t.endSessions(ctx, `person_id = $1`, int64(id), by, reason)
}

func (t Tx) endSessions(ctx context.Context, which string, id int64, by Actor, reason string) error {
	_, err := t.exec(ctx, `
		WITH ended AS (
			UPDATE session SET ended_at = latchkey_now() WHERE `+which+` AND ended_at IS NULL RETURNING id, person_id
		)
		INSERT INTO audit_event (actor_id, account_id, actor, action, subject, subject_id, before, reason, ref)
		SELECT nullif($2, 0), nullif($3, 0), $4, 'person.signed_out', 'person', person_id, 'session ' || id, $5, $6 FROM ended`,
		id, by.PersonID, by.AccountID, by.Name, reason, by.Ref)
	return wrap("end sessions", err)
}

// AccountByID reads one account; ErrNotFound if there is none.
func (db *DB) AccountByID(ctx context.Context, id AccountID) (Account, error) {
	var a Account
	err := db.bun.NewSelect().Model(&a).Where("id = ?", id).Scan(ctx)
	if err != nil {
		return a, bunErr("read account", err)
	}
	people, err := db.People(ctx, a.PersonID)
	if p, ok := people[a.PersonID]; ok {
		a.PersonLeft = !p.Active
	}
	return a, err
}

// WasRecorded tells whether a change that carried the mark of a console's form
// is in the audit log: the form was sent before.
func (db *DB) WasRecorded(ctx context.Context, mark string) (bool, error) {
	var yes bool
	err := db.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM audit_event WHERE ref = $1 AND starts_with(ref, 'console:'))`, mark).Scan(&yes)
	return yes, wrap("look for a form", err)
}
