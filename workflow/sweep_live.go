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
	slow    []func(context.Context, storage.Tx) error // what is rare and done one by one
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
	rotations, err := tx.RotationsOf(ctx, ids)
	if err != nil {
		return err
	}
	told, err := s.whoHears(ctx, tx, live)
	if err != nil {
		return err
	}
	var do chores
	for i := range live {
		var r *storage.Rotation
		if found, ok := rotations[live[i].ID]; ok {
			r = &found
		}
		s.lookAtLive(&do, &live[i], r, tickets[live[i].ID], told[live[i].ID], now)
	}
	return s.doChores(ctx, tx, do, told)
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
		do.slow = append(do.slow, func(ctx context.Context, tx storage.Tx) error { return s.notCollected(ctx, tx, c) })
		return
	}
	p := s.planOf(*c)
	turn := storage.Turn{ID: c.ID, Next: earlier(c.ExpiresAt, ticket)}
	switch ends, replaced := overlapEnds(*c, r, now); {
	case replaced:
		do.slow = append(do.slow, func(ctx context.Context, tx storage.Tx) error { return s.endReplaced(ctx, tx, c, *r) })
		return
	case r != nil:
		turn.Next = earlier(turn.Next, ends)
	default:
		turn.Next = earlier(turn.Next, s.considerIdle(do, c, p, told, now))
		turn.Next = earlier(turn.Next, s.considerRotation(do, c, p, now))
		due, next := p.rungs(*c, c.NoticedUntil, now)
		for _, at := range due {
			do.notify(storage.NoticeExpiry, c.ID, at, told)
			turn.NoticedUntil = later(turn.NoticedUntil, at)
		}
		turn.Next = earlier(turn.Next, next)
	}
	do.turns = append(do.turns, turn)
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
	for _, chore := range do.slow {
		if err := chore(ctx, tx); err != nil {
			return err
		}
	}
	return nil
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
		do.notify(why.kind, c.ID, why.since, told)
		do.slow = append(do.slow, func(ctx context.Context, tx storage.Tx) error { return tx.Warn(ctx, c.ID, ends, by, why.why) })
	case idleSpare:
		do.slow = append(do.slow, func(ctx context.Context, tx storage.Tx) error { return tx.Spare(ctx, c.ID, by, "it is in use again") })
	case idleStep:
		do.slow = append(do.slow, func(ctx context.Context, tx storage.Tx) error {
			return tx.Enqueue(ctx, OverdueArgs{c.Connection}, &river.InsertOpts{UniqueOpts: underWay})
		})
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
	do.slow = append(do.slow, func(ctx context.Context, tx storage.Tx) error { return s.rotateByRule(ctx, tx, c, p) })
	return now.Add(idleAgain)
}
