package storage

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// AccessSum is how much of the access log is about one thing: a system, or an
// endpoint of one.
type AccessSum struct {
	Connection string
	Method     string // of an endpoint
	Route      string // of an endpoint
	Count      int64
	Failed     int64 // of those, answered with a status of 400 or more
	Keys       int64 // credentials that called
	LastAt     time.Time
}

const accessSums = `count(*), count(*) FILTER (WHERE l.status >= 400), count(DISTINCT l.credential_id), max(l.at)`

// AccessBySystem sums up what the gateway judged, the busiest system first.
// The filter's Before and Limit say nothing here.
func (db *DB) AccessBySystem(ctx context.Context, f AccessFilter) ([]AccessSum, error) {
	return db.accessSums(ctx, f, `c.connection, '', ''`, `c.connection`, 100)
}

// AccessByEndpoint sums up what the gateway judged, the busiest endpoint
// first.
func (db *DB) AccessByEndpoint(ctx context.Context, f AccessFilter, limit int) ([]AccessSum, error) {
	return db.accessSums(ctx, f, `c.connection, l.method, l.route`, `c.connection, l.method, l.route`, limit)
}

func (db *DB) accessSums(ctx context.Context, f AccessFilter, columns, group string, limit int) ([]AccessSum, error) {
	f.Before = AccessPlace{}
	where, args := f.conditions()
	rows, err := db.pool.Query(ctx, `
		SELECT `+columns+`, `+accessSums+`
		FROM access_log l
		JOIN credential c ON c.id = l.credential_id
		WHERE `+strings.Join(where, `
		  AND `)+`
		GROUP BY `+group+`
		ORDER BY count(*) DESC, `+group+`
		LIMIT `+fmt.Sprint(limit), args...)
	if err != nil {
		return nil, fmt.Errorf("sum up access log: %w", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[AccessSum])
	return out, wrap("sum up access log", err)
}

// AccessByDay sums up what the gateway judged on each day from the filter's
// From to its To, UTC, days without any among them.
func (db *DB) AccessByDay(ctx context.Context, f AccessFilter) ([]DayUse, error) {
	f.Before = AccessPlace{}
	where, args := f.conditions()
	rows, err := db.pool.Query(ctx, `
		WITH used AS (
			SELECT date_trunc('day', l.at AT TIME ZONE 'UTC') AS day, count(*) AS count, count(*) FILTER (WHERE l.status >= 400) AS failed,
			       sum(l.bytes_in)::bigint AS bytes_in, sum(l.bytes_out)::bigint AS bytes_out
			FROM access_log l
			JOIN credential c ON c.id = l.credential_id
			WHERE `+strings.Join(where, `
			  AND `)+`
			GROUP BY 1
		)
		SELECT d.day AT TIME ZONE 'UTC', coalesce(u.count, 0), coalesce(u.failed, 0), coalesce(u.bytes_in, 0), coalesce(u.bytes_out, 0)
		FROM generate_series(date_trunc('day', $1::timestamptz AT TIME ZONE 'UTC'), $2::timestamptz AT TIME ZONE 'UTC' - interval '1 microsecond', interval '1 day') AS d (day)
		LEFT JOIN used u ON u.day = d.day
		ORDER BY d.day`, args...)
	if err != nil {
		return nil, fmt.Errorf("sum up access log by day: %w", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[DayUse])
	return out, wrap("sum up access log by day", err)
}
