package storage

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// The sorts of what a case accounts for.
const (
	ItemOwn    = "own"    // the person's: it ends
	ItemShared = "shared" // a service's: others keep it, or let it end
)

// OffboardingItem is one credential that a case accounts for.
type OffboardingItem struct {
	CredentialID CredentialID
	Sort         string
	DecideBy     time.Time // shared: it ends then; zero: decided, or nothing to decide
	HandedTo     PersonID  // shared: who took it over for good
	WaivedName   string    // who says that it need not be accounted for
	WaivedReason string
	WaivedAt     time.Time
}

const itemColumns = `credential_id, sort, coalesce(decide_by, '0001-01-01 00:00Z'), coalesce(handed_to, 0), waived_name, waived_reason,
	coalesce(waived_at, '0001-01-01 00:00Z')`

func (it *OffboardingItem) dest() []any {
	return []any{&it.CredentialID, &it.Sort, &it.DecideBy, &it.HandedTo, &it.WaivedName, &it.WaivedReason, &it.WaivedAt}
}

// Own is a credential of a person, as a case looks at it.
type Own struct {
	ID     CredentialID
	Shared bool // its holder is a service account
}

// OwnedBy lists what a person holds that is not at its end, and what the
// person's service accounts hold.
func (db *DB) OwnedBy(ctx context.Context, person PersonID, after CredentialID, limit int) ([]Own, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT c.id, coalesce(a.is_service, false)
		FROM credential c LEFT JOIN account a ON a.id = c.account_id
		WHERE c.owner_id = $1 AND c.id > $2 AND c.state NOT IN ('revoked', 'expired', 'issue_failed')
		ORDER BY c.id LIMIT $3`, pgx.QueryExecModeCacheStatement, person, after, limit)
	if err != nil {
		return nil, wrap("list what a person holds", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Own])
	return out, wrap("list what a person holds", err)
}

// OwnKinds counts what a person holds, as OwnedBy lists it.
type OwnKinds struct {
	Fenced int // ours: the gateway refuses them as long as the person is gone
	Ends   int // at systems
	Shared int // of services
}

// CountOwned counts what a person holds.
func (db *DB) CountOwned(ctx context.Context, person PersonID) (OwnKinds, error) {
	var out OwnKinds
	err := db.pool.QueryRow(ctx, `
		SELECT count(*) FILTER (WHERE NOT coalesce(a.is_service, false) AND c.brokered AND c.kind <> 'oauth_grant'),
		       count(*) FILTER (WHERE NOT coalesce(a.is_service, false) AND NOT (c.brokered AND c.kind <> 'oauth_grant')),
		       count(*) FILTER (WHERE coalesce(a.is_service, false))
		FROM credential c LEFT JOIN account a ON a.id = c.account_id
		WHERE c.owner_id = $1 AND c.state NOT IN ('revoked', 'expired', 'issue_failed')`, person).Scan(&out.Fenced, &out.Ends, &out.Shared)
	return out, wrap("count what a person holds", err)
}

// Endable lists what a person holds that nobody is ending, without what
// belongs to services.
func (t Tx) Endable(ctx context.Context, person PersonID, limit int) ([]CredentialID, error) {
	var out []CredentialID
	var c CredentialID
	err := t.each(ctx, `
		SELECT c.id FROM credential c LEFT JOIN account a ON a.id = c.account_id
		WHERE c.owner_id = $1 AND c.state IN ('issuing', 'active', 'suspended') AND NOT coalesce(a.is_service, false)
		ORDER BY c.id LIMIT $2`, []any{person, limit}, []any{&c}, func() { out = append(out, c) })
	return out, wrap("list what a person still holds", err)
}

// AddItem notes that a case accounts for a credential; true if that is new.
func (t Tx) AddItem(ctx context.Context, id OffboardingID, c CredentialID, sort string, decideBy time.Time) (bool, error) {
	n, err := t.exec(ctx, `
		INSERT INTO offboarding_item (offboarding_id, credential_id, sort, decide_by) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		id, c, sort, nullTime(decideBy))
	return n > 0, wrap("add offboarding item", err)
}

// LockOffboardingItem reads an item and holds it. The case and the credential
// come first.
func (t Tx) LockOffboardingItem(ctx context.Context, id OffboardingID, c CredentialID) (OffboardingItem, error) {
	var it OffboardingItem
	err := t.queryRow(ctx, `SELECT `+itemColumns+` FROM offboarding_item WHERE offboarding_id = $1 AND credential_id = $2 FOR UPDATE`, []any{id, c}, it.dest()...)
	return it, wrap("lock offboarding item", err)
}

// DecideItem notes what became of a shared credential: its new owner, or that
// it ends, or goes back to whoever came back.
func (t Tx) DecideItem(ctx context.Context, id OffboardingID, c CredentialID, to PersonID) error {
	_, err := t.exec(ctx, `UPDATE offboarding_item SET decide_by = NULL, handed_to = nullif($3, 0) WHERE offboarding_id = $1 AND credential_id = $2`, id, c, to)
	return wrap("decide offboarding item", err)
}

