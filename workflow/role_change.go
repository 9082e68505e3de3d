package workflow

import (
	"context"
	"errors"
	"strings"

	"github.com/riverqueue/river"

	"latchkey/storage"
)

// RoleChangeArgs is the job that looks whether a person could still get the
// keys they hold, because they lost a group.
type RoleChangeArgs struct {
	Person storage.PersonID `json:"person"`
}

// Kind implements river.JobArgs.
func (RoleChangeArgs) Kind() string { return "role_change" }

// InsertOpts implements river.JobArgsWithInsertOpts.
func (RoleChangeArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: maxTries} }

// lostGroup has the keys of people looked at who lost a group.
func (s *Service) lostGroup(ctx context.Context, tx storage.Tx, people []storage.PersonID) error {
	jobs := make([]RoleChangeArgs, len(people))
	for i, p := range people {
		jobs[i].Person = p
	}
	return storage.EnqueueMany(ctx, tx, jobs)
}

// GroupRead stores the members of a group that lives elsewhere, and has the
// keys of whoever is none any more looked at.
func (s *Service) GroupRead(ctx context.Context, source string, members []storage.PersonID) error {
	return s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		lost, err := tx.SetGroupMembers(ctx, source, members)
		if err != nil {
			return err
		}
		return s.lostGroup(ctx, tx, lost)
	})
}

// errGroupsUnknown is a role that can't be judged now.
var errGroupsUnknown = errors.New("a group can't be read, so what a person may hold can't be judged")

// roleSuspend is OffboardingRules.RoleChange.
const roleSuspend = "suspend"

// RoleChanged flags the keys that a person could not get any more and, where
// the rules say so, suspends them with notice. Keys they could get again lose
// their flag and stay as they are otherwise. It may run twice.
func (s *Service) RoleChanged(ctx context.Context, person storage.PersonID) error {
	s.Refresh(ctx, s.today.Sources(s.today.groupNames()...))
	keys, err := s.DB.Credentials(ctx, storage.CredentialFilter{OwnerID: person, States: []storage.CredentialState{storage.CredentialActive, storage.CredentialSuspended}, Limit: pageOfAll})
	if err != nil {
		return err
	}
	return s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		m, err := readMembership(ctx, tx, s.today, s.today.groupNames(), person)
		if err != nil {
			return err
		}
		st := m.standing[person]
		if !st.Active {
			return nil // an offboarding's
		}
		who := PersonFacts{Email: st.Email, Name: st.Name, Groups: m.groupsOf(person)}
		for _, c := range keys {
			if !c.Managed || c.RequestID == 0 {
				continue
			}
			if err := s.judgeRole(ctx, tx, c.ID, who, m); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Service) judgeRole(ctx context.Context, tx storage.Tx, id storage.CredentialID, who PersonFacts, m membership) error {
	c := storage.Credential{ID: id}
	var err error
	if c.RequestID, err = tx.RequestOf(ctx, id); err != nil {
		return err
	}
	r, err := lockRequestOf(ctx, tx, c)
	if err != nil {
		return err
	}
	if c, err = tx.LockCredential(ctx, id); err != nil || c.State != storage.CredentialActive && c.State != storage.CredentialSuspended {
		return err
	}
	ask := Ask{Connection: c.Connection, Kind: c.Kind, Scopes: c.Scopes, Lifetime: Duration(r.Granted()), Reason: r.Reason, Holder: r.HolderID, Extends: c.ID}
	_, err = s.today.decide(ask, who)
	refusal, refused := AsRefusal(err)
	if err != nil && !refused {
		return err
	}
	if refused = refused && refusal.Rule == RuleNoPolicy; refused && s.today.dependsOn(ask, m.unknown) {
		return errGroupsUnknown
	}
	by := storage.System("roles")
	fresh, err := tx.SetEntitled(ctx, c.ID, !refused, by, refusal.Reason)
	if err != nil || !fresh {
		return err
	}
	if refused && s.today.Offboarding.RoleChange == roleSuspend && c.State == storage.CredentialActive && s.canSuspend(c) {
		if err := moveCredential(ctx, tx, &c, eventSuspend, by, roleReason(refusal)); err != nil {
			return err
		}
		if !c.Brokered {
			if err := tx.Enqueue(ctx, MatchStateArgs{c.ID}, nil); err != nil {
				return err
			}
		}
	}
	return notifyCredential(ctx, tx, c)
}

// roleReason is what the owner of a suspended key reads.
func roleReason(r Refusal) string {
	return "you could not get it any more: " + strings.TrimSuffix(r.Reason, ".") + ". Ask again if you need it"
}
