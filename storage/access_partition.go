package storage

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// EnsureAccessPartitions makes the partitions of today, by the database's
// day, and of so many days to come: a partition per day (UTC), named
// access_log_20261121. Rows that arrived before their partition move into it.
// It may run on several replicas at once, and gives up after a while rather
// than hold up those who write.
func (db *DB) EnsureAccessPartitions(ctx context.Context, days int) error {
	now, err := db.Now(ctx)
	if err != nil {
		return err
	}
	for i := range days + 1 {
		// A transaction each, because writers wait for it.
		_, err := db.pool.Exec(ctx, `SELECT access_log_keep($1)`, pgx.QueryExecModeCacheStatement, now.UTC().Truncate(24*time.Hour).AddDate(0, 0, i))
		if err != nil {
			return wrap("make access partitions", err)
		}
	}
	return nil
}

// DropAccessOlder forgets the access log but for so many whole days before
// today, by the database's day. It costs little when there is nothing to
// forget.
func (db *DB) DropAccessOlder(ctx context.Context, days int) error {
	now, err := db.Now(ctx)
	if err != nil {
		return err
	}
	return db.DropAccessBefore(ctx, now.UTC().Truncate(24*time.Hour).AddDate(0, 0, -days))
}

// DropAccessBefore forgets the access log of every whole day before t, and
// single rows before t that never got a partition.
func (db *DB) DropAccessBefore(ctx context.Context, t time.Time) error {
	_, err := db.pool.Exec(ctx, `SELECT access_log_drop($1)`, pgx.QueryExecModeCacheStatement, t)
	return wrap("drop access log", err)
}
