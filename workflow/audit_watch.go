package workflow

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"latchkey/storage"
	"latchkey/storage/auditlog"
)

// defaultVerifyEvery is how often the whole log is looked through. With the
// time that takes, a change is found within five minutes.
const defaultVerifyEvery = 4 * time.Minute

const (
	// placeWithin is how soon an event has its place in the tree, and
	// placePatience what one of a transaction that took long gets besides.
	placeWithin   = time.Minute
	placePatience = 15 * time.Second
)

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
	patience  time.Duration
	last      atomic.Pointer[sight]
}

// sight is what a replica saw of the latest look, and when by its own clock:
// what the database says of time may be part of what was changed.
type sight struct {
	storage.Watched

	fresh time.Time     // when this replica first saw it
	took  time.Duration // the last look of this replica's own
}

// NewAuditWatch prepares it; Run watches. Zero means every four minutes.
func (s *Service) NewAuditWatch(public string, p *Publication, each time.Duration) *AuditWatch {
	if each == 0 {
		each = defaultVerifyEvery
	}
	w := &AuditWatch{service: s, public: public, published: p.Tree, each: each, patience: placePatience}
	w.last.Store(&sight{fresh: time.Now()})
	return w
}

// Last is what the latest look found, on whichever replica; zero before the
// first.
func (w *AuditWatch) Last() storage.Watched { return w.last.Load().Watched }

// Problem says in a sentence what is wrong: what the latest look found, or that
// there was none for twice as long as it should take. Empty: nothing.
func (w *AuditWatch) Problem() string {
	last := w.last.Load()
	if last.Problem != "" {
		return last.Problem
	}
	if ago := time.Since(last.fresh); ago > 2*w.each+last.took+watchTurn {
		return fmt.Sprintf("the audit log was not looked through for %s, and should be every %s: see the log of the service, and whether something else holds its locks", ago.Round(time.Second), w.each)
	}
	return ""
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
	next := *w.last.Load()
	began := time.Now()
	done, err := w.service.DB.WatchAudit(ctx, w.each, w.look)
	if err != nil {
		return err
	}
	if done {
		next.took = time.Since(began)
	}
	last, err := w.service.DB.Watched(ctx)
	if err != nil {
		return err
	}
	if !last.At.Equal(next.At) {
		next.fresh = time.Now()
	}
	next.Watched = last
	w.last.Store(&next)
	return nil
}

// look checks everything. What is wrong is logged each time, and told to
// people once.
func (w *AuditWatch) look(ctx context.Context) (storage.Watched, error) {
	signer := storage.AuditSigner{Public: w.public}
	tree, err := w.service.DB.CheckAudit(ctx, signer.Open, w.published())
	f := storage.Finding{Position: -1}
	switch p, ok := errors.AsType[*auditlog.Problem](err); {
	case err == nil:
		if f.Problem, err = w.unplaced(ctx); err != nil || f.Problem == "" {
			return storage.Watched{Size: tree.N}, err
		}
	case !errors.Is(err, storage.ErrAuditTree):
		return storage.Watched{}, err // it could not be looked through
	case ok:
		f.Position, f.Problem = p.First, p.Error()
	default:
		f.Problem = err.Error()
	}
	w.service.Logger.Error().Int64("position", f.Position).Str("problem", f.Problem).Msg("the audit log is not as the service made it")
	err = w.service.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		fresh, err := tx.NoteFinding(ctx, &f)
		if err != nil || !fresh {
			return err
		}
		return tx.Enqueue(ctx, NotifyArgs{storage.SubjectFinding, int64(f.ID)}, nil)
	})
	return storage.Watched{Size: tree.N, Problem: f.Problem}, err
}

// unplaced says in a sentence that an event gets no place in the tree, which
// proves nothing of it then; empty: nothing.
func (w *AuditWatch) unplaced(ctx context.Context) (string, error) {
	event, at, err := w.service.DB.AuditUnplaced(ctx, placeWithin)
	if errors.Is(err, storage.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	wait := time.NewTimer(w.patience)
	defer wait.Stop()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case <-wait.C:
	}
	_, err = w.service.DB.AuditPosition(ctx, event)
	if !errors.Is(err, storage.ErrNotFound) {
		return "", err
	}
	return fmt.Sprintf("event %d of %s has no place in the audit log: what gives events their place does not get to it; see the log of the service, and whether something else holds its locks",
		event, at.UTC().Format(time.RFC3339)), nil
}
