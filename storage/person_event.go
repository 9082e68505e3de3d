package storage

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// PersonEvent is what a source told us about a person's coming or going.
type PersonEvent struct {
	Source     string // the connection that it came through
	EventID    string // the source's own
	AccountRef string // the source's own name for the person
	Email      string // or empty
	Name       string
	PersonID   PersonID // zero: nobody we know
	Active     bool
	HappenedAt time.Time // of two events about a person the later one holds
	DueAt      time.Time // when it takes effect; zero: done
	Reason     string
	Outcome    string // what came of it, in words
	ReceivedAt time.Time
}

const personEventColumns = `source, event_id, account_ref, email, name, coalesce(person_id, 0), active, happened_at, coalesce(due_at, '0001-01-01 00:00Z'), reason,
	outcome, received_at`

func (e *PersonEvent) dest() []any {
	return []any{&e.Source, &e.EventID, &e.AccountRef, &e.Email, &e.Name, &e.PersonID, &e.Active, &e.HappenedAt, &e.DueAt, &e.Reason, &e.Outcome, &e.ReceivedAt}
}

// InsertPersonEvent notes an event; false when it is known. An event that is
// older than another one about the same person is noted as overtaken, and one
// that waits for its time is overtaken by a newer one.
func (t Tx) InsertPersonEvent(ctx context.Context, e *PersonEvent) (fresh bool, err error) {
	e.Email = strings.ToLower(clean(e.Email))
	err = t.queryRow(ctx, `
		WITH newer AS (SELECT 1 FROM person_event WHERE `+sameSubject+` AND happened_at > $7 LIMIT 1)
		INSERT INTO person_event (source, event_id, account_ref, email, name, active, happened_at, due_at, reason, outcome)
		SELECT $1, $4, $2, $3, $5, $6, $7, CASE WHEN EXISTS (SELECT FROM newer) THEN NULL ELSE greatest($8, latchkey_now()) END, $9,
		       CASE WHEN EXISTS (SELECT FROM newer) THEN $10 ELSE '' END
		ON CONFLICT DO NOTHING
		RETURNING `+personEventColumns,
		[]any{e.Source, clean(e.AccountRef), e.Email, clean(e.EventID), clean(e.Name), e.Active, e.HappenedAt, nullTime(e.DueAt), clean(e.Reason), OvertakenWords}, e.dest()...)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, wrap("note event", err)
	}
	_, err = t.exec(ctx, `
		UPDATE person_event SET due_at = NULL, outcome = $6
		WHERE `+sameSubject+` AND event_id <> $4 AND due_at IS NOT NULL AND happened_at <= $5`,
		e.Source, e.AccountRef, e.Email, e.EventID, e.HappenedAt, OvertakenWords)
	return true, wrap("overtake events", err)
}

// OvertakenWords is the outcome of an event that a newer one made moot.
const OvertakenWords = "overtaken by a newer event"

// PersonEventsDue lists events whose time has come, in the order in which they
// happened and after one.
func (db *DB) PersonEventsDue(ctx context.Context, after PersonEvent, limit int) ([]PersonEvent, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT `+personEventColumns+` FROM person_event
		WHERE due_at <= latchkey_now() AND (happened_at, source, event_id) > ($1, $2, $3)
		ORDER BY happened_at, source, event_id LIMIT $4`, pgx.QueryExecModeCacheStatement, after.HappenedAt, after.Source, after.EventID, limit)
	if err != nil {
		return nil, wrap("find due events", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (PersonEvent, error) {
		var e PersonEvent
		return e, row.Scan(e.dest()...)
	})
	return out, wrap("find due events", err)
}

// LockPersonEventDue reads an event and holds it; ErrNotFound when its time has
// not come, or it is done.
func (t Tx) LockPersonEventDue(ctx context.Context, source, id string) (PersonEvent, error) {
	var e PersonEvent
	err := t.queryRow(ctx, `
		SELECT `+personEventColumns+` FROM person_event WHERE source = $1 AND event_id = $2 AND due_at <= latchkey_now() FOR UPDATE`,
		[]any{source, id}, e.dest()...)
	return e, wrap("lock due event", err)
}

// Overtaken tells whether the source said something newer about the person of
// an event. Of two things that happened at the same time the one we heard
// later is newer.
func (t Tx) Overtaken(ctx context.Context, e PersonEvent) (bool, error) {
	var yes bool
	err := t.queryRow(ctx, `
		SELECT EXISTS (
			SELECT FROM person_event
			WHERE `+sameSubject+` AND event_id <> $4 AND (happened_at, received_at) > ($5, $6))`,
		[]any{e.Source, e.AccountRef, e.Email, e.EventID, e.HappenedAt, e.ReceivedAt}, &yes)
	return yes, wrap("look for newer events", err)
}

// sameSubject is the condition for events of source $1 about the person whom
// it calls $2, or who has the address $3 if it has no name for them.
const sameSubject = `source = $1 AND (account_ref = $2 AND $2 <> '' OR $2 = '' AND account_ref = '' AND email = $3)`

// SettlePersonEvent notes what came of an event.
func (t Tx) SettlePersonEvent(ctx context.Context, e PersonEvent, person PersonID, outcome string) error {
	_, err := t.exec(ctx, `UPDATE person_event SET due_at = NULL, person_id = nullif($3, 0), outcome = $4 WHERE source = $1 AND event_id = $2`,
		e.Source, e.EventID, person, outcome)
	return wrap("settle event", err)
}

// PersonAt finds a person by what a source says: its own name for them, as a
// listed account or an earlier event had it, else the work address. An address
// can be given to somebody new; a source's own name for a person can't. Zero
// for nobody we know.
func (t Tx) PersonAt(ctx context.Context, source, ref, email string) (PersonID, error) {
	var id PersonID
	err := t.queryRow(ctx, `
		SELECT coalesce(
			(SELECT person_id FROM account WHERE system = $1 AND external_id = nullif($2, '') AND person_id IS NOT NULL AND NOT is_service LIMIT 1),
			(SELECT person_id FROM person_event WHERE source = $1 AND account_ref = nullif($2, '') AND person_id IS NOT NULL ORDER BY happened_at DESC LIMIT 1),
			(SELECT id FROM person WHERE email = nullif($3, '')),
			(SELECT p.id FROM person p WHERE p.external_id = nullif($2, '')),
			0)`, []any{source, ref, strings.ToLower(email)}, &id)
	return id, wrap("find person of event", err)
}

// StrangeEvents lists events of the last days about nobody we know, the newest
// first.
func (db *DB) StrangeEvents(ctx context.Context, limit int) ([]PersonEvent, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT `+personEventColumns+` FROM person_event
		WHERE person_id IS NULL AND due_at IS NULL AND NOT active AND received_at > latchkey_now() - interval '30 days' AND outcome LIKE 'nobody%'
		ORDER BY received_at DESC LIMIT $1`, limit)
	if err != nil {
		return nil, wrap("list strange events", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (PersonEvent, error) {
		var e PersonEvent
		return e, row.Scan(e.dest()...)
	})
	return out, wrap("list strange events", err)
}
