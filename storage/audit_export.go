package storage

import (
	"context"
	"errors"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"latchkey/storage/auditlog"
)

// ErrNoCheckpoint is a log in which nothing has its place yet.
var ErrNoCheckpoint = errors.New("the audit log has no checkpoint yet; it gets its first within seconds of the service's first start")

// AuditRange says what to export. The zero value is everything.
type AuditRange struct {
	From, To time.Time // what happened from From on until, not including, To; zero: no bound
	Older    string    // a checkpoint that the export has to prove it extends; empty: none
}

// AuditHeader begins an export. The same range brings the same header, as long
// as To is older than a transaction may last: the tree is that of the first
// checkpoint that covers it.
func (db *DB) AuditHeader(ctx context.Context, r AuditRange) (auditlog.Header, error) {
	latest, err := db.LatestCheckpoint(ctx)
	if errors.Is(err, ErrNotFound) {
		err = ErrNoCheckpoint
	}
	if err != nil {
		return auditlog.Header{}, err
	}
	from, to := int64(0), latest.Size
	if !r.To.IsZero() {
		from, to, err = db.AuditSpans(ctx, r.From, r.To)
	} else if !r.From.IsZero() {
		from, to, err = db.AuditSpans(ctx, r.From, endOfTime)
	}
	if err != nil {
		return auditlog.Header{}, err
	}
	return db.HeaderOf(ctx, from, to, r.Older)
}

// endOfTime is later than all that happens.
var endOfTime = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// HeaderOf is AuditHeader for a stretch of positions, up to but not
// including to; zero for both is the empty stretch.
func (db *DB) HeaderOf(ctx context.Context, from, to int64, older string) (auditlog.Header, error) {
	h := auditlog.Header{From: from, To: to, Older: older}
	var err error
	if h.Public, err = db.AuditPublic(ctx); err != nil {
		return h, err
	}
	var past tlog.Tree
	if older != "" {
		if past, err = auditlog.OpenCheckpoint(h.Public, older); err != nil {
			return h, err
		}
	}
	c, err := db.CheckpointAt(ctx, max(to, past.N, 1))
	if errors.Is(err, ErrNotFound) {
		return h, damage(to, max(to, past.N), "missing: no checkpoint reaches that far")
	}
	if err != nil {
		return h, err
	}
	h.Checkpoint = c.Note
	tree, err := auditlog.OpenCheckpoint(h.Public, c.Note)
	if err != nil {
		return h, damage(c.Size-1, c.Size-1, "the checkpoint after it: "+err.Error())
	}
	if h.Outside, err = db.AuditOutside(ctx, tree, auditlog.Stretch{From: from, To: to, Size: tree.N}); err != nil || past.N == 0 {
		return h, err
	}
	h.Extends, err = db.ProveTree(ctx, tree, past.N)
	return h, err
}

// ExportAudit writes the events of a header's stretch, and checkpoints between
// them, in constant memory. done hears after each event how many were written.
func (db *DB) ExportAudit(ctx context.Context, h *auditlog.Header, w *auditlog.Writer, done func(n int64)) error {
	marks := newAuditMarks(db, h.From, h.To)
	err := db.AuditEntries(ctx, h.From, h.To, func(e *auditlog.Entry, stored tlog.Hash) error {
		if err := w.Event(e, stored); err != nil {
			return err
		}
		done(e.Position + 1 - h.From)
		note, err := marks.at(ctx, e.Position+1)
		if err != nil || note == "" {
			return err
		}
		return w.Checkpoint(note)
	})
	if err != nil {
		return err
	}
	return w.Flush()
}
