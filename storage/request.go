package storage

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// RequestState is where a request stands. The moves between states are
// workflow's.
type RequestState string

// The states of a request.
const (
	RequestPending   RequestState = "pending"
	RequestApproved  RequestState = "approved"
	RequestFulfilled RequestState = "fulfilled"
	RequestDenied    RequestState = "denied"
	RequestLapsed    RequestState = "lapsed"
	RequestCanceled  RequestState = "canceled"
	RequestFailed    RequestState = "failed"
)

// Request asks for a credential.
type Request struct {
	bun.BaseModel `bun:"table:request,alias:r"`

	ID            RequestID    `bun:"id,pk,autoincrement"`
	RequesterID   PersonID     `bun:"requester_id"`
	AccountID     AccountID    `bun:"account_id"`        // the account it was asked from
	FiledBy       PersonID     `bun:"filed_by,nullzero"` // whose key of Latchkey's own filed it for the requester; zero: they asked themselves
	Connection    string       `bun:"connection"`
	Kind          string       `bun:"kind"` // api_key or oauth_grant
	Scopes        []string     `bun:"scopes,array"`
	LifetimeS     int64        `bun:"lifetime_s"` // seconds asked for
	Reason        string       `bun:"reason"`
	PolicyHash    string       `bun:"policy_hash"` // pins the rules it was filed under
	PolicyName    string       `bun:"policy_name"`
	GrantedScopes []string     `bun:"granted_scopes,array"` // what is left after "approve less"
	GrantedS      int64        `bun:"granted_s"`
	State         RequestState `bun:"state"`
	StateReason   string       `bun:"state_reason"`
	Version       int64        `bun:"version"` // grows with every change that people can see
	SourceKey     string       `bun:"source_key"`
	LapsesAt      time.Time    `bun:"lapses_at,nullzero"`
	CreatedAt     time.Time    `bun:"created_at,nullzero,default:latchkey_now()"`
	DecidedAt     time.Time    `bun:"decided_at,nullzero"`
	AdoptsID      CredentialID `bun:"adopts_id,nullzero"`  // the key that is there and comes under management
	HolderID      AccountID    `bun:"holder_id,nullzero"`  // the service account it is for
	VendorRequest string       `bun:"vendor_request"`      // the system's own request that it stands for
	VendorMatch   string       `bun:"vendor_match"`        // what that and the key it leads to have in common
	ExtendsID     CredentialID `bun:"extends_id,nullzero"` // the key that is to live longer
	RotatesID     CredentialID `bun:"rotates_id,nullzero"` // the key that a fresh one is to replace
	Sink          string       `bun:"sink"`                // the connection that the key goes into; empty: its owner collects it
	Place         string       `bun:"place"`               // where in the sink

	Now time.Time `bun:"-"` // the database's time of the reading; set by LockRequest and DB.Request
}

// Lifetime is what was asked for.
func (r Request) Lifetime() time.Duration { return time.Duration(r.LifetimeS) * time.Second }

// Granted is what is left of it.
func (r Request) Granted() time.Duration { return time.Duration(r.GrantedS) * time.Second }

// Step is one group and its quorum. The first step whose quorum is not met is
// the one that is asked.
type Step struct {
	bun.BaseModel `bun:"table:step,alias:s"`

	RequestID RequestID  `bun:"request_id,pk"`
	Position  int        `bun:"position,pk"` // from 0
	Group     string     `bun:"group_name"`
	Quorum    int        `bun:"quorum"`
	Eligible  []PersonID `bun:"eligible,array"` // who could review when it was filed
}

// Decision is a reviewer's word.
type Decision string

// The two decisions; "approve less" is an approval with fewer scopes or a
// shorter lifetime.
const (
	Approve Decision = "approve"
	Deny    Decision = "deny"
)

// Review is one person's decision on a request.
type Review struct {
	bun.BaseModel `bun:"table:review,alias:v"`

	ID         int64     `bun:"id,pk,autoincrement"`
	RequestID  RequestID `bun:"request_id"`
	ReviewerID PersonID  `bun:"reviewer_id"`
	AccountID  AccountID `bun:"account_id"`
	Position   int       `bun:"position"` // the step it counts for
	Decision   Decision  `bun:"decision"`
	Reason     string    `bun:"reason"`
	Scopes     []string  `bun:"scopes,array"`
	LifetimeS  int64     `bun:"lifetime_s"`
	SourceKey  string    `bun:"source_key"`
	VoidedAt   time.Time `bun:"voided_at,nullzero"` // the reviewer lost the right before the end
	CreatedAt  time.Time `bun:"created_at,nullzero,default:latchkey_now()"`
}

