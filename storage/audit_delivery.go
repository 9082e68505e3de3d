package storage

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// Delivery is how far a receiver of the live log has it.
type Delivery struct {
	Receiver string
	Position int64  // the next to send
	Past     int64  // where the batch under way ends; zero: none is
	Attempts int    // at this batch
	Problem  string // of the last of them; empty: none
	NextAt   time.Time
	SentAt   time.Time // zero: never

	lease string
}

const deliveryColumns = `receiver, position, coalesce(past, 0), attempts, problem, next_at, coalesce(sent_at, '0001-01-01'), coalesce(lease, '')`

func (d *Delivery) dest() []any {
	return []any{&d.Receiver, &d.Position, &d.Past, &d.Attempts, &d.Problem, &d.NextAt, &d.SentAt, &d.lease}
}

// ClaimDelivery takes up a receiver's next batch, of at most limit events of
// the log's size, for a while. A batch that was begun ends where it did.
// ErrNotFound where there is nothing to send, where it is not time yet, and
// where another replica is at it.
func (db *DB) ClaimDelivery(ctx context.Context, receiver string, size, limit int64, hold time.Duration) (Delivery, error) {
	var d Delivery
	_, err := db.pool.Exec(ctx, `INSERT INTO audit_delivery (receiver, position) VALUES ($1, 0) ON CONFLICT DO NOTHING`, pgx.QueryExecModeCacheStatement, receiver)
	if err != nil {
		return d, wrap("claim delivery", err)
	}
	err = db.pool.QueryRow(ctx, `
		UPDATE audit_delivery
		SET lease = $2, lease_until = clock_timestamp() + $3, attempts = attempts + 1, past = coalesce(past, least(position + $5, $4))
		WHERE receiver = $1
		  AND position < $4
		  AND next_at <= clock_timestamp()
		  AND (lease_until IS NULL OR lease_until <= clock_timestamp())
		RETURNING `+deliveryColumns, pgx.QueryExecModeCacheStatement, receiver, rand.Text(), hold, size, limit).Scan(d.dest()...)
	return d, wrap("claim delivery", notFound(err))
}

// Delivered notes that the receiver has the batch. ErrConflict where the claim
// ended meanwhile: another replica sends the same again, which does no harm.
func (db *DB) Delivered(ctx context.Context, d Delivery, again time.Duration) error {
	return db.settleDelivery(ctx, `
		UPDATE audit_delivery
		SET position = past, past = NULL, attempts = 0, problem = '', next_at = clock_timestamp() + $3, sent_at = clock_timestamp(), lease = NULL, lease_until = NULL
		WHERE receiver = $1
		  AND lease = $2`, d.Receiver, d.lease, again)
}

// NotDelivered notes what went wrong, and when to try the same batch again.
func (db *DB) NotDelivered(ctx context.Context, d Delivery, problem string, again time.Duration) error {
	return db.settleDelivery(ctx, `
		UPDATE audit_delivery
		SET problem = $4, next_at = clock_timestamp() + $3, lease = NULL, lease_until = NULL
		WHERE receiver = $1
		  AND lease = $2`, d.Receiver, d.lease, again, problem)
}

// ShortenDelivery gives a batch back that was not sent, or not taken, to be
// sent at once up to an earlier position.
func (db *DB) ShortenDelivery(ctx context.Context, d Delivery, past int64) error {
	return db.settleDelivery(ctx, `
		UPDATE audit_delivery
		SET past = $3, attempts = attempts - 1, lease = NULL, lease_until = NULL
		WHERE receiver = $1
		  AND lease = $2`, d.Receiver, d.lease, past)
}

func (db *DB) settleDelivery(ctx context.Context, query string, args ...any) error {
	tag, err := db.pool.Exec(ctx, query, append([]any{pgx.QueryExecModeCacheStatement}, args...)...)
	if err == nil && tag.RowsAffected() == 0 {
		return ErrConflict
	}
	return wrap("settle delivery", err)
}

// DeliverFrom has a receiver get everything from a position on, again or for
// the first time.
func (t Tx) DeliverFrom(ctx context.Context, receiver string, position int64) error {
	_, err := t.exec(ctx, `
		INSERT INTO audit_delivery (receiver, position) VALUES ($1, $2)
		ON CONFLICT (receiver) DO UPDATE
		SET position = excluded.position, past = NULL, attempts = 0, problem = '', next_at = clock_timestamp(), lease = NULL, lease_until = NULL`, receiver, position)
	return wrap("deliver from position", err)
}

// Delivery reads how far a receiver has the log; the zero value for one that
// got nothing yet.
func (db *DB) Delivery(ctx context.Context, receiver string) (Delivery, error) {
	d := Delivery{Receiver: receiver}
	err := db.pool.QueryRow(ctx, `SELECT `+deliveryColumns+` FROM audit_delivery WHERE receiver = $1`, pgx.QueryExecModeCacheStatement, receiver).Scan(d.dest()...)
	if errors.Is(err, pgx.ErrNoRows) {
		return d, nil
	}
	return d, wrap("read delivery", err)
}
