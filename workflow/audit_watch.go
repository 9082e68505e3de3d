package workflow

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"latchkey/storage"
	"latchkey/storage/auditlog"
)

// defaultVerifyEvery is how often the whole log is looked through. With the
// time that takes, a change is found within five minutes.
const defaultVerifyEvery = 4 * time.Minute

// watchTurn is how often a replica looks whether it is its turn.
const watchTurn = 5 * time.Second

// AuditWatch looks through the whole audit log now and then, on one replica at
// a time, and says what somebody changed in it. Safe for concurrent use.
type AuditWatch struct {
	service *Service
	public  string // verifies checkpoints

	// published is a tree that the log is known to have had; the zero value
	// stands for none.
	published func() tlog.Tree
	each      time.Duration
	last      atomic.Pointer[storage.Watched]
}

// NewAuditWatch prepares it; Run watches. Zero means every four minutes.
func (s *Service) NewAuditWatch(public string, p *Publication, each time.Duration) *AuditWatch {
	if each == 0 {
		each = defaultVerifyEvery
	}
	return &AuditWatch{service: s, public: public, published: p.Tree, each: each}
}

// Last is what the latest look found, on whichever replica; zero before the
// first.
func (w *AuditWatch) Last() storage.Watched {
	if last := w.last.Load(); last != nil {
		return *last
	}
	return storage.Watched{}
}

// Run watches until the context ends.
func (w *AuditWatch) Run(ctx context.Context) {
	tick := time.NewTicker(min(watchTurn, w.each))
	defer tick.Stop()
	for {
		if err := w.Look(ctx); err != nil && ctx.Err() == nil {
			w.service.Logger.Error().Err(err).Msg("the audit log could not be looked through")
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Look looks through the log if it is our turn, and notes what the last look
// found wherever that was.
func (w *AuditWatch) Look(ctx context.Context) error {
	if _, err := w.service.DB.WatchAudit(ctx, w.each, w.look); err != nil {
		return err
	}
	last, err := w.service.DB.Watched(ctx)
	if err == nil {
		w.last.Store(&last)
	}
	return err
}

// look checks everything. What is wrong is logged each time, and told to
// people once.
func (w *AuditWatch) look(ctx context.Context) (storage.Watched, error) {
	signer := storage.AuditSigner{Public: w.public}
	tree, err := w.service.DB.CheckAudit(ctx, signer.Open, w.published())
	if err == nil {
		return storage.Watched{Size: tree.N}, nil
	}
	if !errors.Is(err, storage.ErrAuditTree) {
		return storage.Watched{}, err // it could not be looked through
	}
	f := storage.Finding{Position: -1, Problem: err.Error()}
	if p, ok := errors.AsType[*auditlog.Problem](err); ok {
		f = storage.Finding{Position: p.First, Problem: p.Error()}
	}
	w.service.Logger.Error().Int64("position", f.Position).Str("problem", f.Problem).Msg("the audit log was changed past the service")
	err = w.service.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		fresh, err := tx.NoteFinding(ctx, &f)
		if err != nil || !fresh {
			return err
		}
		return tx.Enqueue(ctx, NotifyArgs{storage.SubjectFinding, int64(f.ID)}, nil)
	})
	return storage.Watched{Size: tree.N, Problem: f.Problem}, err
}