// InsertRequest files a request with its steps and its audit row. A request
// with the same SourceKey is there already: ErrDuplicate, and r is read back.
// Another one waits that adopts, extends or rotates the same key: ErrConflict.
func (t Tx) InsertRequest(ctx context.Context, r *Request, steps []Step, by Actor) error {
	err := t.queryRow(ctx, `
		INSERT INTO request (requester_id, account_id, connection, kind, scopes, lifetime_s, reason, policy_hash, policy_name,
		                     granted_scopes, granted_s, state, source_key, lapses_at, adopts_id, holder_id, vendor_request, vendor_match,
		                     extends_id, rotates_id, sink, place, filed_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $5, $6, $10, $11, $12, nullif($13, 0), nullif($14, 0), $15, $16, nullif($17, 0), nullif($18, 0), $19, $20, nullif($21, 0))
		ON CONFLICT (source_key) DO NOTHING
		RETURNING id, created_at`,
		[]any{r.RequesterID, r.AccountID, r.Connection, r.Kind, r.Scopes, r.LifetimeS, r.Reason, r.PolicyHash, r.PolicyName,
			r.State, r.SourceKey, nullTime(r.LapsesAt), r.AdoptsID, r.HolderID, r.VendorRequest, r.VendorMatch,
			r.ExtendsID, r.RotatesID, r.Sink, r.Place, r.FiledBy}, &r.ID, &r.CreatedAt)
	if err == ErrNotFound { //nolint:errorlint // queryRow returns the sentinel itself
		if err := t.NewSelect().Model(r).Where("source_key = ?", r.SourceKey).Scan(ctx); err != nil {
			return bunErr("read request", err)
		}
		return ErrDuplicate
	}
	if isUnique(err, "request_adopts") || isUnique(err, "request_extends") || isUnique(err, "request_rotates") {
		return ErrConflict
	}
	if err != nil {
		return wrap("insert request", err)
	}
	r.Version, r.GrantedScopes, r.GrantedS = 1, r.Scopes, r.LifetimeS
	for i := range steps {
		steps[i].RequestID = r.ID
		steps[i].Position = i
	}
	if len(steps) > 0 {
		if _, err := t.NewInsert().Model(&steps).Exec(ctx); err != nil {
			return wrap("insert steps", err)
		}
	}
	return t.Record(ctx, by, Event{Action: "request." + string(r.State), Subject: SubjectRequest, SubjectID: int64(r.ID),
		After: string(r.State), Reason: r.Reason, PolicyHash: r.PolicyHash})
}

// MoveRequest takes a request from the state in r to another, with its audit
// row, and updates r. ErrConflict when the row is no longer in that state.
func (t Tx) MoveRequest(ctx context.Context, r *Request, to RequestState, by Actor, reason string) error {
	err := t.queryRow(ctx, `
		WITH moved AS (
			UPDATE request
			SET state = $3, state_reason = $4, version = version + 1,
			    granted_scopes = $5, granted_s = $6, lapses_at = CASE WHEN $3 = 'pending' THEN lapses_at END,
			    decided_at = coalesce(decided_at, CASE WHEN $3 <> 'pending' THEN latchkey_now() END)
			WHERE id = $1 AND state = $2
			RETURNING id, version, decided_at, policy_hash
		), event AS (
			INSERT INTO audit_event (actor_id, account_id, actor, action, subject, subject_id, before, after, reason, policy_hash, ref)
			SELECT nullif($7, 0), nullif($8, 0), $9, 'request.' || $3, 'request', id, $2, $3, $4, policy_hash, $10 FROM moved
		)
		SELECT version, decided_at FROM moved`,
		[]any{r.ID, r.State, to, reason, r.GrantedScopes, r.GrantedS, by.PersonID, by.AccountID, by.Name, by.Ref},
		&r.Version, &r.DecidedAt)
	if err == ErrNotFound { //nolint:errorlint // queryRow returns the sentinel itself
		return ErrConflict
	}
	if err != nil {
		return wrap("move request", err)
	}
	r.State, r.StateReason = to, reason
	return nil
}

const insertReview = `
	WITH held AS (
		UPDATE request SET version = version + 1, granted_scopes = $9, granted_s = $10
		WHERE id = $1 AND state = 'pending'
		RETURNING id, version, policy_hash
	), vote AS (
		INSERT INTO review (request_id, reviewer_id, account_id, position, decision, reason, scopes, lifetime_s, source_key)
		SELECT id, $2, $3, $4, $5, $6, $7, $8, $11 FROM held
	), event AS (
		INSERT INTO audit_event (actor_id, account_id, actor, action, subject, subject_id, after, reason, policy_hash, ref)
		SELECT $2, $3, $12, $13, 'request', id, $5, $6, policy_hash, $14 FROM held
	)
	SELECT version FROM held`

