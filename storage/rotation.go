package storage

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"
)

// The ways to put a fresh key in place of an old one.
const (
	RotateOverlap = "overlap"  // both work for a while
	RotateInPlace = "in_place" // the old one is dead when the new one is there
	RotateGuided  = "guided"   // a person makes the new one at the system
)

// Rotation is a fresh credential in place of an old one.
type Rotation struct {
	NewID     CredentialID
	OldID     CredentialID
	Way       string
	EndsAt    time.Time // the new key lives no longer
	OverlapS  int64     // seconds that both work, from the new one's start
	QuietS    int64     // and the old one until it is unused this long; zero: whatever happens
	OldEndsAt time.Time // the overlap's end, as it was asked for or when the new key works; zero: not known yet
	Reason    string
	Contacts  []string        // e-mail addresses of whoever has to know
	Metadata  json.RawMessage // the caller's own words
	SourceKey string
	KeyID     CredentialID // the key of Latchkey's own that asked for it; zero: a person or a rule did
	CreatedAt time.Time

	NewState     CredentialState // set by reads
	NewCollected bool            // set by reads: the key was shown, delivered, or never ours to show
}

const rotationColumns = `r.new_id, r.old_id, r.way, r.ends_at, r.overlap_s, r.quiet_s, coalesce(r.old_ends_at, '0001-01-01'), r.reason, r.contacts,
	r.metadata, r.source_key, coalesce(r.key_id, 0), r.created_at, c.state, NOT EXISTS (SELECT FROM ticket k WHERE k.credential_id = c.id AND k.sealed IS NOT NULL)`

const rotationFrom = ` FROM rotation r JOIN credential c ON c.id = r.new_id `

func (r *Rotation) dest() []any {
	return []any{&r.NewID, &r.OldID, &r.Way, &r.EndsAt, &r.OverlapS, &r.QuietS, &r.OldEndsAt, &r.Reason, &r.Contacts, &r.Metadata, &r.SourceKey,
		&r.KeyID, &r.CreatedAt, &r.NewState, &r.NewCollected}
}

// InsertRotation notes what a new credential replaces.
func (t Tx) InsertRotation(ctx context.Context, r Rotation) error {
	if r.Metadata == nil {
		r.Metadata = json.RawMessage("{}")
	}
	if r.Contacts == nil {
		r.Contacts = []string{}
	}
	_, err := t.exec(ctx, `
		INSERT INTO rotation (new_id, old_id, way, ends_at, overlap_s, quiet_s, old_ends_at, reason, contacts, metadata, source_key, key_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, nullif($12, 0))`,
		r.NewID, r.OldID, r.Way, r.EndsAt, r.OverlapS, r.QuietS, nullTime(r.OldEndsAt), r.Reason, r.Contacts, r.Metadata, r.SourceKey, r.KeyID)
	if isUnique(err, "rotation_source_key_key") {
		return ErrDuplicate
	}
	return wrap("insert rotation", err)
}

// RotationTo reads what a new credential replaces; ErrNotFound if it replaces
// none.
func (t Tx) RotationTo(ctx context.Context, id CredentialID) (Rotation, error) {
	var r Rotation
	err := t.queryRow(ctx, `SELECT `+rotationColumns+rotationFrom+`WHERE r.new_id = $1`, []any{id}, r.dest()...)
	return r, wrap("read rotation", err)
}

// RotationFrom finds the rotation that an interaction began; ErrNotFound for
// none.
func (t Tx) RotationFrom(ctx context.Context, sourceKey string) (Rotation, error) {
	var r Rotation
	err := t.queryRow(ctx, `SELECT `+rotationColumns+rotationFrom+`WHERE r.source_key = $1`, []any{sourceKey}, r.dest()...)
	return r, wrap("find rotation", err)
}

// RotationsOf reads, for many old credentials, the rotation that is under way
// or done; those that came to nothing, or are about to, are left out.
func (t Tx) RotationsOf(ctx context.Context, old []CredentialID) (map[CredentialID]Rotation, error) {
	out := map[CredentialID]Rotation{}
	var r Rotation
	err := t.each(ctx, `SELECT `+rotationColumns+rotationFrom+`
		WHERE r.old_id = ANY($1) AND c.state IN ('issuing', 'active', 'suspended') ORDER BY r.new_id`, []any{old}, r.dest(), func() {
		out[r.OldID] = r
		r.Contacts, r.Metadata = nil, nil // scanned into anew
	})
	return out, wrap("read rotations", err)
}

