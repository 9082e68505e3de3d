package storagetest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// templateLock is the advisory lock under which templates are made and
// dropped, by one process at a time.
const templateLock = 0x6c6b74706c // "lktpl"

// template returns the name of the finished template database, making it first
// when need be. A template is finished when nobody may connect to it any more:
// that one flag is set last, so a crash before it leaves a half-made database
// that the next process recognises and makes anew.
func (s *server) template(ctx context.Context, conn *pgx.Conn, tpl Template) (string, error) {
	name := templateName(tpl.Key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ready[name] {
		return name, nil
	}
	_, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", int64(templateLock))
	if err != nil {
		return "", fmt.Errorf("lock templates: %w", err)
	}
	err = errors.Join(s.ensure(ctx, conn, tpl, name), unlock(ctx, conn))
	if err != nil {
		return "", err
	}
	s.ready[name] = true
	return name, nil
}

func templateName(key string) string {
	sum := sha256.Sum256([]byte(key))
	return templatePrefix + hex.EncodeToString(sum[:8])
}

// forget has the next use of a template look whether it is still there.
func (s *server) forget(template string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.ready, template)
}

func unlock(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", int64(templateLock))
	if err != nil {
		return fmt.Errorf("unlock templates: %w", err)
	}
	return nil
}

// ensure runs under the lock.
func (s *server) ensure(ctx context.Context, conn *pgx.Conn, tpl Template, name string) error {
	var halfMade bool
	err := conn.QueryRow(ctx, "SELECT datallowconn FROM pg_database WHERE datname = $1", name).Scan(&halfMade)
	missing := errors.Is(err, pgx.ErrNoRows)
	if err != nil && !missing {
		return fmt.Errorf("look for template: %w", err)
	}
	if halfMade {
		err = dropDatabase(ctx, conn, name, "WITH (FORCE)")
		if err != nil {
			return err
		}
	}
	if missing || halfMade {
		err = s.build(ctx, conn, tpl, name)
		if err != nil {
			return fmt.Errorf("make template: %w", err)
		}
	}
	err = markUsed(ctx, conn, name)
	if err != nil {
		return err
	}
	return sweep(ctx, conn)
}

func (s *server) build(ctx context.Context, conn *pgx.Conn, tpl Template, name string) error {
	// The locale is fixed so that texts sort alike on every server.
	_, err := conn.Exec(ctx, "CREATE DATABASE "+quote(name)+
		" TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' STRATEGY wal_log")
	if err != nil {
		return fmt.Errorf("create database: %w", err)
	}
	dsn, err := withDatabase(s.dsn, name)
	if err != nil {
		return err
	}
	err = tpl.Migrate(ctx, dsn)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	_, err = conn.Exec(ctx, "ALTER DATABASE "+quote(name)+" ALLOW_CONNECTIONS false")
	if err != nil {
		return fmt.Errorf("finish: %w", err)
	}
	return nil
}

// markUsed notes the time on a template, for sweep.
func markUsed(ctx context.Context, conn *pgx.Conn, name string) error {
	_, err := conn.Exec(ctx, fmt.Sprintf("COMMENT ON DATABASE %s IS '%d'", quote(name), time.Now().Unix()))
	if err != nil {
		return fmt.Errorf("mark template as used: %w", err)
	}
	return nil
}

// sweep drops what has been unused for keepTime. Databases with sessions are
// left out, because dropping one waits five seconds for those before it fails.
func sweep(ctx context.Context, conn *pgx.Conn) error {
	rows, err := conn.Query(ctx, `
		SELECT d.datname, coalesce(shobj_description(d.oid, 'pg_database'), '')
		FROM pg_database d
		WHERE (starts_with(d.datname, $1) OR starts_with(d.datname, $2))
		AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datid = d.oid)`, testPrefix, templatePrefix)
	if err != nil {
		return fmt.Errorf("list databases of tests: %w", err)
	}
	var old []string
	var name, comment string
	_, err = pgx.ForEachRow(rows, []any{&name, &comment}, func() error {
		stamp := comment
		if rest, ok := strings.CutPrefix(name, testPrefix); ok {
			stamp, _, _ = strings.Cut(rest, "_")
		}
		used, err := strconv.ParseInt(stamp, 10, 64)
		if err == nil && time.Since(time.Unix(used, 0)) > keepTime {
			old = append(old, name)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("list databases of tests: %w", err)
	}
	for _, name := range old {
		err = dropDatabase(ctx, conn, name, "")
		if err != nil && !isCode(err, objectInUse) {
			return err
		}
	}
	return nil
}
