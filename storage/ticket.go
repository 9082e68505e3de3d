package storage

import (
	"context"
	"time"
)

// Ticket is the one chance to collect a key. The zero times mean "not yet".
type Ticket struct {
	CredentialID CredentialID
	Nonce        string // with the data key it gives the ticket back, so that the ticket itself is not stored
	Sealed       []byte // the undelivered key; erased when it is shown
	DataKeyID    int16
	ExpiresAt    time.Time
	OpenedAt     time.Time
	RevealedAt   time.Time
	Now          time.Time // the database's time of the reading
	Sink         bool      // set by reads: the key goes into a sink, and nobody collects it
}

// InsertTicket stores a ticket by its hash.
func (t Tx) InsertTicket(ctx context.Context, k Ticket, hash [32]byte) error {
	_, err := t.exec(ctx, `
		INSERT INTO ticket (credential_id, hash, nonce, sealed, data_key_id, expires_at) VALUES ($1, $2, $3, $4, $5, $6)`,
		k.CredentialID, hash[:], k.Nonce, k.Sealed, k.DataKeyID, k.ExpiresAt)
	return wrap("insert ticket", err)
}

const ticketColumns = `credential_id, nonce, sealed, data_key_id, expires_at, coalesce(opened_at, '0001-01-01'), coalesce(revealed_at, '0001-01-01'), latchkey_now(),
	(SELECT c.sink <> '' FROM credential c WHERE c.id = credential_id)`

func (k *Ticket) dest() []any {
	return []any{&k.CredentialID, &k.Nonce, &k.Sealed, &k.DataKeyID, &k.ExpiresAt, &k.OpenedAt, &k.RevealedAt, &k.Now, &k.Sink}
}

// LockTicket reads a ticket by its hash and holds it.
func (t Tx) LockTicket(ctx context.Context, hash [32]byte) (Ticket, error) {
	var k Ticket
	err := t.queryRow(ctx, `SELECT `+ticketColumns+` FROM ticket WHERE hash = $1 FOR UPDATE`, []any{hash[:]}, k.dest()...)
	return k, wrap("lock ticket", err)
}

// TicketCredential finds whose ticket has a hash.
func (t Tx) TicketCredential(ctx context.Context, hash [32]byte) (CredentialID, error) {
	var id CredentialID
	err := t.queryRow(ctx, `SELECT credential_id FROM ticket WHERE hash = $1`, []any{hash[:]}, &id)
	return id, wrap("find ticket", err)
}

// LockTicketOf reads the ticket of a credential and holds it.
func (t Tx) LockTicketOf(ctx context.Context, id CredentialID) (Ticket, error) {
	var k Ticket
	err := t.queryRow(ctx, `SELECT `+ticketColumns+` FROM ticket WHERE credential_id = $1 FOR UPDATE`, []any{id}, k.dest()...)
	return k, wrap("lock ticket", err)
}

// TicketOf reads the ticket of a credential.
func (db *DB) TicketOf(ctx context.Context, id CredentialID) (Ticket, error) {
	var k Ticket
	err := db.pool.QueryRow(ctx, `SELECT `+ticketColumns+` FROM ticket WHERE credential_id = $1`, id).Scan(k.dest()...)
	return k, wrap("read ticket", notFound(err))
}

// OpenTicket notes the first look at the page, after which little time is
// left.
func (t Tx) OpenTicket(ctx context.Context, id CredentialID, expires time.Time) error {
	_, err := t.exec(ctx, `UPDATE ticket SET opened_at = latchkey_now(), expires_at = $2 WHERE credential_id = $1 AND opened_at IS NULL`, id, expires)
	return wrap("open ticket", err)
}

// SpendTicket erases the sealed key. With revealed it also notes that it was
// shown; a second time is ErrConflict.
func (t Tx) SpendTicket(ctx context.Context, id CredentialID, revealed bool) error {
	n, err := t.exec(ctx, `
		UPDATE ticket SET sealed = NULL, revealed_at = CASE WHEN $2 THEN latchkey_now() ELSE revealed_at END
		WHERE credential_id = $1 AND sealed IS NOT NULL`, id, revealed)
	if err == nil && n == 0 {
		return ErrConflict
	}
	return wrap("spend ticket", err)
}
