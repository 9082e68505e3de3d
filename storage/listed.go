package storage

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Listed is a credential as its system lists it.
type Listed struct {
	Ref        string // the vendor's, unique in the connection
	Kind       string // api_key or oauth_grant
	Class      string
	Label      string
	AccountID  AccountID // zero when the vendor names no owner
	Scopes     []string  // nil when the vendor does not say
	Access     string    // empty when the vendor does not say
	CreatedAt  time.Time // zero when unknown
	ExpiresAt  time.Time // zero when unknown or never
	LastUsedAt time.Time // zero and UseKnown: never
	UseKnown   bool
	Suspended  bool
	Match      string
}

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
	out := make([]Sighting, len(batch))
	var s Sighting
	var ord int
	c := columnsOf(batch)
	err := t.each(ctx, `
		SELECT i.ord, i.ref, coalesce(c.id, 0), coalesce(c.managed, false), coalesce(c.state, ''),
		       c.id IS NOT NULL AND (
		           (c.class, coalesce(c.account_id, 0), c.vendor_scopes, c.access, c.vendor_created_at, c.last_used_at, c.use_known,
		            c.vendor_match, c.missing_since)
		           IS DISTINCT FROM (i.class, i.account, string_to_array(i.scopes, E'\x1f'), i.access, i.created, i.used, i.use_known, i.match, NULL)
		           OR NOT c.managed AND (c.label, c.expires_at) IS DISTINCT FROM (i.label, i.expires)),
		       coalesce((SELECT d.id FROM credential d
		                 WHERE c.id IS NULL AND d.connection = $1 AND d.vendor_ref = i.ref
		                   AND (d.state = 'revoked' OR d.state = 'expired' AND d.managed)
		                 ORDER BY d.id DESC LIMIT 1), 0)
		FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[], $9::timestamptz[], $10::timestamptz[],
		            $11::timestamptz[], $12::boolean[], $13::text[]) WITH ORDINALITY
		     AS i (ref, kind, class, label, account, scopes, access, created, expires, used, use_known, match, ord)
		LEFT JOIN credential c ON c.connection = $1 AND c.vendor_ref = i.ref AND c.state NOT IN ('revoked', 'expired', 'issue_failed')`,
		append([]any{connection}, c[:12]...), []any{&ord, &s.Ref, &s.ID, &s.Managed, &s.State, &s.Changed, &s.EndedID},
		func() { out[ord-1] = s })
	return out, wrap("sight credentials", err)
}

// AddListed inserts unmanaged credentials that were found, and returns their
// keys. One that appeared here meanwhile is left out.
func (t Tx) AddListed(ctx context.Context, connection string, batch []Listed) ([]CredentialID, error) {
	var out []CredentialID
	var id CredentialID
	err := t.each(ctx, `
		INSERT INTO credential (connection, kind, brokered, managed, label, scopes, lifetime_s, state, vendor_ref, expires_at, last_used_at,
		                        use_known, account_id, owner_id, class, access, vendor_scopes, vendor_created_at, vendor_match)
		SELECT $1, i.kind, false, false, i.label, coalesce(string_to_array(i.scopes, E'\x1f'), '{}'), 0,
		       CASE WHEN i.suspended THEN 'suspended' ELSE 'active' END, i.ref, i.expires, i.used,
		       i.use_known, nullif(i.account, 0), a.person_id, i.class, i.access, string_to_array(i.scopes, E'\x1f'), i.created, i.match
		FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[], $9::timestamptz[], $10::timestamptz[],
		            $11::timestamptz[], $12::boolean[], $13::text[], $14::boolean[])
		     AS i (ref, kind, class, label, account, scopes, access, created, expires, used, use_known, match, suspended)
		LEFT JOIN account a ON a.id = i.account
		ON CONFLICT (connection, vendor_ref) WHERE vendor_ref IS NOT NULL AND state NOT IN ('revoked', 'expired', 'issue_failed') DO NOTHING
		RETURNING id`, append([]any{connection}, columnsOf(batch)...), []any{&id}, func() { out = append(out, id) })
	return out, wrap("add listed credentials", err)
}

// RefreshListed brings live rows up to date. What was granted here is never
// touched: of a managed credential only what the vendor says besides.
func (t Tx) RefreshListed(ctx context.Context, connection string, batch []Listed) (int64, error) {
	n, err := t.exec(ctx, `
		UPDATE credential c
		SET class = i.class, account_id = nullif(i.account, 0), vendor_scopes = string_to_array(i.scopes, E'\x1f'), access = i.access,
		    vendor_created_at = i.created, last_used_at = i.used, use_known = i.use_known, vendor_match = i.match, missing_since = NULL,
		    label = CASE WHEN c.managed THEN c.label ELSE i.label END,
		    expires_at = CASE WHEN c.managed THEN c.expires_at ELSE i.expires END,
		    scopes = CASE WHEN c.managed THEN c.scopes ELSE coalesce(string_to_array(i.scopes, E'\x1f'), '{}') END,
		    owner_id = CASE WHEN c.managed THEN c.owner_id ELSE a.person_id END
		FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[], $9::timestamptz[], $10::timestamptz[],
		            $11::timestamptz[], $12::boolean[], $13::text[])
		     AS i (ref, kind, class, label, account, scopes, access, created, expires, used, use_known, match)
		LEFT JOIN account a ON a.id = i.account
		WHERE c.connection = $1 AND c.vendor_ref = i.ref AND c.state NOT IN ('revoked', 'expired', 'issue_failed')`,
		append([]any{connection}, columnsOf(batch)[:12]...)...)
	return n, wrap("refresh listed credentials", err)
}

