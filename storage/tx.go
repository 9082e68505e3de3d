package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/riverqueue/river"
	"github.com/uptrace/bun"
)

// Tx is the one door: rows by bun, hot and secret writes by pgx, jobs by
// River, all in one transaction.
type Tx struct {
	bun.Tx
	conn *sql.Conn
	db   *DB
}

// ErrUnsure says that the connection was lost during the commit: whether the
// transaction stands can't be told from here.
var ErrUnsure = errors.New("the connection was lost during the commit")

// txWithin ends a transaction that nobody ends otherwise.
const txWithin = 2 * time.Minute

// InTx runs fn in one transaction and commits if it returns nil. Nothing fn
// did is seen by anybody before that. ctx bounds the statements but not the
// commit: once that is sent, only its answer says what holds.
func (db *DB) InTx(ctx context.Context, fn func(context.Context, Tx) error) (err error) {
	conn, err := db.bun.Conn(ctx)
	if err != nil {
		return fmt.Errorf("borrow connection: %w", err)
	}
	defer func() { _ = conn.Close() }()
	life, cancel := context.WithTimeout(context.WithoutCancel(ctx), txWithin)
	defer cancel()
	tx, err := conn.BeginTx(life, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	committing := false
	defer func() { // also when fn panics
		if !committing {
			_ = tx.Rollback()
		}
	}()
	if err := fn(ctx, Tx{Tx: tx, conn: conn.Conn, db: db}); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	committing = true
	err = tx.Commit()
	var refused *pgconn.PgError
	if err != nil && !errors.As(err, &refused) {
		return fmt.Errorf("%w: %w", ErrUnsure, err)
	}
	return wrap("commit", err)
}

// Apart does a part of the transaction so that its failure undoes that part
// only: failed says why. With err the whole can't go on.
func (t Tx) Apart(ctx context.Context, fn func(context.Context, Tx) error) (failed, err error) {
	if _, err := t.exec(ctx, "SAVEPOINT part"); err != nil {
		return nil, wrap("begin a part", err)
	}
	if failed = fn(ctx, t); failed == nil {
		_, err = t.exec(ctx, "RELEASE SAVEPOINT part")
		return nil, wrap("keep a part", err)
	}
	_, err = t.exec(ctx, "ROLLBACK TO SAVEPOINT part")
	return failed, wrap("undo a part", err)
}

// PGX lends the transaction's own pgx connection. Close every bun row set
// first; don't keep the pgx.Tx after fn.
func (t Tx) PGX(fn func(pgx.Tx) error) error {
	return t.conn.Raw(func(dc any) error {
		return fn(borrowed{conn: dc.(*stdlib.Conn).Conn()})
	})
}

// Enqueue commits a job with the transaction.
func (t Tx) Enqueue(ctx context.Context, args river.JobArgs, opts *river.InsertOpts) error {
	err := t.PGX(func(p pgx.Tx) error {
		_, err := t.db.jobs.InsertTx(ctx, forJobs{p}, args, opts)
		return err
	})
	if err != nil {
		return fmt.Errorf("enqueue %s: %w", args.Kind(), err)
	}
	return nil
}

// EnqueueMany is Enqueue for jobs of one kind, in one statement.
func EnqueueMany[A river.JobArgs](ctx context.Context, t Tx, all []A) error {
	if len(all) == 0 {
		return nil
	}
	params := make([]river.InsertManyParams, len(all))
	for i, args := range all {
		params[i].Args = args
	}
	err := t.PGX(func(p pgx.Tx) error {
		_, err := t.db.jobs.InsertManyFastTx(ctx, forJobs{p}, params)
		return err
	})
	if err != nil {
		return fmt.Errorf("enqueue %d of %s: %w", len(all), all[0].Kind(), err)
	}
	return nil
}

// Now returns the database's time within the transaction.
func (t Tx) Now(ctx context.Context) (time.Time, error) {
	var now time.Time
	err := t.queryRow(ctx, `SELECT latchkey_now()`, nil, &now)
	return now, err
}

// exec runs one prepared statement with bound parameters.
func (t Tx) exec(ctx context.Context, query string, args ...any) (int64, error) {
	var n int64
	err := t.PGX(func(p pgx.Tx) error {
		tag, err := p.Exec(ctx, query, args...)
		n = tag.RowsAffected()
		return err
	})
	return n, err
}

// queryRow runs one prepared statement and scans its only row; no row is
// ErrNotFound.
func (t Tx) queryRow(ctx context.Context, query string, args []any, dest ...any) error {
	return t.PGX(func(p pgx.Tx) error {
		return notFound(p.QueryRow(ctx, query, args...).Scan(dest...))
	})
}

// borrowed is a pgx.Tx over a connection whose transaction bun began and will
// end. Statements use pgx's prepared-statement cache, because they are few
// and hot.
type borrowed struct {
	conn      *pgx.Conn
	savepoint string // empty on the outer level
}

// forJobs hides the connection from River, which would ask it for the pool's
// default mode and rewrite every statement for that. Ours are prepared.
type forJobs struct{ pgx.Tx }

// Conn implements pgx.Tx.
func (forJobs) Conn() *pgx.Conn { return nil }

var savepoints atomic.Uint64

var errOwnedByBun = errors.New("the transaction is owned by InTx")

func (b borrowed) Conn() *pgx.Conn { return b.conn }

func (b borrowed) Begin(ctx context.Context) (pgx.Tx, error) {
	name := "lk" + strconv.FormatUint(savepoints.Add(1), 10)
	if _, err := b.conn.Exec(ctx, "SAVEPOINT "+name); err != nil {
		return nil, err
	}
	return borrowed{conn: b.conn, savepoint: name}, nil
}

func (b borrowed) Commit(ctx context.Context) error {
	if b.savepoint == "" {
		return errOwnedByBun
	}
	_, err := b.conn.Exec(ctx, "RELEASE SAVEPOINT "+b.savepoint)
	return err
}

func (b borrowed) Rollback(ctx context.Context) error {
	if b.savepoint == "" {
		return nil
	}
	_, err := b.conn.Exec(ctx, "ROLLBACK TO SAVEPOINT "+b.savepoint)
	return err
}

func cached(args []any) []any {
	return append([]any{pgx.QueryExecModeCacheStatement}, args...)
}

func (b borrowed) Exec(ctx context.Context, q string, args ...any) (pgconn.CommandTag, error) {
	return b.conn.Exec(ctx, q, cached(args)...)
}

func (b borrowed) Query(ctx context.Context, q string, args ...any) (pgx.Rows, error) {
	return b.conn.Query(ctx, q, cached(args)...)
}

func (b borrowed) QueryRow(ctx context.Context, q string, args ...any) pgx.Row {
	return b.conn.QueryRow(ctx, q, cached(args)...)
}

func (b borrowed) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource) (int64, error) {
	return b.conn.CopyFrom(ctx, table, columns, src)
}

func (b borrowed) SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults {
	return b.conn.SendBatch(ctx, batch)
}

func (b borrowed) Prepare(ctx context.Context, name, q string) (*pgconn.StatementDescription, error) {
	return b.conn.Prepare(ctx, name, q)
}

func (b borrowed) LargeObjects() pgx.LargeObjects { return pgx.LargeObjects{} }
