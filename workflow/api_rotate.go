package workflow

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"latchkey/storage"
)

// RuleReplay is the rule that what is sent again under the same key must be
// what was sent before.
const RuleReplay = "same_request"

// RotationTarget finds the key that a key of Latchkey's own wants rotated, and
// refuses what it may not rotate, or what is of another connection than the
// one that is named, if one is. Nothing is changed.
func (s *Service) RotationTarget(ctx context.Context, a Actor, connection string, id storage.CredentialID, ask RotateAsk) (storage.Credential, error) {
	if err := a.May(ScopeRotate); err != nil {
		return storage.Credential{}, err
	}
	c, err := s.DB.Credential(ctx, id)
	where := ""
	if connection != "" {
		where = " in " + cut(connection)
		if err == nil && c.Connection != connection {
			err = storage.ErrNotFound
		}
	}
	if err != nil {
		return c, gone(err, fmt.Sprintf("key %s%s", id, where))
	}
	now, err := s.DB.Now(ctx)
	if err != nil {
		return c, err
	}
	switch {
	case s.today.IsOwn(c.Connection) && id != a.Key:
		return c, refuse(RuleKeyOnly, "A key of Latchkey's own can't rotate another one: it would get rights that nobody approved for it. Its owner can, in Slack.")
	case s.rotateWay(c) == storage.RotateGuided:
		return c, refuse(RuleNotPossible, "Only a person can make a key of %s. Its owner can rotate %s in Slack, and is led through it.", c.Connection, id)
	case c.OwnerID == a.Account.PersonID && s.today.needsReview(c) && ask.Ends.After(c.ExpiresAt) && s.planOf(c).bornAgain().checkEnd(c, ask.Ends, now) == nil:
		return c, refuse(RuleKeyOnly, "A longer life of your own key %s has to be reviewed. Ask in Slack, or choose an end until %s.",
			id, c.ExpiresAt.UTC().Format(time.RFC3339))
	}
	return c, nil
}

// bornAgain is the plan of a key that is made anew, and so has no age yet.
func (p plan) bornAgain() plan {
	p.maxAge = 0
	return p
}

// RotateByKey is Rotate for a key of Latchkey's own. Sent again it is the same
// rotation; something else under the same sourceKey is refused.
func (s *Service) RotateByKey(ctx context.Context, a Actor, id storage.CredentialID, ask RotateAsk, sourceKey string) (storage.CredentialID, error) {
	rotated, err := s.Rotate(ctx, a, id, ask, sourceKey)
	if err != nil {
		return 0, err
	}
	r, err := s.rotationTo(ctx, rotated.New.ID)
	if err != nil {
		return 0, err
	}
	if !answers(r, id, ask) {
		return 0, refuse(RuleReplay, "Something else was asked for under this idempotency key before. Send the same again, or choose another key.")
	}
	return r.NewID, nil
}

func (s *Service) rotationTo(ctx context.Context, id storage.CredentialID) (storage.Rotation, error) {
	all, err := s.DB.Rotations(ctx, id)
	if err != nil {
		return storage.Rotation{}, err
	}
	for _, r := range all {
		if r.NewID == id {
			return r, nil
		}
	}
	return storage.Rotation{}, fmt.Errorf("find the rotation to %s: %w", id, storage.ErrNotFound)
}

// answers tells whether a rotation is what an ask asks for.
func answers(r storage.Rotation, id storage.CredentialID, ask RotateAsk) bool {
	people, err := contacts(ask.Contacts)
	if err != nil || r.OldID != id || r.Reason != strings.TrimSpace(ask.Reason) || !slices.Equal(people, r.Contacts) {
		return false
	}
	if !sameTime(ask.Ends, r.EndsAt) || !sameTime(ask.OldEnds, r.OldEndsAt) {
		return false
	}
	if len(ask.Metadata) == 0 {
		return string(r.Metadata) == "{}"
	}
	var asked, kept any // the database writes JSON its own way
	return json.Unmarshal(ask.Metadata, &asked) == nil && json.Unmarshal(r.Metadata, &kept) == nil && reflect.DeepEqual(asked, kept)
}

// sameTime tells whether a time that was asked for is the one that is kept; no
// time leaves it open.
func sameTime(asked, kept time.Time) bool {
	return asked.IsZero() || asked.Truncate(time.Second).Equal(kept)
}

// lookEvery is how often a waiting caller looks whether a key is there.
const lookEvery = 200 * time.Millisecond

// FinishRotation has the new key of a rotation made now and waits until it is
// there or, where it goes into a sink, until it is in there: for so long, or
// until the one call to its system is over. A rotation that takes more time
// goes on by itself.
func (s *Service) FinishRotation(ctx context.Context, id storage.CredentialID, within time.Duration) (storage.Credential, storage.Rotation, error) {
	over, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for tried := false; ; {
		c, r, err := s.lookAtRotation(ctx, id)
		if err != nil || !onItsWay(c, r) {
			return c, r, err
		}
		if c.State == storage.CredentialIssuing && !tried {
			tried = true
			if err := s.issueNow(ctx, id); err != nil {
				s.Logger.Warn().Err(err).Stringer("credential", id).Msg("the key of a rotation was not made at once, will retry")
			}
			continue
		}
		select {
		case <-tick.C:
		case <-over.Done():
			return c, r, ctx.Err()
		}
	}
}

// issueNow is Issue that a caller who goes away, or whose patience is over,
// does not cut off: the answer of the system would be lost, and with it a key.
func (s *Service) issueNow(ctx context.Context, id storage.CredentialID) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.LeaseFor)
	defer cancel()
	return s.Issue(ctx, id)
}

func (s *Service) lookAtRotation(ctx context.Context, id storage.CredentialID) (storage.Credential, storage.Rotation, error) {
	c, err := s.DB.Credential(ctx, id)
	if err != nil {
		return c, storage.Rotation{}, err
	}
	r, err := s.rotationTo(ctx, id)
	return c, r, err
}

// onItsWay tells whether a rotation's key is still to come, to whoever asked
// for it or to its sink.
func onItsWay(c storage.Credential, r storage.Rotation) bool {
	return c.State == storage.CredentialIssuing || c.State == storage.CredentialActive && c.Sink != "" && !r.NewCollected
}
