package bot

import (
	"context"
	"time"

	"latchkey/storage"
)

// The purposes of messages about many cases at once.
const (
	purposeHeld  = "held"  // the question about those that the breaker holds
	purposeCrowd = "crowd" // those of an hour that have no card of their own
)

// subjectCrowd is an hour in which people left: hours since 1970.
const subjectCrowd = "offboarding_hour"

// maxCards is how many people's cards an hour may bring into the channel.
const maxCards = 20

func hourOf(t time.Time) int64    { return t.Unix() / int64(time.Hour/time.Second) }
func hourAt(hour int64) time.Time { return time.Unix(hour*int64(time.Hour/time.Second), 0).UTC() }
func crowdRef(hour int64, purpose, to string) storage.Message {
	return storage.Message{Subject: subjectCrowd, SubjectID: hour, Purpose: purpose, Recipient: to}
}

// carded tells whether a case has a card of its own: the first ones of each
// hour have.
func (n *Notifier) carded(ctx context.Context, o storage.Offboarding) (bool, error) {
	rank, err := n.db.CrowdRank(ctx, o, hourAt(hourOf(o.BeganAt)))
	return rank <= maxCards, err
}

// tellCrowd keeps up to date what is said of many cases at once: the question
// about those that the breaker holds, one for all of them, and how far those of
// the case's hour are that have no card.
func (n *Notifier) tellCrowd(ctx context.Context, o storage.Offboarding) error {
	held, err := n.workflow.LookAtHeld(ctx)
	if err != nil {
		return err
	}
	hour, asking, to := hourOf(o.BeganAt), int64(-1), n.client.config.ApprovalsChannel
	if held.Count > 0 {
		asking = hourOf(held.Cases[0].BeganAt)
		if err := n.showPaced(ctx, crowdRef(asking, purposeHeld, to), heldMassMessage(held)); err != nil {
			return err
		}
	}
	if hour == asking {
		return nil
	}
	asked, err := n.db.Messages(ctx, subjectCrowd, hour, purposeHeld)
	if err != nil {
		return err
	}
	v := crowdView{From: hourAt(hour), Command: n.client.config.Command}
	without := maxCards
	if len(asked) > 0 {
		without = 0
	}
	if v.Crowd, err = n.db.Crowd(ctx, v.From, v.From.Add(time.Hour), without); err != nil {
		return err
	}
	if len(asked) > 0 {
		if v.Decided, err = n.db.HeldDecided(ctx, v.From, v.From.Add(time.Hour)); err != nil {
			return err
		}
		err = n.showPaced(ctx, crowdRef(hour, purposeHeld, to), decidedHeldMessage(v))
	} else if v.Open+v.Closed > 0 {
		err = n.showPaced(ctx, crowdRef(hour, purposeCrowd, to), crowdMessage(v))
	}
	if err != nil {
		return err
	}
	return n.pageCrowd(ctx, v)
}

// pageCrowd calls people once to the cases of an hour that have no card and
// are open for too long.
func (n *Notifier) pageCrowd(ctx context.Context, v crowdView) error {
	from, to := v.From, v.From.Add(time.Hour)
	rest, err := n.db.Crowd(ctx, from, to, maxCards)
	if err != nil {
		return err
	}
	ref := crowdRef(hourOf(from), purposePage, n.client.config.ApprovalsChannel)
	if rest.Paged == 0 {
		return n.correctPosted(ctx, ref, crowdPageMessage(0, nil, nil, v.Command))
	}
	waits, err := n.db.CrowdWaits(ctx, from, to)
	if err != nil {
		return err
	}
	systems := map[string]bool{}
	for s := range waits {
		systems[s] = true
	}
	call, err := n.callees(ctx, systems)
	if err != nil {
		return err
	}
	return n.showPaced(ctx, ref, crowdPageMessage(rest.Paged, waits, call, v.Command))
}
