package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// keyDay is how much one credential was used on one day.
type keyDay struct {
	ID CredentialID
	DayUse
}

const useByDayOf = `
	WITH span AS (
		SELECT date_trunc('day', greatest($2, latchkey_now() - make_interval(days => $3)) AT TIME ZONE 'UTC') AS first,
		       date_trunc('day', latchkey_now() AT TIME ZONE 'UTC') AS last
	), used AS MATERIALIZED (
		SELECT credential_id, date_trunc('day', at AT TIME ZONE 'UTC') AS day, count(*) AS count,
		       count(*) FILTER (WHERE status >= 400) AS failed, sum(bytes_in)::bigint AS bytes_in, sum(bytes_out)::bigint AS bytes_out
		FROM access_log
		WHERE credential_id = ANY($1)
		  AND at >= (SELECT first AT TIME ZONE 'UTC' FROM span)
		GROUP BY 1, 2
	)
	SELECT k.credential_id, d.day AT TIME ZONE 'UTC', coalesce(u.count, 0), coalesce(u.failed, 0), coalesce(u.bytes_in, 0), coalesce(u.bytes_out, 0)
	FROM (SELECT DISTINCT credential_id FROM used) k
	CROSS JOIN span
	CROSS JOIN generate_series(span.first, span.last, interval '1 day') AS d (day)
	LEFT JOIN used u ON u.credential_id = k.credential_id AND u.day = d.day
	ORDER BY k.credential_id, d.day`

// UseByDayOf is UseByDay for several credentials. Those without use since then
// are left out.
func (db *DB) UseByDayOf(ctx context.Context, ids []CredentialID, since time.Time) (map[CredentialID][]DayUse, error) {
	rows, err := db.pool.Query(ctx, useByDayOf, pgx.QueryExecModeCacheStatement, ids, since, maxUseDays)
	if err != nil {
		return nil, fmt.Errorf("read use by day: %w", err)
	}
	out := map[CredentialID][]DayUse{}
	var k keyDay
	_, err = pgx.ForEachRow(rows, []any{&k.ID, &k.Day, &k.Count, &k.Failed, &k.BytesIn, &k.BytesOut}, func() error {
		out[k.ID] = append(out[k.ID], k.DayUse)
		return nil
	})
	return out, wrap("read use by day", err)
}

// ConnectionUse is how much the keys of one connection were used.
type ConnectionUse struct {
	Connection string
	Keys       int64    // that were used at all
	Days       []DayUse // every day, the oldest first; their bytes are not read
}

// Count is the calls of all days together.
func (u ConnectionUse) Count() int64 {
	var n int64
	for _, d := range u.Days {
		n += d.Count
	}
	return n
}

const busiestConnections = `
	WITH span AS (
		SELECT date_trunc('day', greatest($1, latchkey_now() - make_interval(days => $3)) AT TIME ZONE 'UTC') AS first,
		       date_trunc('day', latchkey_now() AT TIME ZONE 'UTC') AS last
	), used AS (
		SELECT credential_id, date_trunc('day', at AT TIME ZONE 'UTC') AS day, count(*) AS count, count(*) FILTER (WHERE status >= 400) AS failed
		FROM access_log
		WHERE at >= (SELECT first AT TIME ZONE 'UTC' FROM span)
		GROUP BY 1, 2
	), placed AS MATERIALIZED (
		SELECT c.connection, u.*
		FROM used u
		JOIN credential c ON c.id = u.credential_id
	), top AS (
		SELECT connection, count(DISTINCT credential_id) AS keys, sum(count) AS count
		FROM placed
		GROUP BY 1
		ORDER BY count DESC, connection
		LIMIT $2
	), daily AS (
		SELECT connection, day, sum(count)::bigint AS count, sum(failed)::bigint AS failed
		FROM placed
		GROUP BY 1, 2
	)
	SELECT t.connection, t.keys, d.day AT TIME ZONE 'UTC', coalesce(u.count, 0), coalesce(u.failed, 0)
	FROM top t
	CROSS JOIN span
	CROSS JOIN generate_series(span.first, span.last, interval '1 day') AS d (day)
	LEFT JOIN daily u ON u.connection = t.connection AND u.day = d.day
	ORDER BY t.count DESC, t.connection, d.day`

// BusiestConnections lists the connections whose keys were used most since a
// time, the busiest first, with every day until today by the database's clock.
// It reads the whole log of those days.
func (db *DB) BusiestConnections(ctx context.Context, since time.Time, limit int) ([]ConnectionUse, error) {
	rows, err := db.pool.Query(ctx, busiestConnections, since, limit, maxUseDays)
	if err != nil {
		return nil, fmt.Errorf("read busiest connections: %w", err)
	}
	var out []ConnectionUse
	var u ConnectionUse
	var d DayUse
	_, err = pgx.ForEachRow(rows, []any{&u.Connection, &u.Keys, &d.Day, &d.Count, &d.Failed}, func() error {
		if n := len(out); n == 0 || out[n-1].Connection != u.Connection {
			out = append(out, u)
		}
		last := &out[len(out)-1]
		last.Days = append(last.Days, d)
		return nil
	})
	return out, wrap("read busiest connections", err)
}
