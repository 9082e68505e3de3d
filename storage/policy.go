package storage

import "context"

// SavePolicy stores a policy document under its hash; a known one is kept.
func (db *DB) SavePolicy(ctx context.Context, hash, document string) error {
	_, err := db.pool.Exec(ctx, `INSERT INTO policy_version (hash, document) VALUES ($1, $2) ON CONFLICT DO NOTHING`, hash, document)
	return wrap("store policy", err)
}

// Policy reads the document a request was filed under.
func (db *DB) Policy(ctx context.Context, hash string) (string, error) {
	var doc string
	err := db.pool.QueryRow(ctx, `SELECT document FROM policy_version WHERE hash = $1`, hash).Scan(&doc)
	return doc, wrap("read policy", notFound(err))
}
