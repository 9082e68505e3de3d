package workflow

import (
	"context"
	"errors"

	"golang.org/x/mod/sumdb/tlog"

	"latchkey/storage"
	"latchkey/storage/auditlog"
)

// AuditProof shows that an event is in the tree of a signed checkpoint. Who has
// it checks it without us: Record hashes to a leaf, which Path leads from to
// the root that Checkpoint signs.
type AuditProof struct {
	Event      int64
	Position   int64
	Record     []byte // the leaf's content
	Leaf       tlog.Hash
	Path       tlog.RecordProof
	Checkpoint storage.Checkpoint
	Public     string // verifies the checkpoint
}

// ProveAudit proves one event. For admins, and keys with audit:read.
func (s *Service) ProveAudit(ctx context.Context, a Actor, event int64) (AuditProof, error) {
	if err := s.mayAs(ctx, a, ScopeAudit, "see what others did"); err != nil {
		return AuditProof{}, err
	}
	out := AuditProof{Event: event}
	var err error
	if out.Position, err = s.DB.AuditPosition(ctx, event); err != nil {
		return out, unproven(err)
	}
	if out.Checkpoint, err = s.DB.CheckpointAt(ctx, out.Position+1); err != nil {
		return out, unproven(err)
	}
	if out.Public, err = s.DB.AuditPublic(ctx); err != nil {
		return out, err
	}
	tree, err := storage.AuditSigner{Public: out.Public}.Open(out.Checkpoint.Note)
	if err != nil {
		return out, err
	}
	err = s.DB.AuditEntries(ctx, out.Position, out.Position+1, func(e *auditlog.Entry, stored tlog.Hash) error {
		out.Record, out.Leaf = e.Record(), stored
		return nil
	})
	if err != nil {
		return out, err
	}
	out.Path, err = s.DB.ProveRecord(ctx, tree, out.Position)
	return out, err
}

// unproven stands for an event that is not there, or not yet in the tree.
func unproven(err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return refuse(RuleUnknown, "There is no such event, or it is not in the tree yet. A new one is within seconds.")
	}
	return err
}

// AuditCheckpoint brings the newest checkpoint and what verifies it. For
// admins, and keys with audit:read.
func (s *Service) AuditCheckpoint(ctx context.Context, a Actor) (storage.Checkpoint, string, error) {
	if err := s.mayAs(ctx, a, ScopeAudit, "see what others did"); err != nil {
		return storage.Checkpoint{}, "", err
	}
	c, err := s.DB.LatestCheckpoint(ctx)
	if err != nil {
		return c, "", gone(err, "checkpoint yet")
	}
	public, err := s.DB.AuditPublic(ctx)
	return c, public, err
}
