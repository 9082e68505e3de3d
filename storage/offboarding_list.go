package storage

import "context"

// OffboardingPage lists cases, the newest first and older than one: of one
// person, or all; only those under way if open.
func (db *DB) OffboardingPage(ctx context.Context, person PersonID, open bool, before OffboardingID, limit int) ([]Offboarding, error) {
	return db.offboardings(ctx, `($1 = 0 OR person_id = $1) AND (NOT $2 OR state IN ('held', 'open')) AND ($3 = 0 OR id < $3) ORDER BY id DESC LIMIT $4`,
		person, open, before, limit)
}