// WaiveItem notes that somebody answers for a credential that has no receipt,
// with the audit row.
func (t Tx) WaiveItem(ctx context.Context, id OffboardingID, c CredentialID, by Actor, reason string) error {
	_, err := t.exec(ctx, `
		UPDATE offboarding_item SET waived_by = $3, waived_name = $4, waived_reason = $5, waived_at = latchkey_now(), decide_by = NULL
		WHERE offboarding_id = $1 AND credential_id = $2`, id, c, by.PersonID, by.Name, reason)
	if err != nil {
		return wrap("waive offboarding item", err)
	}
	return t.Record(ctx, by, Event{Action: "offboarding.waived", Subject: SubjectOffboarding, SubjectID: int64(id), After: c.String(), Reason: reason})
}

// Undecided lists the shared credentials of a case that nobody decided on.
func (t Tx) Undecided(ctx context.Context, id OffboardingID) ([]CredentialID, error) {
	var out []CredentialID
	var c CredentialID
	err := t.each(ctx, `
		SELECT credential_id FROM offboarding_item WHERE offboarding_id = $1 AND decide_by IS NOT NULL ORDER BY credential_id`,
		[]any{id}, []any{&c}, func() { out = append(out, c) })
	return out, wrap("list what is undecided", err)
}

// Unowned lists the shared credentials of a case that are still their leaver's,
// because nobody could take them over.
func (db *DB) Unowned(ctx context.Context, id OffboardingID) ([]CredentialID, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT i.credential_id
		FROM offboarding_item i JOIN offboarding o ON o.id = i.offboarding_id JOIN credential c ON c.id = i.credential_id
		WHERE i.offboarding_id = $1 AND i.decide_by IS NOT NULL AND c.managed AND c.owner_id = o.person_id
		  AND c.state NOT IN ('revoked', 'expired', 'issue_failed')
		ORDER BY 1`, pgx.QueryExecModeCacheStatement, id)
	if err != nil {
		return nil, wrap("list what nobody took over", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[CredentialID])
	return out, wrap("list what nobody took over", err)
}

// ItemDue is a shared credential that nobody decided on in time.
type ItemDue struct {
	Case OffboardingID
	Key  CredentialID
}

// ItemsDue lists, by case and key and after one, the shared credentials that
// nobody decided on in time.
func (db *DB) ItemsDue(ctx context.Context, after ItemDue, limit int) ([]ItemDue, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT offboarding_id, credential_id FROM offboarding_item
		WHERE decide_by <= latchkey_now() AND (offboarding_id, credential_id) > ($1, $2)
		ORDER BY offboarding_id, credential_id LIMIT $3`, pgx.QueryExecModeCacheStatement, after.Case, after.Key, limit)
	if err != nil {
		return nil, wrap("find due offboarding items", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[ItemDue])
	return out, wrap("find due offboarding items", err)
}

// OffboardingItems reads what a case accounts for, by key.
func (db *DB) OffboardingItems(ctx context.Context, id OffboardingID) ([]OffboardingItem, error) {
	rows, err := db.pool.Query(ctx, `SELECT `+itemColumns+` FROM offboarding_item WHERE offboarding_id = $1 ORDER BY credential_id`, id)
	if err != nil {
		return nil, wrap("read offboarding items", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (OffboardingItem, error) {
		var it OffboardingItem
		return it, row.Scan(it.dest()...)
	})
	return out, wrap("read offboarding items", err)
}

// unaccounted is the condition under which item i, of credential c, keeps a
// case from closing: it has no end, no fence, no new owner and no waiver.
const unaccounted = `i.waived_at IS NULL AND i.handed_to IS NULL
	AND c.state NOT IN ('revoked', 'expired', 'issue_failed')
	AND (i.sort = 'shared' OR NOT c.brokered OR c.kind = 'oauth_grant' OR c.state NOT IN ('active', 'suspended'))`

// CaseLeft is what a case has left when one of its credentials is accounted
// for.
type CaseLeft struct {
	ID   OffboardingID
	Here int // at the credential's system
	All  int
}

// caseLocks is the class of the advisory locks that CasesOf takes.
const caseLocks = 0x0ff

// CasesOf counts what the open cases of a credential have left besides it, as
// seen by this transaction when all others that asked before have ended: of
// several credentials that end at the same time the last one sees none left.
func (t Tx) CasesOf(ctx context.Context, id CredentialID) ([]CaseLeft, error) {
	var out []CaseLeft
	var l CaseLeft
	err := t.each(ctx, `
		SELECT i.offboarding_id FROM offboarding_item i JOIN offboarding o ON o.id = i.offboarding_id
		WHERE i.credential_id = $1 AND o.state = 'open' ORDER BY 1`, []any{id}, []any{&l.ID}, func() { out = append(out, l) })
	if err != nil {
		return nil, wrap("find cases of a credential", err)
	}
	for i := range out {
		if _, err := t.exec(ctx, `SELECT pg_advisory_xact_lock($1, $2)`, caseLocks, int32(out[i].ID)); err != nil { //nolint:gosec // a collision only waits
			return nil, wrap("take turns at a case", err)
		}
		err := t.queryRow(ctx, `
			SELECT count(*) FILTER (WHERE c.connection = (SELECT connection FROM credential WHERE id = $2)), count(*)
			FROM offboarding_item i JOIN credential c ON c.id = i.credential_id
			WHERE i.offboarding_id = $1 AND `+unaccounted, []any{out[i].ID, id}, &out[i].Here, &out[i].All)
		if err != nil {
			return nil, wrap("count what a case has left", err)
		}
	}
	return out, nil
}
