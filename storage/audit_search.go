package storage

import (
	"cmp"
	"context"
	"time"
)

// AuditFilter narrows SearchAudit; the zero value is the whole log.
type AuditFilter struct {
	Subject   string // "credential"; empty: any
	SubjectID int64  // zero: any
	Action    string // "credential.revoked", or what it begins with: "credential."
	Person    PersonID
	From, To  time.Time // from From on until, not including, To; zero: no bound
	Before    int64     // events older than this one's ID; zero: the newest
	Limit     int       // zero means 50
}

// AuditRow is an event and where in the tree it is.
type AuditRow struct {
	Event `bun:",extend"`

	Position int64 `bun:"position,scanonly"` // -1 while it has no place yet
	Erased   bool  `bun:"erased,scanonly"`   // its texts were
}

// SearchAudit lists events, newest first. Person finds what somebody did, what
// was done to them, and what happened to their keys and requests.
func (db *DB) SearchAudit(ctx context.Context, f AuditFilter) ([]AuditRow, error) {
	var out []AuditRow
	q := db.bun.NewSelect().Model(&out).
		ColumnExpr("?TableColumns, coalesce(l.position, -1) AS position, l.commitments IS NOT NULL AS erased").
		Join("LEFT JOIN audit_leaf l ON l.event_id = e.id").
		Order("e.id DESC").Limit(int64(cmp.Or(f.Limit, 50)))
	if f.Subject != "" {
		q = q.Where("e.subject = ?", f.Subject)
	}
	if f.SubjectID != 0 {
		q = q.Where("e.subject_id = ?", f.SubjectID)
	}
	if f.Action != "" {
		q = q.Where("starts_with(e.action, ?)", f.Action)
	}
	if f.Person != 0 {
		// Each part by its own index.
		q = q.Where(`e.id IN (
			SELECT id FROM audit_event WHERE actor_id = ?0
			UNION ALL
			SELECT id FROM audit_event WHERE subject = 'person' AND subject_id = ?0
			UNION ALL
			SELECT v.id FROM credential c JOIN audit_event v ON v.subject = 'credential' AND v.subject_id = c.id WHERE c.owner_id = ?0
			UNION ALL
			SELECT v.id FROM request r JOIN audit_event v ON v.subject = 'request' AND v.subject_id = r.id WHERE r.requester_id = ?0)`, f.Person)
	}
	if !f.From.IsZero() {
		q = q.Where("e.at >= ?", f.From)
	}
	if !f.To.IsZero() {
		q = q.Where("e.at < ?", f.To)
	}
	if f.Before != 0 {
		q = q.Where("e.id < ?", f.Before)
	}
	if err := q.Scan(ctx); err != nil {
		return nil, bunErr("search audit log", err)
	}
	for i := range out {
		if e := &out[i]; e.Erased { // nothing vouches for a text that stands there all the same
			e.Actor, e.Before, e.After, e.Reason = "", "", "", ""
		}
	}
	return out, nil
}
