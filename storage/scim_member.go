package storage

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// SCIMMember is a user in a group.
type SCIMMember struct {
	Group    int64
	Resource string
	Display  string // the user's displayName, or userName
}

// SCIMMembers lists the members of groups, in the order in which the users
// came.
func (db *DB) SCIMMembers(ctx context.Context, groups ...int64) (map[int64][]SCIMMember, error) {
	out := map[int64][]SCIMMember{}
	if len(groups) == 0 {
		return out, nil
	}
	rows, err := db.pool.Query(ctx, scimMembersQuery, pgx.QueryExecModeCacheStatement, groups)
	if err != nil {
		return nil, wrap("list scim members", err)
	}
	var m SCIMMember
	_, err = pgx.ForEachRow(rows, []any{&m.Group, &m.Resource, &m.Display}, func() error { out[m.Group] = append(out[m.Group], m); return nil })
	return out, wrap("list scim members", err)
}

const scimMembersQuery = `
	SELECT m.group_id, u.resource::text, coalesce(u.body->>'displayName', u.body->>'userName', '')
	FROM scim_member m JOIN scim_user u ON u.id = m.user_id
	WHERE m.group_id = ANY($1)
	ORDER BY m.group_id, u.id`

// SCIMMembers lists the members of a group within the transaction.
func (t Tx) SCIMMembers(ctx context.Context, g SCIMGroup) ([]SCIMMember, error) {
	var out []SCIMMember
	var m SCIMMember
	err := t.each(ctx, scimMembersQuery, []any{[]int64{g.ID}}, []any{&m.Group, &m.Resource, &m.Display}, func() { out = append(out, m) })
	return out, wrap("list scim members", err)
}

// AddSCIMMembers puts users into a group, each with its event. Unknown is how
// many of them there are not. The group has to be locked.
func (t Tx) AddSCIMMembers(ctx context.Context, g SCIMGroup, users []string, by Actor) (added, unknown int, err error) {
	ids := resources(users)
	distinct := map[string]bool{}
	for _, id := range users {
		distinct[id] = true
	}
	var known int
	err = t.queryRow(ctx, `
		WITH wanted AS (
			SELECT id, person_id FROM scim_user WHERE resource = ANY($2::uuid[]) ORDER BY id FOR SHARE
		), added AS (
			INSERT INTO scim_member (group_id, user_id) SELECT $1, id FROM wanted ON CONFLICT DO NOTHING RETURNING user_id
		), joined AS (
			INSERT INTO group_member (source, person_id)
			SELECT DISTINCT $3, w.person_id FROM wanted w JOIN added a ON a.user_id = w.id
			ON CONFLICT DO NOTHING
		), told AS (
			INSERT INTO audit_event (actor_id, account_id, actor, action, subject, subject_id, after, reason, ref)
			SELECT nullif($4, 0), nullif($5, 0), $6, 'group.member_added', 'group', $1, w.person_id::text, $8, $7
			FROM wanted w JOIN added a ON a.user_id = w.id
		)
		SELECT (SELECT count(*) FROM wanted), (SELECT count(*) FROM added)`,
		[]any{g.ID, ids, g.Source, int64(by.PersonID), int64(by.AccountID), by.Name, by.Ref, g.name()}, &known, &added)
	return added, len(distinct) - known, wrap("add scim members", err)
}

// RemoveSCIMMembers takes users out of a group, or all but them, each with its
// event. Lost are the persons who are not in the group any more. The group has
// to be locked.
func (t Tx) RemoveSCIMMembers(ctx context.Context, g SCIMGroup, users []string, allBut bool, by Actor) (removed int, lost []PersonID, err error) {
	err = t.queryRow(ctx, `
		WITH chosen AS (
			SELECT m.user_id, u.person_id
			FROM scim_member m JOIN scim_user u ON u.id = m.user_id
			WHERE m.group_id = $1
			  AND CASE WHEN $3 THEN u.resource <> ALL($2::uuid[]) ELSE u.resource = ANY($2::uuid[]) END
		), gone AS (
			DELETE FROM scim_member m USING chosen c WHERE m.group_id = $1 AND m.user_id = c.user_id RETURNING m.user_id
		), parted AS (
			DELETE FROM group_member gm
			WHERE gm.source = $4
			  AND gm.person_id IN (SELECT person_id FROM chosen)
			  AND NOT EXISTS (
			      SELECT FROM scim_member m JOIN scim_user u ON u.id = m.user_id
			      WHERE m.group_id = $1 AND u.person_id = gm.person_id AND m.user_id NOT IN (SELECT user_id FROM chosen))
			RETURNING gm.person_id
		), told AS (
			INSERT INTO audit_event (actor_id, account_id, actor, action, subject, subject_id, before, reason, ref)
			SELECT nullif($5, 0), nullif($6, 0), $7, 'group.member_removed', 'group', $1, c.person_id::text, $9, $8
			FROM chosen c JOIN gone USING (user_id)
		)
		SELECT (SELECT count(*) FROM gone), coalesce((SELECT array_agg(person_id) FROM parted), '{}')`,
		[]any{g.ID, resources(users), allBut, g.Source, int64(by.PersonID), int64(by.AccountID), by.Name, by.Ref, g.name()}, &removed, &lost)
	return removed, lost, wrap("remove scim members", err)
}

// name is the group as the events call it.
func (g SCIMGroup) name() string {
	const prefix = "scim:"
	return g.Source[min(len(prefix), len(g.Source)):]
}
