package storage

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// OwnKey is a live key of Latchkey's own API, and the account that acts by it.
type OwnKey struct {
	ID      CredentialID
	Scopes  []string
	Account Account // the one that asked for it, else another usable one of its owner
	Used    bool    // within the last ownKeyPause: there is nothing to note

	Quarantined bool // the database is; the key may be one that was revoked since
}

// ownKeyPause is how often the use of a key is noted at most, in seconds.
const ownKeyPause = 60

// OwnKey finds a key of one of the connections by its keyed hash. ErrNotFound
// stands for every reason not to honour it: nobody knows it, it is not active
// or has expired, or its owner left or has no usable account any more.
func (db *DB) OwnKey(ctx context.Context, hash [32]byte, connections []string) (OwnKey, error) {
	k := OwnKey{Account: Account{System: SystemSlack}}
	a := &k.Account
	err := db.pool.QueryRow(ctx, `
		SELECT c.id, c.scopes, coalesce(c.last_used_at > latchkey_now() - make_interval(secs => $3), false),
		       EXISTS (SELECT FROM audit_quarantine WHERE ended_at IS NULL),
		       a.id, a.person_id, a.team, a.external_id, coalesce(a.email, ''), a.name, a.is_bot, a.is_guest, a.is_outsider, a.is_deleted,
		       coalesce(a.dm_channel, '')
		FROM credential c
		JOIN person p ON p.id = c.owner_id AND p.active
		LEFT JOIN request r ON r.id = c.request_id
		CROSS JOIN LATERAL (
			SELECT a.*
			FROM account a
			WHERE a.person_id = c.owner_id
			  AND a.system = 'slack'
			  AND NOT (a.is_deleted OR a.is_guest OR a.is_bot OR a.is_outsider)
			ORDER BY coalesce(a.id = r.account_id, false) DESC, a.id
			LIMIT 1
		) a
		WHERE c.key_hash = $1
		  AND c.connection = ANY($2)
		  AND c.state = 'active'
		  AND c.expires_at > latchkey_now()`, pgx.QueryExecModeCacheStatement, hash[:], connections, float64(ownKeyPause)).
		Scan(&k.ID, &k.Scopes, &k.Used, &k.Quarantined, &a.ID, &a.PersonID, &a.Team, &a.ExternalID, &a.Email, &a.Name, &a.IsBot, &a.IsGuest, &a.IsOutsider,
			&a.IsDeleted, &a.DMChannel)
	return k, wrap("find own key", notFound(err))
}

// NoteOwnKeyUse moves the last use of a key to now, unless that was done a
// moment ago.
func (db *DB) NoteOwnKeyUse(ctx context.Context, id CredentialID) error {
	_, err := db.pool.Exec(ctx, `
		UPDATE credential
		SET last_used_at = latchkey_now()
		WHERE id = $1
		  AND (last_used_at IS NULL OR last_used_at <= latchkey_now() - make_interval(secs => $2))`,
		pgx.QueryExecModeCacheStatement, id, float64(ownKeyPause))
	return wrap("note use of own key", err)
}
