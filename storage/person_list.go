package storage

import (
	"cmp"
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"
)

// PersonFilter narrows PeopleBy; the zero value is everybody.
type PersonFilter struct {
	Email  string // lower case
	Active *bool
	Before PersonID
	Limit  int // zero means 50
}

// PeopleBy lists people, the newest first.
func (db *DB) PeopleBy(ctx context.Context, f PersonFilter) ([]Person, error) {
	var out []Person
	q := db.bun.NewSelect().Model(&out).Order("id DESC").Limit(int64(cmp.Or(f.Limit, 50)))
	if f.Email != "" {
		q = q.Where("email = ?", f.Email)
	}
	if f.Active != nil {
		q = q.Where("active = ?", *f.Active)
	}
	if f.Before != 0 {
		q = q.Where("id < ?", f.Before)
	}
	return out, bunErr("list people", q.Scan(ctx))
}

// AccountsOf lists the accounts of people, in every system, oldest first.
func (db *DB) AccountsOf(ctx context.Context, ids ...PersonID) ([]Account, error) {
	var out []Account
	if len(ids) == 0 {
		return nil, nil
	}
	err := db.bun.NewSelect().Model(&out).Where("person_id IN (?)", bun.List(ids)).Order("id").Scan(ctx)
	return out, bunErr("read accounts", err)
}

// CountHeld counts, for each of these people, the credentials of theirs that
// may still give access. Who holds none is absent.
func (db *DB) CountHeld(ctx context.Context, ids []PersonID) (map[PersonID]int, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT c.owner_id, count(*)
		FROM credential c
		WHERE c.owner_id = ANY($1)
		  AND `+liveCondition+`
		GROUP BY c.owner_id`, pgx.QueryExecModeCacheStatement, ids)
	if err != nil {
		return nil, wrap("count what people hold", err)
	}
	out := map[PersonID]int{}
	var id PersonID
	var n int
	_, err = pgx.ForEachRow(rows, []any{&id, &n}, func() error { out[id] = n; return nil })
	return out, wrap("count what people hold", err)
}
