package storage

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"
)

// SCIMGroup is a group that a directory pushed to us. Its members are apart.
type SCIMGroup struct {
	ID          int64
	Resource    string
	DisplayName string // in lower case
	Source      string // of its members' persons
	ExternalID  string
	Body        json.RawMessage
	Version     int64
	CreatedAt   time.Time
	ChangedAt   time.Time
}

const scimGroupColumns = `id, resource::text, display_name, source, coalesce(external_id, ''), body, version, created_at, changed_at`

func (g *SCIMGroup) dest() []any {
	return []any{&g.ID, &g.Resource, &g.DisplayName, &g.Source, &g.ExternalID, &g.Body, &g.Version, &g.CreatedAt, &g.ChangedAt}
}

// SCIMGroup reads a group by what the directory calls it.
func (db *DB) SCIMGroup(ctx context.Context, resource string) (SCIMGroup, error) {
	var g SCIMGroup
	if !isResource(resource) {
		return g, ErrNotFound
	}
	err := db.pool.QueryRow(ctx, `SELECT `+scimGroupColumns+` FROM scim_group WHERE resource = $1::uuid`, pgx.QueryExecModeCacheStatement, resource).
		Scan(g.dest()...)
	return g, wrap("read scim group", notFound(err))
}

// SCIMGroups lists groups as SCIMUsers does users.
func (db *DB) SCIMGroups(ctx context.Context, m SCIMMatch, after int64, offset, limit int) ([]SCIMGroup, error) {
	where, args, none := m.where([]any{after, offset, limit})
	if none {
		return nil, nil
	}
	rows, err := db.pool.Query(ctx, `
		SELECT `+scimGroupColumns+` FROM scim_group WHERE id > $1 AND `+where+` ORDER BY id OFFSET $2 LIMIT $3`, cached(args)...)
	if err != nil {
		return nil, wrap("list scim groups", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (SCIMGroup, error) {
		var g SCIMGroup
		return g, row.Scan(g.dest()...)
	})
	return out, wrap("list scim groups", err)
}

// CountSCIMGroups counts groups.
func (db *DB) CountSCIMGroups(ctx context.Context, m SCIMMatch) (int, error) {
	return db.countSCIM(ctx, "scim_group", m)
}

// LockSCIMGroup reads a group and holds it.
func (t Tx) LockSCIMGroup(ctx context.Context, resource string) (SCIMGroup, error) {
	var g SCIMGroup
	if !isResource(resource) {
		return g, ErrNotFound
	}
	err := t.queryRow(ctx, `SELECT `+scimGroupColumns+` FROM scim_group WHERE resource = $1::uuid FOR NO KEY UPDATE`, []any{resource}, g.dest()...)
	return g, wrap("lock scim group", err)
}

// InsertSCIMGroup stores a new group, with no members. A TakenError says what
// of it another group has.
func (t Tx) InsertSCIMGroup(ctx context.Context, g *SCIMGroup) error {
	err := t.queryRow(ctx, `
		INSERT INTO scim_group (display_name, source, external_id, body) VALUES ($1, $2, nullif($3, ''), $4)
		RETURNING `+scimGroupColumns, []any{g.DisplayName, g.Source, g.ExternalID, g.Body}, g.dest()...)
	if err != nil {
		return wrap("insert scim group", taken(err))
	}
	_, err = t.SetGroupMembers(ctx, g.Source, nil)
	return err
}

// UpdateSCIMGroup stores what changed of a group, as its next version. With
// another source the members move there; who lost the group of the old name is
// returned.
func (t Tx) UpdateSCIMGroup(ctx context.Context, g *SCIMGroup, from string) (lost []PersonID, err error) {
	err = t.queryRow(ctx, `
		WITH seen AS (
			UPDATE group_source SET refreshed_at = clock_timestamp(), problem = NULL WHERE source = $3
		)
		UPDATE scim_group
		SET display_name = $2, source = $3, external_id = nullif($4, ''), body = $5, version = version + 1, changed_at = latchkey_now()
		WHERE id = $1
		RETURNING `+scimGroupColumns, []any{g.ID, g.DisplayName, g.Source, g.ExternalID, g.Body}, g.dest()...)
	if err != nil {
		return nil, wrap("update scim group", taken(err))
	}
	if g.Source == from {
		return nil, nil
	}
	if lost, err = t.SetGroupMembers(ctx, g.Source, nil); err != nil {
		return nil, err
	}
	var id PersonID
	err = t.each(ctx, `UPDATE group_member SET source = $2 WHERE source = $1 RETURNING person_id`, []any{from, g.Source}, []any{&id},
		func() { lost = append(lost, id) })
	if err != nil {
		return nil, wrap("move members", err)
	}
	_, err = t.exec(ctx, `DELETE FROM group_source WHERE source = $1`, from)
	return lost, wrap("drop old source", err)
}

// DeleteSCIMGroup removes a group; who was in it is returned.
func (t Tx) DeleteSCIMGroup(ctx context.Context, g SCIMGroup) (lost []PersonID, err error) {
	var id PersonID
	err = t.each(ctx, `DELETE FROM group_member WHERE source = $1 RETURNING person_id`, []any{g.Source}, []any{&id}, func() { lost = append(lost, id) })
	if err != nil {
		return nil, wrap("drop members", err)
	}
	if _, err := t.exec(ctx, `DELETE FROM group_source WHERE source = $1`, g.Source); err != nil {
		return nil, wrap("drop source", err)
	}
	_, err = t.exec(ctx, `DELETE FROM scim_group WHERE id = $1`, g.ID)
	return lost, wrap("delete scim group", err)
}
