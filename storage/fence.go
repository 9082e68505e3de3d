package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	holdRequests = `
	SELECT FROM request r
	WHERE r.id IN (
	        SELECT id FROM request WHERE requester_id = $1 AND state IN ('pending', 'approved', 'failed')
	        UNION
	        SELECT v.request_id FROM review v JOIN request q ON q.id = v.request_id AND q.state = 'pending' WHERE v.reviewer_id = $1 AND v.voided_at IS NULL)
	ORDER BY r.id FOR UPDATE`

	lockPerson = `SELECT active, left_by FROM person WHERE id = $1 FOR NO KEY UPDATE`
)

// HoldRequestsOf locks what a fence will stop, in the order of every other
// path: the person's own requests, and undecided ones they voted on. The
// person comes after their requests.
func (t Tx) HoldRequestsOf(ctx context.Context, id PersonID) error {
	_, err := t.exec(ctx, holdRequests, id)
	return wrap("hold requests of person", err)
}

// LockPerson holds a person and says whether they are active, and who fenced
// them. Others may refer to the person meanwhile.
func (t Tx) LockPerson(ctx context.Context, id PersonID) (active bool, leftBy string, err error) {
	err = t.queryRow(ctx, lockPerson, []any{id}, &active, &leftBy)
	return active, leftBy, wrap("lock person", err)
}

// CountActive counts the people who work here.
func (t Tx) CountActive(ctx context.Context) (int, error) {
	var n int
	err := t.queryRow(ctx, `SELECT count(*) FROM person WHERE active`, nil, &n)
	return n, wrap("count people", err)
}

// Leaver is what a leave has to know first.
type Leaver struct {
	Now    time.Time
	Active bool
	Told   Offboarding // the case that the same event opened; zero for none
	Had    Offboarding // the latest case; zero for none
	Recent int         // cases that sources, not admins, opened in the hour before
}

// LockLeaver holds everything that a leave will change, requests first, and
// reads what decides it, in one round trip. ErrNotFound for nobody.
func (t Tx) LockLeaver(ctx context.Context, id PersonID, sourceKey string) (Leaver, error) {
	var l Leaver
	var leftBy string
	err := t.PGX(func(p pgx.Tx) error {
		var b pgx.Batch
		for _, q := range []struct {
			text string
			args []any
		}{
			{`SELECT latchkey_now()`, nil},
			{holdRequests, []any{id}},
			{lockPerson, []any{id}},
			{`SELECT ` + offboardingColumns + ` FROM offboarding WHERE source_key = $1`, []any{sourceKey}},
			{`SELECT ` + offboardingColumns + ` FROM offboarding WHERE person_id = $1 ORDER BY id DESC LIMIT 1 FOR UPDATE`, []any{id}},
			{`SELECT count(*) FROM offboarding WHERE began_at >= latchkey_now() - interval '1 hour' AND source <> 'admin' AND state <> 'undone'`, nil},
		} {
			if _, err := p.Conn().Prepare(ctx, q.text, q.text); err != nil { // a look in a map, once prepared
				return fmt.Errorf("prepare: %w", err)
			}
			b.Queue(q.text, q.args...)
		}
		res := p.Conn().SendBatch(ctx, &b)
		defer func() { _ = res.Close() }()
		if err := res.QueryRow().Scan(&l.Now); err != nil {
			return err
		}
		if _, err := res.Exec(); err != nil {
			return err
		}
		if err := notFound(res.QueryRow().Scan(&l.Active, &leftBy)); err != nil {
			return err
		}
		for _, o := range []*Offboarding{&l.Told, &l.Had} {
			if err := notFound(res.QueryRow().Scan(o.dest()...)); err != nil && !errors.Is(err, ErrNotFound) {
				return err
			}
		}
		if err := res.QueryRow().Scan(&l.Recent); err != nil {
			return err
		}
		return res.Close()
	})
	return l, wrap("lock leaver", err)
}

