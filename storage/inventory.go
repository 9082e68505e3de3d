package storage

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"
)

// Flag is something an admin should know about a live credential.
type Flag string

// The flags. They are questions to the row and to the clock, and stored
// nowhere.
const (
	FlagUnmanaged    Flag = "unmanaged"     // nobody asked for it here
	FlagOverScope    Flag = "over_scope"    // may do more than was approved, or than keys without approval may
	FlagOverAge      Flag = "over_age"      // older than keys may get
	FlagExpiring     Flag = "expiring"      // ends soon
	FlagStale        Flag = "stale"         // unused for long
	FlagNeverUsed    Flag = "never_used"    // the vendor knows that it was never used
	FlagOwnerLeft    Flag = "owner_left"    // the person left, or the account is closed
	FlagOwnerUnknown Flag = "owner_unknown" // nobody we know
	FlagMissing      Flag = "missing"       // the last whole listing did not have it
	FlagUnentitled   Flag = "unentitled"    // its owner could not get it any more
)

// Flags lists all of them in the order people should see them.
var Flags = []Flag{FlagOwnerLeft, FlagOwnerUnknown, FlagUnentitled, FlagOverScope, FlagUnmanaged, FlagOverAge, FlagStale, FlagNeverUsed, FlagExpiring, FlagMissing}

// FlagRules are the bounds the flags are judged by. A zero duration switches
// its flag off.
type FlagRules struct {
	MaxAge       time.Duration
	StaleAfter   time.Duration
	StaleUnknown bool // a key whose use the vendor does not tell is stale too
	Expiring     time.Duration
}

// The conditions behind the flags. c is the credential, a its account, p its
// owner, k the rules and the clock.
var flagConditions = map[Flag]string{
	FlagUnmanaged: `NOT c.managed`,
	FlagOverScope: `(c.managed AND NOT coalesce(c.vendor_scopes <@ c.scopes, true) OR NOT c.managed AND c.access <> 'read')`,
	FlagOverAge:   `(k.max_age > '0' AND coalesce(c.vendor_created_at, c.activated_at) <= k.now - k.max_age)`,
	FlagExpiring:  `(k.expiring > '0' AND c.expires_at <= k.now + k.expiring)`,
	FlagStale: `(k.stale_after > '0' AND (c.use_known OR k.stale_unknown)
		AND coalesce(c.last_used_at, c.vendor_created_at, c.activated_at, c.created_at) <= k.now - k.stale_after)`,
	FlagNeverUsed:    `(c.use_known AND c.last_used_at IS NULL)`,
	FlagOwnerLeft:    `(coalesce(NOT p.active, false) OR coalesce(a.is_deleted, false))`,
	FlagOwnerUnknown: `(c.owner_id IS NULL)`,
	FlagMissing:      `(c.missing_since IS NOT NULL)`,
	FlagUnentitled:   `(c.unentitled_since IS NOT NULL)`,
}

func flagColumns() string {
	cases := make([]string, len(Flags))
	for i, f := range Flags {
		cases[i] = fmt.Sprintf("CASE WHEN %s THEN '%s' END", flagConditions[f], f)
	}
	return "array_remove(ARRAY[" + strings.Join(cases, ", ") + "], NULL)"
}

const liveCondition = `c.state NOT IN ('revoked', 'expired', 'issue_failed')`

// InventoryFilter narrows Inventory; the zero value means everything alive.
type InventoryFilter struct {
	IDs        []CredentialID // nil: any
	OwnerID    PersonID
	Connection string
	Kind       string
	Flag       Flag
	State      CredentialState // empty: any
	Service    bool            // only what belongs to a service or to the organisation
	Native     bool            // only what vendors have, not what the gateway honours
	Ended      bool            // also what ended
	Search     string          // in its label, or what its system calls it or its account, whatever the case
	Before     CredentialID
	Limit      int // zero means 50
}

// InventoryRow is a credential with what is to be said about it.
type InventoryRow struct {
	Credential `bun:",extend"`

	FlagList     []string `bun:"flags,array"`
	AccountName  string   `bun:"account_name"`  // of the account at the system
	AccountEmail string   `bun:"account_email"` // verified by the system
	AccountRef   string   `bun:"account_ref"`   // the system's own name for the account
	Service      bool     `bun:"service"`       // the account is not a human's
}

// Has tells whether a flag is up.
func (r InventoryRow) Has(f Flag) bool {
	return slices.Contains(r.FlagList, string(f))
}