// Successor finds the credential that takes another one's place, or is not yet
// gone after it failed to; zero for none.
func (t Tx) Successor(ctx context.Context, id CredentialID) (CredentialID, error) {
	var by CredentialID
	err := t.queryRow(ctx, `
		SELECT coalesce((SELECT id FROM credential WHERE replaces_id = $1 AND state NOT IN ('issue_failed', 'revoked', 'expired')), 0)`, []any{id}, &by)
	return by, wrap("find successor", err)
}

// PeekCredential reads a credential without holding it.
func (t Tx) PeekCredential(ctx context.Context, id CredentialID) (Credential, error) {
	var c Credential
	err := t.NewSelect().Model(&c).ColumnExpr(credentialColumns).Where("id = ?", id).Scan(ctx)
	return c, bunErr("read credential", err)
}

// HolderOf is the service account that a credential is for: as it was asked
// for, or as its system says. Zero where its owner has it themselves.
func (t Tx) HolderOf(ctx context.Context, id CredentialID) (AccountID, error) {
	var holder AccountID
	err := t.queryRow(ctx, `
		SELECT coalesce(r.holder_id, (SELECT a.id FROM account a WHERE a.id = c.account_id AND a.is_service), 0)
		FROM credential c LEFT JOIN request r ON r.id = c.request_id
		WHERE c.id = $1`, []any{id}, &holder)
	return holder, wrap("read holder", err)
}

// DeliveredBefore is what a sink calls what it keeps of the credentials that
// one replaces, or that were to replace them: the latest delivery among them.
// Empty if there was none.
func (db *DB) DeliveredBefore(ctx context.Context, id CredentialID) (string, error) {
	var version string
	err := db.pool.QueryRow(ctx, `
		WITH RECURSIVE line AS (
			SELECT old_id AS id FROM rotation WHERE new_id = $1
			UNION
			SELECT r.old_id FROM rotation r JOIN line ON r.new_id = line.id
		), family AS (
			SELECT id FROM line
			UNION
			SELECT r.new_id FROM rotation r JOIN line ON r.old_id = line.id
		)
		SELECT coalesce((SELECT sink_version FROM credential
		                 WHERE id IN (SELECT id FROM family) AND id <> $1 AND sink_version <> '' ORDER BY id DESC LIMIT 1), '')`, id).Scan(&version)
	return version, wrap("find earlier delivery", err)
}

// ReplacedBy finds, for many credentials, the one that takes its place, made or
// being made.
func (db *DB) ReplacedBy(ctx context.Context, ids []CredentialID) (map[CredentialID]CredentialID, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT replaces_id, id FROM credential
		WHERE replaces_id = ANY($1) AND state NOT IN ('issue_failed', 'revoked', 'expired')`, pgx.QueryExecModeCacheStatement, ids)
	if err != nil {
		return nil, wrap("find replacements", err)
	}
	out := map[CredentialID]CredentialID{}
	var old, by CredentialID
	_, err = pgx.ForEachRow(rows, []any{&old, &by}, func() error { out[old] = by; return nil })
	return out, wrap("find replacements", err)
}

// SetOverlap notes when the old credential of a rotation ends.
func (t Tx) SetOverlap(ctx context.Context, newID CredentialID, ends time.Time) error {
	_, err := t.exec(ctx, `UPDATE rotation SET old_ends_at = $2 WHERE new_id = $1`, newID, ends)
	return wrap("set overlap", err)
}

// Rotations reads the rotations that a credential is the old or the new one
// of, the newest first.
func (db *DB) Rotations(ctx context.Context, id CredentialID) ([]Rotation, error) {
	rows, err := db.pool.Query(ctx, `SELECT `+rotationColumns+rotationFrom+`WHERE r.old_id = $1 OR r.new_id = $1 ORDER BY r.new_id DESC`, id)
	if err != nil {
		return nil, wrap("read rotations", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Rotation, error) {
		var r Rotation
		return r, row.Scan(r.dest()...)
	})
	return out, wrap("read rotations", err)
}

// UsesSince counts what a credential was used for since a time.
func (db *DB) UsesSince(ctx context.Context, id CredentialID, since time.Time) (int64, error) {
	var n int64
	err := db.pool.QueryRow(ctx, `SELECT count(*) FROM access_log WHERE credential_id = $1 AND at >= $2`, id, since).Scan(&n)
	return n, wrap("count uses", err)
}
