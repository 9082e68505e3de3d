package workflow

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"latchkey/storage"
)

// copy makes a database a copy of another one that nobody uses; of none, it is
// gone.
func (h *house) copy(t *testing.T, to, from string) {
	t.Helper()
	u, err := url.Parse(h.dsn)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/postgres"
	ctx := context.WithoutCancel(t.Context())
	conn, err := pgx.Connect(ctx, u.String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	quoted := func(s string) string { return pgx.Identifier{s}.Sanitize() }
	statements := []string{"DROP DATABASE IF EXISTS " + quoted(to) + " WITH (FORCE)"}
	if from != "" {
		statements = append(statements, "CREATE DATABASE "+quoted(to)+" TEMPLATE "+quoted(from)+" STRATEGY wal_log")
	}
	for _, sql := range statements {
		if _, err := conn.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
}

// backup keeps the database as it is now; what it returns brings that back,
// with a fresh replica.
func (h *house) backup(t *testing.T) (restore func() *house) {
	t.Helper()
	u, err := url.Parse(h.dsn)
	if err != nil {
		t.Fatal(err)
	}
	live := strings.TrimPrefix(u.Path, "/")
	h.DB.Close()
	h.copy(t, live+"_backup", live)
	t.Cleanup(func() { h.copy(t, live+"_backup", "") })
	h.Service = h.service(t, houseDocument(), nil)
	return func() *house {
		h.DB.Close()
		h.copy(t, live, live+"_backup")
		h.Service = h.service(t, houseDocument(), nil)
		return h
	}
}

func (h *house) publication(t *testing.T, dir string) *Publication {
	t.Helper()
	p, err := h.NewPublication(dir, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func mustLook(t *testing.T, p *Publication) {
	t.Helper()
	if err := p.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// In quarantine nothing is approved, made, brought back or shown; what had
// ended ends again, who had left is out, and revoking works. Each replica that
// holds a checkpoint follows an operator's word, and one whose file is merely
// older takes no part.
func TestQuarantine(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	h := open(t)
	first, second, old := t.TempDir(), t.TempDir(), t.TempDir()
	revoked, expired, resting, live := h.active(t, "alice"), h.active(t, "alice"), h.active(t, "bob"), h.active(t, "bob")
	h.exec(t, `UPDATE credential SET brokered = true WHERE id = $1`, resting.ID)
	if _, err := h.Suspend(ctx, h.people["bob"], resting.ID, "away"); err != nil {
		t.Fatal(err)
	}
	h.active(t, "frank")
	pending := h.submit(t, "alice", write())
	_, making := h.approved(t, "dana")
	h.sequenced(t, 1)
	mustLook(t, h.publication(t, old))
	restore := h.backup(t)

	if _, err := h.Revoke(ctx, h.people["alice"], revoked.ID, "leaked"); err != nil {
		t.Fatal(err)
	}
	h.exec(t, `UPDATE credential SET expires_at = latchkey_now(), next_action_at = latchkey_now() WHERE id = $1`, expired.ID)
	if err := h.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	h.gone(t, "frank")
	lost := h.active(t, "alice")
	h.sequenced(t, 1)
	for _, dir := range []string{first, second} {
		mustLook(t, h.publication(t, dir))
	}

	h = restore()
	p, q, bystander := h.publication(t, first), h.publication(t, second), h.publication(t, old)
	for _, x := range []*Publication{p, p, q, bystander} {
		mustLook(t, x)
	}
	if p.Doubt() == nil || q.Doubt() == nil || bystander.Doubt() != nil {
		t.Errorf("doubt: %v, %v, %v", p.Doubt(), q.Doubt(), bystander.Doubt())
	}
	if got := h.credential(t, revoked.ID); got.State != storage.CredentialRevoking {
		t.Errorf("what was revoked is %s", got.State)
	}
	if got := h.credential(t, expired.ID); got.State != storage.CredentialExpired {
		t.Errorf("what had expired is %s", got.State)
	}
	if got := h.credential(t, live.ID); got.State != storage.CredentialActive {
		t.Errorf("what lives is %s", got.State)
	}
	if cases := h.cases(t, "frank"); len(cases) != 1 || cases[0].Source != "restore" {
		t.Errorf("who had left: %+v", cases)
	}
	if told := h.alarms(t, storage.SubjectQuarantine); len(told) != 1 {
		t.Errorf("people hear of it %d times", len(told))
	}

	_, err := h.approves("carol", pending.ID)
	refused(t, "an approval", err, RuleQuarantine)
	_, err = h.Rotate(ctx, h.people["bob"], live.ID, RotateAsk{}, "again")
	refused(t, "a rotation", err, RuleQuarantine)
	_, err = h.Resume(ctx, h.people["bob"], resting.ID, "back")
	refused(t, "a resume", err, RuleQuarantine)
	if err := h.Issue(ctx, making.ID); err != nil {
		t.Error(err)
	}
	if got := h.credential(t, making.ID); got.State != storage.CredentialIssuing || got.Attempts != 0 {
		t.Errorf("a key is made: %s after %d attempts", got.State, got.Attempts)
	}
	if _, err := h.vote("carol", pending.ID, Vote{Decision: storage.Deny, Reason: "no"}); err != nil {
		t.Errorf("a denial: %v", err)
	}
	if _, err := h.Revoke(ctx, h.people["bob"], live.ID, "not needed"); err != nil {
		t.Errorf("a revoke: %v", err)
	}

	seen, err := h.LookAtQuarantine(ctx)
	if err != nil || seen.Events <= 0 || seen.Until.IsZero() {
		t.Fatalf("%+v, %v", seen, err)
	}
	refused(t, "accepting without a reason", h.AcceptRestore(ctx, seen.Quarantine, "erin", " "), RuleReason)
	if err := h.AcceptRestore(ctx, seen.Quarantine, "erin", "disk failure"); err != nil {
		t.Fatal(err)
	}
	refused(t, "accepting twice", h.AcceptRestore(ctx, seen.Quarantine, "erin", "disk failure"), RuleDecided)
	h.sequenced(t, 1)
	for _, x := range []*Publication{p, q, bystander, p, q} {
		mustLook(t, x)
		if x.Doubt() != nil {
			t.Errorf("after the accept: %v", x.Doubt())
		}
	}
	if err := h.Issue(ctx, making.ID); err != nil {
		t.Fatal(err)
	}
	next := h.active(t, "alice")
	if next.ID <= lost.ID {
		t.Errorf("%s was given again, after %s", next.ID, lost.ID)
	}
	if story := h.alarms(t, storage.SubjectQuarantine); len(story) != 1 {
		t.Errorf("people hear of the end %d times", len(story))
	}

	// Another restore of the same backup is another quarantine: that one was
	// accepted says nothing of the next.
	h = restore()
	mustLook(t, h.publication(t, first))
	if _, err := h.DB.Quarantine(ctx); err != nil {
		t.Errorf("the second restore: %v", err)
	}
}

// A log that was written anew under another key, and one that went another way
// since, are not what was published.
func TestQuarantineOfAnotherLog(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*testing.T, *house){
		"another key": func(t *testing.T, h *house) {
			h.exec(t, `ALTER TABLE audit_signer DISABLE TRIGGER ALL`)
			for _, table := range []string{"audit_leaf", "audit_node", "audit_checkpoint"} {
				h.exec(t, `ALTER TABLE `+table+` DISABLE TRIGGER ALL`)
				h.exec(t, `DELETE FROM `+table)
			}
			h.exec(t, `DELETE FROM audit_signer`)
			h.sequenced(t, 3)
		},
		"another history": func(t *testing.T, h *house) {
			for _, table := range []string{"audit_leaf", "audit_node", "audit_checkpoint", "audit_event"} {
				h.exec(t, `ALTER TABLE `+table+` DISABLE TRIGGER ALL`)
			}
			for _, table := range []string{"audit_leaf", "audit_node", "audit_checkpoint"} {
				h.exec(t, `DELETE FROM `+table)
			}
			h.exec(t, `UPDATE audit_event SET action = 'audit.forged'`)
			h.sequenced(t, 3)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			h.sequenced(t, 3)
			p := h.publication(t, t.TempDir())
			mustLook(t, p)
			change(t, h)
			mustLook(t, p)
			if _, err := h.DB.Quarantine(t.Context()); err != nil || p.Doubt() == nil {
				t.Errorf("%v, doubt %v", err, p.Doubt())
			}
		})
	}
}

// That a replay was done is noted once more where the note was lost.
func TestQuarantineNotesTheReplay(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.sequenced(t, 1)
	dir := t.TempDir()
	restore := h.backup(t)
	h.sequenced(t, 1)
	mustLook(t, h.publication(t, dir))
	h = restore()
	p := h.publication(t, dir)
	h.exec(t, `ALTER TABLE audit_quarantine ADD CONSTRAINT broken CHECK (replayed_at IS NULL)`)
	if err := p.Look(t.Context()); err == nil || p.Doubt() == nil {
		t.Fatalf("a replay that could not be noted: %v, doubt %v", err, p.Doubt())
	}
	h.exec(t, `ALTER TABLE audit_quarantine DROP CONSTRAINT broken`)
	mustLook(t, p)
	if q, err := h.DB.Quarantine(t.Context()); err != nil || q.ReplayedAt.Year() <= 1 {
		t.Errorf("%+v, %v", q, err)
	}
}

// A service that never ran has nothing to be compared with, and one that goes
// on is in no doubt.
func TestPublicationGoesOn(t *testing.T) {
	t.Parallel()
	h := open(t)
	p := h.publication(t, t.TempDir())
	if p.Doubt() == nil {
		t.Error("there is no doubt before the first look")
	}
	mustLook(t, p)
	if p.Doubt() != nil {
		t.Error(p.Doubt())
	}
	for range 3 {
		h.sequenced(t, 2)
		mustLook(t, p)
		if p.Doubt() != nil {
			t.Error(p.Doubt())
		}
	}
	if _, err := h.DB.Quarantine(t.Context()); !errors.Is(err, storage.ErrNotFound) {
		t.Error(err)
	}
}
