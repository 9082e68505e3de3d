package storage

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// Access is one request that the gateway judged. Route is the rule it was
// judged by, never the path itself, which may name customers or issues.
type Access struct {
	CredentialID CredentialID
	At           time.Time // by the database's clock
	Method       string
	Route        string
	Status       int
	BytesIn      int64
	BytesOut     int64
	Took         time.Duration
	Client       netip.Addr // the zero Addr when unknown
}

var accessColumns = []string{"credential_id", "at", "method", "route", "status", "bytes_in", "bytes_out", "took_us", "client"}

// WriteAccess copies a batch into the access log, all of it or nothing.
func (db *DB) WriteAccess(ctx context.Context, batch []Access) error {
	rows := pgx.CopyFromSlice(len(batch), func(i int) ([]any, error) {
		a := &batch[i]
		var client any
		if a.Client.IsValid() {
			client = a.Client
		}
		status := int16(min(a.Status, math.MaxInt16)) //nolint:gosec // bounded, and never negative
		return []any{a.CredentialID, a.At, a.Method, a.Route, status, a.BytesIn, a.BytesOut, a.Took.Microseconds(), client}, nil
	})
	_, err := db.pool.CopyFrom(ctx, pgx.Identifier{"access_log"}, accessColumns, rows)
	return wrap("write access log", err)
}

// TouchLastUsed moves last-used times forward, never back.
func (db *DB) TouchLastUsed(ctx context.Context, used map[CredentialID]time.Time) error {
	if len(used) == 0 {
		return nil
	}
	ids := make([]CredentialID, 0, len(used))
	at := make([]time.Time, 0, len(used))
	for id, t := range used {
		ids = append(ids, id)
		at = append(at, t)
	}
	// Rows are locked in one order, so that replicas do not deadlock.
	_, err := db.pool.Exec(ctx, `
		WITH used AS (
			SELECT c.id, u.at
			FROM unnest($1::bigint[], $2::timestamptz[]) AS u (id, at)
			JOIN credential c ON c.id = u.id
			WHERE c.last_used_at IS NULL OR c.last_used_at < u.at
			ORDER BY c.id
			FOR NO KEY UPDATE OF c
		)
		UPDATE credential c
		SET last_used_at = greatest(c.last_used_at, used.at)
		FROM used
		WHERE c.id = used.id`, pgx.QueryExecModeCacheStatement, ids, at)
	return wrap("touch last used", err)
}

// EndpointUse is how often and when a credential called one route.
type EndpointUse struct {
	Method     string
	Route      string
	Count      int64
	LastAt     time.Time
	LastStatus int
}

// EndpointUse lists what a credential was used for since a time, the most
// used first.
func (db *DB) EndpointUse(ctx context.Context, id CredentialID, since time.Time) ([]EndpointUse, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT method, route, count(*), max(at), (array_agg(status ORDER BY at DESC))[1]
		FROM access_log
		WHERE credential_id = $1
		  AND at >= $2
		GROUP BY method, route
		ORDER BY count(*) DESC, method, route`, id, since)
	if err != nil {
		return nil, fmt.Errorf("read endpoint use: %w", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[EndpointUse])
	return out, wrap("read endpoint use", err)
}

// maxUseDays is how far back UseByDay looks at most.
const maxUseDays = 400

// DayUse is how much a credential was used on one day.
type DayUse struct {
	Day      time.Time // its beginning, UTC
	Count    int64
	Failed   int64 // of those, answered with a status of 400 or more
	BytesIn  int64
	BytesOut int64
}

// UseByDay lists how much a credential was used on every day since a time's
// until today, by the database's clock, days without use among them.
func (db *DB) UseByDay(ctx context.Context, id CredentialID, since time.Time) ([]DayUse, error) {
	rows, err := db.pool.Query(ctx, `
		WITH span AS (
			SELECT date_trunc('day', greatest($2, latchkey_now() - make_interval(days => $3)) AT TIME ZONE 'UTC') AS first,
			       date_trunc('day', latchkey_now() AT TIME ZONE 'UTC') AS last
		), used AS (
			SELECT date_trunc('day', at AT TIME ZONE 'UTC') AS day, count(*) AS count, count(*) FILTER (WHERE status >= 400) AS failed,
			       sum(bytes_in)::bigint AS bytes_in, sum(bytes_out)::bigint AS bytes_out
			FROM access_log
			WHERE credential_id = $1
			  AND at >= (SELECT first AT TIME ZONE 'UTC' FROM span)
			GROUP BY 1
		)
		SELECT d.day AT TIME ZONE 'UTC', coalesce(u.count, 0), coalesce(u.failed, 0), coalesce(u.bytes_in, 0), coalesce(u.bytes_out, 0)
		FROM span, generate_series(span.first, span.last, interval '1 day') AS d (day)
		LEFT JOIN used u ON u.day = d.day
		ORDER BY d.day`, id, since, maxUseDays)
	if err != nil {
		return nil, fmt.Errorf("read use by day: %w", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[DayUse])
	return out, wrap("read use by day", err)
}

// UnusedScopes names the scopes of a credential that nothing in the access log
// since a time needed. allows tells which scopes let pass what a line of the
// log stands for, the one to prefer first: a line needs the first that the
// credential has. A credential that began after that time, or never, has no
// unused scopes yet. The log must reach back as far.
func (db *DB) UnusedScopes(ctx context.Context, id CredentialID, since time.Time, allows func(method, route string) []string) ([]string, error) {
	var scopes []string
	err := db.pool.QueryRow(ctx, `SELECT scopes FROM credential WHERE id = $1 AND activated_at <= $2`, id, since).Scan(&scopes)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read unused scopes: %w", err)
	}
	use, err := db.EndpointUse(ctx, id, since)
	if err != nil {
		return nil, err
	}
	needed := map[string]bool{}
	for _, u := range use {
		for _, name := range allows(u.Method, u.Route) {
			if slices.Contains(scopes, name) {
				needed[name] = true
				break
			}
		}
	}
	return slices.DeleteFunc(scopes, func(name string) bool { return needed[name] }), nil
}
