package storage

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Connect is the one chance to connect an OAuth app. The zero times mean "not
// yet".
type Connect struct {
	CredentialID CredentialID
	Nonce        string // with the data key it gives the link back, so that the link itself is not stored
	ExpiresAt    time.Time
	UsedAt       time.Time
	Now          time.Time // the database's time of the reading
}

// InsertConnect stores a chance by the hash of its link. One that is there
// stays.
func (t Tx) InsertConnect(ctx context.Context, k Connect, hash [32]byte) error {
	_, err := t.exec(ctx, `
		INSERT INTO oauth_connect (credential_id, nonce, hash, expires_at) VALUES ($1, $2, $3, $4) ON CONFLICT (credential_id) DO NOTHING`,
		k.CredentialID, k.Nonce, hash[:], k.ExpiresAt)
	return wrap("insert connect", err)
}

const connectColumns = `credential_id, nonce, expires_at, coalesce(used_at, '0001-01-01'), latchkey_now()`

func (k *Connect) dest() []any {
	return []any{&k.CredentialID, &k.Nonce, &k.ExpiresAt, &k.UsedAt, &k.Now}
}

// ConnectOf reads the chance of a credential.
func (db *DB) ConnectOf(ctx context.Context, id CredentialID) (Connect, error) {
	var k Connect
	err := db.pool.QueryRow(ctx, `SELECT `+connectColumns+` FROM oauth_connect WHERE credential_id = $1`, id).Scan(k.dest()...)
	return k, wrap("read connect", notFound(err))
}

// ConnectCredential finds whose link has a hash.
func (t Tx) ConnectCredential(ctx context.Context, hash [32]byte) (CredentialID, error) {
	var id CredentialID
	err := t.queryRow(ctx, `SELECT credential_id FROM oauth_connect WHERE hash = $1`, []any{hash[:]}, &id)
	return id, wrap("find connect", err)
}

// LockConnect reads the chance of a credential and holds it.
func (t Tx) LockConnect(ctx context.Context, id CredentialID) (Connect, error) {
	var k Connect
	err := t.queryRow(ctx, `SELECT `+connectColumns+` FROM oauth_connect WHERE credential_id = $1 FOR UPDATE`, []any{id}, k.dest()...)
	return k, wrap("lock connect", err)
}

// BeginConnect notes the round trip to the vendor that a browser begins; an
// earlier one does not count any more.
func (t Tx) BeginConnect(ctx context.Context, id CredentialID, state, browser [32]byte) error {
	_, err := t.exec(ctx, `UPDATE oauth_connect SET state_hash = $2, browser_hash = $3 WHERE credential_id = $1`, id, state[:], browser[:])
	return wrap("begin connect", err)
}

// TakeConnect ends a round trip: its state, once, from the browser that began
// it. ErrNotFound for any other.
func (t Tx) TakeConnect(ctx context.Context, state, browser [32]byte) (CredentialID, error) {
	var id CredentialID
	err := t.queryRow(ctx, `
		UPDATE oauth_connect SET state_hash = NULL, browser_hash = NULL
		WHERE state_hash = $1 AND browser_hash = $2 AND used_at IS NULL AND expires_at > latchkey_now()
		RETURNING credential_id`, []any{state[:], browser[:]}, &id)
	return id, wrap("take connect", err)
}

// UseConnect notes that the app is connected.
func (t Tx) UseConnect(ctx context.Context, id CredentialID) error {
	_, err := t.exec(ctx, `UPDATE oauth_connect SET used_at = latchkey_now() WHERE credential_id = $1`, id)
	return wrap("use connect", err)
}

// OAuthGrant is what a vendor gave our app for one credential, sealed.
type OAuthGrant struct {
	CredentialID CredentialID
	DataKeyID    int16
	Access       []byte    // sealed; nil once the grant ended
	Refresh      []byte    // sealed; nil where the vendor gives none
	ExpiresAt    time.Time // of the access token; zero when the vendor does not say
	RefreshAt    time.Time // zero: never
	Attempts     int
	Problem      string
}

// SaveGrant stores a new pair of tokens; the former pair is forgotten.
func (t Tx) SaveGrant(ctx context.Context, g OAuthGrant) error {
	_, err := t.exec(ctx, `
		INSERT INTO oauth_grant (credential_id, data_key_id, access, refresh, expires_at, refresh_at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (credential_id) DO UPDATE
		SET data_key_id = excluded.data_key_id, access = excluded.access, refresh = excluded.refresh, expires_at = excluded.expires_at,
		    refresh_at = excluded.refresh_at, attempts = 0, lease_until = NULL, problem = ''`,
		g.CredentialID, g.DataKeyID, g.Access, g.Refresh, nullTime(g.ExpiresAt), nullTime(g.RefreshAt))
	return wrap("store grant", err)
}

// LockGrant reads a grant and holds it.
func (t Tx) LockGrant(ctx context.Context, id CredentialID) (OAuthGrant, error) {
	var g OAuthGrant
	err := t.queryRow(ctx, `
		SELECT credential_id, data_key_id, access, refresh, coalesce(expires_at, '0001-01-01'), coalesce(refresh_at, '0001-01-01'), attempts, problem
		FROM oauth_grant WHERE credential_id = $1 FOR UPDATE`, []any{id},
		&g.CredentialID, &g.DataKeyID, &g.Access, &g.Refresh, &g.ExpiresAt, &g.RefreshAt, &g.Attempts, &g.Problem)
	return g, wrap("lock grant", err)
}

// LeaseGrant claims a grant for one refresh: a refresh kills the old pair, so
// there must be one at a time. Another worker's lease is ErrConflict.
func (t Tx) LeaseGrant(ctx context.Context, g *OAuthGrant, hold time.Duration) error {
	err := t.queryRow(ctx, `
		UPDATE oauth_grant SET attempts = attempts + 1, lease_until = clock_timestamp() + $2
		WHERE credential_id = $1 AND access IS NOT NULL AND (lease_until IS NULL OR lease_until <= clock_timestamp())
		RETURNING attempts`, []any{g.CredentialID, hold}, &g.Attempts)
	if err == ErrNotFound { //nolint:errorlint // queryRow returns the sentinel itself
		return ErrConflict
	}
	return wrap("lease grant", err)
}

// PutOffGrant ends a lease and says when to refresh again.
func (t Tx) PutOffGrant(ctx context.Context, id CredentialID, again time.Duration, problem string) error {
	_, err := t.exec(ctx, `UPDATE oauth_grant SET lease_until = NULL, refresh_at = latchkey_now() + $2, problem = $3 WHERE credential_id = $1`, id, again, problem)
	return wrap("put off grant", err)
}

// EndGrant forgets a grant's tokens: the gateway has nothing to use any more.
func (t Tx) EndGrant(ctx context.Context, id CredentialID) error {
	_, err := t.exec(ctx, `UPDATE oauth_grant SET access = NULL, refresh = NULL, refresh_at = NULL, lease_until = NULL WHERE credential_id = $1`, id)
	return wrap("end grant", err)
}

// GrantsDue lists grants to refresh, at most limit; the lease keeps two
// workers apart.
func (db *DB) GrantsDue(ctx context.Context, limit int) ([]CredentialID, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT credential_id FROM oauth_grant
		WHERE refresh_at <= latchkey_now() AND (lease_until IS NULL OR lease_until <= clock_timestamp())
		ORDER BY refresh_at LIMIT $1`, pgx.QueryExecModeCacheStatement, limit)
	if err != nil {
		return nil, wrap("find due grants", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[CredentialID])
	return out, wrap("find due grants", err)
}
