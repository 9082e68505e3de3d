package workflow

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"latchkey/storage"
)

// Preview says what would happen to an ask: the rule that applies and who
// would be asked.
type Preview struct {
	Policy      string
	Auto        bool
	MaxLifetime Duration
	PendingFor  Duration
	Steps       []StepView
}

// Preview judges an ask without filing it. A Refusal says why it would not
// be taken.
func (s *Service) Preview(ctx context.Context, a Actor, ask Ask) (Preview, error) {
	s.Refresh(ctx, s.today.Sources(s.today.groupNames()...))
	ask.Reason = strings.TrimSpace(ask.Reason)
	var out Preview
	err := s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		f, err := s.weigh(ctx, tx, a, 0, ask)
		if err != nil {
			return err
		}
		out = Preview{Policy: f.ruling.policy.Name, Auto: f.ruling.policy.Approval.Auto, MaxLifetime: f.ruling.policy.MaxLifetime, PendingFor: pendingFor(f.ruling.policy)}
		for i, st := range f.steps {
			v := StepView{Group: st.Group, Quorum: st.Quorum, Current: i == 0}
			for _, id := range st.Eligible {
				v.Eligible = append(v.Eligible, personOf(f.members.standing[id]))
			}
			out.Steps = append(out.Steps, v)
		}
		return nil
	})
	return out, err
}

// weighed is an ask that may be filed.
type weighed struct {
	ruling  ruling
	steps   []storage.Step
	members membership
}

// weigh applies today's policy to an ask. Neither who asks nor filer, who
// files it for them, reviews it; filer is zero when they ask themselves.
func (s *Service) weigh(ctx context.Context, tx storage.Tx, a Actor, filer storage.PersonID, ask Ask) (weighed, error) {
	who, members, err := s.stand(ctx, tx, s.today, a, append(s.today.groupNames(), s.today.asksEveryone(ask.Connection)...)...)
	if err != nil {
		return weighed{}, err
	}
	if err := s.checkAdoption(ctx, tx, a, ask); err != nil {
		return weighed{}, err
	}
	if err := s.checkHolder(ctx, a, ask); err != nil {
		return weighed{}, err
	}
	if err := s.checkSuccession(ctx, tx, a, ask); err != nil {
		return weighed{}, err
	}
	if _, app := s.oauthApp(ask.Connection); ask.Kind == OAuthGrant && s.brokered(ask.Connection) && !app {
		return weighed{}, refuse(RuleNotPossible, "No OAuth app of ours is registered at %s. Ask for an API key, or ask an admin to register one.", ask.Connection).on("kind")
	}
	if !ask.listed() && !s.canMake(ask.Connection, ask.Kind) {
		return weighed{}, refuse(RuleNotPossible, "Latchkey can't make this at %s. Ask for it there; Latchkey governs what is made.", ask.Connection).on("connection")
	}
	rule, err := s.today.decide(ask, who)
	if r, refused := AsRefusal(err); refused && r.Rule == RuleNoPolicy && s.today.dependsOn(ask, members.unknown) {
		return weighed{}, refuse(RuleGroupUnknown, "Which groups you are in can't be read right now, so Latchkey can't tell whether you may ask for this. Try again in a minute, or tell an admin.")
	}
	if err != nil {
		return weighed{}, err
	}
	if err := s.checkSink(ask, rule.policy); err != nil {
		return weighed{}, err
	}
	if ask.succeeds() && s.today.access(ask.Connection, ask.Scopes) == Read {
		rule.policy.Approval.Auto, rule.steps = true, nil // more time to read is its owner's to take
	}
	out := weighed{ruling: rule, members: members}
	for _, st := range rule.steps {
		if why := members.unknown[st.Group]; why != "" {
			return out, refuse(RuleGroupUnknown, "The group %s can't be asked right now: %s. Try again in a minute, or tell an admin.", st.Group, why)
		}
		row := storage.Step{Group: st.Group, Quorum: st.Quorum, Eligible: []storage.PersonID{}}
		for _, id := range members.members[st.Group] {
			if id != a.Account.PersonID && id != filer {
				row.Eligible = append(row.Eligible, id)
			}
		}
		out.steps = append(out.steps, row)
	}
	if groups := tooSmall(out.steps); groups != nil {
		besides := "you"
		if filer != 0 && filer != a.Account.PersonID {
			besides = "you and whom it is for"
		}
		return out, refuse(RuleGroupEmpty, "Nobody could approve this: %s has too few people besides %s for the approvals the rule %s asks for. Ask an admin to add people to the group.",
			strings.Join(groups, " and "), besides, rule.policy.Name)
	}
	return out, nil
}

