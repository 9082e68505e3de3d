package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/tlog"

	"latchkey/storage/auditlog"
)

// tampered is a log with 2300 events in its tree, and what an auditor kept of
// it outside the database.
type tampered struct {
	*house
	signer AuditSigner
	public string // as it was
	kept   string // the latest checkpoint
	tree   tlog.Tree
}

func newTampered(t *testing.T) *tampered {
	t.Helper()
	ctx := context.Background()
	h := openHouse(t)
	w := &tampered{house: h, signer: h.auditKeys(t)}
	w.public = w.signer.Public
	h.exec(t, `INSERT INTO audit_event (actor, action, subject, subject_id, before, after, reason)
		SELECT 'Erin Evans', 'credential.revoked', 'credential', n, 'active', 'revoked', 'reason ' || n FROM generate_series(1, 2300) n`)
	w.sequence(t, w.signer, 500)
	c, err := h.LatestCheckpoint(ctx)
	if err != nil || c.Size != 2300 {
		t.Fatal(c.Size, err)
	}
	w.kept = c.Note
	if w.tree, err = w.signer.Open(c.Note); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *tampered) sequence(t *testing.T, signer AuditSigner, batch int) {
	t.Helper()
	s := NewSequencer(w.DB)
	for n := batch; n == batch; {
		var err error
		if n, err = s.Next(context.Background(), signer.Open, signer.Sign, batch); err != nil {
			t.Fatal(err)
		}
	}
}

