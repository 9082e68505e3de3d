package storage

import "context"

// HoldRequestsOf locks what a fence will stop, in the order of every other
// path: the person's own requests, and undecided ones they voted on. The
// person comes after their requests.
func (t Tx) HoldRequestsOf(ctx context.Context, id PersonID) error {
	_, err := t.exec(ctx, `
		SELECT FROM request r
		WHERE r.id IN (
		        SELECT id FROM request WHERE requester_id = $1 AND state IN ('pending', 'approved', 'failed')
		        UNION
		        SELECT v.request_id FROM review v JOIN request q ON q.id = v.request_id AND q.state = 'pending' WHERE v.reviewer_id = $1 AND v.voided_at IS NULL)
		ORDER BY r.id FOR UPDATE`, id)
	return wrap("hold requests of person", err)
}

// LockPerson holds a person and says whether they are active, and who fenced
// them. Others may refer to the person meanwhile.
func (t Tx) LockPerson(ctx context.Context, id PersonID) (active bool, leftBy string, err error) {
	err = t.queryRow(ctx, `SELECT active, left_by FROM person WHERE id = $1 FOR NO KEY UPDATE`, []any{id}, &active, &leftBy)
	return active, leftBy, wrap("lock person", err)
}

// CountActive counts the people who work here.
func (t Tx) CountActive(ctx context.Context) (int, error) {
	var n int
	err := t.queryRow(ctx, `SELECT count(*) FROM person WHERE active`, nil, &n)
	return n, wrap("count people", err)
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
	n, err := t.exec(ctx, `UPDATE person SET active = false, left_by = $2, updated_at = latchkey_now() WHERE id = $1 AND (active OR left_by = '')`, id, source)
	if err != nil {
		return nil, wrap("fence person", err)
	}
	if n > 0 {
		err := t.Record(ctx, by, Event{Action: "person.left", Subject: SubjectPerson, SubjectID: int64(id), Before: "active", After: "inactive", Reason: reason})
		if err != nil {
			return nil, err
		}
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
