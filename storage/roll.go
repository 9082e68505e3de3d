package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Roll is who is in some groups, and how those people stand.
type Roll struct {
	Sources  map[string]GroupSource // of groups that live elsewhere; unknown ones are absent
	ByEmail  map[string]PersonID    // of groups that are lists; unknown addresses are absent
	Standing map[PersonID]Standing  // of everybody in them, and of those asked for besides
}

// GroupSource is what is known of a group that lives elsewhere.
type GroupSource struct {
	Source  string
	Age     time.Duration // since the members were last read in full
	Problem string        // why the last try failed, or empty
	Members []PersonID
}

const (
	sourcesQuery = `
	SELECT s.source, CASE WHEN isfinite(s.refreshed_at) THEN extract(epoch FROM clock_timestamp() - s.refreshed_at) ELSE 1e9 END::float8, coalesce(s.problem, ''),
	       coalesce(array_agg(m.person_id) FILTER (WHERE m.person_id IS NOT NULL), '{}')
	FROM group_source s LEFT JOIN group_member m USING (source)
	WHERE s.source = ANY($1) GROUP BY s.source`
	listedPeopleQuery = `SELECT email, id FROM person WHERE email = ANY($1)`
	rollQuery         = standingQuery + `
	WHERE p.id IN (
		SELECT unnest($3::bigint[])
		UNION SELECT person_id FROM group_member WHERE source = ANY($1)
		UNION SELECT id FROM person WHERE email = ANY($2))`
)

// Roll reads groups by source, lists of members by e-mail address, and the
// standing of everybody in them and of others besides, in one round trip:
// every vote waits for it.
func (t Tx) Roll(ctx context.Context, sources, emails []string, others []PersonID) (Roll, error) {
	out := Roll{Sources: map[string]GroupSource{}, ByEmail: map[string]PersonID{}, Standing: map[PersonID]Standing{}}
	err := t.PGX(func(p pgx.Tx) error {
		var b pgx.Batch
		for _, q := range []struct {
			text string
			args []any
		}{{sourcesQuery, []any{sources}}, {listedPeopleQuery, []any{emails}}, {rollQuery, []any{sources, emails, others}}} {
			if _, err := p.Conn().Prepare(ctx, q.text, q.text); err != nil { // a look in a map, once prepared
				return fmt.Errorf("prepare: %w", err)
			}
			b.Queue(q.text, q.args...)
		}
		res := p.Conn().SendBatch(ctx, &b)
		defer func() { _ = res.Close() }()
		if err := out.read(res); err != nil {
			return err
		}
		return res.Close()
	})
	return out, wrap("read roll", err)
}

func (r *Roll) read(res pgx.BatchResults) error {
	var g GroupSource
	var seconds float64
	if err := eachRow(res, []any{&g.Source, &seconds, &g.Problem, &g.Members}, func() {
		g.Age = time.Duration(seconds * float64(time.Second))
		r.Sources[g.Source] = g
		g.Members = nil
	}); err != nil {
		return err
	}
	var email string
	var id PersonID
	if err := eachRow(res, []any{&email, &id}, func() { r.ByEmail[email] = id }); err != nil {
		return err
	}
	var s Standing
	return eachRow(res, []any{&s.PersonID, &s.Email, &s.Name, &s.Active}, func() { r.Standing[s.PersonID] = s })
}

// eachRow reads the next result of a batch.
func eachRow(res pgx.BatchResults, dest []any, fn func()) error {
	rows, err := res.Query()
	if err != nil {
		return err
	}
	_, err = pgx.ForEachRow(rows, dest, func() error { fn(); return nil })
	return err
}
