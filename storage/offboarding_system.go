package storage

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// OffboardingSystem is how far a system is.
type OffboardingSystem struct {
	Connection   string
	Passes       int       // whole listings in a row that show nothing
	CleanAt      time.Time // zero: not yet
	WaivedName   string    // who says that it need not be shown
	WaivedReason string
	WaivedAt     time.Time
	Problem      string // of its latest listing
}

// Clean tells whether the system keeps the case from closing no more.
func (s OffboardingSystem) Clean() bool { return s.CleanAt.Year() > 1 || s.WaivedAt.Year() > 1 }

// OffboardingSystems reads how far the systems of a case are, by name.
func (db *DB) OffboardingSystems(ctx context.Context, id OffboardingID) ([]OffboardingSystem, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT s.connection, s.passes, coalesce(s.clean_at, '0001-01-01 00:00Z'), s.waived_name, s.waived_reason,
		       coalesce(s.waived_at, '0001-01-01 00:00Z'), c.sync_problem
		FROM offboarding_system s JOIN connection c ON c.name = s.connection WHERE s.offboarding_id = $1 ORDER BY s.connection`,
		pgx.QueryExecModeCacheStatement, id)
	if err != nil {
		return nil, wrap("read offboarding systems", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[OffboardingSystem])
	return out, wrap("read offboarding systems", err)
}

// WaiveSystem notes that somebody answers for a system that can't show that
// nothing is left, with the audit row; false when it needs none, or is none of
// the case.
func (t Tx) WaiveSystem(ctx context.Context, id OffboardingID, connection string, by Actor, reason string) (bool, error) {
	n, err := t.exec(ctx, `
		UPDATE offboarding_system SET waived_by = $3, waived_name = $4, waived_reason = $5, waived_at = latchkey_now()
		WHERE offboarding_id = $1 AND connection = $2 AND clean_at IS NULL AND waived_at IS NULL`, id, connection, by.PersonID, by.Name, reason)
	if err != nil || n == 0 {
		return false, wrap("waive offboarding system", err)
	}
	return true, t.Record(ctx, by, Event{Action: "offboarding.waived", Subject: SubjectOffboarding, SubjectID: int64(id), After: connection, Reason: reason})
}

// CasesAt locks, by key and after one, the open cases that wait for a system
// and began before a walk of it did.
func (t Tx) CasesAt(ctx context.Context, connection string, began time.Time, after OffboardingID, limit int) ([]Offboarding, error) {
	var out []Offboarding
	var o Offboarding
	err := t.each(ctx, `
		SELECT `+offboardingColumns+` FROM offboarding
		WHERE state = 'open' AND listed AND began_at <= $2 AND id > $3
		  AND id IN (SELECT offboarding_id FROM offboarding_system WHERE connection = $1 AND clean_at IS NULL AND waived_at IS NULL)
		ORDER BY id LIMIT $4 FOR UPDATE`, []any{connection, began, after, limit}, o.dest(), func() { out = append(out, o) })
	return out, wrap("find cases of a system", err)
}

// Resurfaced lists the closed cases of people who are still gone and of whom a
// system shows something alive again.
func (t Tx) Resurfaced(ctx context.Context, connection string, began time.Time, limit int) ([]OffboardingID, error) {
	var out []OffboardingID
	var o OffboardingID
	err := t.each(ctx, `
		SELECT o.id FROM offboarding o JOIN person p ON p.id = o.person_id AND NOT p.active
		WHERE o.state = 'closed' AND o.began_at <= $2 AND o.id = (SELECT max(l.id) FROM offboarding l WHERE l.person_id = o.person_id)
		  AND EXISTS (
		        SELECT FROM credential c LEFT JOIN account a ON a.id = c.account_id
		        WHERE c.owner_id = o.person_id AND c.connection = $1 AND NOT c.brokered AND c.state IN ('active', 'suspended')
		          AND NOT coalesce(a.is_service, false)
		          AND NOT EXISTS (SELECT FROM offboarding_item i WHERE i.offboarding_id = o.id AND i.credential_id = c.id AND i.waived_at IS NOT NULL))
		ORDER BY o.id LIMIT $3`, []any{connection, began, limit}, []any{&o}, func() { out = append(out, o) })
	return out, wrap("find cases to open again", err)
}

// SoilSystem takes back that a system of a case is clean.
func (t Tx) SoilSystem(ctx context.Context, id OffboardingID, connection string) error {
	_, err := t.exec(ctx, `
		INSERT INTO offboarding_system (offboarding_id, connection) VALUES ($1, $2)
		ON CONFLICT (offboarding_id, connection) DO UPDATE
		SET passes = 0, clean_at = NULL, waived_by = NULL, waived_name = '', waived_reason = '', waived_at = NULL`, id, connection)
	return wrap("note that a system is not clean", err)
}

// Left is what a walk of a system left of one case.
type Left struct {
	Alive  []CredentialID // nobody is ending them
	Ending bool           // something is not proven dead yet
}

// LeftAt tells what a walk of a system left of cases. Strays are rows at their
// end of which the system shows something all the same. Of whoever is back by
// now only what the case knows counts.
func (t Tx) LeftAt(ctx context.Context, connection string, cases []OffboardingID, strays []CredentialID) (map[OffboardingID]Left, error) {
	out := map[OffboardingID]Left{}
	var o OffboardingID
	var c CredentialID
	var alive bool
	err := t.each(ctx, `
		SELECT o.id, c.id, c.state IN ('issuing', 'active', 'suspended')
		FROM offboarding o
		JOIN person p ON p.id = o.person_id
		JOIN credential c ON c.owner_id = o.person_id AND c.connection = $1 AND NOT c.brokered
		LEFT JOIN account a ON a.id = c.account_id
		LEFT JOIN offboarding_item i ON i.offboarding_id = o.id AND i.credential_id = c.id
		WHERE o.id = ANY($2) AND NOT coalesce(a.is_service, false) AND i.waived_at IS NULL AND (NOT p.active OR i.credential_id IS NOT NULL)
		  AND (c.state NOT IN ('revoked', 'expired', 'issue_failed') OR c.id = ANY($3))
		ORDER BY o.id, c.id`, []any{connection, cases, strays}, []any{&o, &c, &alive}, func() {
		left := out[o]
		if alive {
			left.Alive = append(left.Alive, c)
		} else {
			left.Ending = true
		}
		out[o] = left
	})
	return out, wrap("find what is left at a system", err)
}

// PassSystem notes a whole listing of a system that showed nothing, or that it
// did; two in a row make it clean. It returns the cases that became so.
func (t Tx) PassSystem(ctx context.Context, ids []OffboardingID, connection string, clean bool) ([]OffboardingID, error) {
	var out []OffboardingID
	var o OffboardingID
	var now bool
	err := t.each(ctx, `
		WITH passed AS (
			UPDATE offboarding_system
			SET passes = CASE WHEN $3 THEN passes + 1 ELSE 0 END, clean_at = CASE WHEN $3 AND passes >= 1 THEN latchkey_now() END
			WHERE offboarding_id = ANY($1) AND connection = $2 AND clean_at IS NULL
			RETURNING offboarding_id, clean_at
		), touched AS (
			UPDATE offboarding SET version = version + 1 WHERE id IN (SELECT offboarding_id FROM passed)
		)
		SELECT offboarding_id, clean_at IS NOT NULL FROM passed ORDER BY 1`, []any{ids, connection, clean}, []any{&o, &now}, func() {
		if now {
			out = append(out, o)
		}
	})
	return out, wrap("note pass", err)
}

// Unaccounted counts what keeps a case from closing: systems that are not
// clean, and items without an end, a fence, a new owner or a waiver.
func (t Tx) Unaccounted(ctx context.Context, id OffboardingID) (systems, items int, err error) {
	err = t.queryRow(ctx, `
		SELECT (SELECT count(*) FROM offboarding_system WHERE offboarding_id = $1 AND clean_at IS NULL AND waived_at IS NULL),
		       (SELECT count(*) FROM offboarding_item i JOIN credential c ON c.id = i.credential_id WHERE i.offboarding_id = $1 AND `+unaccounted+`)`,
		[]any{id}, &systems, &items)
	return systems, items, wrap("count what is not accounted for", err)
}

// WalkNext lists the systems of an open case that have to be listed for it: not
// clean, and with nothing of the case that is still being ended there.
func (db *DB) WalkNext(ctx context.Context, id OffboardingID) ([]string, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT s.connection FROM offboarding_system s JOIN offboarding o ON o.id = s.offboarding_id AND o.state = 'open' AND o.listed
		WHERE s.offboarding_id = $1 AND s.clean_at IS NULL AND s.waived_at IS NULL
		  AND NOT EXISTS (
		        SELECT FROM offboarding_item i JOIN credential c ON c.id = i.credential_id AND c.connection = s.connection
		        WHERE i.offboarding_id = $1 AND i.sort = 'own' AND i.waived_at IS NULL AND c.state IN ('issuing', 'revoking', 'revoke_failed'))
		ORDER BY s.connection`, pgx.QueryExecModeCacheStatement, id)
	if err != nil {
		return nil, wrap("find systems to list for a case", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return out, wrap("find systems to list for a case", err)
}