// super runs statements as a superuser whom no trigger stops.
func (w *tampered) super(t *testing.T, statements ...string) {
	t.Helper()
	err := pgx.BeginFunc(context.Background(), w.pool, func(tx pgx.Tx) error {
		for _, sql := range append([]string{`SET LOCAL session_replication_role = replica`}, statements...) {
			if _, err := tx.Exec(context.Background(), sql); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// refit makes the leaf hash at position 1200 fit its event again, which anybody
// can who has the salt.
func (w *tampered) refit(t *testing.T) {
	t.Helper()
	const at = 1200
	ctx := context.Background()
	var hash tlog.Hash
	err := w.AuditEntries(ctx, at, at+1, func(e *auditlog.Entry, _ tlog.Hash) error { hash = e.Hash(); return nil })
	if err != nil {
		t.Fatal(err)
	}
	w.super(t, fmt.Sprintf(`UPDATE audit_leaf SET hash = '\x%x' WHERE position = %d`, hash[:], at))
}

// forget takes the whole log out of the tree, so that it can be made anew.
const forget = `TRUNCATE audit_leaf, audit_node, audit_checkpoint`

// export writes the whole log, as an operator would for an auditor.
func (h *house) export(t testing.TB, r AuditRange) ([]byte, error) {
	t.Helper()
	var out bytes.Buffer
	err := h.exportTo(&out, r)
	return out.Bytes(), err
}

func (h *house) exportTo(out io.Writer, r AuditRange) error {
	ctx := context.Background()
	header, err := h.AuditHeader(ctx, r)
	if err != nil {
		return err
	}
	w, err := auditlog.NewWriter(out, auditlog.FormatJSONL, &header, SubjectName)
	if err != nil {
		return err
	}
	return h.ExportAudit(ctx, &header, w, func(int64) {})
}

// TestTampering is what a superuser of the database can do to the log, and
// how it is found: by the service, which has its own key and may have
// published a checkpoint, and by an auditor with a fresh export. Both name the
// place.
func TestTampering(t *testing.T) {
	t.Parallel()
	const (
		changed = "position 1200: the event was changed"
		between = "positions 1000 to 1999: something here was changed"
	)
	for _, tc := range []struct {
		name string
		do   func(t *testing.T, w *tampered)
		// What the service says without a published checkpoint, and with
		// one; empty: nothing is found.
		alone, watched string
		// What an auditor finds without anything of their own, and with the
		// checkpoint they kept.
		file, audited string
	}{
		{name: "nothing", do: func(*testing.T, *tampered) {}},
		{
			name: "edit a text",
			do: func(t *testing.T, w *tampered) {
				w.super(t, `UPDATE audit_event SET reason = 'lost' WHERE subject_id = 1201`)
			},
			alone: changed, watched: changed, file: changed, audited: changed,
		},
		{
			name: "edit a fact",
			do: func(t *testing.T, w *tampered) {
				w.super(t, `UPDATE audit_event SET subject_id = 9 WHERE subject_id = 1201`)
			},
			alone: changed, watched: changed, file: changed, audited: changed,
		},
		{
			name: "put the blame on somebody",
			do: func(t *testing.T, w *tampered) {
				w.super(t, `UPDATE audit_event SET actor = 'Bob' WHERE subject_id = 1201`)
			},
			alone: changed, watched: changed, file: changed, audited: changed,
		},
		{
			name: "edit a fact and its leaf",
			do: func(t *testing.T, w *tampered) {
				w.super(t, `UPDATE audit_event SET subject_id = 9 WHERE subject_id = 1201`)
				w.refit(t)
			},
			alone: between, watched: between, file: between, audited: between,
		},
		{
			name: "erase with other commitments",
			do: func(t *testing.T, w *tampered) {
				w.super(t, `UPDATE audit_leaf SET salt = NULL, commitments = '{"actor": "AAAA"}' WHERE position = 1200`,
					`UPDATE audit_event SET actor = '', before = '', after = '', reason = '' WHERE subject_id = 1201`)
			},
			alone: changed, watched: changed, file: changed, audited: changed,
		},
		{
			name: "erase, and put other texts there",
			do: func(t *testing.T, w *tampered) {
				w.super(t, `UPDATE audit_leaf l SET salt = NULL, commitments = audit_commitments(l.salt, e) FROM audit_event e WHERE e.id = l.event_id AND l.position = 1200`,
					`UPDATE audit_event SET actor = '', before = '', after = '', reason = 'Bob did it' WHERE subject_id = 1201`)
				rows, err := w.SearchAudit(context.Background(), AuditFilter{Subject: SubjectCredential, SubjectID: 1201})
				if err != nil || len(rows) != 1 || !rows[0].Erased || rows[0].Reason != "" {
					t.Errorf("a search shows %+v, %v", rows, err)
				}
			},
			alone: "position 1200: it has texts", watched: "position 1200: it has texts", file: "position 1200: it has texts", audited: "position 1200: it has texts",
		},
		{
			name: "have it found in another year",
			do: func(t *testing.T, w *tampered) {
				w.super(t, `UPDATE audit_leaf SET at = at - interval '1 year' WHERE position = 1200`)
			},
			alone: "position 1200: the time", watched: "position 1200: the time", file: "position 1200: the time", audited: "position 1200: the time",
		},
		{
			name: "have it happen at no time",
			do: func(t *testing.T, w *tampered) {
				w.super(t, `UPDATE audit_leaf SET at = 'infinity' WHERE position = 1200`)
			},
			alone: "position 1200: it can't be read", watched: "position 1200: it can't be read", file: "position 1200: it can't be read", audited: "position 1200: it can't be read",
		},
		{
			name:  "delete an event",
			do:    func(t *testing.T, w *tampered) { w.super(t, `DELETE FROM audit_event WHERE subject_id = 1201`) },
			alone: "position 1200: missing", watched: "position 1200: missing", file: "position 1200: missing", audited: "position 1200: missing",
		},
		{
			name:  "delete a leaf",
			do:    func(t *testing.T, w *tampered) { w.super(t, `DELETE FROM audit_leaf WHERE position = 1200`) },
			alone: "position 1200: missing", watched: "position 1200: missing", file: "position 1200: missing", audited: "position 1200: missing",
		},
		{
			name: "delete an event and close the gap",
			do: func(t *testing.T, w *tampered) {
				w.super(t, `DELETE FROM audit_event WHERE subject_id = 1201`, `DELETE FROM audit_leaf WHERE position = 1200`,
					`UPDATE audit_leaf SET position = position + 10000 WHERE position > 1200`, `UPDATE audit_leaf SET position = position - 10001 WHERE position > 10000`)
			},
			alone: between, watched: between, file: "position 2299: missing", audited: "position 2299: missing",
		},
		{
			name: "cut off the end",
			do: func(t *testing.T, w *tampered) {
				w.super(t, `DELETE FROM audit_event WHERE subject_id > 1500`, `DELETE FROM audit_leaf WHERE position >= 1500`,
					`DELETE FROM audit_node WHERE (n + 1) * (1 << level) > 1500`, `DELETE FROM audit_checkpoint WHERE size > 1500`)
			},
			watched: "positions 1500 to 2299: missing: they were in the log when its checkpoint was published",
			audited: "positions 1500 to 2299: missing: the log had 2300 events when the checkpoint was kept",
		},
		{
			name: "cut off the end, but not the checkpoints",
			do: func(t *testing.T, w *tampered) {
				w.super(t, `DELETE FROM audit_event WHERE subject_id > 1500`, `DELETE FROM audit_leaf WHERE position >= 1500`)
			},
			alone: "positions 1500 to 2299: missing", watched: "positions 1500 to 2299: missing",
			file: "the audit log does not fit its checkpoint", audited: "the audit log does not fit its checkpoint",
		},
		{
			name: "two change places",
			do: func(t *testing.T, w *tampered) {
				w.super(t, `UPDATE audit_leaf a SET event_id = -b.event_id, at = b.at, salt = b.salt FROM audit_leaf b WHERE (a.position, b.position) IN ((1200, 1201), (1201, 1200))`,
					`UPDATE audit_leaf SET event_id = -event_id WHERE event_id < 0`)
			},
			alone: changed, watched: changed, file: changed, audited: changed,
		},
		{
			name: "two change places with their leaves",
			do: func(t *testing.T, w *tampered) {
				w.super(t, `UPDATE audit_leaf SET position = 12401 - position WHERE position IN (1200, 1201)`,
					`UPDATE audit_leaf SET position = position - 10000 WHERE position > 10000`)
			},
			alone: between, watched: between, file: between, audited: between,
		},
		{
			name: "put one in between",
			do: func(t *testing.T, w *tampered) {
				w.super(t, `UPDATE audit_leaf SET position = position + 10001 WHERE position >= 1200`, `UPDATE audit_leaf SET position = position - 10000 WHERE position > 10000`,
					`INSERT INTO audit_event (actor, action, subject, subject_id) VALUES ('Bob', 'request.approved', 'request', 7)`,
					`INSERT INTO audit_leaf (position, event_id, at, salt, hash)
						SELECT 1200, id, at, decode(repeat('00', 16), 'hex'), decode(repeat('00', 32), 'hex') FROM audit_event WHERE subject = 'request'`)
				w.refit(t)
			},
			alone: "position 2300: no checkpoint signs them", watched: "position 2300: no checkpoint signs them", file: between, audited: between,
		},
		{
			name: "rewrite everything, with the old checkpoints",
			do: func(t *testing.T, w *tampered) {
				w.super(t, `CREATE TEMP TABLE was AS SELECT * FROM audit_checkpoint`, forget, `UPDATE audit_event SET actor = 'Bob'`)
				w.sequence(t, w.signer, 500)
				w.super(t, `DELETE FROM audit_checkpoint`, `INSERT INTO audit_checkpoint SELECT * FROM was`, `DROP TABLE was`)
			},
			alone: "positions 0 to 999: something here was changed", watched: "positions 0 to 999: something here was changed",
			file: "positions 0 to 999: something here was changed", audited: "positions 0 to 999: something here was changed",
		},
		{
			name: "rewrite everything, without a checkpoint",
			do: func(t *testing.T, w *tampered) {
				w.super(t, `TRUNCATE audit_checkpoint`, `UPDATE audit_event SET actor = 'Bob'`)
			},
			alone: "positions 0 to 2299: no checkpoint signs them", watched: "positions 0 to 2299: no checkpoint signs them",
			file: ErrNoCheckpoint.Error(), audited: ErrNoCheckpoint.Error(),
		},
		{
			name: "rewrite everything with a key of one's own",
			do: func(t *testing.T, w *tampered) {
				own := newTamperer(t)
				w.super(t, forget, `UPDATE audit_event SET actor = 'Bob'`, `UPDATE audit_signer SET public = '`+own.Public+`'`)
				w.sequence(t, own, 500)
			},
			alone: "position 2299: the latest checkpoint", watched: "position 2299: the latest checkpoint",
			file: "believed", audited: "somebody signed the file with a key of their own",
		},
		{
			name: "rewrite everything through the service",
			do: func(t *testing.T, w *tampered) {
				w.super(t, forget, `UPDATE audit_event SET actor = 'Bob'`)
				w.sequence(t, w.signer, 500)
			},
			watched: "positions 2000 to 2299: the log was rewritten", audited: "positions 0 to 2299: the log was rewritten",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			w := newTampered(t)
			tc.do(t, w)
			_, err := w.CheckAudit(ctx, w.signer.Open, tlog.Tree{})
			found(t, "the service", err, tc.alone)
			if err != nil && !errors.Is(err, ErrAuditTree) {
				t.Errorf("the service's error is of another kind: %v", err)
			}
			_, err = w.CheckAudit(ctx, w.signer.Open, w.tree)
			found(t, "the service with a published checkpoint", err, tc.watched)

			file, err := w.export(t, AuditRange{})
			if err != nil {
				found(t, "the export", err, tc.file)
				return
			}
			v, err := auditlog.Verify(bytes.NewReader(file), auditlog.Known{})
			if tc.file == "believed" {
				found(t, "an auditor without anything", err, "")
				if !v.Believed || v.Public == w.public {
					t.Errorf("%+v", v)
				}
			} else {
				found(t, "an auditor without anything", err, tc.file)
			}
			_, err = auditlog.Verify(bytes.NewReader(file), auditlog.Known{Checkpoint: w.kept})
			found(t, "an auditor with a checkpoint", err, tc.audited)
		})
	}
}

func found(t *testing.T, who string, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("%s found: %v", who, err)
	case want != "" && err == nil:
		t.Errorf("%s found nothing, want %q", who, want)
	case want != "" && !strings.Contains(err.Error(), want):
		t.Errorf("%s found: %v, want %q", who, err, want)
	}
}

// newTamperer is somebody with a key of their own by the log's name.
func newTamperer(t *testing.T) AuditSigner {
	t.Helper()
	other := openHouse(t)
	return other.auditKeys(t)
}

// TestAuditIsFixed: not even the owner of the tables changes the log as long as
// the triggers are there.
func TestAuditIsFixed(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	signer := h.auditKeys(t)
	h.happen(t, 300)
	if n, err := NewSequencer(h.DB).Next(context.Background(), signer.Open, signer.Sign, 1000); err != nil || n != 300 {
		t.Fatal(n, err)
	}
	for _, sql := range []string{
		`UPDATE audit_event SET reason = 'another'`,
		`UPDATE audit_event SET reason = ''`, // its leaf still has the salt
		`UPDATE audit_event SET subject_id = 8`,
		`UPDATE audit_event SET at = at + interval '1 hour' WHERE id = 1`,
		`DELETE FROM audit_event WHERE id = 1`,
		`TRUNCATE audit_event`,
		`UPDATE audit_leaf SET position = position + 1000`,
		`UPDATE audit_leaf SET hash = decode(repeat('00', 32), 'hex')`,
		`UPDATE audit_leaf SET salt = decode(repeat('00', 16), 'hex')`,
		`UPDATE audit_leaf SET salt = NULL, commitments = '{}'`, // not what its texts come to
		`DELETE FROM audit_leaf WHERE position = 299`,
		`TRUNCATE audit_leaf`,
		`UPDATE audit_node SET hash = decode(repeat('00', 32), 'hex')`,
		`DELETE FROM audit_node`,
		`TRUNCATE audit_node`,
		`UPDATE audit_checkpoint SET note = 'x'`,
		`DELETE FROM audit_checkpoint`,
		`TRUNCATE audit_checkpoint`,
		`UPDATE audit_signer SET public = 'x'`,
		`DELETE FROM audit_signer`,
		`TRUNCATE audit_signer`,
	} {
		if _, err := h.pool.Exec(context.Background(), sql); err == nil || !strings.Contains(err.Error(), "the audit log can be added to, and nothing else") {
			t.Errorf("%s: %v", sql, err)
		}
	}
}
