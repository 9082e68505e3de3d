package workflow

import (
	"context"
	"fmt"
	"strings"
	"time"

	"latchkey/storage"
)

// ExtendPlan says what an owner may ask for.
type ExtendPlan struct {
	Key     CredentialView
	Longest Duration // from now
	Review  bool     // the same people are asked as for a new key
}

// PlanExtension says how far a key's end can be put off. Its owner may ask.
func (s *Service) PlanExtension(ctx context.Context, a Actor, id storage.CredentialID) (ExtendPlan, error) {
	v, err := s.Show(ctx, a, id)
	if err != nil {
		return ExtendPlan{}, err
	}
	if err := mayExtend(a, v.Credential); err != nil {
		return ExtendPlan{}, err
	}
	now, err := s.DB.Now(ctx)
	if err != nil {
		return ExtendPlan{}, err
	}
	latest := s.planOf(v.Credential).latest(v.Credential, now)
	if !latest.After(v.Credential.ExpiresAt) {
		return ExtendPlan{}, refuse(RuleCeiling, "%s lives as long as its rule %s lets it already. Rotate it, or ask for a new key.", id, v.Credential.PolicyName)
	}
	return ExtendPlan{Key: v, Longest: Duration(latest.Sub(now).Truncate(time.Second)), Review: s.today.needsReview(v.Credential)}, nil
}

// needsReview tells whether more time for a key is a decision of others: it
// is where the key can change anything.
func (r *Rules) needsReview(c storage.Credential) bool {
	return r.access(c.Connection, c.Scopes) != Read
}

// Extend asks for more time, from now on: a request like any other, except
// that one for reading needs nobody's review.
func (s *Service) Extend(ctx context.Context, a Actor, id storage.CredentialID, lifetime Duration, reason, sourceKey string) (storage.Request, error) {
	c, err := s.DB.Credential(ctx, id)
	if err != nil {
		return storage.Request{}, gone(err, fmt.Sprintf("key %s", id))
	}
	ask := Ask{Connection: c.Connection, Kind: c.Kind, Scopes: c.Scopes, Lifetime: lifetime, Reason: reason, Extends: id}
	if c.RequestID != 0 { // the same holder as it was granted to
		r, _, _, err := s.DB.Request(ctx, c.RequestID)
		if err != nil {
			return storage.Request{}, err
		}
		ask.Holder = r.HolderID
	}
	return s.Submit(ctx, a, ask, sourceKey)
}

// thinkingTime is how long people may look at what PlanExtension offers: an
// end that does not move comes nearer meanwhile.
const thinkingTime = 15 * time.Minute

func mayExtend(a Actor, c storage.Credential) error {
	switch {
	case c.OwnerID != a.Account.PersonID:
		return refuse(RuleAdminOnly, "Only the owner of %s can ask for more time.", c.ID)
	case !c.Managed:
		return refuse(RuleNotPossible, "Nobody asked for %s here. Ask to keep it first.", c.ID)
	case c.State != storage.CredentialActive:
		return refuse(RuleDecided, "%s is %s, so there is nothing to extend.", c.ID, strings.ReplaceAll(string(c.State), "_", " "))
	case fixedEnd(c):
		return refuse(RuleNotPossible, "%s ends %s by itself on %s. Rotate it instead: that makes a new key.", c.Connection, c.ID, c.VendorExpiresAt.UTC().Format(time.DateOnly))
	}
	return nil
}

// checkSuccession holds an ask for more time, or for a fresh key, to the key
// it is about.
func (s *Service) checkSuccession(ctx context.Context, tx storage.Tx, a Actor, ask Ask) error {
	id := ask.Extends
	if id == 0 {
		id = ask.Rotates
	}
	if id == 0 || ask.Lifetime < MinDuration || ask.Lifetime > MaxDuration { // no rule lets that pass
		return nil
	}
	c, err := tx.LockCredential(ctx, id)
	if err != nil {
		return gone(err, fmt.Sprintf("key %s", id))
	}
	if c.Connection != ask.Connection || c.Kind != ask.Kind || !sameScopes(c.Scopes, ask.Scopes) {
		return refuse(RuleNotPossible, "%s is not what it was when you asked. Look at it again.", c.ID)
	}
	may := mayExtend
	if ask.Rotates != 0 {
		may = s.mayRotate
	}
	if err := may(a, c); err != nil {
		return err
	}
	now, err := tx.Now(ctx)
	if err != nil {
		return err
	}
	ends := now.Add(time.Duration(ask.Lifetime))
	if !ends.After(c.ExpiresAt) && ask.Extends != 0 {
		return refuse(RuleNotPossible, "%s lives until %s already.", id, c.ExpiresAt.UTC().Format(time.DateOnly)).on("lifetime")
	}
	p := s.planOf(c)
	if latest := p.latest(c, now); ask.Extends != 0 && ends.After(latest) && !ends.Add(-thinkingTime).After(latest) {
		ends = latest // as far as it goes
	}
	return p.checkEnd(c, ends.Add(-time.Second), now)
}

// prolong gives the key of an approved request its new end: as much later as
// was granted, but no later than today's rules let it live. A request that
// comes to nothing fails, so that its owner does not rely on it.
func (s *Service) prolong(ctx context.Context, tx storage.Tx, r *storage.Request, by storage.Actor) error {
	c, err := tx.LockCredential(ctx, r.ExtendsID)
	if err != nil {
		return err
	}
	if c.State != storage.CredentialActive && c.State != storage.CredentialSuspended || c.OwnerID != r.RequesterID {
		return failAdoption(ctx, tx, r, "the key is not there any more as it was")
	}
	now, err := tx.Now(ctx)
	if err != nil {
		return err
	}
	ends := earlier(now.Add(r.Granted()), s.planOf(c).latest(c, now))
	switch {
	case !now.Before(c.ExpiresAt):
		return failAdoption(ctx, tx, r, "the key's time was up before")
	case !ends.After(c.ExpiresAt):
		return failAdoption(ctx, tx, r, fmt.Sprintf("the key lives until %s as it is, and that is as long as was granted, or as the rules let it", c.ExpiresAt.UTC().Format(time.DateTime)+" UTC"))
	}
	if err := tx.SetExpiry(ctx, &c, ends, "credential.extended", by, r.Reason); err != nil {
		return err
	}
	if err := moveRequest(ctx, tx, r, eventFulfill, storage.System("extend"), ""); err != nil {
		return err
	}
	return notifyCredential(ctx, tx, c)
}
