package storage

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// RecheckRevokes makes revocations that did not come through due at once
// where a whole walk did not find the credential: somebody may have ended it
// by hand.
// A credential that it shows as not working counts as not found.
func (t Tx) RecheckRevokes(ctx context.Context, connection string, seen, stopped []CredentialID) error {
	_, err := t.exec(ctx, `
		UPDATE credential c SET next_action_at = latchkey_now()
		WHERE c.connection = $1 AND c.state = 'revoke_failed' AND (c.id <> ALL($2) OR c.id = ANY($3))`, connection, seen, stopped)
	return wrap("recheck revokes", err)
}

// AwaitedByMatch finds the credential that waits for the key a vendor makes
// by itself, by what both have in common.
func (t Tx) AwaitedByMatch(ctx context.Context, connection, match string) (CredentialID, error) {
	var id CredentialID
	err := t.queryRow(ctx, `
		SELECT c.id FROM credential c JOIN request r ON r.id = c.request_id
		WHERE r.vendor_match = $2 AND c.connection = $1 AND c.state = 'issuing' ORDER BY c.id LIMIT 1`, []any{connection, match}, &id)
	return id, wrap("find awaited credential", err)
}

// Adoptions lists the unmanaged credentials of a connection that somebody
// asks to keep.
func (db *DB) Adoptions(ctx context.Context, connection string) (map[CredentialID]RequestID, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT adopts_id, id FROM request WHERE connection = $1 AND adopts_id IS NOT NULL AND state IN ('pending', 'approved')`, connection)
	if err != nil {
		return nil, wrap("read adoptions", err)
	}
	out := map[CredentialID]RequestID{}
	var c CredentialID
	var r RequestID
	_, err = pgx.ForEachRow(rows, []any{&c, &r}, func() error { out[c] = r; return nil })
	return out, wrap("read adoptions", err)
}

// AwaitedMatches lists what the credentials that wait for a vendor's own key
// will have in common with it.
func (db *DB) AwaitedMatches(ctx context.Context, connection string) (map[string]bool, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT r.vendor_match FROM credential c JOIN request r ON r.id = c.request_id
		WHERE r.vendor_match <> '' AND c.connection = $1 AND c.state IN ('issuing', 'revoking')`, connection)
	if err != nil {
		return nil, wrap("read awaited matches", err)
	}
	out := map[string]bool{}
	var match string
	_, err = pgx.ForEachRow(rows, []any{&match}, func() error { out[match] = true; return nil })
	return out, wrap("read awaited matches", err)
}

// LiveRefHolder finds the live row that stands for a vendor's credential;
// zero when none does.
func (db *DB) LiveRefHolder(ctx context.Context, connection, ref string) (CredentialID, error) {
	var id CredentialID
	err := db.pool.QueryRow(ctx, `
		SELECT coalesce((SELECT c.id FROM credential c WHERE c.connection = $1 AND c.vendor_ref = $2 AND `+liveCondition+`), 0)`, connection, ref).Scan(&id)
	return id, wrap("find who stands for a credential", err)
}
