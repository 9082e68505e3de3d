package workflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"latchkey/storage"
)

// CampaignChoice is what somebody says about one key of a campaign.
type CampaignChoice struct {
	Key      storage.CredentialID
	Decision storage.CampaignDecision // keep, reduce or revoke
	Scopes   []string                 // reduce: those that stay
}

// campaignReasons say in the log and in the evidence what a decision means.
var campaignReasons = map[storage.CampaignDecision]string{
	storage.CampaignKeep:   "still needed",
	storage.CampaignReduce: "fewer scopes do",
	storage.CampaignRevoke: "not needed any more",
}

// DecideInCampaign records what somebody who is asked says about a key, and
// does it: a key that is kept stays as it is, one that is reduced loses scopes
// at once, one that is revoked ends. Whoever is asked now may decide, and so
// may its owner and admins; the first one does. Who decided can decide
// otherwise until the deadline, unless the key is revoked. Saying the same
// again is no error. After the deadline a key that nobody decided on can still
// be saved as long as it lives.
func (s *Service) DecideInCampaign(ctx context.Context, a Actor, id storage.CampaignID, ch CampaignChoice) (storage.CampaignItem, error) {
	if err := a.Admit(); err != nil {
		return storage.CampaignItem{}, err
	}
	s.refreshDeciders(ctx)
	c, err := s.DB.Credential(ctx, ch.Key)
	if err != nil {
		return storage.CampaignItem{}, gone(err, fmt.Sprintf("key %s", ch.Key))
	}
	var item storage.CampaignItem
	err = s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		who, m, err := s.stand(ctx, tx, s.today, a, s.today.Admins...)
		if err != nil {
			return err
		}
		campaign, err := tx.ShareCampaign(ctx, id)
		if err != nil {
			return gone(err, "such campaign")
		}
		if _, err := lockRequestOf(ctx, tx, c); err != nil {
			return err
		}
		if c, err = tx.LockCredential(ctx, ch.Key); err != nil {
			return err
		}
		if item, err = tx.LockCampaignItem(ctx, id, ch.Key); err != nil {
			return gone(err, fmt.Sprintf("key %s in the campaign “%s”", ch.Key, campaign.Title))
		}
		asked, err := s.whoHears(ctx, tx, []storage.Credential{c})
		if err != nil {
			return err
		}
		me := a.Account.PersonID
		if c.OwnerID != me && !slices.Contains(asked[c.ID], me) && !s.today.isAdmin(who.Groups) {
			return s.adminsOnly(m, "You are not asked about %s. Its owner is, and admins (%s) can decide too.", c.ID, strings.Join(s.today.Admins, ", "))
		}
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		again, err := judgeChoice(campaign, item, c, me, ch, now)
		if err != nil || again {
			return err
		}
		return s.carryOut(ctx, tx, a.by(), campaign, &item, &c, ch)
	})
	if errors.Is(err, errOthers) {
		return item, s.firstWas(ctx, item)
	}
	return item, err
}

// errOthers means that somebody else decided first.
var errOthers = errors.New("somebody else decided")

// judgeChoice is pure: whether a choice can still be made. again tells that it
// was made already.
func judgeChoice(campaign storage.Campaign, item storage.CampaignItem, c storage.Credential, me storage.PersonID, ch CampaignChoice, now time.Time) (again bool, err error) {
	if campaignReasons[ch.Decision] == "" {
		return false, refuse(RuleUnknown, "Say whether to keep, reduce or revoke %s.", c.ID)
	}
	switch campaign.State {
	case storage.CampaignCanceled:
		return false, refuse(RuleDecided, "The campaign “%s” was called off. Nothing was done.", campaign.Title)
	case storage.CampaignDone:
		return false, refuse(RuleLapsed, "The campaign “%s” is over.", campaign.Title)
	case storage.CampaignRunning, storage.CampaignEnding:
	}
	over := campaign.State == storage.CampaignEnding || !now.Before(campaign.Deadline)
	switch item.Decision {
	case storage.CampaignGone:
		return false, refuse(RuleDecided, "%s is not alive any more, so there is nothing to decide.", c.ID)
	case storage.CampaignKeep, storage.CampaignReduce, storage.CampaignRevoke:
		switch {
		case item.DecidedBy != me:
			return false, errOthers
		case item.Decision == ch.Decision && (ch.Decision != storage.CampaignReduce || sameScopes(item.ScopesAfter, ch.Scopes)):
			return true, nil
		case item.Decision == storage.CampaignRevoke:
			return false, refuse(RuleDecided, "You revoked %s, and that can't be undone.", c.ID)
		case over:
			return false, refuse(RuleLapsed, "The deadline of “%s” is over, so what you decided stays.", campaign.Title)
		}
	case storage.CampaignOpen, storage.CampaignSilence:
	}
	if c.State != storage.CredentialActive && c.State != storage.CredentialSuspended {
		return false, refuse(RuleDecided, "%s is %s already.", c.ID, strings.ReplaceAll(string(c.State), "_", " "))
	}
	return false, nil
}

