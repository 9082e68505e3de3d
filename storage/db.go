package storage

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/rs/zerolog"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// Sentinels that callers test with errors.Is.
var (
	ErrNotFound  = errors.New("not found")
	ErrConflict  = errors.New("somebody else changed it first")
	ErrDuplicate = errors.New("it is there already")
)

// Config says how to reach Postgres.
type Config struct {
	DSN      string // URL or key=value form
	MaxConns int32  // zero means 20
	Logger   zerolog.Logger
}

// DB is one pool with two faces: bun for rows, pgx for hot writes, COPY,
// LISTEN and River. Safe for concurrent use.
type DB struct {
	pool *pgxpool.Pool
	bun  *bun.DB
	jobs *river.Client[pgx.Tx] // inserts only; workers have a client of their own
	log  zerolog.Logger
}

// Open connects lazily: it fails on a malformed DSN, not on a sleeping
// database.
func Open(ctx context.Context, c Config) (*DB, error) {
	cfg, err := pgxpool.ParseConfig(c.DSN)
	if err != nil {
		return nil, fmt.Errorf("read database_url: %w", redactDSN(err))
	}
	cfg.MaxConns = c.MaxConns
	if c.MaxConns == 0 {
		cfg.MaxConns = 20
	}
	// bun's statements are unique texts; caching them as prepared ones would
	// only fill the server. Hot statements ask for the cache by themselves.
	cfg.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	// Go's zero time is year 1 in UTC, and queries give it for "not yet".
	cfg.ConnConfig.RuntimeParams["timezone"] = "UTC"
	if _, ok := cfg.ConnConfig.RuntimeParams["application_name"]; !ok {
		cfg.ConnConfig.RuntimeParams["application_name"] = "latchkey"
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open pool: %w", err)
	}
	jobs, err := river.NewClient(riverpgxv5.New(pool), &river.Config{})
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("open job client: %w", err)
	}
	sqlDB := stdlib.OpenDBFromPool(pool)
	return &DB{pool: pool, bun: bun.NewDB(sqlDB, pgdialect.New()), jobs: jobs, log: c.Logger}, nil
}

// Close waits for borrowed connections and closes the pool.
func (db *DB) Close() {
	_ = db.bun.Close()
	db.pool.Close()
}

// Pool is for River's workers and for COPY and LISTEN inside this package's
// siblings; rows go through InTx and the nouns' methods.
func (db *DB) Pool() *pgxpool.Pool { return db.pool }

// Ping proves that the database answers.
func (db *DB) Ping(ctx context.Context) error { return db.pool.Ping(ctx) }

// Now returns the clock that decides: the database's.
func (db *DB) Now(ctx context.Context) (time.Time, error) {
	var now time.Time
	if err := db.pool.QueryRow(ctx, `SELECT latchkey_now()`).Scan(&now); err != nil {
		return now, fmt.Errorf("read clock: %w", err)
	}
	return now, nil
}

// redactDSN keeps a password that pgx may quote out of the error.
func redactDSN(error) error {
	return errors.New("not a Postgres URL or key=value connection string")
}

// notFound maps "no rows" of both faces to ErrNotFound.
func notFound(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNotFound
	}
	return err
}

// isUnique reports whether err is a violation of the named unique constraint.
func isUnique(err error, constraint string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "23505" && pg.ConstraintName == constraint
}

// IsUnavailable reports whether the database could not be reached or went
// away, as opposed to refusing what it was asked.
func IsUnavailable(err error) bool {
	if err == nil {
		return false
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return len(pg.Code) == 5 && (pg.Code[:2] == "08" || pg.Code[:2] == "57" || pg.Code == "53300")
	}
	var broken *net.OpError
	return errors.As(err, &broken) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) ||
		pgconn.Timeout(err) || pgconn.SafeToRetry(err)
}
