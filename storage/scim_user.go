package storage

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"
)

// SCIMUser is a user that a directory pushed to us.
type SCIMUser struct {
	ID          int64
	Resource    string // what the directory calls it
	PersonID    PersonID
	UserName    string // in lower case
	ExternalID  string
	DisplayName string // the first of it, in lower case
	Emails      []string
	Active      bool
	Body        json.RawMessage
	Version     int64
	CreatedAt   time.Time
	ChangedAt   time.Time
	Groups      json.RawMessage // of the groups that the user is in, value and display
}

const scimUserColumns = `id, resource::text, person_id, user_name, coalesce(external_id, ''), display_name, emails, active, body, version, created_at, changed_at,
	(SELECT json_agg(json_build_object('value', g.resource, 'display', g.body->>'displayName') ORDER BY g.id)
	 FROM scim_member m JOIN scim_group g ON g.id = m.group_id WHERE m.user_id = scim_user.id)`

func (u *SCIMUser) dest() []any {
	return []any{&u.ID, &u.Resource, &u.PersonID, &u.UserName, &u.ExternalID, &u.DisplayName, &u.Emails, &u.Active, &u.Body, &u.Version,
		&u.CreatedAt, &u.ChangedAt, &u.Groups}
}

// SCIMUser reads a user by what the directory calls it.
func (db *DB) SCIMUser(ctx context.Context, resource string) (SCIMUser, error) {
	var u SCIMUser
	if !isResource(resource) {
		return u, ErrNotFound
	}
	err := db.pool.QueryRow(ctx, `SELECT `+scimUserColumns+` FROM scim_user WHERE resource = $1::uuid`, pgx.QueryExecModeCacheStatement, resource).
		Scan(u.dest()...)
	return u, wrap("read scim user", notFound(err))
}

// SCIMUsers lists users in the order in which they came, after one of them and
// without the first few.
func (db *DB) SCIMUsers(ctx context.Context, m SCIMMatch, after int64, offset, limit int) ([]SCIMUser, error) {
	where, args, none := m.where([]any{after, offset, limit})
	if none {
		return nil, nil
	}
	rows, err := db.pool.Query(ctx, `
		SELECT `+scimUserColumns+` FROM scim_user WHERE id > $1 AND `+where+` ORDER BY id OFFSET $2 LIMIT $3`, cached(args)...)
	if err != nil {
		return nil, wrap("list scim users", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (SCIMUser, error) {
		var u SCIMUser
		return u, row.Scan(u.dest()...)
	})
	return out, wrap("list scim users", err)
}

// CountSCIMUsers counts users.
func (db *DB) CountSCIMUsers(ctx context.Context, m SCIMMatch) (int, error) {
	return db.countSCIM(ctx, "scim_user", m)
}

func (db *DB) countSCIM(ctx context.Context, table string, m SCIMMatch) (n int, err error) {
	where, args, none := m.where(nil)
	if none {
		return 0, nil
	}
	err = db.pool.QueryRow(ctx, `SELECT count(*) FROM `+table+` WHERE `+where, cached(args)...).Scan(&n)
	return n, wrap("count "+table, err)
}

// LockSCIMUser reads a user and holds it: to change it, or to end it.
func (t Tx) LockSCIMUser(ctx context.Context, resource string, end bool) (SCIMUser, error) {
	var u SCIMUser
	if !isResource(resource) {
		return u, ErrNotFound
	}
	hold := "NO KEY UPDATE"
	if end {
		// Groups come before users, as they do when members are added.
		_, err := t.exec(ctx, `
			SELECT FROM scim_group
			WHERE id IN (SELECT m.group_id FROM scim_member m JOIN scim_user u ON u.id = m.user_id WHERE u.resource = $1::uuid)
			ORDER BY id FOR NO KEY UPDATE`, resource)
		if err != nil {
			return u, wrap("lock groups of scim user", err)
		}
		hold = "UPDATE"
	}
	err := t.queryRow(ctx, `SELECT `+scimUserColumns+` FROM scim_user WHERE resource = $1::uuid FOR `+hold, []any{resource}, u.dest()...)
	return u, wrap("lock scim user", err)
}

// InsertSCIMUser stores a new user of a person. A TakenError says what of it
// another user has.
func (t Tx) InsertSCIMUser(ctx context.Context, u *SCIMUser) error {
	err := t.queryRow(ctx, `
		INSERT INTO scim_user (person_id, user_name, external_id, display_name, emails, active, body)
		VALUES ($1, $2, nullif($3, ''), $4, $5, $6, $7)
		RETURNING `+scimUserColumns,
		[]any{u.PersonID, u.UserName, u.ExternalID, u.DisplayName, u.Emails, u.Active, u.Body}, u.dest()...)
	return wrap("insert scim user", taken(err))
}

// UpdateSCIMUser stores what changed of a user, as its next version.
func (t Tx) UpdateSCIMUser(ctx context.Context, u *SCIMUser) error {
	err := t.queryRow(ctx, `
		UPDATE scim_user
		SET user_name = $2, external_id = nullif($3, ''), display_name = $4, emails = $5, active = $6, body = $7, version = version + 1,
		    changed_at = latchkey_now()
		WHERE id = $1
		RETURNING `+scimUserColumns,
		[]any{u.ID, u.UserName, u.ExternalID, u.DisplayName, u.Emails, u.Active, u.Body}, u.dest()...)
	return wrap("update scim user", taken(err))
}

// DeleteSCIMUser takes a user out of its groups and removes it; the person
// stays. Lost says that the person is in a group less.
func (t Tx) DeleteSCIMUser(ctx context.Context, u SCIMUser, by Actor) (lost bool, err error) {
	err = t.queryRow(ctx, `
		WITH mine AS (
			SELECT m.group_id, g.source, g.body->>'displayName' AS name
			FROM scim_member m JOIN scim_group g ON g.id = m.group_id
			WHERE m.user_id = $1
		), gone AS (
			DELETE FROM scim_member WHERE user_id = $1
		), bumped AS (
			UPDATE scim_group SET version = version + 1, changed_at = latchkey_now() WHERE id IN (SELECT group_id FROM mine)
		), parted AS (
			DELETE FROM group_member gm
			USING mine
			WHERE gm.source = mine.source
			  AND gm.person_id = $2
			  AND NOT EXISTS (
			      SELECT FROM scim_member m JOIN scim_user u ON u.id = m.user_id
			      WHERE m.group_id = mine.group_id AND u.person_id = $2 AND u.id <> $1)
			RETURNING gm.source
		), told AS (
			INSERT INTO audit_event (actor_id, account_id, actor, action, subject, subject_id, before, reason, ref)
			SELECT nullif($3, 0), nullif($4, 0), $5, 'group.member_removed', 'group', group_id, $2::text, name, $6 FROM mine
		)
		SELECT EXISTS (SELECT FROM parted)`,
		[]any{u.ID, int64(u.PersonID), int64(by.PersonID), int64(by.AccountID), by.Name, by.Ref}, &lost)
	if err != nil {
		return false, wrap("take scim user out of groups", err)
	}
	n, err := t.exec(ctx, `DELETE FROM scim_user WHERE id = $1`, u.ID)
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	return lost, wrap("delete scim user", err)
}
