package workflow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/riverqueue/river"

	"latchkey/connectors"
	"latchkey/storage"
)

// VendorAsk ties an ask to the request at the system that it stands for.
type VendorAsk struct {
	ID    string // the vendor's
	Match string // what it has in common with the key it would lead to
}

// fileVendorRequests makes requests of the ones that people made at the
// system itself. What the policy refuses is denied there, with the reason;
// people we do not know keep waiting there, and the log says so.
func (w *walk) fileVendorRequests(ctx context.Context) error {
	lister, ok := connectors.As[connectors.RequestLister](w.conn)
	if !ok {
		return nil
	}
	var waiting []connectors.VendorRequest // few: people wait for each
	for r, err := range lister.Requests(ctx) {
		if err != nil {
			return err
		}
		waiting = append(waiting, r)
	}
	if err := w.linkRequesters(ctx, waiting); err != nil {
		return err
	}
	for _, r := range waiting {
		if err := w.fileVendorRequest(ctx, r); err != nil {
			return fmt.Errorf("file request %s of %s: %w", r.ID, w.row.Name, err)
		}
	}
	return nil
}

// linkRequesters says who asks, where the listing did not meet them.
func (w *walk) linkRequesters(ctx context.Context, waiting []connectors.VendorRequest) error {
	if len(waiting) == 0 {
		return nil
	}
	owners := make([]connectors.Credential, len(waiting))
	for i, r := range waiting {
		owners[i].Owner = r.Owner
	}
	return w.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		if err := tx.HoldSync(ctx, w.row, w.SyncHold); err != nil {
			return err
		}
		if err := w.saveAccounts(ctx, tx, owners); err != nil {
			return err
		}
		_, err := tx.LinkAccounts(ctx, w.row.Name, w.today.accountsAt(w.row.Name))
		return err
	})
}

func (w *walk) fileVendorRequest(ctx context.Context, r connectors.VendorRequest) error {
	id := w.accounts[accountKey(r.Owner)]
	accounts, err := w.DB.VendorAccounts(ctx, id)
	if err != nil {
		return err
	}
	account := accounts[id]
	if account.PersonID == 0 {
		w.Logger.Debug().Str("connection", w.row.Name).Str("vendor_request", r.ID).Msg("a request at the system is by an account that belongs to nobody we know")
		return nil
	}
	now, err := w.DB.Now(ctx)
	if err != nil {
		return err
	}
	ask := Ask{Connection: w.row.Name, Kind: APIKey, Scopes: r.Scopes, Reason: clean(r.Reason), Vendor: VendorAsk{r.ID, r.Match}}
	if ask.Reason == "" {
		ask.Reason = fmt.Sprintf("Asked for at %s under the name %s.", w.row.Name, clean(r.Label))
	}
	if !r.ExpiresAt.IsZero() {
		ask.Lifetime = Duration(r.ExpiresAt.Sub(now).Round(time.Minute))
	}
	key := "vendor:" + w.row.Name + ":" + r.ID
	_, err = w.Submit(ctx, Actor{Account: account, Ref: key}, ask, key)
	refusal, refused := AsRefusal(err)
	if !refused {
		return err
	}
	if refusal.Rule == RuleGroupUnknown || refusal.Rule == RuleQuota { // not for good: it waits there for a later walk
		w.Logger.Warn().Str("connection", w.row.Name).Str("vendor_request", r.ID).Str("rule", refusal.Rule).Msg("a request at the system can't be filed now")
		return nil
	}
	decider, ok := connectors.As[connectors.RequestDecider](w.conn)
	if !ok {
		return nil
	}
	return decider.Decide(ctx, connectors.Decision{ID: r.ID, Reason: refusal.Reason})
}

// DecideArgs is the job that tells a system our decision on its request.
type DecideArgs struct {
	ID storage.RequestID `json:"id"`
}

// Kind implements river.JobArgs.
func (DecideArgs) Kind() string { return "decide_at_vendor" }

// InsertOpts implements river.JobArgsWithInsertOpts: a person waits at the
// vendor for the answer, so it is never given up.
func (DecideArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: maxTries} }

