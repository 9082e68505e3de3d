package storage

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/tlog"

	"latchkey/secret"
	"latchkey/storage/auditlog"
)

// AuditSigner signs and verifies the checkpoints of this log. The zero value
// does neither.
type AuditSigner struct {
	Public  string // verifies: publish it where the checkpoints go
	private secret.Value
}

var placeSigner = secret.Place{Table: "audit_signer", Row: "1", Column: "sealed"}

// AuditSigner opens the log's signing key, making one on the first start;
// name is then the log's origin. Replicas that start together agree on one.
func (db *DB) AuditSigner(ctx context.Context, keys Keyring, name string) (AuditSigner, error) {
	signer, err := db.readSigner(ctx, keys)
	if !errors.Is(err, ErrNotFound) {
		return signer, err
	}
	private, public, err := auditlog.NewSigner(name)
	if err != nil {
		return signer, fmt.Errorf("make the key that signs the audit log: %w", err)
	}
	_, err = db.pool.Exec(ctx, `INSERT INTO audit_signer (id, public, sealed, data_key_id) VALUES (1, $1, $2, $3) ON CONFLICT DO NOTHING`,
		public, keys.Box.Seal(secret.New(private), placeSigner), keys.ID)
	if err != nil {
		return signer, fmt.Errorf("store the key that signs the audit log: %w", err)
	}
	return db.readSigner(ctx, keys)
}

func (db *DB) readSigner(ctx context.Context, keys Keyring) (AuditSigner, error) {
	var s AuditSigner
	var sealed []byte
	err := db.pool.QueryRow(ctx, `SELECT public, sealed FROM audit_signer WHERE id = 1`).Scan(&s.Public, &sealed)
	if err != nil {
		return s, wrap("read the key that signs the audit log", notFound(err))
	}
	s.private, err = keys.Box.Open(sealed, placeSigner)
	return s, wrap("open the key that signs the audit log", err)
}

// AuditPublic reads what verifies the log's checkpoints, for commands that
// sign none. ErrNotFound before the first start of the service.
func (db *DB) AuditPublic(ctx context.Context) (string, error) {
	var public string
	err := db.pool.QueryRow(ctx, `SELECT public FROM audit_signer WHERE id = 1`, pgx.QueryExecModeCacheStatement).Scan(&public)
	return public, wrap("read the key that verifies the audit log", notFound(err))
}

// Sign makes the checkpoint of a tree.
func (s AuditSigner) Sign(t tlog.Tree) (string, error) {
	return auditlog.SignCheckpoint(s.private.Expose(), t)
}

// Open verifies a checkpoint and returns its tree.
func (s AuditSigner) Open(note string) (tlog.Tree, error) {
	return auditlog.OpenCheckpoint(s.Public, note)
}
