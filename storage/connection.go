package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Connection is a configured system; the configuration itself is not stored.
type Connection struct {
	Name     string
	Kind     string
	Brokered bool // keys are ours and honoured by the gateway
	Listed   bool // the system can be listed, so it is synced

	// How the latest walks went. SaveConnections leaves them alone.
	SyncedAt time.Time // the last walk that was whole; zero: none yet
	Seen     int       // credentials it found
	Problem  string    // of the latest walk; what is known is then older than it should be
	DueAt    time.Time // of the next walk; zero: never
	Attempts int       // a walk under way holds the row by this number
}

// SaveConnections remembers the configured systems, so that rows can refer to
// them. One that left the configuration keeps its row and is not synced any
// more. A system that was never walked is due at once.
func (db *DB) SaveConnections(ctx context.Context, all []Connection) error {
	names := make([]string, 0, len(all))
	for _, c := range all {
		names = append(names, c.Name)
		_, err := db.pool.Exec(ctx, `
			INSERT INTO connection (name, kind, brokered, sync_due_at) VALUES ($1, $2, $3, CASE WHEN $4 THEN latchkey_now() END)
			ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, brokered = excluded.brokered,
			    sync_due_at = CASE WHEN $4 THEN coalesce(connection.sync_due_at, excluded.sync_due_at) END`, c.Name, c.Kind, c.Brokered, c.Listed)
		if err != nil {
			return wrap("store connection", err)
		}
	}
	_, err := db.pool.Exec(ctx, `UPDATE connection SET sync_due_at = NULL WHERE sync_due_at IS NOT NULL AND name <> ALL($1)`, names)
	return wrap("retire connections", err)
}

const connectionColumns = `name, kind, brokered, sync_due_at IS NOT NULL, coalesce(synced_at, '0001-01-01 00:00Z'), sync_seen, sync_problem,
	coalesce(sync_due_at, '0001-01-01 00:00Z'), sync_attempts`

func (c *Connection) dest() []any {
	return []any{&c.Name, &c.Kind, &c.Brokered, &c.Listed, &c.SyncedAt, &c.Seen, &c.Problem, &c.DueAt, &c.Attempts}
}

// Connections reads every connection there ever was, by name.
func (db *DB) Connections(ctx context.Context) (map[string]Connection, error) {
	rows, err := db.pool.Query(ctx, `SELECT `+connectionColumns+` FROM connection`)
	if err != nil {
		return nil, wrap("read connections", err)
	}
	out := map[string]Connection{}
	var c Connection
	_, err = pgx.ForEachRow(rows, c.dest(), func() error { out[c.Name] = c; return nil })
	return out, wrap("read connections", err)
}

const claimQuery = `
	UPDATE connection SET sync_lease_until = clock_timestamp() + $1, sync_attempts = sync_attempts + 1, sync_asked = false
	WHERE name = (
	    SELECT name FROM connection
	    WHERE sync_due_at <= latchkey_now()
	      AND (sync_lease_until IS NULL OR sync_lease_until <= clock_timestamp())
	    ORDER BY sync_due_at LIMIT 1 FOR UPDATE SKIP LOCKED
	)
	RETURNING ` + connectionColumns

// ClaimSync takes the connection whose walk is due longest, or ErrNotFound.
// The claim ends by itself, so that a crashed walk is taken up again.
func (db *DB) ClaimSync(ctx context.Context, hold time.Duration) (Connection, error) {
	var c Connection
	err := db.pool.QueryRow(ctx, claimQuery, pgx.QueryExecModeCacheStatement, hold).Scan(c.dest()...)
	return c, wrap("claim sync", notFound(err))
}

// HoldSync prolongs a claim within the transaction of a batch. ErrConflict
// when somebody else walks by now: the batch must not count.
func (t Tx) HoldSync(ctx context.Context, c Connection, hold time.Duration) error {
	n, err := t.exec(ctx, `
		UPDATE connection SET sync_lease_until = clock_timestamp() + $3 WHERE name = $1 AND sync_attempts = $2`, c.Name, c.Attempts, hold)
	if err == nil && n == 0 {
		return ErrConflict
	}
	return wrap("hold sync", err)
}

// EndSync notes how a walk went and when the next one is due. Whole means
// that everything was seen.
func (t Tx) EndSync(ctx context.Context, c Connection, whole bool, problem string, again time.Duration) error {
	n, err := t.exec(ctx, `
		UPDATE connection
		SET sync_lease_until = NULL, sync_problem = $4, sync_due_at = CASE WHEN sync_due_at IS NULL THEN NULL WHEN sync_asked THEN latchkey_now() ELSE latchkey_now() + $5::interval END,
		    synced_at = CASE WHEN $3 THEN latchkey_now() ELSE synced_at END, sync_seen = CASE WHEN $3 THEN $6 ELSE sync_seen END
		WHERE name = $1 AND sync_attempts = $2`, c.Name, c.Attempts, whole, problem, again, c.Seen)
	if err == nil && n == 0 {
		return ErrConflict
	}
	return wrap("end sync", err)
}

// SyncSoon makes a walk due at once, or as soon as the one under way has
// ended. ErrNotFound for a system that is not
// listed.
func (t Tx) SyncSoon(ctx context.Context, name string) error {
	n, err := t.exec(ctx, `UPDATE connection SET sync_due_at = least(sync_due_at, latchkey_now()), sync_asked = true WHERE name = $1 AND sync_due_at IS NOT NULL`, name)
	if err == nil && n == 0 {
		return fmt.Errorf("sync %s: %w", name, ErrNotFound)
	}
	return wrap("sync soon", err)
}
