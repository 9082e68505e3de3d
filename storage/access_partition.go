package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// The access log has a partition per day (UTC), named access_log_20261121.
const (
	accessPartition = "access_log_20060102"
	accessBound     = "2006-01-02 15:04:05Z07:00"

	// partitionLock keeps replicas from making the same partition at once. It
	// ends with the transaction.
	partitionLock = 0x1a7c6f
)

// EnsureAccessPartitions makes the partitions of today, by the database's
// day, and of so many days to come. Rows that arrived before their partition
// move into it. It may run on several replicas at once.
func (db *DB) EnsureAccessPartitions(ctx context.Context, days int) error {
	for i := range days + 1 {
		// A transaction each, because writers wait for it.
		err := pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
			today, err := lockPartitions(ctx, tx)
			if err != nil {
				return err
			}
			return ensureAccessPartition(ctx, tx, today.AddDate(0, 0, i))
		})
		if err != nil {
			return fmt.Errorf("make access partitions: %w", err)
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
	err := pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		if _, err := lockPartitions(ctx, tx); err != nil {
			return err
		}
		names, err := accessPartitions(ctx, tx)
		if err != nil {
			return err
		}
		for _, name := range names {
			day, err := time.Parse(accessPartition, name)
			if err != nil || day.AddDate(0, 0, 1).After(t) {
				continue // the default partition, or too young
			}
			if _, err := tx.Exec(ctx, `DROP TABLE `+pgx.Identifier{name}.Sanitize()); err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, `DELETE FROM access_log_default WHERE at < $1`, t)
		return err
	})
	return wrap("drop access log", err)
}

// lockPartitions makes this transaction the only one that changes partitions
// and returns the database's day. A busy table gives up after a while rather
// than hold up those who write.
func lockPartitions(ctx context.Context, tx pgx.Tx) (time.Time, error) {
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, partitionLock); err != nil {
		return time.Time{}, err
	}
	if _, err := tx.Exec(ctx, `SET LOCAL lock_timeout = '5s'`); err != nil {
		return time.Time{}, err
	}
	var now time.Time
	if err := tx.QueryRow(ctx, `SELECT latchkey_now()`).Scan(&now); err != nil {
		return time.Time{}, err
	}
	return now.UTC().Truncate(24 * time.Hour), nil
}

func accessPartitions(ctx context.Context, tx pgx.Tx) ([]string, error) {
	rows, err := tx.Query(ctx, `
		SELECT c.relname
		FROM pg_inherits i
		JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = 'access_log'::regclass
		ORDER BY c.relname`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

func ensureAccessPartition(ctx context.Context, tx pgx.Tx, day time.Time) error {
	name := day.Format(accessPartition)
	var exists bool
	if err := tx.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL`, name).Scan(&exists); err != nil || exists {
		return err
	}
	from, to := day.Format(accessBound), day.AddDate(0, 0, 1).Format(accessBound)
	// Nobody may add to the default partition between the move and the attach,
	// or the attach would find rows that belong elsewhere.
	table := pgx.Identifier{name}.Sanitize()
	statements := []string{
		`LOCK TABLE ONLY access_log IN SHARE UPDATE EXCLUSIVE MODE`,
		`LOCK TABLE access_log_default IN ACCESS EXCLUSIVE MODE`,
		`CREATE TABLE ` + table + ` (LIKE access_log INCLUDING DEFAULTS)`,
		fmt.Sprintf(`WITH moved AS (DELETE FROM access_log_default WHERE at >= '%s' AND at < '%s' RETURNING *)
			INSERT INTO %s SELECT * FROM moved`, from, to, table),
		fmt.Sprintf(`ALTER TABLE access_log ATTACH PARTITION %s FOR VALUES FROM ('%s') TO ('%s')`, table, from, to),
	}
	for _, sql := range statements {
		if _, err := tx.Exec(ctx, sql); err != nil {
			return fmt.Errorf("day %s: %w", name, err)
		}
	}
	return nil
}
