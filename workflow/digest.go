package workflow

import (
	"context"
	"fmt"
	"strings"
	"time"

	"latchkey/storage"
)

// digestBatch is how many people's digests one transaction makes.
const digestBatch = 100

// lookAhead is how far a digest looks into the future, so that whoever gets
// one today gets no other one today.
const lookAhead = 24 * time.Hour

// sweepDigests makes the digests that are due, one for each person, and has
// what comes up within a day told in them too.
func (s *Service) sweepDigests(ctx context.Context, tx storage.Tx) (int, error) {
	people, err := tx.DigestsDue(ctx, digestBatch)
	if err != nil || len(people) == 0 {
		return 0, err
	}
	now, err := tx.Now(ctx)
	if err != nil {
		return 0, err
	}
	soon, err := tx.OwnedDue(ctx, people, now.Add(lookAhead), sweepBatch)
	if err != nil {
		return 0, err
	}
	if err := s.tellEarly(ctx, tx, soon, now); err != nil {
		return 0, err
	}
	made, err := tx.MakeDigests(ctx, people)
	if err != nil {
		return 0, err
	}
	if err := notifyDigests(ctx, tx, made); err != nil {
		return 0, err
	}
	if len(people) < digestBatch {
		return 0, nil
	}
	return sweepBatch, nil
}

// tellEarly notes the rungs that come up within a day.
func (s *Service) tellEarly(ctx context.Context, tx storage.Tx, keys []storage.Credential, now time.Time) error {
	var do chores
	for _, c := range keys {
		if !c.Managed || c.OwnerID == 0 {
			continue
		}
		due, _ := s.planOf(c).rungs(c, c.NoticedUntil, now.Add(lookAhead))
		turn := storage.Turn{ID: c.ID, Next: c.NextActionAt}
		for _, at := range due {
			do.notify(storage.NoticeExpiry, c.ID, at, []storage.PersonID{c.OwnerID})
			turn.NoticedUntil = later(turn.NoticedUntil, at)
		}
		if len(due) > 0 {
			do.turns = append(do.turns, turn)
		}
	}
	if err := tx.TakeTurns(ctx, do.turns); err != nil {
		return err
	}
	_, err := tx.Notify(ctx, do.notices)
	return err
}

func notifyDigests(ctx context.Context, tx storage.Tx, ids []storage.DigestID) error {
	jobs := make([]NotifyArgs, len(ids))
	for i, id := range ids {
		jobs[i] = NotifyArgs{storage.SubjectDigest, int64(id)}
	}
	return storage.EnqueueMany(ctx, tx, jobs)
}

// DigestLine is one key of a digest with what there is to say.
type DigestLine struct {
	Key    CredentialView
	Kinds  []string             // of notices, each once
	Mine   bool                 // the reader owns it
	Rotate bool                 // a fresh key can take its place
	Extend bool                 // its end can be put off
	By     storage.CredentialID // the key that replaces it; zero for none
}

// DigestView is everything the message of a digest may show.
type DigestView struct {
	Digest storage.Digest
	Person Person
	Lines  []DigestLine
}

// LookAtDigest gathers what the message of a digest shows, as things stand
// now. It checks no authority.
func (s *Service) LookAtDigest(ctx context.Context, id storage.DigestID) (DigestView, error) {
	d, err := s.DB.Digest(ctx, id)
	if err != nil {
		return DigestView{}, err
	}
	people, err := s.persons(ctx, d.PersonID)
	if err != nil {
		return DigestView{}, err
	}
	out := DigestView{Digest: d, Person: people[d.PersonID]}
	at := map[storage.CredentialID]int{}
	var ids []storage.CredentialID
	for _, n := range d.Notices {
		i, known := at[n.CredentialID]
		if !known {
			i = len(ids)
			at[n.CredentialID] = i
			ids = append(ids, n.CredentialID)
			out.Lines = append(out.Lines, DigestLine{})
		}
		if l := &out.Lines[i]; len(l.Kinds) == 0 || l.Kinds[len(l.Kinds)-1] != n.Kind {
			l.Kinds = append(l.Kinds, n.Kind)
		}
	}
	rows, err := s.DB.Inventory(ctx, storage.InventoryFilter{IDs: ids, Ended: true, Limit: len(ids)}, s.flagRules())
	if err != nil {
		return out, err
	}
	views, err := s.lookAtRows(ctx, rows)
	if err != nil {
		return out, err
	}
	for _, v := range views {
		l := &out.Lines[at[v.Credential.ID]]
		l.Key, l.Mine = v, v.Credential.OwnerID == d.PersonID
		l.Rotate, l.Extend = v.Can.Rotate, v.Can.Extend
		l.By = v.ReplacedBy
	}
	return out, nil
}

// LetExpire silences a key: its owner knows that it ends and wants to hear no
// more. Doing it again is no error.
func (s *Service) LetExpire(ctx context.Context, a Actor, id storage.CredentialID) (storage.Credential, error) {
	return s.edit(ctx, a, id, "let it expire", func(ctx context.Context, tx storage.Tx, c *storage.Credential, _ bool) error {
		if c.State != storage.CredentialActive && c.State != storage.CredentialSuspended {
			return refuse(RuleDecided, "%s is %s already.", id, strings.ReplaceAll(string(c.State), "_", " "))
		}
		if c.ExpiresAt.IsZero() {
			return refuse(RuleNotPossible, "%s has no end that Latchkey knows of.", id)
		}
		if c.LetExpire {
			return nil
		}
		return tx.SetLetExpire(ctx, c, a.by())
	})
}

// edit changes a credential for its owner or an admin, and tells.
func (s *Service) edit(ctx context.Context, a Actor, id storage.CredentialID, what string, change func(ctx context.Context, tx storage.Tx, c *storage.Credential, admin bool) error) (storage.Credential, error) {
	s.Refresh(ctx, s.today.Sources(s.today.Admins...))
	c, err := s.DB.Credential(ctx, id)
	if err != nil {
		return c, gone(err, fmt.Sprintf("key %s", id))
	}
	err = s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		owner, admin, m, err := s.capacity(ctx, tx, a, c.OwnerID, "")
		if err != nil {
			return err
		}
		if _, err := lockRequestOf(ctx, tx, c); err != nil {
			return err
		}
		if c, err = tx.LockCredential(ctx, id); err != nil {
			return err
		}
		owner = owner && c.OwnerID == a.Account.PersonID
		if !owner && !admin {
			return s.adminsOnly(m, "Only its owner or an admin (%s) can %s: %s is not yours.", strings.Join(s.today.Admins, ", "), what, id)
		}
		if err := change(ctx, tx, &c, admin); err != nil {
			return err
		}
		return notifyCredential(ctx, tx, c)
	})
	return c, err
}