// firstWas tells who was first.
func (s *Service) firstWas(ctx context.Context, item storage.CampaignItem) error {
	people, err := s.persons(ctx, item.DecidedBy)
	if err != nil {
		return err
	}
	return refuse(RuleDecided, "%s decided on %s first: %s.", people[item.DecidedBy].Name, item.CredentialID, campaignReasons[item.Decision])
}

// carryOut does what was decided, and notes it.
func (s *Service) carryOut(ctx context.Context, tx storage.Tx, by storage.Actor, campaign storage.Campaign, item *storage.CampaignItem, c *storage.Credential, ch CampaignChoice) error {
	why := fmt.Sprintf("%s (%s)", campaignReasons[ch.Decision], campaignName(campaign))
	base := c.Scopes
	if item.Decision == storage.CampaignReduce {
		if !sameScopes(c.Scopes, item.ScopesAfter) {
			return refuse(RuleNotPossible, "The scopes of %s are others by now. Look at it again.", c.ID)
		}
		base = item.ScopesBefore
	}
	after, err := checkReduce(ctx, tx, *c, base, ch)
	if err != nil {
		return err
	}
	if item.Decision == storage.CampaignReduce && ch.Decision != storage.CampaignRevoke {
		if err := tx.RestoreScopes(ctx, c, base, string(s.today.access(c.Connection, base)), by, why); err != nil {
			return err
		}
	}
	switch ch.Decision {
	case storage.CampaignReduce:
		err = tx.SetScopes(ctx, c, after, string(s.today.access(c.Connection, after)), by, why)
	case storage.CampaignRevoke:
		err = s.beginRevoke(ctx, tx, c, by, why)
	default:
		err = tx.Record(ctx, by, storage.Event{Action: "credential.kept", Subject: storage.SubjectCredential, SubjectID: int64(c.ID), Reason: why})
	}
	if err != nil {
		return err
	}
	if ch.Decision != storage.CampaignRevoke {
		item.ScopesAfter = after
		if err := notifyCredential(ctx, tx, *c); err != nil {
			return err
		}
	}
	item.Decision, item.DecidedBy, item.Reason = ch.Decision, by.PersonID, campaignReasons[ch.Decision]
	if err := tx.SetDecision(ctx, item); err != nil {
		return err
	}
	return notifyCampaign(ctx, tx, campaign.ID)
}

// canReduce tells whether a key can lose scopes: the gateway has to be what
// honours them, and there have to be some to lose.
func canReduce(c storage.Credential, scopes []string, replaced storage.CredentialID) bool {
	return c.Managed && c.Brokered && c.Kind == APIKey && len(scopes) > 1 && replaced == 0 &&
		(c.State == storage.CredentialActive || c.State == storage.CredentialSuspended)
}

// checkReduce says what is left of a key's scopes, in their order; nil for
// every choice but Reduce.
func checkReduce(ctx context.Context, tx storage.Tx, c storage.Credential, base []string, ch CampaignChoice) ([]string, error) {
	if ch.Decision != storage.CampaignReduce {
		return nil, nil
	}
	replaced, err := tx.RotationsOf(ctx, []storage.CredentialID{c.ID})
	if err != nil {
		return nil, err
	}
	if r, ok := replaced[c.ID]; ok {
		return nil, refuse(RuleNotPossible, "%s is being replaced by %s. Keep it or revoke it; it ends when the new key takes over.", c.ID, r.NewID)
	}
	if !canReduce(c, base, 0) {
		return nil, refuse(RuleNotPossible, "The scopes of %s can't be reduced: %s. Keep it, or revoke it and ask for a smaller one.", c.ID, whyFixed(c))
	}
	after := keep(base, ch.Scopes)
	switch {
	case len(without(ch.Scopes, base)) > 0:
		return nil, refuse(RuleNotPossible, "%s can only lose scopes, not gain any.", c.ID).on("scopes")
	case len(after) == 0:
		return nil, refuse(RuleNotPossible, "Leave it at least one scope, or choose Revoke.").on("scopes")
	case len(after) == len(base):
		return nil, refuse(RuleNotPossible, "Uncheck what is not needed, or choose Keep.").on("scopes")
	}
	return after, nil
}

func whyFixed(c storage.Credential) string {
	switch {
	case !c.Brokered || c.Kind != APIKey:
		return c.Connection + " gives a key its scopes for good"
	case !c.Managed:
		return "nobody asked for it here"
	}
	return "it has only one"
}