// columnsOf turns a batch into one array per column, for unnest.
func columnsOf(batch []Listed) []any {
	n := len(batch)
	refs, kinds, classes, labels := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	accounts, scopes, access := make([]int64, n), make([]*string, n), make([]string, n)
	created, expires, used := make([]*time.Time, n), make([]*time.Time, n), make([]*time.Time, n)
	known, matches, suspended := make([]bool, n), make([]string, n), make([]bool, n)
	for i := range batch {
		l := &batch[i]
		refs[i], kinds[i], classes[i], labels[i], accounts[i] = l.Ref, l.Kind, l.Class, l.Label, int64(l.AccountID)
		if l.Scopes != nil {
			joined := strings.Join(l.Scopes, "\x1f")
			scopes[i] = &joined
		}
		access[i], known[i], matches[i], suspended[i] = l.Access, l.UseKnown, l.Match, l.Suspended
		created[i], expires[i], used[i] = micro(l.CreatedAt), micro(l.ExpiresAt), micro(l.LastUsedAt)
	}
	return []any{refs, kinds, classes, labels, accounts, scopes, access, created, expires, used, known, matches, suspended}
}

// micro is a time as Postgres keeps it; the zero time is NULL.
func micro(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Microsecond)
	return &t
}

// Missing is a live credential that a whole walk did not find.
type Missing struct {
	ID      CredentialID
	Managed bool
	Before  bool // an earlier walk did not find it either
	Expired bool // its time is over
}

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
	err = t.each(ctx, `
		SELECT c.id, c.managed, c.missing_since IS NOT NULL, coalesce(c.expires_at <= latchkey_now(), false)
		FROM credential c
		WHERE c.connection = $1 AND NOT c.brokered AND c.vendor_ref IS NOT NULL AND c.state IN ('active', 'suspended')
		  AND coalesce(c.activated_at, c.created_at) < $3
		  AND NOT EXISTS (SELECT FROM unnest($2::bigint[]) AS s (id) WHERE s.id = c.id)
		ORDER BY c.id`, []any{connection, seen, began}, []any{&m.ID, &m.Managed, &m.Before, &m.Expired}, func() { gone = append(gone, m) })
	return gone, live, wrap("find missing credentials", err)
}

// MarkMissing notes since when credentials are not listed.
func (t Tx) MarkMissing(ctx context.Context, ids []CredentialID) error {
	_, err := t.exec(ctx, `UPDATE credential SET missing_since = latchkey_now() WHERE id = ANY($1) AND missing_since IS NULL`, ids)
	return wrap("mark missing credentials", err)
}

// RecheckRevokes makes revocations that did not come through due at once
// where a whole walk did not find the credential: somebody may have ended it
// by hand.
func (t Tx) RecheckRevokes(ctx context.Context, connection string, seen []CredentialID) error {
	_, err := t.exec(ctx, `
		UPDATE credential c SET next_action_at = latchkey_now()
		WHERE c.connection = $1 AND c.state = 'revoke_failed' AND NOT EXISTS (SELECT FROM unnest($2::bigint[]) AS s (id) WHERE s.id = c.id)`,
		connection, seen)
	return wrap("recheck revokes", err)
}

// AwaitedByMatch finds the credential that waits for the key a vendor makes
// by itself, by what both have in common.
func (t Tx) AwaitedByMatch(ctx context.Context, connection, match string) (CredentialID, error) {
	var id CredentialID
	err := t.queryRow(ctx, `
		SELECT c.id FROM credential c JOIN request r ON r.id = c.request_id
		WHERE r.vendor_match = $2 AND c.connection = $1 AND c.state = 'issuing' ORDER BY c.id LIMIT 1`, []any{connection, match}, &id)
	return id, wrap("find awaited credential", err)
}

// Adoptions lists the unmanaged credentials of a connection that somebody
// asks to keep.
func (db *DB) Adoptions(ctx context.Context, connection string) (map[CredentialID]RequestID, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT adopts_id, id FROM request WHERE connection = $1 AND adopts_id IS NOT NULL AND state IN ('pending', 'approved')`, connection)
	if err != nil {
		return nil, wrap("read adoptions", err)
	}
	out := map[CredentialID]RequestID{}
	var c CredentialID
	var r RequestID
	_, err = pgx.ForEachRow(rows, []any{&c, &r}, func() error { out[c] = r; return nil })
	return out, wrap("read adoptions", err)
}