// Submit files a request. sourceKey is the interaction's own unique key: the
// same one again gives the same request and files nothing. A policy with
// automatic approval approves at once.
func (s *Service) Submit(ctx context.Context, a Actor, ask Ask, sourceKey string) (storage.Request, error) {
	return s.submit(ctx, a, 0, a.by(), ask, sourceKey)
}

// submit is Submit for a person, by whoever files it for them: filer, who is
// zero when they ask themselves.
func (s *Service) submit(ctx context.Context, a Actor, filer storage.PersonID, by storage.Actor, ask Ask, sourceKey string) (storage.Request, error) {
	s.Refresh(ctx, s.today.Sources(s.today.groupNames()...))
	ask.Reason = strings.TrimSpace(ask.Reason)
	var r storage.Request
	err := s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		if err := a.Admit(); err != nil {
			return err
		}
		pending, err := tx.CountPending(ctx, a.Account.PersonID) // also holds the person, so quotas can't be raced
		if err != nil {
			return err
		}
		filed, err := tx.RequestFrom(ctx, sourceKey)
		if !errors.Is(err, storage.ErrNotFound) {
			r = filed // the same interaction again, whatever the policy says by now
			return err
		}
		f, err := s.weigh(ctx, tx, a, filer, ask)
		if err != nil {
			return err
		}
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		r = storage.Request{RequesterID: a.Account.PersonID, AccountID: a.Account.ID, FiledBy: filer, Connection: ask.Connection, Kind: ask.Kind,
			Scopes: ask.Scopes, LifetimeS: int64(time.Duration(ask.Lifetime) / time.Second), Reason: ask.Reason,
			PolicyHash: s.today.Hash, PolicyName: f.ruling.policy.Name, State: storage.RequestPending, SourceKey: sourceKey,
			LapsesAt: now.Add(time.Duration(pendingFor(f.ruling.policy))), AdoptsID: ask.Adopts, HolderID: ask.Holder,
			VendorRequest: ask.Vendor.ID, VendorMatch: ask.Vendor.Match, ExtendsID: ask.Extends, RotatesID: ask.Rotates, Sink: ask.Sink, Place: ask.Place}
		err = tx.InsertRequest(ctx, &r, f.steps, by)
		if errors.Is(err, storage.ErrConflict) {
			return refuse(RuleDecided, "Somebody asks for %s already; see /tokens pending.", max(ask.Adopts, ask.Extends, ask.Rotates))
		}
		if errors.Is(err, storage.ErrDuplicate) {
			return nil
		}
		if err != nil {
			return err
		}
		if pending >= s.today.Quotas.Pending {
			return refuse(RuleQuota, "You already have %d requests waiting, the most one person may have. Cancel one, or wait for a decision.", pending)
		}
		if !ask.succeeds() {
			if err := s.checkLive(ctx, tx, r.RequesterID); err != nil {
				return err
			}
		}
		if f.ruling.policy.Approval.Auto {
			if err := s.approve(ctx, tx, &r, storage.System("policy "+r.PolicyName), "approved by policy"); err != nil {
				return err
			}
		}
		return notifyRequest(ctx, tx, r.ID)
	})
	return r, err
}

