package workflow

import (
	"context"
	"time"

	"github.com/riverqueue/river"

	"latchkey/storage"
)

// chores is what one look at a batch of live keys has to do, gathered so that
// it is done for all of them at once.
type chores struct {
	turns   []storage.Turn
	over    []storage.Credential // their time is up
	notices []storage.Notice
	overdue map[string]bool // the systems that have something to be stopped
	slow    []chore
}

// chore is what is rare, and done for each key by itself: if it fails, the
// others are done all the same.
type chore struct {
	id storage.CredentialID
	do func(context.Context, storage.Tx) error
}

// sweepLive does what is due for live keys: their end, what people have to
// hear of it, and what the rules say of keys that are replaced, unused or old.
func (s *Service) sweepLive(ctx context.Context, tx storage.Tx, live []storage.Credential, now time.Time) error {
	if len(live) == 0 {
		return nil
	}
	ids := make([]storage.CredentialID, len(live))
	for i, c := range live {
		ids[i] = c.ID
	}
	tickets, err := tx.TicketsOf(ctx, ids)
	if err != nil {
		return err
	}
	rotations, told, err := s.around(ctx, tx, live)
	if err != nil {
		return err
	}
	var do chores
	for i := range live {
		id := live[i].ID
		s.lookAtLive(&do, &live[i], replacing(rotations, id), tickets[id], told[id], now)
	}
	return s.doChores(ctx, tx, do, told)
}

// around reads what takes the place of some keys, and who hears of them.
func (s *Service) around(ctx context.Context, tx storage.Tx, keys []storage.Credential) (map[storage.CredentialID]storage.Rotation, map[storage.CredentialID][]storage.PersonID, error) {
	ids := make([]storage.CredentialID, len(keys))
	for i, c := range keys {
		ids[i] = c.ID
	}
	rotations, err := tx.RotationsOf(ctx, ids)
	if err != nil {
		return nil, nil, err
	}
	told, err := s.whoHears(ctx, tx, keys)
	return rotations, told, err
}

// replacing is the rotation that a key is the old one of; nil for none.
func replacing(rotations map[storage.CredentialID]storage.Rotation, id storage.CredentialID) *storage.Rotation {
	r, ok := rotations[id]
	if !ok {
		return nil
	}
	return &r
}

// lookAtLive decides about one live key; ticket is until when it waits to be
// collected, zero if it does not.
func (s *Service) lookAtLive(do *chores, c *storage.Credential, r *storage.Rotation, ticket time.Time, told []storage.PersonID, now time.Time) {
	if !c.ExpiresAt.IsZero() && c.Managed && !now.Before(c.ExpiresAt) {
		do.over = append(do.over, *c)
		return
	}
	if !c.Managed {
		do.turns = append(do.turns, storage.Turn{ID: c.ID})
		return
	}
	if !ticket.IsZero() && !now.Before(ticket) {
		do.later(c.ID, func(ctx context.Context, tx storage.Tx) error { return s.notCollected(ctx, tx, c) })
		return
	}
	p := s.planOf(*c)
	turn := storage.Turn{ID: c.ID, Next: earlier(c.ExpiresAt, ticket)}
	switch ends, replaced := overlapEnds(*c, r, now); {
	case replaced:
		do.later(c.ID, func(ctx context.Context, tx storage.Tx) error { return s.endReplaced(ctx, tx, c, *r) })
		return
	case r != nil:
		turn.Next = earlier(turn.Next, ends)
	default:
		turn.Next = earlier(turn.Next, s.considerIdle(do, c, p, told, now))
		turn.Next = earlier(turn.Next, s.considerRotation(do, c, p, now))
		due, next := p.rungs(*c, c.NoticedUntil, now)
		turn.NoticedUntil = do.rungs(c.ID, due, told)
		turn.Next = earlier(turn.Next, next)
	}
	do.turns = append(do.turns, turn)
}

func (do *chores) later(id storage.CredentialID, f func(context.Context, storage.Tx) error) {
	do.slow = append(do.slow, chore{id, f})
}

// rungs notes rungs for people, and says up to where they are told. Where
// nobody can be told they stay, for somebody who can be later.
func (do *chores) rungs(id storage.CredentialID, due []time.Time, people []storage.PersonID) (until time.Time) {
	if len(people) == 0 {
		return time.Time{}
	}
	for _, at := range due {
		do.notify(storage.NoticeExpiry, id, at, people)
		until = later(until, at)
	}
	return until
}

func (do *chores) notify(kind string, id storage.CredentialID, at time.Time, people []storage.PersonID) {
	for _, p := range people {
		do.notices = append(do.notices, storage.Notice{CredentialID: id, Kind: kind, DueAt: at, PersonID: p})
	}
}

