package workflow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"latchkey/storage"
	"latchkey/storage/auditlog"
)

const (
	// publishEach is how often a replica looks whether there is a newer
	// checkpoint, and whether the database still reaches the one it holds.
	publishEach = time.Second
	// defaultTrust is how long a look counts.
	defaultTrust = 10 * time.Second
	// endingsStretch is how many events are gone through for endings before it
	// is written down how far that came.
	endingsStretch = 100_000
	// endingsAtOnce is how many endings are written to the disk together.
	endingsAtOnce = 1000
)

// Publication is one replica's copy of the audit log's newest checkpoint, and
// of what has ended, outside the database. It finds out when the database goes
// back in time, and has what ended end again. Look and Run belong to one
// goroutine; Doubt may be called by any.
type Publication struct {
	service  *Service
	files    *storage.Published
	lasts    time.Duration // how long a look counts
	replayed string        // token of the quarantine for which this process replayed

	mu     sync.Mutex
	doubt  error
	looked time.Time // when the last look began that left no doubt, by this process's clock
	tree   tlog.Tree // that the database was seen to extend; zero while there is doubt
}

// NewPublication opens the files under a replica's data folder. Until the
// first Look there is doubt about the database, and again when the last that
// succeeded is longer ago than lasts; zero means ten seconds.
func (s *Service) NewPublication(dataDir string, lasts time.Duration) (*Publication, error) {
	files, err := storage.OpenPublished(dataDir)
	if err != nil {
		return nil, err
	}
	return &Publication{service: s, files: files, lasts: cmp.Or(lasts, defaultTrust), doubt: errNotCompared}, nil
}

var errNotCompared = errors.New("the database was not compared with the published checkpoint yet")

// Doubt says why the database can't be trusted to know what has ended, or nil.
// The gateway lets no key through while there is doubt.
func (p *Publication) Doubt() error { return p.DoubtSince(time.Time{}) }

// DoubtSince is Doubt, and also says why not if no look that succeeded began
// after a time: what was known of the database before it is of no use then.
func (p *Publication) DoubtSince(at time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch age := time.Since(p.looked); {
	case p.doubt != nil:
		return p.doubt
	case age > p.lasts+publishEach:
		return fmt.Errorf("the database was last compared with the published checkpoint %s ago", age.Round(time.Second))
	case !p.looked.After(at):
		return errNotCompared
	}
	return nil
}

func (p *Publication) setDoubt(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.doubt, p.tree = err, tlog.Tree{}
}

// Tree is the published tree that the database extends; zero while there is
// none, or doubt.
func (p *Publication) Tree() tlog.Tree {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tree
}

// trust takes doubt away, by a look that began at a time.
func (p *Publication) trust(tree tlog.Tree, began time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.doubt, p.tree, p.looked = nil, tree, began
}

// Run looks again and again until the context ends.
func (p *Publication) Run(ctx context.Context) {
	tick := time.NewTicker(publishEach)
	defer tick.Stop()
	for {
		if err := p.Look(ctx); err != nil && ctx.Err() == nil {
			p.service.Logger.Error().Err(err).Msg("the audit log's checkpoint could not be published")
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Look compares the database with what was published of it, and publishes what
// is new; or it puts a database that does not reach that into quarantine.
func (p *Publication) Look(ctx context.Context) error {
	began := time.Now()
	within, cancel := context.WithTimeout(ctx, p.lasts)
	defer cancel()
	held, err := p.files.Held() // before the database, which then must be at least as far
	if err != nil {
		p.setDoubt(err)
		return err
	}
	standing, err := p.service.DB.AuditStanding(within)
	if err != nil {
		return err // doubt comes by itself if that lasts
	}
	if held.Note == "" {
		p.trust(tlog.Tree{}, began)
		return p.publish(within, held, standing)
	}
	tree, err := held.Tree()
	if err != nil {
		err = fmt.Errorf("the checkpoint in %s can't be read; if somebody damaged it, move the folder away: %w", p.files.Dir(), err)
		p.setDoubt(err)
		return err
	}
	why, err := p.service.unreached(within, standing, held, tree)
	if errors.Is(err, storage.ErrAuditTree) {
		// Somebody changed the log in place, which the watch reports. No
		// backup looks like this: whoever trusted the database goes on.
		if p.Doubt() == nil {
			p.trust(tree, began)
		} else {
			p.setDoubt(fmt.Errorf("the database can't be compared with the checkpoint in %s; if you know why, move the folder away: %w", p.files.Dir(), err))
		}
	}
	if err != nil {
		return err
	}
	if why == "" {
		p.trust(tree, began)
		return p.publish(within, held, standing) // the next look goes on where this one's time was up
	}
	p.setDoubt(errors.New(why))
	return p.distrust(ctx, held, tree, standing, why)
}

// unreached says in a sentence why a database is not a later state of the one
// that was published, or nothing.
func (s *Service) unreached(ctx context.Context, standing storage.AuditStanding, held storage.Held, tree tlog.Tree) (string, error) {
	switch {
	case standing.Checkpoint.Note == held.Note:
		return "", nil
	case standing.Public != held.Public:
		return "its audit log is signed by another key than the one that was published", nil
	case standing.Checkpoint.Size < tree.N:
		return fmt.Sprintf("its audit log has %d events, and %d were published", standing.Checkpoint.Size, tree.N), nil
	}
	now, err := auditlog.OpenCheckpoint(standing.Public, standing.Checkpoint.Note)
	if err != nil {
		return "", err
	}
	err = s.DB.CheckExtends(ctx, now, tree)
	if errors.Is(err, storage.ErrForked) {
		return fmt.Sprintf("the first %d events of its audit log are not those that were published", tree.N), nil
	}
	return "", err
}

// publish puts what is new where the database can't reach it: first what
// ended, then the checkpoint that stands for it.
func (p *Publication) publish(ctx context.Context, held storage.Held, standing storage.AuditStanding) error {
	if standing.Checkpoint.Note != held.Note {
		now, err := auditlog.OpenCheckpoint(standing.Public, standing.Checkpoint.Note)
		if err != nil {
			return err
		}
		if err := p.keepEndings(ctx, now.N); err != nil {
			return err
		}
		if err := p.files.Replace(standing.Public, standing.Checkpoint.Note); err != nil {
			return err
		}
	}
	// A quarantine that is over by now is not what excuses a later one.
	var fresh []string
	for token := range standing.Accepted {
		if !slices.Contains(held.Followed, token) {
			fresh = append(fresh, token)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	return p.files.Follow(held.Followed, fresh...)
}

// keepEndings writes down what ended before a position.
func (p *Publication) keepEndings(ctx context.Context, past int64) error {
	from, err := p.files.Through()
	if err != nil {
		return err
	}
	for ; from < past; from += endingsStretch {
		if err := p.keepStretch(ctx, from, min(from+endingsStretch, past)); err != nil {
			return err
		}
	}
	return nil
}

// keepStretch writes down what ended between two positions.
func (p *Publication) keepStretch(ctx context.Context, from, past int64) error {
	var some []storage.Ending
	err := p.service.DB.AuditEndings(ctx, from, past, func(e storage.Ending) error {
		if some = append(some, e); len(some) < endingsAtOnce {
			return nil
		}
		err := p.files.Append(some, e.Position+1)
		some = some[:0]
		return err
	})
	if err != nil {
		return err
	}
	return p.files.Append(some, past)
}