// fenceRequests stops requests and votes in one statement. The rows are locked
// first and judged as they are then: a request that was decided meanwhile keeps
// its votes.
const fenceRequests = `
	WITH mine AS (
		SELECT id, state FROM request WHERE requester_id = $1 AND state IN ('pending', 'approved', 'failed') ORDER BY id FOR UPDATE
	), canceled AS (
		UPDATE request r SET state = 'canceled', state_reason = $2, version = version + 1, lapses_at = NULL, decided_at = coalesce(decided_at, latchkey_now())
		FROM mine WHERE r.id = mine.id
		RETURNING r.id, mine.state, r.policy_hash, r.vendor_request <> '' AS vendor
	), told AS (
		INSERT INTO audit_event (actor_id, account_id, actor, action, subject, subject_id, before, after, reason, policy_hash, ref)
		SELECT nullif($3, 0), nullif($4, 0), $5, 'request.canceled', 'request', id, state, 'canceled', $2, policy_hash, $6 FROM canceled
	), undecided AS (
		SELECT id, policy_hash FROM request
		WHERE state = 'pending' AND requester_id <> $1 AND id IN (SELECT request_id FROM review WHERE reviewer_id = $1 AND voided_at IS NULL)
		ORDER BY id FOR UPDATE
	), voided AS (
		UPDATE review v SET voided_at = latchkey_now() FROM undecided u
		WHERE v.request_id = u.id AND v.reviewer_id = $1 AND v.voided_at IS NULL
		RETURNING v.request_id, u.policy_hash
	), void_told AS (
		INSERT INTO audit_event (actor_id, account_id, actor, action, subject, subject_id, before, reason, policy_hash, ref)
		SELECT nullif($3, 0), nullif($4, 0), $5, 'review.voided', 'request', request_id, 'vote of person ' || $1::bigint, $7, policy_hash, $6 FROM voided
	), touched AS (
		UPDATE request r SET version = version + 1 FROM voided WHERE r.id = voided.request_id
	)
	SELECT id, vendor FROM canceled UNION ALL SELECT request_id, false FROM voided`

// Fence stops everything of a person that is ours to stop: the person is
// inactive, which the gateway hears at commit; their requests are canceled,
// and their reviews of what is undecided are void. It returns the requests
// that changed, true for those whose system waits for an answer. Doing it
// again changes nothing.
func (t Tx) Fence(ctx context.Context, id PersonID, source string, by Actor, reason string) (requests map[RequestID]bool, err error) {
	_, err = t.exec(ctx, `
		WITH fenced AS (
			UPDATE person SET active = false, left_by = $2, updated_at = latchkey_now() WHERE id = $1 AND (active OR left_by = '') RETURNING id
		)
		INSERT INTO audit_event (actor_id, account_id, actor, action, subject, subject_id, before, after, reason, ref)
		SELECT nullif($3, 0), nullif($4, 0), $5, 'person.left', 'person', id, 'active', 'inactive', $6, $7 FROM fenced`,
		id, source, by.PersonID, by.AccountID, by.Name, reason, by.Ref)
	if err != nil {
		return nil, wrap("fence person", err)
	}
	var r RequestID
	var vendor bool
	requests = map[RequestID]bool{}
	err = t.each(ctx, fenceRequests, []any{id, "its requester left", by.PersonID, by.AccountID, by.Name, by.Ref, "the reviewer left"},
		[]any{&r, &vendor}, func() { requests[r] = vendor })
	return requests, wrap("stop requests and reviews", err)
}

// LiftFence lets a person act again, with the audit row. ErrConflict when they
// are not fenced.
func (t Tx) LiftFence(ctx context.Context, id PersonID, by Actor, reason string) error {
	n, err := t.exec(ctx, `UPDATE person SET active = true, left_by = '', updated_at = latchkey_now() WHERE id = $1 AND NOT active`, id)
	if err == nil && n == 0 {
		return ErrConflict
	}
	if err != nil {
		return wrap("lift fence", err)
	}
	return t.Record(ctx, by, Event{Action: "person.returned", Subject: SubjectPerson, SubjectID: int64(id), Before: "inactive", After: "active", Reason: reason})
}
