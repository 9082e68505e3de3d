package workflow

import (
	"strings"
	"testing"
	"time"

	"latchkey/storage"
)

// Somebody with all rights on the database changes an event. The next look
// finds it and says where; people hear of it once, and one replica looks.
func TestAuditWatchFindsAChange(t *testing.T) {
	t.Parallel()
	h := open(t)
	signer := h.sequenced(t, 5)
	p, err := h.NewPublication(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	watches := []*AuditWatch{h.NewAuditWatch(signer.Public, p, time.Hour), h.service(t, houseDocument(), nil).NewAuditWatch(signer.Public, p, time.Hour)}
	look := func() {
		t.Helper()
		for _, w := range watches {
			if err := w.Look(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	look()
	if last := watches[1].Last(); last.Size == 0 || last.Problem != "" || last.At.IsZero() {
		t.Errorf("a log that nobody changed: %+v", last)
	}
	h.exec(t, `ALTER TABLE audit_event DISABLE TRIGGER ALL`)
	h.exec(t, `UPDATE audit_event SET reason = 'another' WHERE id = (SELECT event_id FROM audit_leaf WHERE position = 3)`)
	look()
	if last := watches[0].Last(); last.Problem != "" {
		t.Errorf("it looked again before its time: %+v", last)
	}
	for range 2 {
		h.exec(t, `UPDATE audit_watch SET due_at = clock_timestamp()`)
		look()
	}
	for i, w := range watches {
		if last := w.Last(); !strings.Contains(last.Problem, "position 3") {
			t.Errorf("replica %d: %+v", i, last)
		}
	}
	if told := h.alarms(t, storage.SubjectFinding); len(told) != 1 {
		t.Errorf("people hear of it %d times", len(told))
	} else if f, err := h.DB.Finding(t.Context(), storage.FindingID(told[0])); err != nil || f.Position != 3 {
		t.Errorf("%+v, %v", f, err)
	}
	if n := strings.Count(h.logs.String(), `"position":3`); n != 2 {
		t.Errorf("it is logged %d times", n)
	}
}

// A log whose end was cut off, checkpoints and all, is in order by itself. The
// published checkpoint shows it.
func TestPublicationFindsACutLog(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.sequenced(t, 2)
	before, err := h.DB.LatestCheckpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	h.sequenced(t, 2)
	p, err := h.NewPublication(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Look(t.Context()); err != nil || p.Doubt() != nil {
		t.Fatal(err, p.Doubt())
	}
	for _, table := range []string{"audit_checkpoint", "audit_leaf", "audit_event"} {
		h.exec(t, `ALTER TABLE `+table+` DISABLE TRIGGER ALL`)
	}
	h.exec(t, `DELETE FROM audit_checkpoint WHERE size > $1`, before.Size)
	h.exec(t, `DELETE FROM audit_event WHERE id IN (SELECT event_id FROM audit_leaf WHERE position >= $1)`, before.Size)
	h.exec(t, `DELETE FROM audit_leaf WHERE position >= $1`, before.Size)
	if err := p.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	q, err := h.DB.Quarantine(t.Context())
	if err != nil || q.Have != before.Size || p.Doubt() == nil {
		t.Errorf("%+v, %v, doubt %v", q, err, p.Doubt())
	}
}

// alarms takes what people were to be told of a subject.
func (h *house) alarms(t *testing.T, subject string) []int64 {
	t.Helper()
	rows, err := h.DB.Pool().Query(t.Context(), `DELETE FROM river_job WHERE kind = 'notify' AND args->>'subject' = $1 RETURNING (args->>'id')::bigint`, subject)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		out = append(out, id)
	}
	return out
}
