package storage

import (
	"cmp"
	"context"
	"time"

	"github.com/uptrace/bun"
)

// CredentialState is where a credential stands. The moves between states are
// workflow's.
type CredentialState string

// The states of a credential. Revoked and expired are for ever.
const (
	CredentialIssuing      CredentialState = "issuing"
	CredentialActive       CredentialState = "active"
	CredentialSuspended    CredentialState = "suspended"
	CredentialExpired      CredentialState = "expired"
	CredentialRevoking     CredentialState = "revoking"
	CredentialRevokeFailed CredentialState = "revoke_failed"
	CredentialRevoked      CredentialState = "revoked"
	CredentialIssueFailed  CredentialState = "issue_failed"
)

// Credential is anything that gives API access through a connection. The
// key's hash is not part of the row that is read.
type Credential struct {
	bun.BaseModel `bun:"table:credential,alias:c"`

	ID           CredentialID    `bun:"id,pk,autoincrement"`
	Connection   string          `bun:"connection"`
	Kind         string          `bun:"kind"`
	Brokered     bool            `bun:"brokered"` // ours, honoured by the gateway
	Managed      bool            `bun:"managed"`  // came from a request here
	OwnerID      PersonID        `bun:"owner_id,nullzero"`
	RequestID    RequestID       `bun:"request_id,nullzero"`
	ReplacesID   CredentialID    `bun:"replaces_id,nullzero"`
	Label        string          `bun:"label"`
	Scopes       []string        `bun:"scopes,array"`
	LifetimeS    int64           `bun:"lifetime_s"` // seconds, starting at activation
	State        CredentialState `bun:"state"`
	StateReason  string          `bun:"state_reason"`
	Attempts     int             `bun:"attempts"`            // tries of the vendor call under way
	VendorRef    string          `bun:"vendor_ref,nullzero"` // the vendor's ID: its stored success
	KeyPrefix    string          `bun:"key_prefix,nullzero"`
	KeyLast4     string          `bun:"key_last4,nullzero"`
	CreatedAt    time.Time       `bun:"created_at,nullzero,default:latchkey_now()"`
	ActivatedAt  time.Time       `bun:"activated_at,nullzero"`
	ExpiresAt    time.Time       `bun:"expires_at,nullzero"`
	EndedAt      time.Time       `bun:"ended_at,nullzero"`
	LastUsedAt   time.Time       `bun:"last_used_at,nullzero"`   // zero and UseKnown: never
	UseKnown     bool            `bun:"use_known"`               // false: the vendor does not say
	NextActionAt time.Time       `bun:"next_action_at,nullzero"` // when the sweep must look at it
	LeaseUntil   time.Time       `bun:"lease_until,nullzero"`    // a worker talks to the vendor until then

	// What its system says of it.
	AccountID       AccountID `bun:"account_id,nullzero"` // whose it is there
	Class           string    `bun:"class"`               // the vendor's word for it
	Access          string    `bun:"access"`              // empty: not known
	VendorScopes    []string  `bun:"vendor_scopes,array"` // nil: not known
	VendorCreatedAt time.Time `bun:"vendor_created_at,nullzero"`
	VendorMatch     string    `bun:"vendor_match"`
	MissingSince    time.Time `bun:"missing_since,nullzero"` // a whole walk did not find it
	WarnedAt        time.Time `bun:"warned_at,nullzero"`     // its owner was told that it must go
	EnforceAt       time.Time `bun:"enforce_at,nullzero"`    // and this is when

	// How it ends.
	PolicyName      string    `bun:"policy_name"`                // the rule it was granted under
	Note            string    `bun:"note"`                       // people's own words
	VendorExpiresAt time.Time `bun:"vendor_expires_at,nullzero"` // where its system ends it by itself
	NoticedUntil    time.Time `bun:"noticed_until,nullzero"`     // the rungs of its ladder up to here are told
	LetExpire       bool      `bun:"let_expire"`                 // its owner wants to hear no more of it
	ExemptUntil     time.Time `bun:"exempt_until,nullzero"`      // it may be unused, or old, until then
	RotateAt        time.Time `bun:"rotate_at,nullzero"`         // its rule rotates it then
	Sink            string    `bun:"sink"`                       // the connection that keeps the key; empty: its owner collects it
	Place           string    `bun:"place"`                      // where in the sink
	SinkVersion     string    `bun:"sink_version"`               // what the sink calls it; empty before it is delivered

	UnentitledSince time.Time `bun:"unentitled_since,nullzero"` // its owner could not get it any more
}

// Live reports whether the credential may still give access somewhere.
func (c Credential) Live() bool {
	switch c.State {
	case CredentialRevoked, CredentialExpired, CredentialIssueFailed:
		return false
	case CredentialIssuing, CredentialActive, CredentialSuspended, CredentialRevoking, CredentialRevokeFailed:
		return true
	}
	return true
}

