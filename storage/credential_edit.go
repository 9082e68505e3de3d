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
		    next_action_at = latchkey_now(), warned_at = NULL, enforce_at = NULL, policy_name = $7, vendor_expires_at = expires_at
		WHERE id = $1 AND NOT managed AND state = 'active'`, c.ID, r.ID, r.RequesterID, r.GrantedScopes, r.GrantedS, expires, r.PolicyName)
	if err == nil && n == 0 {
		return ErrConflict
	}
	if err != nil {
		return wrap("adopt credential", err)
	}
	c.VendorExpiresAt = c.ExpiresAt
	c.Managed, c.RequestID, c.OwnerID, c.Scopes, c.LifetimeS, c.ExpiresAt = true, r.ID, r.RequesterID, r.GrantedScopes, r.GrantedS, expires
	c.PolicyName = r.PolicyName
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

// SetExpiry gives a credential another end, with its audit row. What was to be
// said about the old one is dropped, and the sweep looks at the key anew.
func (t Tx) SetExpiry(ctx context.Context, c *Credential, ends time.Time, action string, by Actor, reason string) error {
	_, err := t.exec(ctx, `
		UPDATE credential
		SET expires_at = $2, noticed_until = latchkey_now(), let_expire = false, next_action_at = latchkey_now()
		WHERE id = $1`, c.ID, ends)
	if err == nil {
		_, err = t.exec(ctx, `DELETE FROM notice WHERE credential_id = $1 AND kind = 'expiry' AND digest_id IS NULL`, c.ID)
	}
	if err != nil {
		return wrap("set expiry", err)
	}
	before := c.ExpiresAt
	c.ExpiresAt, c.LetExpire = ends, false
	return t.Record(ctx, by, Event{Action: action, Subject: SubjectCredential, SubjectID: int64(c.ID), Before: before.UTC().Format(time.RFC3339),
		After: ends.UTC().Format(time.RFC3339), Reason: reason})
}

// SetLetExpire silences the ladder of a credential, with its audit row.
func (t Tx) SetLetExpire(ctx context.Context, c *Credential, by Actor) error {
	_, err := t.exec(ctx, `UPDATE credential SET let_expire = true WHERE id = $1`, c.ID)
	if err == nil {
		_, err = t.exec(ctx, `DELETE FROM notice WHERE credential_id = $1 AND kind = 'expiry' AND digest_id IS NULL`, c.ID)
	}
	if err != nil {
		return wrap("let expire", err)
	}
	c.LetExpire = true
	return t.Record(ctx, by, Event{Action: "credential.let_expire", Subject: SubjectCredential, SubjectID: int64(c.ID)})
}

// SetWords changes what people call a credential and what they note about it,
// with an audit row for each that is different.
func (t Tx) SetWords(ctx context.Context, c *Credential, label, note string, by Actor) error {
	_, err := t.exec(ctx, `UPDATE credential SET label = $2, note = $3 WHERE id = $1`, c.ID, label, note)
	if err != nil {
		return wrap("edit credential", err)
	}
	for _, e := range []Event{{Action: "credential.labelled", Before: c.Label, After: label}, {Action: "credential.noted", Before: c.Note, After: note}} {
		if e.Before == e.After {
			continue
		}
		e.Subject, e.SubjectID = SubjectCredential, int64(c.ID)
		if err := t.Record(ctx, by, e); err != nil {
			return err
		}
	}
	c.Label, c.Note = label, note
	return nil
}

// SetScopes narrows what a credential may do, with its audit row.
func (t Tx) SetScopes(ctx context.Context, c *Credential, scopes []string, access string, by Actor, reason string) error {
	_, err := t.exec(ctx, `UPDATE credential SET scopes = $2, access = $3 WHERE id = $1`, c.ID, scopes, access)
	if err != nil {
		return wrap("set scopes", err)
	}
	before := c.Scopes
	c.Scopes, c.Access = scopes, access
	return t.Record(ctx, by, Event{Action: "credential.narrowed", Subject: SubjectCredential, SubjectID: int64(c.ID), Before: fmt.Sprint(before),
		After: fmt.Sprint(scopes), Reason: reason})
}

// Exempt lets a credential be unused, or old, until a time, with its audit
// row. A warning about that is taken back; the zero time ends an exemption.
func (t Tx) Exempt(ctx context.Context, c *Credential, until time.Time, by Actor, reason string) error {
	_, err := t.exec(ctx, `
		UPDATE credential SET exempt_until = $2, warned_at = NULL, enforce_at = NULL, next_action_at = latchkey_now() WHERE id = $1`, c.ID, nullTime(until))
	if err != nil {
		return wrap("exempt credential", err)
	}
	c.ExemptUntil, c.WarnedAt, c.EnforceAt = until, time.Time{}, time.Time{}
	e := Event{Action: "credential.exempted", Subject: SubjectCredential, SubjectID: int64(c.ID), Reason: reason}
	if !until.IsZero() {
		e.After = until.UTC().Format(time.RFC3339)
	}
	return t.Record(ctx, by, e)
}

// LeaveAlone has the rules about unused and old credentials pass one over for
// a while, and the sweep look at it anew.
func (t Tx) LeaveAlone(ctx context.Context, id CredentialID, until time.Time) error {
	_, err := t.exec(ctx, `
		UPDATE credential SET exempt_until = greatest(exempt_until, $2), next_action_at = latchkey_now() WHERE id = $1`, id, until)
	return wrap("leave credential alone", err)
}

// RotationFailed notes that nothing came of replacing a live credential, with
// its audit row; its rule tries again at a time. False when it is not alive.
func (t Tx) RotationFailed(ctx context.Context, old CredentialID, again time.Time, by Actor, reason string) (bool, error) {
	n, err := t.exec(ctx, `
		UPDATE credential SET rotate_at = $2, next_action_at = latchkey_now() WHERE id = $1 AND state IN ('active', 'suspended')`, old, again)
	if err != nil || n == 0 {
		return false, wrap("note failed rotation", err)
	}
	return true, t.Record(ctx, by, Event{Action: "credential.rotation_failed", Subject: SubjectCredential, SubjectID: int64(old), Reason: reason})
}

// Postpone moves the next step about a warned credential.
func (t Tx) Postpone(ctx context.Context, id CredentialID, until time.Time) error {
	_, err := t.exec(ctx, `UPDATE credential SET enforce_at = $2, next_action_at = $2 WHERE id = $1 AND warned_at IS NOT NULL`, id, until)
	return wrap("postpone step", err)
}

// Overdue lists a connection's managed credentials whose next step is due.
func (db *DB) Overdue(ctx context.Context, connection string) ([]Credential, error) {
	var out []Credential
	err := db.bun.NewSelect().Model(&out).ColumnExpr(credentialColumns).
		Where("connection = ? AND managed AND enforce_at <= latchkey_now() AND state IN ('active', 'suspended')", connection).
		Order("id").Scan(ctx)
	return out, bunErr("find overdue credentials", err)
}

// CountManaged counts a connection's live credentials that were asked for.
func (db *DB) CountManaged(ctx context.Context, connection string) (int, error) {
	var n int
	err := db.pool.QueryRow(ctx, `SELECT count(*) FROM credential c WHERE connection = $1 AND managed AND `+liveCondition, connection).Scan(&n)
	return n, wrap("count managed credentials", err)
}

// SetVendorExpiry notes when a system ends a credential by itself.
func (t Tx) SetVendorExpiry(ctx context.Context, id CredentialID, at time.Time) error {
	_, err := t.exec(ctx, `UPDATE credential SET vendor_expires_at = $2 WHERE id = $1`, id, nullTime(at))
	return wrap("set vendor expiry", err)
}

// SetDelivered notes what a sink calls a credential's secret, with its audit
// row.
func (t Tx) SetDelivered(ctx context.Context, c *Credential, version, where string, by Actor) error {
	_, err := t.exec(ctx, `UPDATE credential SET sink_version = $2, next_action_at = latchkey_now() WHERE id = $1`, c.ID, version)
	if err != nil {
		return wrap("note delivery", err)
	}
	c.SinkVersion = version
	return t.Record(ctx, by, Event{Action: "credential.delivered", Subject: SubjectCredential, SubjectID: int64(c.ID), After: where})
}

// NoteProblem writes an event about a credential unless its last one of that
// action says the same. It reports whether it wrote.
func (t Tx) NoteProblem(ctx context.Context, id CredentialID, action string, by Actor, why string) (bool, error) {
	n, err := t.exec(ctx, `
		INSERT INTO audit_event (actor, action, subject, subject_id, reason)
		SELECT $1, $2, 'credential', $3, $4
		WHERE $4 IS DISTINCT FROM (SELECT reason FROM audit_event WHERE subject = 'credential' AND subject_id = $3 AND action = $2 ORDER BY id DESC LIMIT 1)`,
		by.Name, action, id, why)
	return n > 0, wrap("note problem", err)
}

// SetEntitled notes that a credential's owner could not get it any more, or
// could again, with the audit row. It reports whether that is new.
func (t Tx) SetEntitled(ctx context.Context, id CredentialID, entitled bool, by Actor, reason string) (bool, error) {
	n, err := t.exec(ctx, `
		UPDATE credential SET unentitled_since = CASE WHEN $2 THEN NULL ELSE latchkey_now() END
		WHERE id = $1 AND (unentitled_since IS NULL) <> $2`, id, entitled)
	if err != nil || n == 0 {
		return false, wrap("note entitlement", err)
	}
	action := "credential.unentitled"
	if entitled {
		action = "credential.entitled"
	}
	return true, t.Record(ctx, by, Event{Action: action, Subject: SubjectCredential, SubjectID: int64(id), Reason: reason})
}
