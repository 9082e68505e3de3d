package storage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"sort"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"latchkey/migrations"
)

// ErrNotMigrated is returned by CheckMigrated when `latchkey migrate` is due.
var ErrNotMigrated = errors.New("the database lacks migrations, run `latchkey migrate`")

// migrateLock is a session advisory lock, so a migrator that dies lets go.
const migrateLock = 0x1a7c6e

type migration struct {
	version int
	name    string
	sql     string
	hash    string
}

// Migrate brings the schema and River's tables up to date and returns the
// names of the migrations it applied. Replicas that start together migrate
// once: the others wait for the lock and find nothing to do. Where nothing is
// due it needs no right to change the schema.
func (db *DB) Migrate(ctx context.Context) ([]string, error) {
	if err := db.CheckMigrated(ctx); err == nil {
		return nil, nil
	}
	conn, err := db.pool.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to migrate: %w", err)
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock($1)`, migrateLock); err != nil {
		return nil, fmt.Errorf("take migration lock: %w", err)
	}
	defer func() { _, _ = conn.Exec(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, migrateLock) }()

	due, err := pending(ctx, conn.Conn())
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, createMigrationTable); err != nil {
		return nil, fmt.Errorf("create migration table: %w", err)
	}
	var done []string
	for _, m := range due {
		if err := apply(ctx, conn.Conn(), m); err != nil {
			return done, fmt.Errorf("apply migration %s: %w", m.name, err)
		}
		done = append(done, m.name)
	}
	jobs, err := rivermigrate.New(riverpgxv5.New(db.pool), nil)
	if err != nil {
		return done, fmt.Errorf("open job migrations: %w", err)
	}
	res, err := jobs.Migrate(ctx, rivermigrate.DirectionUp, nil)
	if err != nil {
		return done, fmt.Errorf("migrate job tables: %w", err)
	}
	for _, v := range res.Versions {
		done = append(done, fmt.Sprintf("river %d", v.Version))
	}
	return done, nil
}

const createMigrationTable = `
	CREATE TABLE IF NOT EXISTS schema_migration (
		version    integer PRIMARY KEY,
		name       text NOT NULL,
		hash       text NOT NULL,
		applied_at timestamptz NOT NULL DEFAULT now()
	)`

// CheckMigrated returns ErrNotMigrated if Migrate has something to do. It
// changes nothing.
func (db *DB) CheckMigrated(ctx context.Context) error {
	var due []migration
	err := db.pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) (err error) {
		due, err = pending(ctx, conn.Conn())
		return err
	})
	if err != nil {
		return err
	}
	if len(due) > 0 {
		return ErrNotMigrated
	}
	jobs, err := rivermigrate.New(riverpgxv5.New(db.pool), nil)
	if err != nil {
		return fmt.Errorf("open job migrations: %w", err)
	}
	res, err := jobs.Validate(ctx, nil)
	if err != nil {
		return fmt.Errorf("check job tables: %w", err)
	}
	if !res.OK {
		return ErrNotMigrated
	}
	return nil
}

func apply(ctx context.Context, conn *pgx.Conn, m migration) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, m.sql, pgx.QueryExecModeSimpleProtocol); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO schema_migration (version, name, hash) VALUES ($1, $2, $3)`, m.version, m.name, m.hash)
		return err
	})
}

// pending lists what is not applied yet, and refuses a database whose applied
// migrations are not the ones in this binary.
func pending(ctx context.Context, conn *pgx.Conn) ([]migration, error) {
	all, err := allMigrations()
	if err != nil {
		return nil, err
	}
	have, err := applied(ctx, conn)
	if err != nil {
		return nil, err
	}
	var due []migration
	for _, m := range all {
		switch have[m.version] {
		case "":
			due = append(due, m)
		case m.hash:
		default:
			return nil, fmt.Errorf("migration %s in the database is not the one in this binary; released migrations are never edited", m.name)
		}
		delete(have, m.version)
	}
	for v := range have {
		return nil, fmt.Errorf("the database has migration %d, which this binary does not know: it is older than the database", v)
	}
	return due, nil
}

// applied reads which migrations a database has, by version with their hash.
func applied(ctx context.Context, conn *pgx.Conn) (map[int]string, error) {
	have := map[int]string{}
	var exists bool
	if err := conn.QueryRow(ctx, `SELECT to_regclass('schema_migration') IS NOT NULL`).Scan(&exists); err != nil {
		return nil, fmt.Errorf("look for migrations: %w", err)
	}
	if !exists {
		return have, nil
	}
	rows, err := conn.Query(ctx, `SELECT version, hash FROM schema_migration`)
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	var version int
	var hash string
	_, err = pgx.ForEachRow(rows, []any{&version, &hash}, func() error { have[version] = hash; return nil })
	return have, wrap("read migrations", err)
}

func allMigrations() ([]migration, error) {
	names, err := fs.Glob(migrations.Files, "*.sql")
	if err != nil {
		return nil, fmt.Errorf("list migrations: %w", err)
	}
	sort.Strings(names)
	out := make([]migration, 0, len(names))
	for _, name := range names {
		text, err := migrations.Files.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read migration: %w", err)
		}
		number, _, _ := strings.Cut(name, "_")
		version, err := strconv.Atoi(number)
		if err != nil {
			return nil, fmt.Errorf("migration %s has no number: %w", name, err)
		}
		sum := sha256.Sum256(text)
		out = append(out, migration{version, name, string(text), hex.EncodeToString(sum[:])})
	}
	return out, nil
}

// MigrationsKey names the schema of this binary, for test templates.
func MigrationsKey() (string, error) {
	all, err := allMigrations()
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, m := range all {
		h.Write([]byte(m.hash))
	}
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}
