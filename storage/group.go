package storage

import (
	"context"
	"fmt"
	"time"
)

// SetGroupMembers replaces the known members of a group that lives elsewhere
// ("slack:S0ITADMIN"). Who stays keeps the time they joined.
func (t Tx) SetGroupMembers(ctx context.Context, source string, members []PersonID) error {
	if members == nil {
		members = []PersonID{}
	}
	_, err := t.exec(ctx, `
		INSERT INTO group_source (source, refreshed_at) VALUES ($1, clock_timestamp())
		ON CONFLICT (source) DO UPDATE SET refreshed_at = excluded.refreshed_at, problem = NULL`, source)
	if err != nil {
		return fmt.Errorf("save group: %w", err)
	}
	if _, err := t.exec(ctx, `DELETE FROM group_member WHERE source = $1 AND person_id <> ALL($2)`, source, members); err != nil {
		return fmt.Errorf("drop group members: %w", err)
	}
	_, err = t.exec(ctx, `
		INSERT INTO group_member (source, person_id) SELECT $1, unnest($2::bigint[])
		ON CONFLICT DO NOTHING`, source, members)
	return wrap("add group members", err)
}

// SetGroupProblem records why a group could not be read. Its members stay as
// they were known; the age of that knowledge is what eligibility looks at.
func (db *DB) SetGroupProblem(ctx context.Context, source, problem string) error {
	_, err := db.pool.Exec(ctx, `
		INSERT INTO group_source (source, refreshed_at, problem) VALUES ($1, '-infinity', $2)
		ON CONFLICT (source) DO UPDATE SET problem = excluded.problem`, source, problem)
	return wrap("save group problem", err)
}

// GroupSource is what is known of a group that lives elsewhere.
type GroupSource struct {
	Source  string
	Age     time.Duration // since the members were last read in full
	Problem string        // why the last try failed, or empty
	Members []PersonID
}

// GroupSources reads groups by source; unknown ones are absent.
func (t Tx) GroupSources(ctx context.Context, sources []string) (map[string]GroupSource, error) {
	out := map[string]GroupSource{}
	var g GroupSource
	var seconds float64
	err := t.each(ctx, `
		SELECT s.source, CASE WHEN isfinite(s.refreshed_at) THEN extract(epoch FROM clock_timestamp() - s.refreshed_at) ELSE 1e9 END::float8, coalesce(s.problem, ''),
		       coalesce(array_agg(m.person_id) FILTER (WHERE m.person_id IS NOT NULL), '{}')
		FROM group_source s LEFT JOIN group_member m USING (source)
		WHERE s.source = ANY($1) GROUP BY s.source`,
		[]any{sources}, []any{&g.Source, &seconds, &g.Problem, &g.Members}, func() {
			g.Age = time.Duration(seconds * float64(time.Second))
			out[g.Source] = g
			g.Members = nil
		})
	return out, wrap("read groups", err)
}

// PeopleByEmail resolves a configured list of members; unknown addresses are
// absent.
func (t Tx) PeopleByEmail(ctx context.Context, emails []string) (map[string]PersonID, error) {
	out := map[string]PersonID{}
	var email string
	var id PersonID
	err := t.each(ctx, `SELECT email, id FROM person WHERE email = ANY($1)`, []any{emails}, []any{&email, &id},
		func() { out[email] = id })
	return out, wrap("read people by e-mail", err)
}