func pendingFor(p Policy) Duration {
	if p.PendingFor > 0 {
		return p.PendingFor
	}
	return DefaultPendingFor
}

// checkLive refuses one key too many.
func (s *Service) checkLive(ctx context.Context, tx storage.Tx, id storage.PersonID) error {
	live, err := tx.CountLive(ctx, id)
	if err != nil {
		return err
	}
	if live >= s.today.Quotas.Live {
		return refuse(RuleQuota, "You already hold %d keys, the most one person may have. Give one back first.", live)
	}
	return nil
}

// approve moves a request to approved and writes the intent to issue. The
// grant's clock does not start here but at activation.
func (s *Service) approve(ctx context.Context, tx storage.Tx, r *storage.Request, by storage.Actor, reason string) error {
	if err := moveRequest(ctx, tx, r, eventApprove, by, reason); err != nil {
		return err
	}
	switch {
	case r.AdoptsID != 0:
		return s.adopt(ctx, tx, r, by)
	case r.ExtendsID != 0:
		return s.prolong(ctx, tx, r, by)
	case r.RotatesID != 0:
		return s.rotateFor(ctx, tx, r, by)
	}
	now, err := tx.Now(ctx)
	if err != nil {
		return err
	}
	c := storage.Credential{Connection: r.Connection, Kind: r.Kind, Brokered: s.brokered(r.Connection), Managed: true, AccountID: r.HolderID, OwnerID: r.RequesterID,
		RequestID: r.ID, Label: r.ID.String(), Scopes: r.GrantedScopes, LifetimeS: r.GrantedS, State: storage.CredentialIssuing,
		NextActionAt: now.Add(s.LeaseFor), PolicyName: r.PolicyName, Sink: r.Sink, Place: r.Place}
	c.UseKnown, c.Access = c.Brokered, string(s.today.access(c.Connection, c.Scopes))
	if err := tx.InsertCredential(ctx, &c, by); err != nil {
		return err
	}
	return tx.Enqueue(ctx, IssueArgs{c.ID}, nil)
}

// Cancel withdraws a request: the requester's own, or any by an admin. A key
// that is being made is revoked.
func (s *Service) Cancel(ctx context.Context, a Actor, id storage.RequestID) (storage.Request, error) {
	s.Refresh(ctx, s.today.Sources(s.today.Admins...))
	var r storage.Request
	err := s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		who, m, err := s.stand(ctx, tx, s.today, a, s.today.Admins...)
		if err != nil {
			return err
		}
		if r, _, _, err = tx.LockRequest(ctx, id); err != nil {
			return gone(err, fmt.Sprintf("request %s", id))
		}
		if r.RequesterID != a.Account.PersonID && !s.today.isAdmin(who.Groups) {
			return s.adminsOnly(m, "Only the requester or an admin can cancel %s.", id)
		}
		if r.State == storage.RequestCanceled {
			return nil
		}
		if !requestMachine.allows(string(r.State), eventCancel) {
			return refuse(RuleDecided, "%s is %s, so there is nothing to cancel.", id, r.State)
		}
		if r.State != storage.RequestPending {
			if err := s.abandon(ctx, tx, r.ID, a.by(), "request canceled"); err != nil {
				return err
			}
		}
		if err := moveRequest(ctx, tx, &r, eventCancel, a.by(), "canceled by "+a.Account.Name); err != nil {
			return err
		}
		return notifyRequest(ctx, tx, r.ID)
	})
	return r, err
}

// abandon revokes the credential that a request led to, if there is one.
func (s *Service) abandon(ctx context.Context, tx storage.Tx, id storage.RequestID, by storage.Actor, reason string) error {
	c, err := tx.LockCredentialOf(ctx, id)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if !credentialMachine.allows(string(c.State), eventRevoke) {
		return nil
	}
	return s.beginRevoke(ctx, tx, &c, by, reason)
}
