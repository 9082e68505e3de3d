package workflow

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"latchkey/connectors"
	"latchkey/storage"
)

// Limits of a walk through a system's listing.
const (
	syncBatch   = 5000            // credentials in one transaction
	syncEvery   = time.Hour       // where the configuration does not say
	syncAtOnce  = 4               // systems walked at the same time by one replica
	syncRetry   = 5 * time.Minute // after a walk that failed
	syncWaitMax = time.Hour       // however long a vendor asks us to wait
)

// RunSync lists every system when it is due, until the context ends. It may
// run on every replica: a walk is claimed by its connection's row.
func (s *Service) RunSync(ctx context.Context) {
	var walks sync.WaitGroup
	defer walks.Wait()
	places := make(chan struct{}, syncAtOnce)
	tick := time.NewTicker(s.SweepEach)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case places <- struct{}{}:
		}
		c, err := s.DB.ClaimSync(ctx, s.SyncHold)
		if err == nil {
			walks.Go(func() {
				defer func() { <-places }()
				s.sync(ctx, c)
			})
			continue
		}
		<-places
		if !errors.Is(err, storage.ErrNotFound) && ctx.Err() == nil {
			s.Logger.Error().Err(err).Msg("no system could be claimed for its sync")
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// SyncDue walks every system that is due now, one after the other.
func (s *Service) SyncDue(ctx context.Context) error {
	for {
		c, err := s.DB.ClaimSync(ctx, s.SyncHold)
		if errors.Is(err, storage.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		s.sync(ctx, c)
	}
}

// sync walks one claimed system and notes how it went.
func (s *Service) sync(ctx context.Context, c storage.Connection) {
	w := &walk{Service: s, conn: s.Connectors[c.Name], row: c, accounts: map[string]storage.AccountID{}}
	walking, lost := context.WithCancel(ctx)
	defer lost()
	var holding sync.WaitGroup
	holding.Go(func() { s.keepSync(walking, lost, c) })
	err := w.run(walking)
	lost()
	holding.Wait()
	again := s.syncEach(c.Name)
	problem := ""
	if err != nil {
		problem, again = walkWords(err), min(again, syncRetry)
		if limited, ok := errors.AsType[*connectors.RateLimitedError](err); ok {
			again = min(max(limited.After, time.Second), syncWaitMax)
		}
		if ctx.Err() != nil {
			again = 0 // another replica goes on
		}
		s.Logger.Warn().Err(err).Str("connection", c.Name).Msg("sync did not see everything; what is known stays as it is")
	}
	w.row.Seen = len(w.seen)
	err = s.DB.InTx(context.WithoutCancel(ctx), func(ctx context.Context, tx storage.Tx) error {
		return tx.EndSync(ctx, w.row, err == nil, problem, again)
	})
	if err != nil && !errors.Is(err, storage.ErrConflict) {
		s.Logger.Error().Err(err).Str("connection", c.Name).Msg("the end of a sync could not be stored")
	}
}

// keepSync prolongs the claim of a walk, however long the vendor takes for a
// page, and ends the walk when somebody else has taken it over.
func (s *Service) keepSync(ctx context.Context, lost context.CancelFunc, c storage.Connection) {
	tick := time.NewTicker(s.SyncHold / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error { return tx.HoldSync(ctx, c, s.SyncHold) })
		if errors.Is(err, storage.ErrConflict) {
			lost()
		}
	}
}

func (s *Service) syncEach(connection string) time.Duration {
	if d := s.SyncEvery[connection]; d > 0 {
		return d
	}
	return syncEvery
}

// walkWords says for people why a walk failed; the cause is in the log.
func walkWords(err error) string {
	var doubt doubtError
	switch {
	case errors.As(err, &doubt):
		return doubt.Error()
	case errors.Is(err, errNotListed):
		return errNotListed.Error()
	case errors.Is(err, connectors.ErrUnrecoverable):
		return "the system refused to list its credentials"
	}
	if _, ok := errors.AsType[*connectors.RateLimitedError](err); ok {
		return "the system asked us to slow down"
	}
	if errors.Is(err, context.Canceled) {
		return "the listing was interrupted"
	}
	return "the system could not be listed to its end"
}

// walk is one pass over a system's listing. What it keeps in memory is a
// number for each credential and a key for each account.
type walk struct {
	*Service
	conn     connectors.Connector
	row      storage.Connection
	began    time.Time
	accounts map[string]storage.AccountID // by the vendor's ID, as far as saved
	seen     []storage.CredentialID
	stopped  []storage.CredentialID // of those, shown as not working while we wait for their end
	awaited  map[string]bool        // what vendors' own keys that we wait for have in common with their requests
	ours     []ours
	strays   []storage.CredentialID // rows at their end, or with another key, of which it shows something all the same
}

// ours is a listed credential that belongs to a row we know by other means
// than its vendor's ID. It is settled when the whole listing is known.
type ours struct {
	id     storage.CredentialID // by the label that we gave it
	match  string               // or by what it shares with a request at the vendor
	listed storage.Listed
}

// errNotListed is a system that a replica with another configuration walks.
var errNotListed = errors.New("the system can't be listed with the configuration of this replica")

// run is a whole walk, or an error.
func (w *walk) run(ctx context.Context) error {
	if !listed(w.conn) {
		return errNotListed
	}
	var err error
	if w.began, err = w.DB.Now(ctx); err != nil {
		return err
	}
	if w.awaited, err = w.DB.AwaitedMatches(ctx, w.row.Name); err != nil {
		return err
	}
	if err := w.walkAll(ctx, w.listing(ctx)); err != nil {
		return err
	}
	if err := w.link(ctx); err != nil {
		return err
	}
	w.Fault("sync:listed")
	if err := w.settleOurs(ctx); err != nil {
		return err
	}
	if err := w.settleMissing(ctx); err != nil {
		return err
	}
	w.Fault("sync:settled")
	if err := w.checkLeavers(ctx); err != nil {
		return err
	}
	if err := w.fileVendorRequests(ctx); err != nil {
		return err
	}
	return w.enforce(ctx, w.row)
}

// listing is everything the system lists: keys, then OAuth grants.
func (w *walk) listing(ctx context.Context) iter.Seq2[connectors.Credential, error] {
	return func(yield func(connectors.Credential, error) bool) {
		if lister, ok := connectors.As[connectors.Lister](w.conn); ok {
			for c, err := range lister.Credentials(ctx) {
				if !yield(c, err) || err != nil {
					return
				}
			}
		}
		lister, ok := connectors.As[connectors.GrantLister](w.conn)
		if !ok {
			return
		}
		for g, err := range lister.Grants(ctx) {
			c := connectors.Credential{Ref: connectors.Ref{ID: g.Ref.ID}, Kind: connectors.OAuthGrant, Class: "OAuth grant", Label: g.App,
				Owner: g.Ref.Owner, Scopes: g.Scopes, Access: g.Access, CreatedAt: g.GivenAt, LastUsed: g.LastUsed}
			if !yield(c, err) || err != nil {
				return
			}
		}
	}
}

// walkAll stores the listing a batch at a time.
func (w *walk) walkAll(ctx context.Context, listing iter.Seq2[connectors.Credential, error]) error {
	batch := make([]connectors.Credential, 0, syncBatch)
	for c, err := range listing {
		if err != nil {
			return err
		}
		if batch = append(batch, c); len(batch) == syncBatch {
			if err := w.save(ctx, batch); err != nil {
				return err
			}
			w.Fault("sync:batch")
			batch = batch[:0]
		}
	}
	if len(batch) == 0 {
		return nil
	}
	return w.save(ctx, batch)
}

// link says whose the accounts are.
func (w *walk) link(ctx context.Context) error {
	return w.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		n, err := tx.LinkAccounts(ctx, w.row.Name, w.today.accountsAt(w.row.Name))
		if n > 0 {
			w.Logger.Info().Int64("accounts", n).Str("connection", w.row.Name).Msg("linked accounts to people")
		}
		return err
	})
}

// accountsAt is what the `people` entries say of a system's accounts: the
// vendor's ID to the person's e-mail address.
func (r *Rules) accountsAt(connection string) map[string]string {
	out := map[string]string{}
	for _, p := range r.People {
		for _, id := range p.Accounts[connection] {
			out[id] = p.Email
		}
	}
	return out
}