const credentialColumns = `id, connection, kind, brokered, managed, owner_id, request_id, replaces_id, label, scopes, lifetime_s,
	state, state_reason, attempts, vendor_ref, key_prefix, key_last4, created_at, activated_at, expires_at, ended_at,
	last_used_at, use_known, next_action_at, lease_until, account_id, class, access, vendor_scopes, vendor_created_at, vendor_match,
	missing_since, warned_at, enforce_at, policy_name, note, vendor_expires_at, noticed_until, let_expire, exempt_until, rotate_at,
	sink, place, sink_version, unentitled_since`

// InsertCredential writes the intent to issue, with its audit row.
func (t Tx) InsertCredential(ctx context.Context, c *Credential, by Actor) error {
	err := t.queryRow(ctx, `
		INSERT INTO credential (connection, kind, brokered, managed, owner_id, request_id, replaces_id, label, scopes, lifetime_s,
		                        state, use_known, next_action_at, account_id, access, policy_name, note, sink, place)
		VALUES ($1, $2, $3, $4, nullif($5, 0), nullif($6, 0), nullif($7, 0), $8, $9, $10, $11, $12, $13, nullif($14, 0), $15, $16, $17, $18, $19)
		RETURNING id, created_at`,
		[]any{c.Connection, c.Kind, c.Brokered, c.Managed, c.OwnerID, c.RequestID, c.ReplacesID, c.Label, c.Scopes, c.LifetimeS,
			c.State, c.UseKnown, nullTime(c.NextActionAt), c.AccountID, c.Access, c.PolicyName, c.Note, c.Sink, c.Place}, &c.ID, &c.CreatedAt)
	if isUnique(err, "credential_request") || isUnique(err, "credential_replaces") {
		return ErrDuplicate
	}
	if err != nil {
		return wrap("insert credential", err)
	}
	return t.Record(ctx, by, Event{Action: "credential." + string(c.State), Subject: SubjectCredential, SubjectID: int64(c.ID), After: string(c.State)})
}

// LockCredential reads a credential and holds it until the transaction ends.
func (t Tx) LockCredential(ctx context.Context, id CredentialID) (Credential, error) {
	var c Credential
	err := t.NewSelect().Model(&c).ColumnExpr(credentialColumns).Where("id = ?", id).For("UPDATE").Scan(ctx)
	return c, bunErr("lock credential", err)
}

// LockCredentialOf is LockCredential for the one that a request led to.
func (t Tx) LockCredentialOf(ctx context.Context, id RequestID) (Credential, error) {
	var c Credential
	err := t.NewSelect().Model(&c).ColumnExpr(credentialColumns).Where("request_id = ? AND replaces_id IS NULL", id).
		Order("id DESC").Limit(1).For("UPDATE").Scan(ctx)
	return c, bunErr("lock credential", err)
}

// Credential reads one credential.
func (db *DB) Credential(ctx context.Context, id CredentialID) (Credential, error) {
	var c Credential
	err := db.bun.NewSelect().Model(&c).ColumnExpr(credentialColumns).Where("id = ?", id).Scan(ctx)
	return c, bunErr("read credential", err)
}

// RequestOf finds the request that a credential came from; zero for none.
func (t Tx) RequestOf(ctx context.Context, id CredentialID) (RequestID, error) {
	var r RequestID
	err := t.queryRow(ctx, `SELECT coalesce(request_id, 0) FROM credential WHERE id = $1`, []any{id}, &r)
	return r, wrap("find request of credential", err)
}

// CredentialOf reads the credential that a request led to.
func (db *DB) CredentialOf(ctx context.Context, id RequestID) (Credential, error) {
	var c Credential
	err := db.bun.NewSelect().Model(&c).ColumnExpr(credentialColumns).Where("request_id = ? AND replaces_id IS NULL", id).
		Order("id DESC").Limit(1).Scan(ctx)
	return c, bunErr("read credential", err)
}

// MoveCredential takes a credential from the state in c to another, writes
// the other lifecycle fields as they stand in c, adds the audit row, and
// updates c. ErrConflict when the row is no longer in that state.
func (t Tx) MoveCredential(ctx context.Context, c *Credential, to CredentialState, by Actor, reason string) error {
	n, err := t.exec(ctx, `
		WITH moved AS (
			UPDATE credential
			SET state = $3, state_reason = $4, attempts = $5, vendor_ref = nullif($6, ''), key_prefix = nullif($7, ''),
			    key_last4 = nullif($8, ''), activated_at = $9, expires_at = $10, ended_at = $11, next_action_at = $12, lease_until = $13
			WHERE id = $1 AND state = $2
			RETURNING id
		)
		INSERT INTO audit_event (actor_id, account_id, actor, action, subject, subject_id, before, after, reason, ref)
		SELECT nullif($14, 0), nullif($15, 0), $16, 'credential.' || $3, 'credential', id, $2, $3, $4, $17 FROM moved`,
		c.ID, c.State, to, reason, c.Attempts, c.VendorRef, c.KeyPrefix, c.KeyLast4, nullTime(c.ActivatedAt), nullTime(c.ExpiresAt),
		nullTime(c.EndedAt), nullTime(c.NextActionAt), nullTime(c.LeaseUntil), by.PersonID, by.AccountID, by.Name, by.Ref)
	if err != nil {
		return wrap("move credential", err)
	}
	if n == 0 {
		return ErrConflict
	}
	c.State, c.StateReason = to, reason
	return nil
}

