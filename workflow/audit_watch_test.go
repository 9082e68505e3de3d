package workflow

import (
	"errors"
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
	p, err := h.NewPublication(t.TempDir(), time.Minute)
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

// Nobody ends the watch by writing when the next look is, or what the last one
// found; where no look comes it says so by its own clock.
func TestAuditWatchCanNotBePutOff(t *testing.T) {
	t.Parallel()
	h := open(t)
	signer := h.sequenced(t, 5)
	w := h.NewAuditWatch(signer.Public, h.publication(t, t.TempDir()), time.Hour)
	look := func() {
		t.Helper()
		if err := w.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, due := range []string{"infinity", "9999-01-01"} {
		h.exec(t, `INSERT INTO audit_watch (id, due_at) VALUES (1, $1::timestamptz) ON CONFLICT (id) DO UPDATE SET due_at = excluded.due_at`, due)
		was := w.Last().At
		look()
		if !w.Last().At.After(was) || w.Problem() != "" {
			t.Errorf("with the next look at %s: %+v, %s", due, w.Last(), w.Problem())
		}
	}
	late := *w.last.Load()
	late.fresh = late.fresh.Add(-3 * time.Hour)
	w.last.Store(&late)
	look() // it is not its turn, and nobody else looked
	if got := w.Problem(); !strings.Contains(got, "not looked through for 3h") {
		t.Errorf("after three hours: %q", got)
	}
	h.exec(t, `UPDATE audit_watch SET due_at = clock_timestamp()`)
	look()
	if got := w.Problem(); got != "" {
		t.Errorf("after another look: %s", got)
	}
}

// An event that gets no place is found, while somebody holds the sequencer's
// lock.
func TestAuditWatchFindsAnEventWithoutAPlace(t *testing.T) {
	t.Parallel()
	h := open(t)
	signer := h.sequenced(t, 5)
	w := h.NewAuditWatch(signer.Public, h.publication(t, t.TempDir()), time.Hour)
	w.patience = time.Millisecond
	look := func() string {
		t.Helper()
		h.exec(t, `UPDATE audit_watch SET due_at = clock_timestamp()`)
		if err := w.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
		return w.Problem()
	}
	if got := look(); got != "" {
		t.Error(got)
	}
	other, err := h.DB.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Rollback(t.Context()) }() // the test is over
	if _, err := other.Exec(t.Context(), `SELECT pg_advisory_xact_lock($1)`, 0x1a7c70); err != nil {
		t.Fatal(err)
	}
	h.exec(t, `INSERT INTO audit_event (actor, action, subject, subject_id, at) VALUES ('a', 'audit.tried', 'audit', 0, latchkey_now() - interval '20 seconds')`)
	h.sequenced(t, 0)
	if got := look(); got != "" {
		t.Errorf("of a young event: %s", got)
	}
	h.exec(t, `INSERT INTO audit_event (actor, action, subject, subject_id, at) VALUES ('a', 'audit.tried', 'audit', 0, latchkey_now() - interval '61 seconds')`)
	h.sequenced(t, 0)
	for range 2 {
		if got := look(); !strings.Contains(got, "has no place") {
			t.Errorf("of an old event: %q", got)
		}
	}
	if told := h.alarms(t, storage.SubjectFinding); len(told) != 1 {
		t.Errorf("people hear of it %d times", len(told))
	}
	if err := other.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.sequenced(t, 0)
	if got := look(); got != "" {
		t.Errorf("once it has its place: %s", got)
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
	p, err := h.NewPublication(t.TempDir(), time.Minute)
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

// What is not known for a while is doubted, whatever was known before. What
// can't be read tells nothing, and a log that was changed in place keeps nobody
// who trusted it from going on.
func TestPublicationDoubts(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.sequenced(t, 3)
	dir := t.TempDir()
	p, err := h.NewPublication(dir, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	mustLook(t, p)
	began := time.Now()
	if p.Doubt() != nil || p.DoubtSince(began) == nil {
		t.Errorf("after a look there is doubt: %v; since then: %v", p.Doubt(), p.DoubtSince(began))
	}
	h.sequenced(t, 300)

	fresh := func() *Publication { return h.publication(t, dir) }
	h.exec(t, `ALTER TABLE audit_node RENAME TO elsewhere`)
	h.exec(t, `ALTER TABLE audit_leaf RENAME TO elsewhere_too`)
	for what, p := range map[string]*Publication{"one that trusted": p, "one that starts": fresh()} {
		before := p.Doubt()
		if err := p.Look(t.Context()); err == nil || errors.Is(err, storage.ErrAuditTree) || p.DoubtSince(began) == nil || (before == nil) != (p.Doubt() == nil) {
			t.Errorf("%s, while nothing can be read: %v, doubt %v, before %v", what, err, p.Doubt(), before)
		}
	}
	h.exec(t, `ALTER TABLE elsewhere RENAME TO audit_node`)
	h.exec(t, `ALTER TABLE elsewhere_too RENAME TO audit_leaf`)
	h.exec(t, `ALTER TABLE audit_leaf DISABLE TRIGGER ALL`)
	h.exec(t, `UPDATE audit_leaf SET hash = decode(repeat('00', 32), 'hex') WHERE position = 0`)
	starts := fresh()
	for what, p := range map[string]*Publication{"one that trusted": p, "one that starts": starts} {
		if err := p.Look(t.Context()); !errors.Is(err, storage.ErrAuditTree) || (p == starts) != (p.Doubt() != nil) {
			t.Errorf("%s, of a log that was changed: %v, doubt %v", what, err, p.Doubt())
		}
	}
	p.looked = time.Now().Add(-2 * time.Minute)
	if err := p.Doubt(); err == nil || !strings.Contains(err.Error(), "2m0s ago") {
		t.Errorf("two minutes after the last look: %v", err)
	}
	if err := p.Look(t.Context()); !errors.Is(err, storage.ErrAuditTree) || p.Doubt() == nil {
		t.Errorf("after that it trusts a log that was changed: %v", err)
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
