package storagetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	testPrefix     = "latchkey_test_"
	templatePrefix = "latchkey_template_"

	// keepTime is how long a database nobody uses stays: those of killed
	// tests, and templates of old keys. Checkouts with different migrations
	// share a server, so a template is not old just for having another key.
	keepTime = time.Hour

	undefinedDatabase = "3D000"
	objectInUse       = "55006"
)

// create makes a database from the template and returns its name. The name
// starts with the time, so that it can be cleared away if this process can't.
func (s *server) create(ctx context.Context, tpl Template) (string, error) {
	conn, err := pgx.Connect(ctx, s.dsn)
	if err != nil {
		return "", fmt.Errorf("connect to server: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	name := testPrefix + strconv.FormatInt(time.Now().Unix(), 10) + "_" + strings.ToLower(rand.Text()[:12])
	template, err := s.template(ctx, conn, tpl)
	if err != nil {
		return "", err
	}
	err = copyDatabase(ctx, conn, name, template)
	if isCode(err, undefinedDatabase) {
		// Another process saw no use of it for an hour and dropped it.
		s.forget(template)
		template, err = s.template(ctx, conn, tpl)
		if err != nil {
			return "", err
		}
		err = copyDatabase(ctx, conn, name, template)
	}
	if err != nil {
		return "", fmt.Errorf("copy template: %w", err)
	}
	return name, nil
}

// drop removes a database and ends the sessions that are still in it.
func (s *server) drop(ctx context.Context, name string) error {
	conn, err := pgx.Connect(ctx, s.dsn)
	if err != nil {
		return fmt.Errorf("connect to server: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	return dropDatabase(ctx, conn, name, "WITH (FORCE)")
}

// copyDatabase writes the copy through the log: the other strategy forces two
// checkpoints, for which parallel tests would queue.
func copyDatabase(ctx context.Context, conn *pgx.Conn, name, template string) error {
	_, err := conn.Exec(ctx, "CREATE DATABASE "+quote(name)+" TEMPLATE "+quote(template)+" STRATEGY wal_log")
	return err
}

func dropDatabase(ctx context.Context, conn *pgx.Conn, name, how string) error {
	_, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+quote(name)+" "+how)
	if err != nil {
		return fmt.Errorf("drop database %s: %w", name, err)
	}
	return nil
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

func isCode(err error, code string) bool {
	var refusal *pgconn.PgError
	return errors.As(err, &refusal) && refusal.Code == code
}

// withDatabase returns dsn with another database name, whether it is a URL or
// a list of words.
func withDatabase(dsn, name string) (string, error) {
	if !strings.HasPrefix(dsn, "postgres://") && !strings.HasPrefix(dsn, "postgresql://") {
		return dsn + " dbname=" + name, nil
	}
	address, err := url.Parse(dsn)
	if err != nil {
		return "", errors.New("the server's URL can't be read") // the cause would show its password
	}
	address.Path = "/" + name
	return address.String(), nil
}