// doChores does it all, a statement for each sort.
func (s *Service) doChores(ctx context.Context, tx storage.Tx, do chores, told map[storage.CredentialID][]storage.PersonID) error {
	if err := tx.TakeTurns(ctx, do.turns); err != nil {
		return err
	}
	if err := s.expire(ctx, tx, &do, told); err != nil {
		return err
	}
	joined, err := tx.Notify(ctx, do.notices)
	if err != nil {
		return err
	}
	if err := notifyDigests(ctx, tx, joined); err != nil {
		return err
	}
	for connection := range do.overdue {
		if err := tx.Enqueue(ctx, OverdueArgs{connection}, &river.InsertOpts{UniqueOpts: underWay}); err != nil {
			return err
		}
	}
	for _, c := range do.slow {
		if err := s.doChore(ctx, tx, c); err != nil {
			return err
		}
	}
	return nil
}

// doChore does one chore. What fails is tried again after a while.
func (s *Service) doChore(ctx context.Context, tx storage.Tx, c chore) error {
	failed, err := tx.Apart(ctx, c.do)
	if err != nil || failed == nil {
		return err
	}
	s.Logger.Error().Err(failed).Stringer("credential", c.id).Msg("sweep failed for one key, will retry")
	now, err := tx.Now(ctx)
	if err != nil {
		return err
	}
	return tx.SetNextAction(ctx, c.id, now.Add(s.LeaseFor))
}

// expire ends keys whose time is up: here at once, and at their systems by a
// job that may take as long as they need.
func (s *Service) expire(ctx context.Context, tx storage.Tx, do *chores, told map[storage.CredentialID][]storage.PersonID) error {
	if len(do.over) == 0 {
		return nil
	}
	ids, rows := make([]storage.CredentialID, len(do.over)), map[storage.CredentialID]storage.Credential{}
	for i, c := range do.over {
		ids[i], rows[c.ID] = c.ID, c
	}
	ended, err := tx.Expire(ctx, ids, storage.System("sweep"))
	if err != nil {
		return err
	}
	jobs := make([]NotifyArgs, 0, len(ended))
	for _, id := range ended {
		c := rows[id]
		do.notify(storage.NoticeExpired, id, c.ExpiresAt, told[id])
		if err := revokeStraysOf(ctx, tx, c, c.VendorRef); err != nil {
			return err
		}
		jobs = append(jobs, NotifyArgs{storage.SubjectCredential, int64(id)})
	}
	return storage.EnqueueMany(ctx, tx, jobs)
}

// notCollected ends a key that nobody collected, or that its sink did not
// take, in time.
func (s *Service) notCollected(ctx context.Context, tx storage.Tx, c *storage.Credential) error {
	why := "not collected in time"
	if c.Sink != "" {
		why = "it could not be put into " + c.Sink + " in time"
	}
	return s.beginRevoke(ctx, tx, c, storage.System("sweep"), why)
}

// considerIdle has a key warned about, spared or stopped as the rules say, and
// says when to look again.
func (s *Service) considerIdle(do *chores, c *storage.Credential, p plan, told []storage.PersonID, now time.Time) time.Time {
	act, why, again := p.judgeIdle(*c, now)
	by := storage.System("enforcement")
	switch act {
	case idleWarn:
		ends := again
		if !s.canSuspend(*c) { // no step between the warning and the end
			ends = ends.Add(time.Duration(p.grace))
		}
		again = ends
		do.notify(why.kind, c.ID, now, told) // there is one warning at a time, and each is told
		do.later(c.ID, func(ctx context.Context, tx storage.Tx) error { return tx.Warn(ctx, c.ID, ends, by, why.why) })
	case idleSpare:
		do.later(c.ID, func(ctx context.Context, tx storage.Tx) error { return tx.Spare(ctx, c.ID, by, "it is in use again") })
	case idleStep:
		if do.overdue == nil {
			do.overdue = map[string]bool{}
		}
		do.overdue[c.Connection] = true
	}
	return again
}

// considerRotation begins the rotation that a rule wants, and says when to
// look again.
func (s *Service) considerRotation(do *chores, c *storage.Credential, p plan, now time.Time) time.Time {
	at := p.rotateAt(*c)
	if at.IsZero() || c.State != storage.CredentialActive || s.rotateWay(*c) == "" {
		return time.Time{}
	}
	if now.Before(at) {
		return at
	}
	do.later(c.ID, func(ctx context.Context, tx storage.Tx) error { return s.rotateByRule(ctx, tx, c, p) })
	return now.Add(idleAgain)
}
