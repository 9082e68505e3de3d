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

// sightQuery looks every ref up by itself. LIMIT keeps the planner from a join
// that reads the whole connection for each batch of it.
const sightQuery = `
	SELECT i.ord, coalesce(c.id, 0), coalesce(c.managed, false), coalesce(c.state, ''),
	       c.id IS NOT NULL AND (
	           (c.class, coalesce(c.account_id, 0), c.vendor_scopes, c.access, c.vendor_created_at, c.last_used_at, c.use_known,
	            c.vendor_match, c.missing_since)
	           IS DISTINCT FROM (i.class, i.account, string_to_array(i.scopes, E'\x1f'), i.access, i.created, i.used, i.use_known, i.match, NULL)
	           OR NOT c.managed AND (c.label, c.expires_at) IS DISTINCT FROM (i.label, i.expires)),
	       coalesce(e.id, 0)
	FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[], $9::timestamptz[], $10::timestamptz[],
	            $11::timestamptz[], $12::boolean[], $13::text[]) WITH ORDINALITY
	     AS i (ref, kind, class, label, account, scopes, access, created, expires, used, use_known, match, ord)
	LEFT JOIN LATERAL (
	    SELECT * FROM credential
	    WHERE connection = $1 AND vendor_ref = i.ref AND state NOT IN ('revoked', 'expired', 'issue_failed')
	    LIMIT 1
	) c ON true
	LEFT JOIN LATERAL (
	    SELECT id FROM credential
	    WHERE c.id IS NULL AND connection = $1 AND vendor_ref = i.ref AND (state = 'revoked' OR state = 'expired' AND managed)
	    ORDER BY id DESC LIMIT 1
	) e ON true
	WHERE c.id IS NOT NULL OR e.id IS NOT NULL`

// Sight finds what is known of a batch of listed credentials, in its order.
func (t Tx) Sight(ctx context.Context, connection string, batch []Listed) ([]Sighting, error) {
	out := make([]Sighting, len(batch))
	for i := range batch {
		out[i].Ref = batch[i].Ref
	}
	var s Sighting
	var ord int
	err := t.each(ctx, sightQuery, planned(connection, columnsOf(batch)[:12]...), []any{&ord, &s.ID, &s.Managed, &s.State, &s.Changed, &s.EndedID},
		func() {
			s.Ref = batch[ord-1].Ref
			out[ord-1] = s
		})
	return out, wrap("sight credentials", err)
}

// AddListed inserts unmanaged credentials that were found, and returns their
// keys. One that appeared here meanwhile is left out, and of a ref that the
// batch repeats one row counts.
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
		RETURNING id`, planned(connection, columnsOf(batch)...), []any{&id}, func() { out = append(out, id) })
	return out, wrap("add listed credentials", err)
}

// RefreshListed brings live rows up to date. What was granted here is never
// touched: of a managed credential only what the vendor says besides. Of a ref
// that the batch repeats one row counts.
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
		planned(connection, columnsOf(batch)[:12]...)...)
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
		refs[i], kinds[i], classes[i], labels[i], accounts[i] = l.Ref, l.Kind, clean(l.Class), clean(l.Label), int64(l.AccountID)
		if l.Scopes != nil {
			joined := clean(strings.Join(l.Scopes, "\x1f"))
			scopes[i] = &joined
		}
		access[i], known[i], matches[i], suspended[i] = l.Access, l.UseKnown, clean(l.Match), l.Suspended
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

// clean is a vendor's text as Postgres takes it. Who names a token decides on
// its label, and no label may stop the walk of a whole system.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
}

// planned are arguments of a statement about a batch. It is planned for that
// very batch: the plan that pgx's cache of statements would keep is one for
// the tables as they were when the connection first saw the statement, often
// empty.
func planned(first any, more ...any) []any {
	return append([]any{pgx.QueryExecModeCacheDescribe, first}, more...)
}
