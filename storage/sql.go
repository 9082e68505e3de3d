package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// wrap says what was being done; nil stays nil.
func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// bunErr is wrap for bun's reads, whose "no rows" is ErrNotFound.
func bunErr(what string, err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return wrap(what, err)
}

// each scans every row of a prepared statement into dest and calls fn.
func (t Tx) each(ctx context.Context, query string, args, dest []any, fn func()) error {
	return t.PGX(func(p pgx.Tx) error {
		rows, err := p.Query(ctx, query, args...)
		if err != nil {
			return err
		}
		_, err = pgx.ForEachRow(rows, dest, func() error { fn(); return nil })
		return err
	})
}
