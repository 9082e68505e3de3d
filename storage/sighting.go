package storage

import (
	"context"
	"time"
)

// A Sighting is what a listed credential is to us.
type Sighting struct {
	Ref     string
	ID      CredentialID    // the live row of it; zero: there is none
	Managed bool            // of the live row
	State   CredentialState // of the live row
	Changed bool            // the live row says something else
	EndedID CredentialID    // a row that ended for good and has this ref; zero: none
}

// Sight finds what is known of a batch of listed credentials, in its order.
func (t Tx) Sight(ctx context.Context, connection string, batch []Listed) ([]Sighting, error) {
	out, refs := make([]Sighting, len(batch)), make([]string, len(batch))
	for i := range batch {
		refs[i], out[i].Ref = batch[i].Ref, batch[i].Ref
	}
	var r liveRow
	err := t.each(ctx, liveQuery, planned(connection, refs), r.dest(), func() {
		s := &out[r.ord-1]
		s.ID, s.Managed, s.State, s.Changed = r.id, r.managed, r.state, !r.says(&batch[r.ord-1])
	})
	if err != nil {
		return nil, wrap("sight credentials", err)
	}
	var strangers []string
	var at []int
	for i := range out {
		if out[i].ID == 0 {
			strangers, at = append(strangers, out[i].Ref), append(at, i)
		}
	}
	if len(strangers) == 0 {
		return out, nil
	}
	var ord int
	var id CredentialID
	err = t.each(ctx, endedQuery, planned(connection, strangers), []any{&ord, &id}, func() { out[at[ord-1]].EndedID = id })
	return out, wrap("sight ended credentials", err)
}

// liveQuery looks every ref up by itself. LIMIT keeps the planner from a join
// that reads the whole connection for each batch of it. What a row says is
// compared here and not there, so that a batch of strangers costs little.
const liveQuery = `
	SELECT i.ord, c.id, c.managed, c.state, c.class, c.label, coalesce(c.account_id, 0), array_to_string(c.vendor_scopes, E'\x1f'), c.access,
	       c.vendor_created_at, c.expires_at, c.last_used_at, c.use_known, c.vendor_match, c.missing_since IS NOT NULL
	FROM unnest($2::text[]) WITH ORDINALITY AS i (ref, ord)
	CROSS JOIN LATERAL (
	    SELECT * FROM credential
	    WHERE connection = $1 AND vendor_ref = i.ref AND state NOT IN ('revoked', 'expired', 'issue_failed')
	    LIMIT 1
	) c`

// endedQuery finds the latest row of each ref that must not live again. The
// end of an unmanaged credential is its vendor's word, which may change.
const endedQuery = `
	SELECT i.ord, c.id
	FROM unnest($2::text[]) WITH ORDINALITY AS i (ref, ord)
	CROSS JOIN LATERAL (
	    SELECT id FROM credential
	    WHERE connection = $1 AND vendor_ref = i.ref AND (state = 'revoked' OR state = 'expired' AND managed)
	    ORDER BY id DESC LIMIT 1
	) c`

// liveRow is what a live row says of what may be listed.
type liveRow struct {
	ord      int
	id       CredentialID
	managed  bool
	state    CredentialState
	class    string
	label    string
	account  AccountID
	scopes   *string
	access   string
	created  *time.Time
	expires  *time.Time
	used     *time.Time
	useKnown bool
	match    string
	missing  bool
}

func (r *liveRow) dest() []any {
	return []any{&r.ord, &r.id, &r.managed, &r.state, &r.class, &r.label, &r.account, &r.scopes, &r.access,
		&r.created, &r.expires, &r.used, &r.useKnown, &r.match, &r.missing}
}

// says reports whether RefreshListed would change nothing.
func (r *liveRow) says(l *Listed) bool {
	if r.missing || r.class != clean(l.Class) || r.account != l.AccountID || !same(r.scopes, joined(l.Scopes)) || r.access != l.Access ||
		!at(r.created, l.CreatedAt) || !at(r.used, l.LastUsedAt) || r.useKnown != l.UseKnown || r.match != clean(l.Match) {
		return false
	}
	return r.managed || r.label == clean(l.Label) && at(r.expires, l.ExpiresAt)
}

func same(a, b *string) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// at reports whether a time was stored as that one.
func at(stored *time.Time, listed time.Time) bool {
	if stored == nil || listed.IsZero() {
		return stored == nil && listed.IsZero()
	}
	return stored.Equal(listed.Truncate(time.Microsecond))
}
