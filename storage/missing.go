package storage

import (
	"context"
	"time"
)

// Missing is a live credential that a whole walk did not find.
type Missing struct {
	ID      CredentialID
	Managed bool
	Before  bool // an earlier walk did not find it either
	Long    bool // no walk found it for a day
	Expired bool // its time is over
}

// missingQuery subtracts as sets: a join would compare every row with every
// key as long as the planner does not know how many rows there are.
const missingQuery = `
	SELECT c.id, c.managed, c.missing_since IS NOT NULL, coalesce(c.missing_since <= latchkey_now() - interval '1 day', false), coalesce(c.expires_at <= latchkey_now(), false)
	FROM credential c
	WHERE c.id = ANY (ARRAY(
	    SELECT l.id FROM credential l
	    WHERE l.connection = $1 AND NOT l.brokered AND l.vendor_ref IS NOT NULL AND l.state IN ('active', 'suspended')
	      AND coalesce(l.activated_at, l.created_at) < $3
	    EXCEPT
	    SELECT unnest($2::bigint[])))
	ORDER BY c.id`

// MissingFrom compares a whole walk with the live rows of a connection, of
// which the vendor should have had every one. Rows made or changed since the
// walk began are left out.
func (t Tx) MissingFrom(ctx context.Context, connection string, seen []CredentialID, began time.Time) (gone []Missing, live int, err error) {
	err = t.queryRow(ctx, `
		SELECT count(*) FROM credential
		WHERE connection = $1 AND NOT brokered AND vendor_ref IS NOT NULL AND state IN ('active', 'suspended')`, []any{connection}, &live)
	if err != nil {
		return nil, 0, wrap("count live credentials", err)
	}
	var m Missing
	err = t.each(ctx, missingQuery, planned(connection, seen, began), []any{&m.ID, &m.Managed, &m.Before, &m.Long, &m.Expired},
		func() { gone = append(gone, m) })
	return gone, live, wrap("find missing credentials", err)
}

// MarkMissing notes since when credentials are not listed.
func (t Tx) MarkMissing(ctx context.Context, ids []CredentialID) error {
	_, err := t.exec(ctx, `UPDATE credential SET missing_since = latchkey_now() WHERE id = ANY($1) AND missing_since IS NULL`, ids)
	return wrap("mark missing credentials", err)
}