// SetKeyHash stores the keyed hash by which the gateway finds a brokered key.
func (t Tx) SetKeyHash(ctx context.Context, id CredentialID, hash [32]byte) error {
	_, err := t.exec(ctx, `UPDATE credential SET key_hash = $2 WHERE id = $1`, id, hash[:])
	return wrap("store key hash", err)
}

// Lease claims a credential in state for one vendor call. Another worker that
// holds a lease, or a changed state, is ErrConflict. The sweep looks again
// when the lease ends.
func (t Tx) Lease(ctx context.Context, c *Credential, hold time.Duration) error {
	err := t.queryRow(ctx, `
		UPDATE credential
		SET attempts = attempts + 1, lease_until = clock_timestamp() + $3, next_action_at = latchkey_now() + $3
		WHERE id = $1 AND state = $2 AND (lease_until IS NULL OR lease_until <= clock_timestamp())
		RETURNING attempts, lease_until, next_action_at`, []any{c.ID, c.State, hold}, &c.Attempts, &c.LeaseUntil, &c.NextActionAt)
	if err == ErrNotFound { //nolint:errorlint // queryRow returns the sentinel itself
		return ErrConflict
	}
	return wrap("lease credential", err)
}

// Release ends a lease early and says when to look again.
func (t Tx) Release(ctx context.Context, id CredentialID, again time.Duration, reason string) error {
	_, err := t.exec(ctx, `
		UPDATE credential SET lease_until = NULL, next_action_at = latchkey_now() + $2, state_reason = $3 WHERE id = $1`, id, again, reason)
	return wrap("release credential", err)
}

// SetNextAction says when the sweep must look at a credential.
func (t Tx) SetNextAction(ctx context.Context, id CredentialID, at time.Time) error {
	_, err := t.exec(ctx, `UPDATE credential SET next_action_at = $2 WHERE id = $1`, id, nullTime(at))
	return wrap("set next action", err)
}

// CredentialsDue locks credentials the sweep must look at, a batch at a time,
// and skips what another replica holds.
func (t Tx) CredentialsDue(ctx context.Context, limit int) ([]Credential, error) {
	var out []Credential
	err := t.NewSelect().Model(&out).ColumnExpr(credentialColumns).Where("next_action_at <= latchkey_now()").
		Order("next_action_at").Limit(int64(limit)).For("UPDATE SKIP LOCKED").Scan(ctx)
	return out, bunErr("find due credentials", err)
}

// CountLive counts a person's keys that were asked for here and are, or are
// about to be, alive.
func (t Tx) CountLive(ctx context.Context, id PersonID) (int, error) {
	var n int
	err := t.queryRow(ctx, `
		SELECT count(*) FROM credential
		WHERE owner_id = $1 AND managed AND state NOT IN ('revoked', 'expired', 'issue_failed')`, []any{id}, &n)
	return n, wrap("count live keys", err)
}

// CredentialFilter narrows Credentials; the zero value means all.
type CredentialFilter struct {
	OwnerID    PersonID
	Connection string
	States     []CredentialState
	LiveOnly   bool
	Before     CredentialID // keyset paging: only older ones
	Limit      int          // zero means 50
}

// Credentials lists credentials, newest first.
func (db *DB) Credentials(ctx context.Context, f CredentialFilter) ([]Credential, error) {
	var out []Credential
	q := db.bun.NewSelect().Model(&out).ColumnExpr(credentialColumns).Order("id DESC").Limit(int64(cmp.Or(f.Limit, 50)))
	if f.OwnerID != 0 {
		q = q.Where("owner_id = ?", f.OwnerID)
	}
	if f.Connection != "" {
		q = q.Where("connection = ?", f.Connection)
	}
	if len(f.States) > 0 {
		q = q.Where("state IN (?)", bun.List(f.States))
	}
	if f.LiveOnly {
		q = q.Where("state NOT IN ('revoked', 'expired', 'issue_failed')")
	}
	if f.Before != 0 {
		q = q.Where("id < ?", f.Before)
	}
	return out, bunErr("list credentials", q.Scan(ctx))
}

// AdoptRef notes the vendor's ID of a key that was made while its row was
// already being revoked, so that the revoke finds it at once.
func (t Tx) AdoptRef(ctx context.Context, id CredentialID, ref string) error {
	_, err := t.exec(ctx, `UPDATE credential SET vendor_ref = $2, lease_until = NULL, next_action_at = latchkey_now() WHERE id = $1 AND state = 'revoking'`, id, ref)
	return wrap("adopt vendor ref", err)
}
