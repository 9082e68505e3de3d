package storage

import (
	"context"
	"fmt"
)

// SetGroupMembers replaces the known members of a group that lives elsewhere
// ("slack:S0ITADMIN"), and returns who is none any more. Who stays keeps the
// time they joined.
func (t Tx) SetGroupMembers(ctx context.Context, source string, members []PersonID) (lost []PersonID, err error) {
	if members == nil {
		members = []PersonID{}
	}
	_, err = t.exec(ctx, `
		INSERT INTO group_source (source, refreshed_at) VALUES ($1, clock_timestamp())
		ON CONFLICT (source) DO UPDATE SET refreshed_at = excluded.refreshed_at, problem = NULL`, source)
	if err != nil {
		return nil, fmt.Errorf("save group: %w", err)
	}
	var id PersonID
	err = t.each(ctx, `DELETE FROM group_member WHERE source = $1 AND person_id <> ALL($2) RETURNING person_id`, []any{source, members},
		[]any{&id}, func() { lost = append(lost, id) })
	if err != nil {
		return nil, fmt.Errorf("drop group members: %w", err)
	}
	_, err = t.exec(ctx, `
		INSERT INTO group_member (source, person_id) SELECT $1, unnest($2::bigint[])
		ON CONFLICT DO NOTHING`, source, members)
	return lost, wrap("add group members", err)
}

// SetGroupProblem records why a group could not be read. Its members stay as
// they were known; the age of that knowledge is what eligibility looks at.
func (db *DB) SetGroupProblem(ctx context.Context, source, problem string) error {
	_, err := db.pool.Exec(ctx, `
		INSERT INTO group_source (source, refreshed_at, problem) VALUES ($1, '-infinity', $2)
		ON CONFLICT (source) DO UPDATE SET problem = excluded.problem`, source, problem)
	return wrap("save group problem", err)
}
