package storage

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"
)

// VendorAccount is an account as its system lists it.
type VendorAccount struct {
	ExternalID string
	Email      string // verified by the vendor; or empty
	Name       string
	Service    bool // not a human's
	Closed     bool // deactivated there
}

// knownAccountsQuery finds accounts that are stored as they are listed, each by
// itself: see liveQuery.
const knownAccountsQuery = `
	SELECT i.ord, a.id, (coalesce(a.email, ''), a.name, a.is_service, a.is_deleted) IS NOT DISTINCT FROM (i.email, i.name, i.service, i.closed)
	FROM unnest($2::text[], $3::text[], $4::text[], $5::boolean[], $6::boolean[]) WITH ORDINALITY AS i (external_id, email, name, service, closed, ord)
	CROSS JOIN LATERAL (SELECT * FROM account WHERE system = $1 AND team = '' AND external_id = i.external_id LIMIT 1) a`

// SaveVendorAccounts brings what is known of a system's accounts up to date
// and returns their rows' keys. It writes only what changed, and links
// nobody: that is LinkAccounts'. Of an account that is repeated the last one
// counts.
func (t Tx) SaveVendorAccounts(ctx context.Context, system string, all []VendorAccount) (map[string]AccountID, error) {
	all = distinct(all)
	ids := make(map[string]AccountID, len(all))
	fresh := make([]bool, len(all))
	var ord int
	var id AccountID
	var same bool
	err := t.each(ctx, knownAccountsQuery, planned(system, accountColumns(all)...), []any{&ord, &id, &same}, func() {
		ids[all[ord-1].ExternalID], fresh[ord-1] = id, same
	})
	if err != nil {
		return nil, wrap("read vendor accounts", err)
	}
	var stale []VendorAccount
	for i, a := range all {
		if !fresh[i] {
			stale = append(stale, a)
		}
	}
	if len(stale) == 0 {
		return ids, nil
	}
	var external string
	err = t.each(ctx, `
		INSERT INTO account (system, external_id, email, name, is_service, is_deleted)
		SELECT $1, i.external_id, nullif(i.email, ''), i.name, i.service, i.closed
		FROM unnest($2::text[], $3::text[], $4::text[], $5::boolean[], $6::boolean[]) AS i (external_id, email, name, service, closed)
		ON CONFLICT (system, team, external_id) DO UPDATE
		SET email = excluded.email, name = excluded.name, is_service = excluded.is_service, is_deleted = excluded.is_deleted, refreshed_at = clock_timestamp()
		RETURNING id, external_id`, planned(system, accountColumns(stale)...), []any{&id, &external}, func() { ids[external] = id })
	return ids, wrap("store vendor accounts", err)
}

// distinct keeps the last of each account, as it is stored.
func distinct(all []VendorAccount) []VendorAccount {
	out, at := make([]VendorAccount, 0, len(all)), make(map[string]int, len(all))
	for _, a := range all {
		a.Email, a.Name = strings.ToLower(clean(a.Email)), clean(a.Name)
		if i, repeated := at[a.ExternalID]; repeated {
			out[i] = a
			continue
		}
		at[a.ExternalID] = len(out)
		out = append(out, a)
	}
	return out
}

// accountColumns turns accounts into one array per column, for unnest.
func accountColumns(all []VendorAccount) []any {
	ids, emails, names := make([]string, len(all)), make([]string, len(all)), make([]string, len(all))
	service, closed := make([]bool, len(all)), make([]bool, len(all))
	for i, a := range all {
		ids[i], emails[i], names[i], service[i], closed[i] = a.ExternalID, a.Email, a.Name, a.Service, a.Closed
	}
	return []any{ids, emails, names, service, closed}
}

// followQuery finds credentials by their accounts alone: a condition on the
// connection would have the planner, as long as it knows nothing of the
// tables, read the whole connection for each account.
const followQuery = `
	UPDATE credential c SET owner_id = a.person_id
	FROM account a
	WHERE a.id = c.account_id AND a.system = $1 AND NOT c.managed AND c.state NOT IN ('revoked', 'expired', 'issue_failed')
	  AND c.owner_id IS DISTINCT FROM a.person_id`

// LinkAccounts says whose the accounts of a system are: by explicit, a map of
// external IDs to e-mail addresses of people, else by an e-mail address that
// only one account of the system has and that belongs to a person. Accounts
// that are linked stay so, unless explicit says otherwise. Service accounts
// are linked by explicit only. The owners of unmanaged credentials follow.
func (t Tx) LinkAccounts(ctx context.Context, system string, explicit map[string]string) (linked int64, err error) {
	externals, emails := make([]string, 0, len(explicit)), make([]string, 0, len(explicit))
	for external, email := range explicit {
		externals, emails = append(externals, external), append(emails, strings.ToLower(email))
	}
	byHand, err := t.exec(ctx, `
		UPDATE account a SET person_id = p.id
		FROM unnest($2::text[], $3::text[]) AS i (external_id, email)
		JOIN person p ON p.email = i.email
		WHERE a.system = $1 AND a.team = '' AND a.external_id = i.external_id AND a.person_id IS DISTINCT FROM p.id`,
		planned(system, externals, emails)...)
	if err != nil {
		return 0, wrap("link accounts by hand", err)
	}
	byEmail, err := t.exec(ctx, `
		UPDATE account a SET person_id = p.id
		FROM person p
		WHERE a.system = $1 AND a.team = '' AND a.person_id IS NULL AND NOT a.is_service AND NOT a.is_bot AND p.email = a.email
		  AND a.external_id <> ALL($2)
		  AND NOT EXISTS (SELECT FROM account b WHERE b.system = a.system AND b.email = a.email AND b.id <> a.id)`,
		planned(system, externals)...)
	if err != nil {
		return 0, wrap("link accounts by e-mail", err)
	}
	_, err = t.exec(ctx, followQuery, planned(system)...)
	return byHand + byEmail, wrap("follow owners", err)
}

// VendorAccounts reads accounts by their keys.
func (db *DB) VendorAccounts(ctx context.Context, ids ...AccountID) (map[AccountID]Account, error) {
	out := map[AccountID]Account{}
	if len(ids) == 0 {
		return out, nil
	}
	rows, err := db.pool.Query(ctx, `
		SELECT id, coalesce(person_id, 0), system, external_id, coalesce(email, ''), name, is_service, is_deleted FROM account WHERE id = ANY($1)`,
		pgx.QueryExecModeCacheStatement, ids)
	if err != nil {
		return nil, wrap("read vendor accounts", err)
	}
	var a Account
	_, err = pgx.ForEachRow(rows, []any{&a.ID, &a.PersonID, &a.System, &a.ExternalID, &a.Email, &a.Name, &a.IsService, &a.IsDeleted},
		func() error { out[a.ID] = a; return nil })
	return out, wrap("read vendor accounts", err)
}
