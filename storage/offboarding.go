package storage

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// OffboardingID is never shown.
type OffboardingID int64

// OffboardingState is where a case stands.
type OffboardingState string

// The states of a case. A held one has its fence and waits for a human before
// anything ends at vendors. A closed one is opened again when a system shows
// something new of the person.
const (
	OffboardingHeld   OffboardingState = "held"
	OffboardingOpen   OffboardingState = "open"
	OffboardingClosed OffboardingState = "closed"
	OffboardingUndone OffboardingState = "undone"
)

// Offboarding is the case of one person who left.
type Offboarding struct {
	ID         OffboardingID
	PersonID   PersonID
	State      OffboardingState
	Source     string // "scim", a connection's name, "slack", "api", "admin"
	SourceKey  string
	Actor      Actor
	Reason     string
	BeganAt    time.Time // the fence stands since
	Listed     bool      // what the person held is written down, and its end has begun
	GraceUntil time.Time // until then it can be undone; of a held one it says nothing yet
	Final      bool      // what the gateway honours has ended for good
	PageAt     time.Time // when a human is called; zero: was called, or needs none
	Paged      bool      // a human was called
	LookAt     time.Time // when an open case is looked at anew; zero: never
	ClosedAt   time.Time
	Version    int64
}

const offboardingColumns = `id, person_id, state, source, source_key, coalesce(actor_id, 0), coalesce(account_id, 0), actor, reason, began_at, listed,
	grace_until, final, coalesce(page_at, '0001-01-01 00:00Z'), paged, coalesce(look_at, '0001-01-01 00:00Z'), coalesce(closed_at, '0001-01-01 00:00Z'), version`

func (o *Offboarding) dest() []any {
	return []any{&o.ID, &o.PersonID, &o.State, &o.Source, &o.SourceKey, &o.Actor.PersonID, &o.Actor.AccountID, &o.Actor.Name, &o.Reason, &o.BeganAt,
		&o.Listed, &o.GraceUntil, &o.Final, &o.PageAt, &o.Paged, &o.LookAt, &o.ClosedAt, &o.Version}
}

// OpenOffboarding files a case with its systems and its audit row, and fills o
// in. ErrDuplicate when the source told of it before, or the person has a case
// under way.
func (t Tx) OpenOffboarding(ctx context.Context, o *Offboarding, systems []string) error {
	ref := o.Actor.Ref
	err := t.queryRow(ctx, `
		WITH opened AS (
			INSERT INTO offboarding (person_id, state, source, source_key, actor_id, account_id, actor, reason, grace_until, page_at, look_at)
			VALUES ($1, $2, $3, $4, nullif($5, 0), nullif($6, 0), $7, $8, $9, $10, $11)
			ON CONFLICT DO NOTHING RETURNING *
		), systems AS (
			INSERT INTO offboarding_system (offboarding_id, connection) SELECT id, unnest($12::text[]) FROM opened
		), told AS (
			INSERT INTO audit_event (actor_id, account_id, actor, action, subject, subject_id, after, reason, ref)
			SELECT actor_id, account_id, actor, 'offboarding.' || state, 'offboarding', id, state, reason, $13 FROM opened
		)
		SELECT `+offboardingColumns+` FROM opened`,
		[]any{o.PersonID, o.State, o.Source, o.SourceKey, o.Actor.PersonID, o.Actor.AccountID, o.Actor.Name, o.Reason, o.GraceUntil,
			nullTime(o.PageAt), nullTime(o.LookAt), systems, ref}, o.dest()...)
	if errors.Is(err, ErrNotFound) {
		return ErrDuplicate
	}
	return wrap("open offboarding", err)
}

// LockOffboarding reads a case and holds it.
func (t Tx) LockOffboarding(ctx context.Context, id OffboardingID) (Offboarding, error) {
	var o Offboarding
	err := t.queryRow(ctx, `SELECT `+offboardingColumns+` FROM offboarding WHERE id = $1 FOR UPDATE`, []any{id}, o.dest()...)
	return o, wrap("lock offboarding", err)
}

// PeekOffboarding reads a case without holding it.
func (t Tx) PeekOffboarding(ctx context.Context, id OffboardingID) (Offboarding, error) {
	var o Offboarding
	err := t.queryRow(ctx, `SELECT `+offboardingColumns+` FROM offboarding WHERE id = $1`, []any{id}, o.dest()...)
	return o, wrap("read offboarding", err)
}

// LockOffboardingOf is LockOffboarding for a person's latest case.
func (t Tx) LockOffboardingOf(ctx context.Context, person PersonID) (Offboarding, error) {
	var o Offboarding
	err := t.queryRow(ctx, `SELECT `+offboardingColumns+` FROM offboarding WHERE person_id = $1 ORDER BY id DESC LIMIT 1 FOR UPDATE`, []any{person}, o.dest()...)
	return o, wrap("lock offboarding of person", err)
}

