package storage

import (
	"context"
	"errors"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"latchkey/secret"
	"latchkey/storage/auditlog"
)

// auditKeys opens a signer over a data key of the test's own.
func (h *house) auditKeys(t testing.TB) AuditSigner {
	t.Helper()
	h.exec(t, `INSERT INTO data_key (id, sealed) VALUES (1, '\x00') ON CONFLICT DO NOTHING`)
	box, err := secret.NewBox(make([]byte, secret.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := h.AuditSigner(context.Background(), Keyring{ID: 1, Box: box}, "house.example/audit")
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// happen records n events, each in a transaction of its own.
func (h *house) happen(t testing.TB, n int) {
	t.Helper()
	for range n {
		h.in(t, func(ctx context.Context, tx Tx) error {
			return tx.Record(ctx, System("test"), Event{Action: "credential.noted", Subject: SubjectCredential, SubjectID: 7, Reason: "because"})
		})
	}
}

// Batches of all sizes make the tree that a list of all leaves has, and every
// leaf can be proven in it, alone and in a stretch.
func TestSequencerBuildsTheTree(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := openHouse(t)
	signer := h.auditKeys(t)
	s := NewSequencer(h.DB)
	h.exec(t, `INSERT INTO audit_event (actor, action, subject, subject_id, reason)
		SELECT 'system: test', 'credential.noted', 'credential', n, 'r' || n FROM generate_series(1, 700) n`)
	for _, limit := range []int{1, 2, 5, 248, 1, 300, 1000} {
		if _, err := s.Next(ctx, signer.Open, signer.Sign, limit); err != nil {
			t.Fatal(err)
		}
	}
	h.happen(t, 3)
	if n, err := s.Next(ctx, signer.Open, signer.Sign, 1000); err != nil || n != 3 {
		t.Fatal(n, err)
	}
	c, err := h.LatestCheckpoint(ctx)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := signer.Open(c.Note)
	if err != nil || tree.N != 703 {
		t.Fatal(tree, err)
	}

	var leaves []tlog.Hash
	err = h.AuditEntries(ctx, 0, tree.N, func(e *auditlog.Entry, stored tlog.Hash) error {
		if e.Hash() != stored {
			t.Errorf("position %d: the leaf is not that of the event", e.Position)
		}
		leaves = append(leaves, e.Hash())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	next := 0
	root, err := auditlog.Stretch{From: 0, To: tree.N, Size: tree.N}.Root(nil, func() (tlog.Hash, error) { next++; return leaves[next-1], nil })
	if err != nil || root != tree.Hash {
		t.Fatalf("the root of all leaves is %s, the checkpoint has %s, %v", root, tree.Hash, err)
	}
	for _, at := range []int64{0, 1, 255, 256, 511, 512, 702} {
		proof, err := h.ProveRecord(ctx, tree, at)
		if err != nil {
			t.Fatal(err)
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, at, leaves[at]); err != nil {
			t.Errorf("position %d: %v", at, err)
		}
	}
	for _, st := range []auditlog.Stretch{{From: 0, To: 1}, {From: 5, To: 300}, {From: 256, To: 512}, {From: 700, To: 703}, {From: 9, To: 9}} {
		st.Size = tree.N
		outside, err := h.AuditOutside(ctx, tree, st)
		if err != nil {
			t.Fatal(err)
		}
		at, k := st.From, 0
		root, err := st.Root(func(auditlog.Span) (tlog.Hash, error) { k++; return outside[k-1], nil },
			func() (tlog.Hash, error) { at++; return leaves[at-1], nil })
		if err != nil || root != tree.Hash {
			t.Errorf("stretch %v: root %s, %v", st, root, err)
		}
	}
}

// An event of a transaction that was slow to commit gets its place too, and
// only once.
func TestSequencerFindsLateCommits(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := openHouse(t)
	signer := h.auditKeys(t)
	s := NewSequencer(h.DB)
	slow, err := h.pool.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = slow.Rollback(ctx) }()
	if _, err := slow.Exec(ctx, `INSERT INTO audit_event (actor, action, subject, subject_id) VALUES ('a', 'person.slow', 'person', 1)`); err != nil {
		t.Fatal(err)
	}
	h.happen(t, 2)
	for _, want := range []int{2, 0} {
		if n, err := s.Next(ctx, signer.Open, signer.Sign, 100); err != nil || n != want {
			t.Fatalf("placed %d, want %d, %v", n, want, err)
		}
	}
	if err := slow.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	h.happen(t, 1)
	for _, want := range []int{2, 0} {
		if n, err := s.Next(ctx, signer.Open, signer.Sign, 100); err != nil || n != want {
			t.Fatalf("placed %d, want %d, %v", n, want, err)
		}
	}
}

// A log that was loaded into another server brings the numbers of its former
// transactions along. What waited there gets its place, and so does what comes.
func TestSequencerInAnotherServer(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := openHouse(t)
	signer := h.auditKeys(t)
	h.happen(t, 5)
	if _, err := NewSequencer(h.DB).Next(ctx, signer.Open, signer.Sign, 3); err != nil {
		t.Fatal(err)
	}
	h.exec(t, `ALTER TABLE audit_event DISABLE TRIGGER ALL`)
	h.exec(t, `UPDATE audit_event SET xid = '99999999999'`)
	h.exec(t, `ALTER TABLE audit_event ENABLE TRIGGER ALL`)
	s := NewSequencer(h.DB)
	for round, want := range []int{2, 0, 4, 0, 4} {
		if n, err := s.Next(ctx, signer.Open, signer.Sign, 100); err != nil || n != want {
			t.Fatalf("round %d: placed %d, want %d, %v", round, n, want, err)
		}
		if round == 1 || round == 3 {
			h.happen(t, 4)
		}
	}
}

// The database goes back in time under a sequencer that lives on: by the
// numbers of its transactions, or by its log. What waits there gets its place.
func TestSequencerAfterARestore(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := openHouse(t)
	signer := h.auditKeys(t)
	s := NewSequencer(h.DB)
	next := func(want int) {
		t.Helper()
		if n, err := s.Next(ctx, signer.Open, signer.Sign, 100); err != nil || n != want {
			t.Fatalf("placed %d, want %d, %v", n, want, err)
		}
	}
	h.happen(t, 3)
	next(3)
	next(0)
	h.happen(t, 2)
	s.low = "99999999999" // as it was before
	next(2)
	next(0)

	// The log loses its end, and events that it keeps are of earlier
	// transactions than the sequencer looks at.
	for _, table := range []string{"audit_leaf", "audit_checkpoint"} {
		h.exec(t, `ALTER TABLE `+table+` DISABLE TRIGGER ALL`)
	}
	h.exec(t, `DELETE FROM audit_checkpoint WHERE size > 3`)
	h.exec(t, `DELETE FROM audit_leaf WHERE position >= 3`)
	next(2)
	next(0)
	if _, err := h.CheckAudit(ctx, signer.Open, tlog.Tree{}); err != nil {
		t.Error(err)
	}
}

// A tree that could not be read is not one that was changed.
func TestTreeThatCanNotBeRead(t *testing.T) {
	t.Parallel()
	w := newTampered(t)
	half := tlog.Tree{N: 1100} // the proof needs hashes of both tables
	prove := func(ctx context.Context) error { return w.CheckExtends(ctx, w.tree, half) }
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := prove(ended); err == nil || errors.Is(err, ErrAuditTree) {
		t.Errorf("once its time is up: %v", err)
	}
	w.exec(t, `ALTER TABLE audit_node RENAME TO elsewhere`)
	if err := prove(context.Background()); err == nil || errors.Is(err, ErrAuditTree) {
		t.Errorf("without its table: %v", err)
	}
	w.exec(t, `ALTER TABLE elsewhere RENAME TO audit_node`)
	w.super(t, `UPDATE audit_node SET hash = decode(repeat('00', 32), 'hex')`)
	if err := prove(context.Background()); !errors.Is(err, ErrAuditTree) {
		t.Errorf("with other hashes: %v", err)
	}
}

// A search finds what somebody did, newest first, and where it is in the tree.
func TestSearchAudit(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := openHouse(t)
	signer := h.auditKeys(t)
	h.happen(t, 2)
	if _, err := NewSequencer(h.DB).Next(ctx, signer.Open, signer.Sign, 100); err != nil {
		t.Fatal(err)
	}
	h.happen(t, 1)
	rows, err := h.SearchAudit(ctx, AuditFilter{Subject: SubjectCredential, SubjectID: 7, Action: "credential."})
	if err != nil || len(rows) != 3 || rows[0].Position != -1 || rows[1].Position != 1 || rows[2].Position != 0 || rows[0].Reason != "because" {
		t.Fatalf("%+v, %v", rows, err)
	}
	for name, f := range map[string]AuditFilter{"another action": {Action: "person."}, "nobody's": {Person: 99}, "older": {Before: rows[2].ID}, "later": {From: rows[0].At.AddDate(1, 0, 0)}} {
		if rows, err := h.SearchAudit(ctx, f); err != nil || len(rows) != 0 {
			t.Errorf("%s: %d rows, %v", name, len(rows), err)
		}
	}
}
