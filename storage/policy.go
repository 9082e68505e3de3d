package storage

import "context"

// SavePolicy stores a policy document under its hash, as the one that rules
// now; a known one is kept. Changed tells that another one ruled before; it is false for the first one.
func (db *DB) SavePolicy(ctx context.Context, hash, document string) (changed bool, err error) {
	err = db.pool.QueryRow(ctx, `
		WITH before AS (
			SELECT hash FROM policy_version WHERE used_at IS NOT NULL ORDER BY used_at DESC LIMIT 1
		), saved AS (
			INSERT INTO policy_version (hash, document, used_at) VALUES ($1, $2, clock_timestamp())
			ON CONFLICT (hash) DO UPDATE SET used_at = excluded.used_at
		)
		SELECT coalesce((SELECT hash FROM before) <> $1, false)`, hash, document).Scan(&changed)
	return changed, wrap("store policy", err)
}

// Policy reads the document a request was filed under.
func (db *DB) Policy(ctx context.Context, hash string) (string, error) {
	var doc string
	err := db.pool.QueryRow(ctx, `SELECT document FROM policy_version WHERE hash = $1`, hash).Scan(&doc)
	return doc, wrap("read policy", notFound(err))
}