func (db *DB) inventory(q *bun.SelectQuery, f InventoryFilter, rules FlagRules) *bun.SelectQuery {
	q = q.Join("LEFT JOIN account a ON a.id = c.account_id").Join("LEFT JOIN person p ON p.id = c.owner_id").
		Join("CROSS JOIN (SELECT latchkey_now() AS now, ?::interval AS max_age, ?::interval AS stale_after, ?::boolean AS stale_unknown, ?::interval AS expiring) k",
			seconds(rules.MaxAge), seconds(rules.StaleAfter), rules.StaleUnknown, seconds(rules.Expiring))
	if f.IDs != nil {
		q = q.Where("c.id IN (?)", bun.List(f.IDs))
	}
	if f.OwnerID != 0 {
		q = q.Where("c.owner_id = ?", f.OwnerID)
	}
	if f.Connection != "" {
		q = q.Where("c.connection = ?", f.Connection)
	}
	if f.Kind != "" {
		q = q.Where("c.kind = ?", f.Kind)
	}
	if f.State != "" {
		q = q.Where("c.state = ?", f.State)
	}
	if f.Service {
		q = q.Where("a.is_service")
	}
	if f.Native {
		q = q.Where("NOT c.brokered")
	}
	if f.Search != "" {
		q = q.Where("strpos(lower(concat_ws(' ', c.label, c.class, c.vendor_ref, a.name, a.email, p.name)), lower(?)) > 0", f.Search)
	}
	if cond, ok := flagConditions[f.Flag]; ok {
		q = q.Where(cond)
	}
	if !f.Ended {
		q = q.Where(liveCondition)
	}
	if f.Before != 0 {
		q = q.Where("c.id < ?", f.Before)
	}
	return q
}

func seconds(d time.Duration) string { return fmt.Sprintf("%d seconds", int64(d/time.Second)) }

// Inventory lists credentials with their flags, newest first.
func (db *DB) Inventory(ctx context.Context, f InventoryFilter, rules FlagRules) ([]InventoryRow, error) {
	if f.IDs != nil && len(f.IDs) == 0 {
		return nil, nil
	}
	var out []InventoryRow
	q := db.inventory(db.bun.NewSelect().Model(&out), f, rules)
	for _, column := range strings.Split(credentialColumns, ",") {
		q = q.ColumnExpr("c." + strings.TrimSpace(column))
	}
	err := q.ColumnExpr(flagColumns() + " AS flags").
		ColumnExpr("coalesce(a.name, '') AS account_name, coalesce(a.email, '') AS account_email, coalesce(a.external_id, '') AS account_ref, coalesce(a.is_service, false) AS service").
		OrderExpr("c.id DESC").Limit(int64(cmp.Or(f.Limit, 50))).Scan(ctx)
	return out, bunErr("list inventory", err)
}

// InventoryCount is how many live credentials a connection has, and how many
// of them have each flag.
type InventoryCount struct {
	Connection string
	Live       int
	ByFlag     map[Flag]int
}

// InventoryCounts counts what is alive, per connection.
func (db *DB) InventoryCounts(ctx context.Context, rules FlagRules) ([]InventoryCount, error) {
	filters := make([]string, len(Flags))
	for i, f := range Flags {
		filters[i] = "count(*) FILTER (WHERE " + flagConditions[f] + ")"
	}
	rows, err := db.pool.Query(ctx, `
		SELECT c.connection, count(*), ARRAY[`+strings.Join(filters, ", ")+`]
		FROM credential c
		LEFT JOIN account a ON a.id = c.account_id
		LEFT JOIN person p ON p.id = c.owner_id
		CROSS JOIN (SELECT latchkey_now() AS now, $1::interval AS max_age, $2::interval AS stale_after, $3::boolean AS stale_unknown, $4::interval AS expiring) k
		WHERE `+liveCondition+`
		GROUP BY c.connection ORDER BY c.connection`, rules.MaxAge, rules.StaleAfter, rules.StaleUnknown, rules.Expiring)
	if err != nil {
		return nil, wrap("count inventory", err)
	}
	var out []InventoryCount
	var name string
	var live int
	var counts []int
	_, err = pgx.ForEachRow(rows, []any{&name, &live, &counts}, func() error {
		c := InventoryCount{name, live, map[Flag]int{}}
		for i, f := range Flags {
			c.ByFlag[f] = counts[i]
		}
		out = append(out, c)
		return nil
	})
	return out, wrap("count inventory", err)
}

// LiveRef names a live credential and its connection.
type LiveRef struct {
	ID         CredentialID
	Connection string
}

// LiveRefs lists everything that is not being ended yet of a person, of a connection, or of both;
// the zero value of either means any. Of a whole connection what belongs to a
// service or to the organisation is left out.
func (db *DB) LiveRefs(ctx context.Context, owner PersonID, connection string) ([]LiveRef, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT c.id, c.connection FROM credential c LEFT JOIN account a ON a.id = c.account_id
		WHERE c.state IN ('issuing', 'active', 'suspended') AND ($1 = 0 OR c.owner_id = $1) AND ($2 = '' OR c.connection = $2)
		  AND ($1 <> 0 OR NOT coalesce(a.is_service, false))
		ORDER BY c.id`, owner, connection)
	if err != nil {
		return nil, wrap("list live credentials", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[LiveRef])
	return out, wrap("list live credentials", err)
}
