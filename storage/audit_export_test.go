package storage

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"latchkey/storage/auditlog"
)

// hourly records n events, each an hour after the one before, and places them
// in batches.
func (h *house) hourly(t testing.TB, n, batch int) AuditSigner {
	t.Helper()
	signer := h.auditKeys(t)
	h.exec(t, `INSERT INTO audit_event (at, actor, action, subject, subject_id, reason)
		SELECT timestamptz '2026-03-01Z' + n * interval '1 hour', 'Erin Evans', 'credential.noted', 'credential', n % 10, 'r' || n
		FROM generate_series(0, $1::int - 1) n`, n)
	s := NewSequencer(h.DB)
	for placed := batch; placed == batch; {
		var err error
		if placed, err = s.Next(context.Background(), signer.Open, signer.Sign, batch); err != nil {
			t.Fatal(err)
		}
	}
	return signer
}

// The same range is the same bytes, also when the log went on; each verifies.
func TestExportIsTheSameEachTime(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := openHouse(t)
	if _, err := h.AuditHeader(ctx, AuditRange{}); !errors.Is(err, ErrNoCheckpoint) {
		t.Errorf("an empty log: %v", err)
	}
	signer := h.hourly(t, 2600, 70)
	hour := func(n int) time.Time { return time.Date(2026, 3, 1, n, 0, 0, 0, time.UTC) }
	older, err := h.CheckpointAt(ctx, 300)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name     string
		r        AuditRange
		from, to int64
	}{
		{"everything", AuditRange{To: hour(2600)}, 0, 2600},
		{"from the start", AuditRange{To: hour(1500)}, 0, 1500},
		{"the middle", AuditRange{From: hour(1111), To: hour(2222)}, 1111, 2222},
		{"one", AuditRange{From: hour(5), To: hour(6)}, 5, 6},
		{"none", AuditRange{From: hour(5).Add(time.Second), To: hour(6)}, 0, 0},
		{"proven to extend", AuditRange{From: hour(2), To: hour(7), Older: older.Note}, 2, 7},
	} {
		first, err := h.export(t, tc.r)
		if err != nil {
			t.Fatal(tc.name, err)
		}
		v, err := auditlog.Verify(bytes.NewReader(first), auditlog.Known{Public: signer.Public, Checkpoint: tc.r.Older})
		if err != nil || v.From != tc.from || v.To != tc.to || v.Events != tc.to-tc.from {
			t.Errorf("%s: %+v, %v", tc.name, v, err)
		}
		h.happen(t, 3)
		if _, err := NewSequencer(h.DB).Next(ctx, signer.Open, signer.Sign, 100); err != nil {
			t.Fatal(err)
		}
		if again, err := h.export(t, tc.r); err != nil || !bytes.Equal(first, again) {
			t.Errorf("%s: another file the second time, %v", tc.name, err)
		}
	}
	file, err := h.export(t, AuditRange{From: hour(1)})
	if err != nil {
		t.Fatal(err)
	}
	if v, err := auditlog.Verify(bytes.NewReader(file), auditlog.Known{}); err != nil || v.From != 1 || v.To != 2618 || v.Checkpoints != 4 {
		t.Errorf("to the end: %+v, %v", v, err)
	}
	if _, err := h.export(t, AuditRange{Older: "not a checkpoint"}); !errors.Is(err, auditlog.ErrCheckpoint) {
		t.Errorf("an older checkpoint that is none: %v", err)
	}
}

func TestProofOfASubject(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := openHouse(t)
	signer := h.hourly(t, 100, 30)
	positions, err := h.AuditPositions(ctx, SubjectCredential, 7)
	if err != nil || len(positions) != 10 || positions[1] != 17 {
		t.Fatal(positions, err)
	}
	var file bytes.Buffer
	if err := h.WriteAuditProof(ctx, &file, "", positions[:3]...); err != nil {
		t.Fatal(err)
	}
	v, err := auditlog.Verify(&file, auditlog.Known{Public: signer.Public})
	if err != nil || !v.Single || v.Events != 3 || v.Size != 30 {
		t.Errorf("%+v, %v", v, err)
	}
}