// tellVendor commits the job with a decision against a request that was made
// at its system. An approval is told by the issue, which is what it leads to.
func tellVendor(ctx context.Context, tx storage.Tx, r storage.Request) error {
	if r.VendorRequest == "" {
		return nil
	}
	switch r.State {
	case storage.RequestDenied, storage.RequestLapsed, storage.RequestCanceled, storage.RequestFailed:
		return tx.Enqueue(ctx, DecideArgs{r.ID}, nil)
	case storage.RequestPending, storage.RequestApproved, storage.RequestFulfilled:
	}
	return nil
}

// TellVendor denies at its system a request that was decided against here.
func (s *Service) TellVendor(ctx context.Context, id storage.RequestID) error {
	r, _, _, err := s.DB.Request(ctx, id)
	if err != nil {
		return err
	}
	decider, ok := connectors.As[connectors.RequestDecider](s.Connectors[r.Connection])
	if !ok || r.State == storage.RequestApproved || r.State == storage.RequestFulfilled {
		return nil // not decided against by now
	}
	reason := r.StateReason
	if reason == "" {
		reason = "not approved"
	}
	return decider.Decide(ctx, connectors.Decision{ID: r.VendorRequest, Reason: reason})
}

// leaveToHuman ends our part in making a key that a person or the vendor
// itself makes: the vendor is told of the approval if it waits for one, and
// the next sync finds the key. It waits as long as the key may live, at most
// humanWaits.
func (s *Service) leaveToHuman(ctx context.Context, c storage.Credential) (bool, error) {
	r, _, _, err := s.DB.Request(ctx, c.RequestID)
	if err != nil {
		return false, err
	}
	if c.Kind == OAuthGrant && c.Brokered {
		return true, s.askToConnect(ctx, c)
	}
	if c.Brokered || !s.awaitsHuman(c, r) {
		return false, nil
	}
	if decider, ok := connectors.As[connectors.RequestDecider](s.Connectors[c.Connection]); ok && r.VendorRequest != "" {
		call, cancel := context.WithTimeout(ctx, s.callWithin())
		defer cancel()
		err := decider.Decide(call, connectors.Decision{ID: r.VendorRequest, Approve: true, Reason: "approved as " + r.ID.String()})
		if errors.Is(err, connectors.ErrUnrecoverable) {
			return true, s.failIssue(ctx, c, err)
		}
		if err != nil {
			return true, s.putOffIssue(ctx, c, err)
		}
	}
	return true, s.DB.InTx(context.WithoutCancel(ctx), func(ctx context.Context, tx storage.Tx) error {
		now, err := s.awaitHuman(ctx, tx, c)
		if err != nil || now.IsZero() {
			return err
		}
		if err := tx.SyncSoon(ctx, c.Connection); err != nil && !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		return notifyCredential(ctx, tx, c)
	})
}

// humanWaits is how long a person has for their part.
const humanWaits = 7 * 24 * time.Hour

// awaitHuman puts a row off until its person's time is over, when it ends.
// The time is zero when there was nothing to do.
func (s *Service) awaitHuman(ctx context.Context, tx storage.Tx, leased storage.Credential) (time.Time, error) {
	c, err := s.lockIssuing(ctx, tx, leased)
	if err != nil || c.State != storage.CredentialIssuing {
		return time.Time{}, err
	}
	now, err := tx.Now(ctx)
	if err != nil {
		return now, err
	}
	left := c.CreatedAt.Add(humanWaits).Sub(now)
	if left <= 0 {
		return time.Time{}, s.endIssue(ctx, tx, &c, "nobody made it in time")
	}
	return now, tx.Release(ctx, c.ID, left, "waits for its owner")
}

// lockIssuing holds a row, its request first, if the lease is still ours.
func (s *Service) lockIssuing(ctx context.Context, tx storage.Tx, leased storage.Credential) (storage.Credential, error) {
	if _, err := lockRequestOf(ctx, tx, leased); err != nil {
		return storage.Credential{}, err
	}
	c, err := tx.LockCredential(ctx, leased.ID)
	if err == nil && c.Attempts != leased.Attempts {
		return storage.Credential{}, nil
	}
	return c, err
}
