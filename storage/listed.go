package storage

import (
	"context"
	"errors"
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

const (
	addQuery = `
	INSERT INTO credential (connection, kind, brokered, managed, label, scopes, lifetime_s, state, vendor_ref, expires_at, last_used_at,
	                        use_known, account_id, owner_id, class, access, vendor_scopes, vendor_created_at, vendor_match)
	SELECT $1, i.kind, /* brokered */ false, /* managed */ false, i.label, coalesce(i.scopes, '{}'), 0,
	       CASE WHEN i.suspended THEN 'suspended' ELSE 'active' END, i.ref, i.expires, i.used,
	       i.use_known, nullif(i.account, 0), (SELECT person_id FROM account WHERE id = i.account), i.class, i.access, i.scopes, i.created, i.match
	FROM (` + listedRows + `) i`
	addedHere = `
	RETURNING id`
	unlessHere = `
	ON CONFLICT (connection, vendor_ref) WHERE vendor_ref IS NOT NULL AND state NOT IN ('revoked', 'expired', 'issue_failed') DO NOTHING`
)

// AddListed inserts unmanaged credentials that were found, and returns their
// keys. One that appeared here meanwhile is left out, and of a ref that the
// batch repeats one row counts. Both are rare, and to be ready for them costs
// a tenth of the time: it first does without.
func (t Tx) AddListed(ctx context.Context, connection string, batch []Listed) ([]CredentialID, error) {
	args := planned(connection, columnsOf(batch)...)
	out, err := t.added(ctx, addQuery+addedHere, args)
	if isUnique(err, "credential_vendor_ref") {
		out, err = t.added(ctx, addQuery+unlessHere+addedHere, args)
	}
	return out, wrap("add listed credentials", err)
}

// added runs an insert that, when it fails, did nothing to the transaction.
func (t Tx) added(ctx context.Context, query string, args []any) (ids []CredentialID, err error) {
	err = t.PGX(func(p pgx.Tx) error {
		savepoint, err := p.Begin(ctx)
		if err != nil {
			return err
		}
		rows, err := savepoint.Query(ctx, query, args...)
		if err == nil {
			ids, err = pgx.CollectRows(rows, pgx.RowTo[CredentialID])
		}
		if err != nil {
			return errors.Join(err, savepoint.Rollback(ctx))
		}
		return savepoint.Commit(ctx)
	})
	return ids, err
}

// refreshQuery looks every ref up by itself: see liveQuery.
const refreshQuery = `
	UPDATE credential c
	SET class = i.class, account_id = nullif(i.account, 0), vendor_scopes = i.scopes, access = i.access,
	    vendor_created_at = i.created, last_used_at = i.used, use_known = i.use_known, vendor_match = i.match, missing_since = NULL,
	    label = CASE WHEN c.managed THEN c.label ELSE i.label END,
	    expires_at = CASE WHEN c.managed THEN c.expires_at ELSE i.expires END,
	    scopes = CASE WHEN c.managed THEN c.scopes ELSE coalesce(i.scopes, '{}') END,
	    owner_id = CASE WHEN c.managed THEN c.owner_id ELSE (SELECT person_id FROM account WHERE id = i.account) END
	FROM (` + listedRows + `) i
	CROSS JOIN LATERAL (
	    SELECT id FROM credential
	    WHERE connection = $1 AND vendor_ref = i.ref AND state NOT IN ('revoked', 'expired', 'issue_failed')
	    LIMIT 1
	) k
	WHERE c.id = k.id AND c.state NOT IN ('revoked', 'expired', 'issue_failed')`

// RefreshListed brings live rows up to date. What was granted here is never
// touched: of a managed credential only what the vendor says besides. Of a ref
// that the batch repeats one row counts.
func (t Tx) RefreshListed(ctx context.Context, connection string, batch []Listed) (int64, error) {
	n, err := t.exec(ctx, refreshQuery, planned(connection, columnsOf(batch)...)...)
	return n, wrap("refresh listed credentials", err)
}

// listedRows are the rows of a batch that columnsOf made.
const listedRows = `
	SELECT unnest($2::text[]) AS ref, unnest($3::text[]) AS kind, unnest($4::text[]) AS class, unnest($5::text[]) AS label,
	       unnest($6::bigint[]) AS account, string_to_array(unnest($7::text[]), E'\x1f') AS scopes, unnest($8::text[]) AS access,
	       unnest($9::timestamptz[]) AS created, unnest($10::timestamptz[]) AS expires, unnest($11::timestamptz[]) AS used,
	       unnest($12::boolean[]) AS use_known, unnest($13::text[]) AS match, unnest($14::boolean[]) AS suspended`

// columnsOf turns a batch into one array per column, for listedRows.
func columnsOf(batch []Listed) []any {
	n := len(batch)
	refs, kinds, classes, labels := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	accounts, scopes, access := make([]int64, n), make([]*string, n), make([]string, n)
	created, expires, used := make([]*time.Time, n), make([]*time.Time, n), make([]*time.Time, n)
	known, matches, suspended := make([]bool, n), make([]string, n), make([]bool, n)
	for i := range batch {
		l := &batch[i]
		refs[i], kinds[i], classes[i], labels[i], accounts[i] = l.Ref, l.Kind, clean(l.Class), clean(l.Label), int64(l.AccountID)
		scopes[i], access[i], known[i], matches[i], suspended[i] = joined(l.Scopes), l.Access, l.UseKnown, clean(l.Match), l.Suspended
		created[i], expires[i], used[i] = micro(l.CreatedAt), micro(l.ExpiresAt), micro(l.LastUsedAt)
	}
	return []any{refs, kinds, classes, labels, accounts, scopes, access, created, expires, used, known, matches, suspended}
}

// joined are scopes as one text, for an array of arrays has no place for rows
// of different lengths; nil stays nil.
func joined(scopes []string) *string {
	if scopes == nil {
		return nil
	}
	s := clean(strings.Join(scopes, "\x1f"))
	return &s
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