// What was erased is gone from every table, every proof still holds, and the
// log says that it was erased and why.
func TestEraseAudit(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := openHouse(t)
	signer := h.auditKeys(t)
	frank, erin := h.person(t, "frank"), h.person(t, "erin")
	c := h.credential(t, h.request(t, frank, "a"))
	h.in(t, func(ctx context.Context, tx Tx) error {
		for _, e := range []Event{
			{Action: "person.left", Subject: SubjectPerson, SubjectID: int64(frank.PersonID), Reason: "Frank moved to Fürth; 100 % \\ \"quoted\""},
			{Action: "credential.noted", Subject: SubjectCredential, SubjectID: int64(c.ID), Before: "Frank's", After: "nobody's"},
			{Action: "person.left", Subject: SubjectPerson, SubjectID: int64(erin.PersonID), Reason: "Erin stays in it"},
		} {
			if err := tx.Record(ctx, actorOf(erin), e); err != nil {
				return err
			}
		}
		return tx.Record(ctx, actorOf(frank), Event{Action: "credential.noted", Subject: SubjectCredential, SubjectID: 999, Reason: "by Frank himself"})
	})
	place := func() {
		t.Helper()
		if _, err := NewSequencer(h.DB).Next(ctx, signer.Open, signer.Sign, 1000); err != nil {
			t.Fatal(err)
		}
	}
	place()
	before, err := h.export(t, AuditRange{})
	if err != nil || !strings.Contains(string(before), "Fürth") {
		t.Fatal(err)
	}
	kept, err := h.LatestCheckpoint(ctx)
	if err != nil {
		t.Fatal(err)
	}
	waiting, err := h.AuditErasable(ctx, frank.PersonID)
	if err != nil || waiting.Events < 5 || waiting.Erased != 0 || waiting.Waiting != 0 {
		t.Fatal(waiting, err)
	}
	erased := int64(0)
	for n := int64(1); n > 0; {
		h.in(t, func(ctx context.Context, tx Tx) (err error) {
			n, err = tx.EraseAudit(ctx, frank.PersonID, System("test"), "asked for by letter", 3)
			return err
		})
		erased += n
	}
	if erased != waiting.Events {
		t.Errorf("erased %d of %d", erased, waiting.Events)
	}
	// Also for whoever calls the database's function past the service.
	h.exec(t, `INSERT INTO audit_event (actor, action, subject, subject_id) VALUES ('Frank', 'person.noted', 'person', $1)`, frank.PersonID)
	place()
	h.exec(t, `SELECT audit_erase($1, 10, NULL, NULL, 'somebody', '', 'just so')`, frank.PersonID)
	erased++
	if n := h.count(t, `SELECT count(*) FROM audit_event WHERE action = 'person.erased' AND subject_id = $1 AND actor = 'somebody' AND after = 'texts of 1 events'`, frank.PersonID); n != 1 {
		t.Errorf("it is recorded %d times that somebody erased texts", n)
	}
	place()
	after, err := h.AuditErasable(ctx, frank.PersonID)
	if err != nil || after.Events != 0 || after.Erased != erased || after.Waiting != 0 {
		t.Error(after, err)
	}
	file, err := h.export(t, AuditRange{})
	if err != nil {
		t.Fatal(err)
	}
	v, err := auditlog.Verify(bytes.NewReader(file), auditlog.Known{Public: signer.Public, Checkpoint: kept.Note})
	if err != nil || v.Erased != erased {
		t.Errorf("%+v, %v", v, err)
	}
	if _, err := h.CheckAudit(ctx, signer.Open, treeOf(t, signer, kept.Note)); err != nil {
		t.Error(err)
	}
	for _, text := range []string{"Fürth", "Frank's", "by Frank himself", `"actor":"frank"`} {
		if strings.Contains(string(file), text) || h.count(t, `SELECT count(*) FROM audit_event e WHERE strpos(e::text, $1) > 0`, text) != 0 {
			t.Errorf("%q is still there", text)
		}
	}
	if !strings.Contains(string(file), "Erin stays in it") || !strings.Contains(string(file), "asked for by letter") {
		t.Error("too much was erased")
	}
}

// The database makes the same commitments as we do.
func TestCommitmentsOfTheDatabase(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	for _, text := range []string{"a", "Erin \"E\" Evans", "ünï\u2028\n\\x00", strings.Repeat("long ", 100)} {
		salt := auditlog.NewSalt()
		var got string
		if err := h.pool.QueryRow(context.Background(), `SELECT audit_commitment($1, 'reason', $2)`, salt, text).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if want := auditlog.Commit(salt, auditlog.Texts{Reason: text}).Reason; got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func treeOf(t *testing.T, signer AuditSigner, note string) tlog.Tree {
	t.Helper()
	tree, err := signer.Open(note)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}
