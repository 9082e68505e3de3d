package workflow

import (
	"context"
	"fmt"
	"slices"
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
	if err := s.readdress(ctx, tx, people); err != nil {
		return 0, err
	}
	if err := s.tellEarly(ctx, tx, people); err != nil {
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

// readdress has what waits for some people told to others where those are the
// ones to hear of it by now: its owner came or went, or it changed hands.
// Where nobody else can be told it is left as it is.
func (s *Service) readdress(ctx context.Context, tx storage.Tx, people []storage.PersonID) error {
	waiting, err := tx.Doubtfuls(ctx, people)
	if err != nil || len(waiting) == 0 {
		return err
	}
	keys := make([]storage.Credential, len(waiting))
	for i, n := range waiting {
		keys[i] = storage.Credential{ID: n.CredentialID, Connection: n.Connection, OwnerID: n.OwnerID}
	}
	told, err := s.whoHears(ctx, tx, keys)
	if err != nil {
		return err
	}
	var dropped []storage.Notice
	var do chores
	for _, n := range waiting {
		who := told[n.CredentialID]
		if len(who) == 0 || slices.Contains(who, n.PersonID) {
			continue
		}
		dropped = append(dropped, n.Notice)
		do.notify(n.Kind, n.CredentialID, n.DueAt, who)
	}
	if err := tx.Unnotify(ctx, dropped); err != nil {
		return err
	}
	return s.doChores(ctx, tx, do, nil)
}

// tellEarly notes, for people who get a digest now, the rungs that come up
// within a day.
func (s *Service) tellEarly(ctx context.Context, tx storage.Tx, people []storage.PersonID) error {
	now, err := tx.Now(ctx)
	if err != nil {
		return err
	}
	until := now.Add(lookAhead)
	var last storage.Credential
	for {
		keys, err := tx.ComingUp(ctx, people, until, last, sweepBatch)
		if err != nil || len(keys) == 0 {
			return err
		}
		last = keys[len(keys)-1]
		rotations, told, err := s.around(ctx, tx, keys)
		if err != nil {
			return err
		}
		var do chores
		for _, c := range keys {
			who := told[c.ID]
			if replacing(rotations, c.ID) != nil || !slices.ContainsFunc(who, func(id storage.PersonID) bool { return slices.Contains(people, id) }) {
				continue
			}
			due, _ := s.planOf(c).rungs(c, c.NoticedUntil, until)
			if noticed := do.rungs(c.ID, due, who); !noticed.IsZero() {
				do.turns = append(do.turns, storage.Turn{ID: c.ID, Next: c.NextActionAt, NoticedUntil: noticed})
			}
		}
		if err := s.doChores(ctx, tx, do, told); err != nil {
			return err
		}
	}
}

func notifyDigests(ctx context.Context, tx storage.Tx, ids []storage.DigestID) error {
	jobs := make([]NotifyArgs, len(ids))
	for i, id := range ids {
		jobs[i] = NotifyArgs{storage.SubjectDigest, int64(id)}
	}
	return storage.EnqueueMany(ctx, tx, jobs)
}

// Why somebody is told of a key.
const (
	ToldOwner   = "owner"   // it is theirs
	ToldManager = "manager" // they manage its owner, who can't be told
	ToldAnswers = "answers" // they answer for its system, and neither can be told
	ToldNoMore  = ""        // it has another owner by now, who can be told
)

// DigestLine is one key of a digest with what there is to say.
type DigestLine struct {
	Key    CredentialView
	Kinds  []string             // of notices, each once
	Mine   bool                 // the reader owns it
	As     string               // why the reader is told of it
	Moved  bool                 // it has another end since this was told
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
		if l := &out.Lines[i]; !slices.Contains(l.Kinds, n.Kind) {
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
		if l.Moved, err = s.movedSince(ctx, d, v.Credential); err != nil {
			return out, err
		}
	}
	return out, s.sayWhyTold(ctx, out)
}

// movedSince tells whether a live key has another end since a digest spoke of
// it. Its story is read only where no rung of its ladder is one of those told.
func (s *Service) movedSince(ctx context.Context, d storage.Digest, c storage.Credential) (bool, error) {
	if c.State != storage.CredentialActive && c.State != storage.CredentialSuspended {
		return false, nil
	}
	told := false
	for _, n := range d.Notices {
		if n.CredentialID != c.ID || n.Kind != storage.NoticeExpiry {
			continue
		}
		told = true
		for _, before := range s.planOf(c).ladder {
			if n.DueAt.Equal(c.ExpiresAt.Add(-time.Duration(before))) {
				return false, nil
			}
		}
	}
	if !told {
		return false, nil
	}
	events, err := s.DB.Events(ctx, storage.SubjectCredential, int64(c.ID))
	return slices.ContainsFunc(events, func(e storage.Event) bool {
		return (e.Action == "credential.extended" || e.Action == "credential.end_changed") && !e.At.Before(d.CreatedAt)
	}), err
}

// sayWhyTold says of each key why the reader hears of it, as whoHears would.
func (s *Service) sayWhyTold(ctx context.Context, v DigestView) error {
	var owners []storage.PersonID
	for _, l := range v.Lines {
		if o := l.Key.Credential.OwnerID; o != 0 && !l.Mine {
			owners = append(owners, o)
		}
	}
	reach := map[storage.PersonID]storage.Reach{}
	if len(owners) > 0 {
		err := s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) (err error) {
			reach, err = tx.Reaches(ctx, owners)
			return err
		})
		if err != nil {
			return err
		}
	}
	for i := range v.Lines {
		l := &v.Lines[i]
		switch r := reach[l.Key.Credential.OwnerID]; {
		case l.Mine:
			l.As = ToldOwner
		case r.Reachable:
			l.As = ToldNoMore
		case r.Manager == v.Person.ID:
			l.As = ToldManager
		default:
			l.As = ToldAnswers
		}
	}
	return nil
}

// LetExpire silences a key: its owner knows that it ends and wants to hear no
// more. Doing it again is no error.
func (s *Service) LetExpire(ctx context.Context, a Actor, id storage.CredentialID) (storage.Credential, error) {
	return s.edit(ctx, a, id, "", "let it expire", func(ctx context.Context, tx storage.Tx, c *storage.Credential, _ bool) error {
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
func (s *Service) edit(ctx context.Context, a Actor, id storage.CredentialID, scope, what string, change func(ctx context.Context, tx storage.Tx, c *storage.Credential, admin bool) error) (storage.Credential, error) {
	if scope == "" {
		if err := a.Admit(); err != nil {
			return storage.Credential{}, err
		}
	}
	s.Refresh(ctx, s.today.Sources(s.today.Admins...))
	c, err := s.DB.Credential(ctx, id)
	if err != nil {
		return c, gone(err, fmt.Sprintf("key %s", id))
	}
	err = s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		owner, admin, m, err := s.capacity(ctx, tx, a, c.OwnerID, scope)
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