// InsertReview records a vote with its audit row and stores what is left of
// the grant on the request. ErrDuplicate when the person voted already,
// ErrConflict when the request is no longer pending.
func (t Tx) InsertReview(ctx context.Context, r *Request, v Review, by Actor) error {
	action := "review." + string(v.Decision)
	err := t.queryRow(ctx, insertReview,
		[]any{v.RequestID, v.ReviewerID, v.AccountID, v.Position, v.Decision, v.Reason, v.Scopes, v.LifetimeS,
			r.GrantedScopes, r.GrantedS, v.SourceKey, by.Name, action, by.Ref}, &r.Version)
	switch {
	case isUnique(err, "review_once"):
		return ErrDuplicate
	case err == ErrNotFound: //nolint:errorlint // queryRow returns the sentinel itself
		return ErrConflict
	}
	return wrap("insert review", err)
}

// VoidReviews strikes the votes of persons who may no longer review.
func (t Tx) VoidReviews(ctx context.Context, r *Request, reviewers []PersonID, by Actor, reason string) error {
	for _, id := range reviewers {
		_, err := t.exec(ctx, `UPDATE review SET voided_at = latchkey_now() WHERE request_id = $1 AND reviewer_id = $2 AND voided_at IS NULL`, r.ID, id)
		if err != nil {
			return wrap("void review", err)
		}
		err = t.Record(ctx, by, Event{Action: "review.voided", Subject: SubjectRequest, SubjectID: int64(r.ID),
			Before: fmt.Sprintf("vote of person %d", id), Reason: reason, PolicyHash: r.PolicyHash})
		if err != nil {
			return err
		}
	}
	return wrap("count version", t.queryRow(ctx, `UPDATE request SET version = version + 1 WHERE id = $1 RETURNING version`, []any{r.ID}, &r.Version))
}

// RequestFrom finds the request that an interaction filed.
func (t Tx) RequestFrom(ctx context.Context, sourceKey string) (Request, error) {
	var r Request
	err := t.NewSelect().Model(&r).Where("source_key = ?", sourceKey).Scan(ctx)
	return r, bunErr("find request by its source", err)
}

// LapseDue locks pending requests whose time is up, a batch at a time, and
// skips what another replica holds.
func (t Tx) LapseDue(ctx context.Context, limit int) ([]Request, error) {
	var out []Request
	err := t.NewSelect().Model(&out).Where("state = 'pending' AND lapses_at <= latchkey_now()").
		Order("lapses_at").Limit(int64(limit)).For("UPDATE SKIP LOCKED").Scan(ctx)
	return out, bunErr("find lapsed requests", err)
}

// CountPending counts a person's undecided requests while holding the
// person's row, so that two submissions at once can't both take the last place
// of a quota.
func (t Tx) CountPending(ctx context.Context, id PersonID) (int, error) {
	if _, err := t.exec(ctx, `SELECT FROM person WHERE id = $1 FOR NO KEY UPDATE`, id); err != nil {
		return 0, wrap("hold person", err)
	}
	var n int
	err := t.queryRow(ctx, `SELECT count(*) FROM request WHERE requester_id = $1 AND state = 'pending'`, []any{id}, &n)
	return n, wrap("count pending requests", err)
}

// RequestFilter narrows Requests; the zero value means all.
type RequestFilter struct {
	RequesterID PersonID
	ReviewerID  PersonID // asked now, has not voted, not the requester; oldest first
	States      []RequestState
	Connection  string
	Before      RequestID
	Limit       int // zero means 50
}

// Requests lists requests, newest first.
func (db *DB) Requests(ctx context.Context, f RequestFilter) ([]Request, error) {
	var out []Request
	order := "id DESC"
	if f.ReviewerID != 0 {
		order = "id" // whoever has waited longest comes first
	}
	q := db.bun.NewSelect().Model(&out).Order(order).Limit(int64(cmp.Or(f.Limit, 50)))
	if f.RequesterID != 0 {
		q = q.Where("requester_id = ?", f.RequesterID)
	}
	if len(f.States) > 0 {
		q = q.Where("state IN (?)", bun.List(f.States))
	}
	if f.Connection != "" {
		q = q.Where("connection = ?", f.Connection)
	}
	if f.Before != 0 {
		q = q.Where("id < ?", f.Before)
	}
	if f.ReviewerID != 0 {
		q = q.Where("requester_id <> ?", f.ReviewerID).
			Where("EXISTS (SELECT FROM step s WHERE s.request_id = r.id AND s.eligible @> ARRAY[?]::bigint[]"+
				" AND s.position = (SELECT min(t.position) FROM step t WHERE t.request_id = r.id AND t.quorum > (SELECT count(*) FROM review v"+
				" WHERE v.request_id = r.id AND v.position = t.position AND v.decision = 'approve' AND v.voided_at IS NULL)))", f.ReviewerID).
			Where("NOT EXISTS (SELECT FROM review v WHERE v.request_id = r.id AND v.reviewer_id = ? AND v.voided_at IS NULL)", f.ReviewerID)
	}
	return out, bunErr("list requests", q.Scan(ctx))
}

// nullTime makes the zero time NULL.
func nullTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}
