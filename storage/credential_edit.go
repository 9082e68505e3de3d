package storage

import (
	"context"
	"fmt"
	"time"
)

// Adopt brings an unmanaged credential under management: it is what request r
// was about, and has its owner, scopes and end from there. ErrConflict when
// it is managed or ended meanwhile.
func (t Tx) Adopt(ctx context.Context, c *Credential, r Request, expires time.Time, by Actor) error {
	n, err := t.exec(ctx, `
		UPDATE credential
		SET managed = true, request_id = $2, owner_id = $3, scopes = $4, lifetime_s = $5, activated_at = latchkey_now(), expires_at = $6,
		    next_action_at = $6, warned_at = NULL, enforce_at = NULL
		WHERE id = $1 AND NOT managed AND state = 'active'`, c.ID, r.ID, r.RequesterID, r.GrantedScopes, r.GrantedS, expires)
	if err == nil && n == 0 {
		return ErrConflict
	}
	if err != nil {
		return wrap("adopt credential", err)
	}
	c.Managed, c.RequestID, c.OwnerID, c.Scopes, c.LifetimeS, c.ExpiresAt = true, r.ID, r.RequesterID, r.GrantedScopes, r.GrantedS, expires
	return t.Record(ctx, by, Event{Action: "credential.adopted", Subject: SubjectCredential, SubjectID: int64(c.ID), Before: "unmanaged",
		After: "managed", Reason: r.Reason, PolicyHash: r.PolicyHash})
}

// SetOwner hands a credential over, with its audit row.
func (t Tx) SetOwner(ctx context.Context, c *Credential, owner PersonID, by Actor, reason string) error {
	_, err := t.exec(ctx, `UPDATE credential SET owner_id = $2 WHERE id = $1`, c.ID, owner)
	if err != nil {
		return wrap("set owner", err)
	}
	before := fmt.Sprint(c.OwnerID)
	c.OwnerID = owner
	return t.Record(ctx, by, Event{Action: "credential.handed_over", Subject: SubjectCredential, SubjectID: int64(c.ID), Before: before,
		After: fmt.Sprint(owner), Reason: reason})
}

// Warn notes that a credential's owner was told when it must be gone, with
// its audit row.
func (t Tx) Warn(ctx context.Context, id CredentialID, until time.Time, by Actor, reason string) error {
	_, err := t.exec(ctx, `UPDATE credential SET warned_at = latchkey_now(), enforce_at = $2 WHERE id = $1`, id, until)
	if err != nil {
		return wrap("warn of credential", err)
	}
	return t.Record(ctx, by, Event{Action: "credential.warned", Subject: SubjectCredential, SubjectID: int64(id),
		After: until.UTC().Format(time.RFC3339), Reason: reason})
}

// Spare takes a warning back.
func (t Tx) Spare(ctx context.Context, id CredentialID, by Actor, reason string) error {
	n, err := t.exec(ctx, `UPDATE credential SET warned_at = NULL, enforce_at = NULL WHERE id = $1 AND warned_at IS NOT NULL`, id)
	if err != nil || n == 0 {
		return wrap("spare credential", err)
	}
	return t.Record(ctx, by, Event{Action: "credential.spared", Subject: SubjectCredential, SubjectID: int64(id), Reason: reason})
}
