package storage

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Erasable is how much of the log is about a person.
type Erasable struct {
	Events  int64 // that have texts to erase
	Erased  int64 // whose texts were erased before
	Waiting int64 // that have no place in the tree yet: their turn comes when they do
}

// AuditErasable counts the events by a person, about them, and about their
// credentials and requests.
func (db *DB) AuditErasable(ctx context.Context, id PersonID) (Erasable, error) {
	var n Erasable
	err := db.pool.QueryRow(ctx, `
		SELECT count(*) FILTER (WHERE l.salt IS NOT NULL), count(*) FILTER (WHERE l.commitments IS NOT NULL), count(*) FILTER (WHERE l.position IS NULL)
		FROM audit_about($1) a (id)
		JOIN audit_event e ON e.id = a.id
		LEFT JOIN audit_leaf l ON l.event_id = a.id
		WHERE e.action <> 'person.erased'`, pgx.QueryExecModeCacheStatement, id).Scan(&n.Events, &n.Erased, &n.Waiting)
	return n, wrap("count audit events about a person", err)
}

// EraseAudit erases the texts of up to limit of the events that AuditErasable
// counts; the database itself records that and why with them. It returns how
// many; call it until it is none. What was erased stays in the tree as
// commitments, so every proof holds. It can't be undone.
func (t Tx) EraseAudit(ctx context.Context, id PersonID, by Actor, reason string, limit int) (int64, error) {
	var n int64
	err := t.queryRow(ctx, `SELECT audit_erase($1, $2, nullif($3, 0), nullif($4, 0), $5, $6, $7)`,
		[]any{id, limit, by.PersonID, by.AccountID, by.Name, by.Ref, reason}, &n)
	return n, wrap("erase audit texts", err)
}

// PersonByEmail finds a person by an e-mail address: theirs, or that of one of
// their accounts. ErrNotFound for nobody, ErrDuplicate for more than one.
func (db *DB) PersonByEmail(ctx context.Context, email string) (Person, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT id FROM person WHERE email = lower($1)
		UNION
		SELECT person_id FROM account WHERE email = lower($1) AND person_id IS NOT NULL
		LIMIT 2`, email)
	if err != nil {
		return Person{}, wrap("find person by e-mail", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[PersonID])
	if err != nil {
		return Person{}, wrap("find person by e-mail", err)
	}
	switch len(ids) {
	case 0:
		return Person{}, ErrNotFound
	case 1:
		all, err := db.People(ctx, ids...)
		return all[ids[0]], err
	}
	return Person{}, ErrDuplicate
}