// MoveOffboarding takes a case from the state in o to another, writes its
// times as they stand in o, and adds the audit row. ErrConflict when it is not
// in that state any more. One that is not open waits for nothing.
func (t Tx) MoveOffboarding(ctx context.Context, o *Offboarding, to OffboardingState, by Actor, reason string) error {
	if to != OffboardingOpen {
		o.PageAt, o.LookAt = time.Time{}, time.Time{}
	}
	n, err := t.exec(ctx, `
		UPDATE offboarding
		SET state = $3, version = version + 1, closed_at = CASE WHEN $3 IN ('closed', 'undone') THEN latchkey_now() END,
		    grace_until = $4, page_at = $5, look_at = $6
		WHERE id = $1 AND state = $2`, o.ID, o.State, to, o.GraceUntil, nullTime(o.PageAt), nullTime(o.LookAt))
	if err == nil && n == 0 {
		return ErrConflict
	}
	if err != nil {
		return wrap("move offboarding", err)
	}
	before := o.State
	o.State = to
	return t.Record(ctx, by, Event{Action: "offboarding." + string(to), Subject: SubjectOffboarding, SubjectID: int64(o.ID), Before: string(before),
		After: string(to), Reason: reason})
}

// TouchOffboarding notes that people can see something new of a case.
func (t Tx) TouchOffboarding(ctx context.Context, id OffboardingID) error {
	_, err := t.exec(ctx, `UPDATE offboarding SET version = version + 1 WHERE id = $1`, id)
	return wrap("touch offboarding", err)
}

// SetListed notes that everything a person held is written down and is being
// ended.
func (t Tx) SetListed(ctx context.Context, id OffboardingID) error {
	_, err := t.exec(ctx, `UPDATE offboarding SET listed = true, version = version + 1 WHERE id = $1`, id)
	return wrap("note that a case is listed", err)
}

// SetFinal notes that a case can't be undone any more and nothing of it is
// left.
func (t Tx) SetFinal(ctx context.Context, id OffboardingID) error {
	_, err := t.exec(ctx, `UPDATE offboarding SET final = true, version = version + 1 WHERE id = $1`, id)
	return wrap("note that a case is final", err)
}

// SetPaged notes that a human was called for a case.
func (t Tx) SetPaged(ctx context.Context, id OffboardingID, by Actor) error {
	_, err := t.exec(ctx, `UPDATE offboarding SET page_at = NULL, paged = true, version = version + 1 WHERE id = $1`, id)
	if err != nil {
		return wrap("note page", err)
	}
	return t.Record(ctx, by, Event{Action: "offboarding.paged", Subject: SubjectOffboarding, SubjectID: int64(id)})
}

// SetLook says when an open case is looked at anew.
func (t Tx) SetLook(ctx context.Context, id OffboardingID, at time.Time) error {
	_, err := t.exec(ctx, `UPDATE offboarding SET look_at = $2 WHERE id = $1 AND state = 'open'`, id, at)
	return wrap("say when to look at a case", err)
}

const offboardingDue = `
	(page_at <= latchkey_now() OR look_at <= latchkey_now() OR state IN ('open', 'closed') AND NOT final AND grace_until <= latchkey_now())`

// OffboardingsDue lists, by key and after one, the cases that a human has to
// be called for, that are to be looked at, or whose grace is over.
func (db *DB) OffboardingsDue(ctx context.Context, after OffboardingID, limit int) ([]OffboardingID, error) {
	rows, err := db.pool.Query(ctx, `SELECT id FROM offboarding WHERE id > $1 AND `+offboardingDue+` ORDER BY id LIMIT $2`,
		pgx.QueryExecModeCacheStatement, after, limit)
	if err != nil {
		return nil, wrap("find due offboardings", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[OffboardingID])
	return out, wrap("find due offboardings", err)
}

// LockOffboardingDue holds a case if it is due; ErrNotFound when it is not any
// more, or another replica is at it.
func (t Tx) LockOffboardingDue(ctx context.Context, id OffboardingID) (Offboarding, error) {
	var o Offboarding
	err := t.queryRow(ctx, `SELECT `+offboardingColumns+` FROM offboarding WHERE id = $1 AND `+offboardingDue+` FOR UPDATE SKIP LOCKED`, []any{id}, o.dest()...)
	return o, wrap("lock due offboarding", err)
}

// Offboarding reads a case.
func (db *DB) Offboarding(ctx context.Context, id OffboardingID) (Offboarding, error) {
	var o Offboarding
	err := db.pool.QueryRow(ctx, `SELECT `+offboardingColumns+` FROM offboarding WHERE id = $1`, pgx.QueryExecModeCacheStatement, id).Scan(o.dest()...)
	return o, wrap("read offboarding", notFound(err))
}

// Offboardings lists cases, the newest first: of one person, or all; only
// those under way if open.
func (db *DB) Offboardings(ctx context.Context, person PersonID, open bool, limit int) ([]Offboarding, error) {
	return db.offboardings(ctx, `($1 = 0 OR person_id = $1) AND (NOT $2 OR state IN ('held', 'open')) ORDER BY id DESC LIMIT $3`, person, open, limit)
}

// HeldOffboardings lists the cases that wait for a human, the oldest first.
func (db *DB) HeldOffboardings(ctx context.Context) ([]Offboarding, error) {
	return db.offboardings(ctx, `state = 'held' ORDER BY id`)
}

func (db *DB) offboardings(ctx context.Context, where string, args ...any) ([]Offboarding, error) {
	rows, err := db.pool.Query(ctx, `SELECT `+offboardingColumns+` FROM offboarding WHERE `+where, args...)
	if err != nil {
		return nil, wrap("list offboardings", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Offboarding, error) {
		var o Offboarding
		return o, row.Scan(o.dest()...)
	})
	return out, wrap("list offboardings", err)
}
