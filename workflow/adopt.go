package workflow

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"latchkey/storage"
)

// AdoptAsk is what the owner of an unmanaged key would ask for to keep it:
// everything but how long and why.
func (s *Service) AdoptAsk(ctx context.Context, a Actor, id storage.CredentialID) (Ask, error) {
	c, err := s.DB.Credential(ctx, id)
	if err != nil {
		return Ask{}, gone(err, fmt.Sprintf("key %s", id))
	}
	ask := Ask{Connection: c.Connection, Kind: c.Kind, Scopes: c.Scopes, Adopts: id}
	return ask, mayAdopt(a, c)
}

// mayAdopt refuses what can't come under management by this person's request.
func mayAdopt(a Actor, c storage.Credential) error {
	if err := a.Admit(); err != nil {
		return err
	}
	switch {
	case c.Managed:
		return refuse(RuleDecided, "%s is managed by Latchkey already.", c.ID)
	case c.State != storage.CredentialActive:
		return refuse(RuleDecided, "%s is %s, so there is nothing to keep.", c.ID, c.State)
	case c.OwnerID != a.Account.PersonID:
		return refuse(RuleAdminOnly, "Only the owner of %s can ask to keep it.", c.ID)
	case len(c.Scopes) == 0:
		return refuse(RuleNotPossible, "%s does not say what %s may do, so nobody could approve it. Ask for a new key instead.", c.Connection, c.ID)
	}
	return nil
}

// checkAdoption holds an ask to the key it is about.
func (s *Service) checkAdoption(ctx context.Context, tx storage.Tx, a Actor, ask Ask) error {
	if ask.Adopts == 0 {
		return nil
	}
	c, err := tx.LockCredential(ctx, ask.Adopts)
	if err != nil {
		return gone(err, fmt.Sprintf("key %s", ask.Adopts))
	}
	if err := mayAdopt(a, c); err != nil {
		return err
	}
	if c.Connection != ask.Connection || c.Kind != ask.Kind || !sameScopes(c.Scopes, ask.Scopes) {
		return refuse(RuleNotPossible, "%s is not what it was when you asked. Look at it again.", c.ID)
	}
	return nil
}

func sameScopes(a, b []string) bool {
	return len(a) == len(b) && len(without(a, b)) == 0
}

// without is what a has and b has not.
func without(a, b []string) []string {
	has := map[string]bool{}
	for _, s := range b {
		has[s] = true
	}
	var out []string
	for _, s := range a {
		if !has[s] {
			out = append(out, s)
		}
	}
	return out
}

// checkHolder refuses a service account that is not the actor's.
func (s *Service) checkHolder(ctx context.Context, a Actor, ask Ask) error {
	if ask.Holder == 0 {
		return nil
	}
	accounts, err := s.DB.VendorAccounts(ctx, ask.Holder)
	if err != nil {
		return err
	}
	if h := accounts[ask.Holder]; !h.IsService || h.IsDeleted || h.PersonID != a.Account.PersonID {
		return refuse(RuleNotPossible, "You can ask only for service accounts that are yours.").on("holder")
	}
	return nil
}

// adopt brings the key an approved request is about under management. Its
// clock starts now, and the system's own end counts if it comes first.
func (s *Service) adopt(ctx context.Context, tx storage.Tx, r *storage.Request, by storage.Actor) error {
	c, err := tx.LockCredential(ctx, r.AdoptsID)
	if err != nil {
		return err
	}
	now, err := tx.Now(ctx)
	if err != nil {
		return err
	}
	ends := now.Add(time.Duration(r.GrantedS) * time.Second)
	if ends, err = spread(ctx, tx, c, ends, r.Granted()); err != nil {
		return err
	}
	if !c.ExpiresAt.IsZero() && c.ExpiresAt.Before(ends) {
		ends = c.ExpiresAt
	}
	if more := without(c.VendorScopes, r.GrantedScopes); len(more) > 0 {
		return failAdoption(ctx, tx, r, "the key can do more than was approved: "+listWords(more))
	}
	err = tx.Adopt(ctx, &c, *r, ends, by)
	if errors.Is(err, storage.ErrConflict) {
		return failAdoption(ctx, tx, r, "the key is not there any more as it was")
	}
	if err != nil {
		return err
	}
	if err := moveRequest(ctx, tx, r, eventFulfill, storage.System("adopt"), ""); err != nil {
		return err
	}
	return notifyCredential(ctx, tx, c)
}

// A day on which this many keys of a system end already gets no more of those
// that come under management together: their ends are spread over the days
// before, at most a tenth of their life and a week.
const (
	fullDay   = 10
	spreadMax = 7 * 24 * time.Hour
)

// spread brings the end of a key that is adopted forward where many of its
// system end on the same day, by a share of time that is the key's own.
func spread(ctx context.Context, tx storage.Tx, c storage.Credential, ends time.Time, lifetime time.Duration) (time.Time, error) {
	n, err := tx.CountEnding(ctx, c.Connection, ends.Add(-12*time.Hour), ends.Add(12*time.Hour))
	if err != nil || n < fullDay {
		return ends, err
	}
	window := min(lifetime/10, spreadMax)
	share := fnv.New32a()
	_, _ = fmt.Fprint(share, c.ID) // never fails
	return ends.Add(-time.Duration(float64(window) * float64(share.Sum32()) / (1 << 32)).Truncate(time.Second)), nil
}

func failAdoption(ctx context.Context, tx storage.Tx, r *storage.Request, why string) error {
	if err := moveRequest(ctx, tx, r, eventFail, storage.System("adopt"), why); err != nil {
		return err
	}
	return notifyRequest(ctx, tx, r.ID)
}
