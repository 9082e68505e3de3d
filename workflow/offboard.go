package workflow

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/riverqueue/river"

	"latchkey/storage"
)

// Defaults of OffboardingRules.
const (
	defaultGrace     = 24 * time.Hour
	defaultPageAfter = 15 * time.Minute
	defaultDecide    = 7 * 24 * time.Hour
)

// SourceAdmin is the source of a leave that an admin tells of, and SourceAPI of
// one that a key of Latchkey's own does: a program, whose mistakes the breaker
// counts and holds.
const (
	SourceAdmin = "admin"
	SourceAPI   = "api"
)

func orElse(d Duration, otherwise time.Duration) time.Duration {
	if d > 0 {
		return time.Duration(d)
	}
	return otherwise
}

// Leave says that a person left, and who says so.
type Leave struct {
	Person    storage.PersonID
	Source    string // the door: "scim", a connection's name, "slack", SourceAPI, SourceAdmin
	SourceKey string // of the event, unique for the person in its source: the same again does nothing; empty where the source has none
	By        storage.Actor
	Reason    string
}

// key is unique among all that was ever said.
func (l Leave) key(now time.Time) string {
	if l.SourceKey == "" { // nothing was told by such a key before
		return fmt.Sprintf("%s:%d@%d", l.Source, l.Person, now.UnixMicro())
	}
	return fmt.Sprintf("%s:%d:%s", l.Source, l.Person, l.SourceKey)
}

// Offboard fences a person and opens the case. When it returns the gateway
// refuses everything they hold, their requests are canceled and their reviews
// of what is undecided are void. What they have at systems ends after that. A
// person who has left already keeps the case there is, and an event that was
// told before does nothing, whatever happened since.
func (s *Service) Offboard(ctx context.Context, l Leave) (storage.Offboarding, error) {
	var o storage.Offboarding
	err := s.inTurn(ctx, func(ctx context.Context, tx storage.Tx) (err error) {
		o, err = s.leave(ctx, tx, l)
		return err
	})
	return o, err
}

// turns is how often a change is tried that met others on its way.
const turns = 5

// inTurn is InTx, again if the database ended it because it and another one
// wanted the same rows in another order: somebody clicks on what a leaver left.
func (s *Service) inTurn(ctx context.Context, fn func(context.Context, storage.Tx) error) error {
	for try := 1; ; try++ {
		err := s.DB.InTx(ctx, fn)
		if try == turns || !storage.IsCollision(err) {
			return err
		}
	}
}

// leave is Offboard within a transaction that says more about the person.
func (s *Service) leave(ctx context.Context, tx storage.Tx, l Leave) (storage.Offboarding, error) {
	who, err := tx.LockLeaver(ctx, l.Person, l.key(time.Time{}))
	switch {
	case err != nil:
		return storage.Offboarding{}, err
	case who.Told.ID != 0:
		return who.Told, nil
	case !who.Active && who.Had.ID != 0 && who.Had.State != storage.OffboardingUndone:
		return who.Had, nil
	}
	changed, err := tx.Fence(ctx, l.Person, l.Source, l.By, l.Reason)
	if err != nil {
		return storage.Offboarding{}, err
	}
	if err := tx.EndSessionsOf(ctx, l.Person, l.By, "the person left"); err != nil {
		return storage.Offboarding{}, err
	}
	o := storage.Offboarding{PersonID: l.Person, State: storage.OffboardingOpen, Source: l.Source, SourceKey: l.key(who.Now), Actor: l.By, Reason: l.Reason}
	s.setTimes(&o, who.Now)
	held, err := s.storm(ctx, tx, l, who.Recent)
	if err != nil {
		return o, err
	}
	if held {
		o.State, o.PageAt, o.LookAt = storage.OffboardingHeld, time.Time{}, time.Time{}
	}
	if err := tx.OpenOffboarding(ctx, &o, s.listedSystems()); err != nil {
		return o, err
	}
	jobs := []river.JobArgs{NotifyArgs{storage.SubjectOffboarding, int64(o.ID)}}
	if !held {
		jobs = append(jobs, OffboardArgs{o.ID})
	}
	for id, waits := range changed { // people and systems hear of requests that it changed
		jobs = append(jobs, NotifyArgs{storage.SubjectRequest, int64(id)})
		if waits {
			jobs = append(jobs, DecideArgs{id})
		}
	}
	return o, storage.EnqueueMany(ctx, tx, jobs)
}

// setTimes has the clocks of a case begin.
func (s *Service) setTimes(o *storage.Offboarding, now time.Time) {
	rules := s.today.Offboarding
	o.GraceUntil, o.PageAt, o.LookAt = now.Add(orElse(rules.Grace, defaultGrace)), now.Add(orElse(rules.PageAfter, defaultPageAfter)), now.Add(lookFirst)
}

// storm tells whether so many people left within an hour that a human has to
// confirm it. What an admin says is confirmed.
func (s *Service) storm(ctx context.Context, tx storage.Tx, l Leave, recent int) (bool, error) {
	breaker := s.today.Offboarding.Breaker
	if l.Source == SourceAdmin || !breaker.tripped(recent+1, 0) { // people are many to count
		return false, nil
	}
	people, err := tx.CountActive(ctx)
	return breaker.tripped(recent+1, people+recent+1), err
}

// listedSystems are the systems that can show whether something is left.
func (s *Service) listedSystems() []string {
	var out []string
	for name := range s.today.Connections {
		if listed(s.Connectors[name]) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func notifyOffboarding(ctx context.Context, tx storage.Tx, id storage.OffboardingID) error {
	return tx.Enqueue(ctx, NotifyArgs{storage.SubjectOffboarding, int64(id)}, nil)
}
