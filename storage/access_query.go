package storage

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// AccessFilter narrows AccessLog. From and To are needed, because they say
// which days' partitions are read at all.
type AccessFilter struct {
	From, To     time.Time // from From on until, not including, To
	CredentialID CredentialID
	OwnerID      PersonID // of the credential, by now
	Connection   string
	Method       string
	Route        string // as the rule writes it
	Failed       bool   // only what was answered with a status of 400 or more
	Before       AccessPlace
	Limit        int // zero means 50
}

// AccessPlace is where in the log a line is; the zero value is before all of
// them. Lines of one microsecond are told apart by where they are stored: they
// are never changed, and moved at most once, into the partition of their day.
type AccessPlace struct {
	At           time.Time
	CredentialID CredentialID
	Table        uint32
	Row          string
}

// AccessLine is one line of the access log, and whose it is.
type AccessLine struct {
	Access

	Connection string
	OwnerID    PersonID // zero: nobody's
	Place      AccessPlace
}

// AccessLog lists what the gateway judged, newest first.
func (db *DB) AccessLog(ctx context.Context, f AccessFilter) ([]AccessLine, error) {
	where, args := f.conditions()
	rows, err := db.pool.Query(ctx, `
		SELECT l.credential_id, l.at, l.method, l.route, l.status, l.bytes_in, l.bytes_out, l.took_us, l.client,
		       c.connection, coalesce(c.owner_id, 0), l.tableoid, l.ctid::text
		FROM access_log l
		JOIN credential c ON c.id = l.credential_id
		WHERE `+strings.Join(where, `
		  AND `)+`
		ORDER BY l.at DESC, l.credential_id DESC, l.tableoid DESC, l.ctid DESC
		LIMIT `+fmt.Sprint(cmp.Or(f.Limit, 50)), args...)
	if err != nil {
		return nil, fmt.Errorf("read access log: %w", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (AccessLine, error) {
		var v AccessLine
		var client *netip.Addr
		var took int64
		err := row.Scan(&v.CredentialID, &v.At, &v.Method, &v.Route, &v.Status, &v.BytesIn, &v.BytesOut, &took, &client,
			&v.Connection, &v.OwnerID, &v.Place.Table, &v.Place.Row)
		if client != nil {
			v.Client = *client
		}
		v.Took, v.Place.At, v.Place.CredentialID = time.Duration(took)*time.Microsecond, v.At, v.CredentialID
		return v, err
	})
	return out, wrap("read access log", err)
}

// conditions are what a line has to meet. Only those that are asked for are
// there, so that each has its index.
func (f AccessFilter) conditions() (where []string, args []any) {
	add := func(condition string, values ...any) {
		for _, v := range values {
			args = append(args, v)
			condition = strings.Replace(condition, "?", fmt.Sprintf("$%d", len(args)), 1)
		}
		where = append(where, condition)
	}
	add("l.at >= ?", f.From)
	add("l.at < ?", f.To)
	if f.CredentialID != 0 {
		add("l.credential_id = ?", f.CredentialID)
	}
	if f.OwnerID != 0 {
		add("l.credential_id = ANY(ARRAY(SELECT id FROM credential WHERE owner_id = ?))", f.OwnerID)
	}
	if f.Connection != "" {
		add("c.connection = ?", f.Connection)
	}
	if f.Method != "" {
		add("l.method = ?", f.Method)
	}
	if f.Route != "" {
		add("l.route = ?", f.Route)
	}
	if f.Failed {
		add("l.status >= 400")
	}
	if b := f.Before; !b.At.IsZero() {
		add("l.at <= ?", b.At) // by which whole partitions are left out
		add("(l.at, l.credential_id, l.tableoid, l.ctid) < (?, ?, ?::oid, ?::text::tid)", b.At, b.CredentialID, b.Table, b.Row)
	}
	return where, args
}
