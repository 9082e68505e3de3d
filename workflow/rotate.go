package workflow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"latchkey/storage"
)

// RotatePlan says what a rotation would do, before anything happens.
type RotatePlan struct {
	Key     CredentialView
	Way     string    // storage.RotateOverlap, RotateInPlace or RotateGuided
	Overlap Duration  // both keys work this long; zero where the system has no overlap
	Quiet   Duration  // and the old one until it is unused this long; zero: no longer
	Ends    time.Time // of the new key, if nothing else is asked
	Latest  time.Time // of the new key, if more is asked
	Review  bool      // a later end than the old key's needs the same people as a new key
}

// PlanRotation says what a rotation of a key would do. Its owner and admins
// may ask.
func (s *Service) PlanRotation(ctx context.Context, a Actor, id storage.CredentialID) (RotatePlan, error) {
	v, err := s.Show(ctx, a, id)
	if err != nil {
		return RotatePlan{}, err
	}
	c := v.Credential
	if err := s.canRotate(c); err != nil {
		return RotatePlan{}, err
	}
	var now time.Time
	err = s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		if now, err = tx.Now(ctx); err != nil {
			return err
		}
		return freeToRotate(ctx, tx, c, now)
	})
	if err != nil {
		return RotatePlan{}, err
	}
	p := s.planOf(c)
	out := RotatePlan{Key: v, Way: s.rotateWay(c), Overlap: p.overlap, Quiet: p.quiet, Ends: s.nextEnd(c, p, now), Latest: later(p.latestNew(c, now), c.ExpiresAt),
		Review: s.today.needsReview(c)}
	if out.Way == storage.RotateInPlace {
		out.Overlap, out.Quiet = 0, 0
	}
	return out, nil
}

// nextEnd is when a fresh key ends if nobody says otherwise: one that can only
// read lives as long as the old one was granted, any other as long as the old
// one would have.
func (s *Service) nextEnd(c storage.Credential, p plan, now time.Time) time.Time {
	if s.today.needsReview(c) {
		return c.ExpiresAt
	}
	ends := now.Add(time.Duration(c.LifetimeS) * time.Second)
	return later(earlier(ends, p.latestNew(c, now)), c.ExpiresAt)
}

// latestNew is the last end that the rules let a fresh key have.
func (p plan) latestNew(c storage.Credential, now time.Time) time.Time {
	p.maxAge = 0 // it is born now
	return p.latest(c, now)
}

// canRotate refuses what can't be replaced.
func (s *Service) canRotate(c storage.Credential) error {
	switch {
	case !c.Managed:
		return refuse(RuleNotPossible, "Nobody asked for %s here. Ask to keep it first.", c.ID)
	case c.State != storage.CredentialActive:
		return refuse(RuleDecided, "%s is %s, so it can't be rotated.", c.ID, strings.ReplaceAll(string(c.State), "_", " "))
	case s.rotateWay(c) == "":
		return refuse(RuleNotPossible, "Latchkey can't make another key like %s at %s. Make one there, and give this one back.", c.ID, c.Connection)
	}
	return nil
}

// freeToRotate refuses a key whose time is up, and a second rotation while one
// is under way, on whichever side of it the key is: at most two keys of a line
// work at a time.
func freeToRotate(ctx context.Context, tx storage.Tx, c storage.Credential, now time.Time) error {
	if !now.Before(c.ExpiresAt) {
		return refuse(RuleDecided, "The time of %s is up, so it can't be rotated. Ask for a new key.", c.ID)
	}
	by, err := tx.Successor(ctx, c.ID)
	if err != nil {
		return err
	}
	if by != 0 {
		return refuse(RuleDecided, "%s is being replaced already, by %s; see /tokens show %s.", c.ID, by, c.ID)
	}
	if c.ReplacesID == 0 {
		return nil
	}
	before, err := tx.PeekCredential(ctx, c.ReplacesID)
	if err != nil || !before.Live() {
		return err
	}
	return refuse(RuleDecided, "%s, which %s replaced, is not gone yet. Rotate it when that has ended; see /tokens show %s.", before.ID, c.ID, before.ID)
}

// mayRotate is canRotate for somebody who asks for a longer life.
func (s *Service) mayRotate(a Actor, c storage.Credential) error {
	if c.OwnerID != a.Account.PersonID {
		return refuse(RuleAdminOnly, "Only the owner of %s can ask for a key that lives longer.", c.ID)
	}
	return s.canRotate(c)
}

// RotateAsk is what somebody wants of a rotation; the zero value takes what
// PlanRotation says.
type RotateAsk struct {
	Ends     time.Time       // of the new key
	OldEnds  time.Time       // of the old one, if the new one works by then
	Reason   string          // for the log
	Contacts []string        // e-mail addresses of whoever has to know
	Metadata json.RawMessage // the caller's own words, a JSON object
}

// Rotated is what became of a RotateAsk: a new key that is being made, or a
// request for it.
type Rotated struct {
	New     storage.Credential
	Request storage.Request // set where the longer life has to be reviewed
}

// Limits of what may come with a rotation.
const (
	maxContacts = 20
	maxMetadata = 4 << 10 // bytes
)

// Rotate puts a fresh key in place of another: same scopes, owner and rule.
// The new key is made first; the old one works on until the overlap ends and
// somebody has the new one. sourceKey makes it harmless to send twice. A key
// that can change anything lives longer than the old one only by a request
// that is reviewed, unless an admin or a key of Latchkey's own rotates for
// somebody else.
func (s *Service) Rotate(ctx context.Context, a Actor, id storage.CredentialID, ask RotateAsk, sourceKey string) (Rotated, error) {
	s.Refresh(ctx, s.today.Sources(s.today.Admins...))
	c, err := s.DB.Credential(ctx, id)
	if err != nil {
		return Rotated{}, gone(err, fmt.Sprintf("key %s", id))
	}
	var out Rotated
	var holder storage.AccountID
	var review Duration
	err = s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		owner, admin, m, err := s.capacity(ctx, tx, a, c.OwnerID, ScopeRotate)
		if err != nil {
			return err
		}
		r, err := lockRequestOf(ctx, tx, c)
		if err != nil {
			return err
		}
		if c, err = tx.LockCredential(ctx, id); err != nil {
			return err
		}
		if !owner && !admin {
			return s.adminsOnly(m, "Only its owner or an admin (%s) can rotate %s.", strings.Join(s.today.Admins, ", "), id)
		}
		begun, err := tx.RotationFrom(ctx, sourceKey)
		switch {
		case err == nil && begun.OldID != id:
			return refuse(RuleReplay, "Another key was rotated by this very click before. Begin anew.")
		case err == nil:
			// Not held: whoever collects it holds it, and then wants the old one.
			out.New, err = tx.PeekCredential(ctx, begun.NewID)
			return err
		}
		if !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		if err := s.canRotate(c); err != nil {
			return err
		}
		if err := freeToRotate(ctx, tx, c, now); err != nil {
			return err
		}
		rot, err := s.checkRotation(c, ask, now)
		if err != nil {
			return err
		}
		if rot.EndsAt.After(c.ExpiresAt) && s.today.needsReview(c) && (owner || !admin) {
			review = Duration(rot.EndsAt.Sub(now).Truncate(time.Second))
			holder, err = tx.HolderOf(ctx, id)
			return err
		}
		rot.SourceKey, rot.KeyID = sourceKey, a.Key
		out.New, err = s.beginRotation(ctx, tx, &c, rot, r, a.by())
		return err
	})
	if err == nil && review > 0 {
		out.Request, err = s.Submit(ctx, a, Ask{Connection: c.Connection, Kind: c.Kind, Scopes: c.Scopes, Lifetime: review,
			Reason: ask.Reason, Holder: holder, Rotates: id}, sourceKey)
	}
	return out, err
}

// checkRotation turns an ask into a rotation, or refuses it.
func (s *Service) checkRotation(c storage.Credential, ask RotateAsk, now time.Time) (storage.Rotation, error) {
	if err := s.canRotate(c); err != nil {
		return storage.Rotation{}, err
	}
	p := s.planOf(c)
	out := storage.Rotation{OldID: c.ID, Way: s.rotateWay(c), EndsAt: s.nextEnd(c, p, now), OverlapS: int64(time.Duration(p.overlap) / time.Second),
		QuietS: int64(time.Duration(p.quiet) / time.Second), Reason: strings.TrimSpace(ask.Reason), Metadata: ask.Metadata}
	if !ask.Ends.IsZero() {
		out.EndsAt = ask.Ends.Truncate(time.Second)
		fresh := p
		fresh.maxAge = 0
		if err := fresh.checkEnd(c, out.EndsAt, now); err != nil {
			return out, err
		}
	}
	if out.Way == storage.RotateInPlace {
		out.OverlapS, out.QuietS = 0, 0
	}
	if !ask.OldEnds.IsZero() {
		out.OldEndsAt, out.QuietS = ask.OldEnds.Truncate(time.Second), 0
		switch {
		case out.Way == storage.RotateInPlace && out.OldEndsAt.After(now):
			return out, refuse(RuleNotPossible, "%s has no overlap: the old key ends when the new one is made.", c.Connection).on("old_ends")
		case !out.OldEndsAt.After(now):
			return out, refuse(RuleCeiling, "The old key's end is past. Choose a later one, or revoke the key.").on("old_ends")
		case out.OldEndsAt.After(out.EndsAt):
			return out, refuse(RuleCeiling, "The old key can't outlive the new one.").on("old_ends")
		case out.OldEndsAt.After(c.ExpiresAt):
			return out, refuse(RuleCeiling, "The old key ends on %s as it is; rotating it does not put that off.", c.ExpiresAt.UTC().Format(time.DateTime)+" UTC").on("old_ends")
		}
	}
	if err := checkReason(out.Reason); err != nil {
		return out, err
	}
	if err := checkMetadata(ask.Metadata); err != nil {
		return out, err
	}
	var err error
	out.Contacts, err = contacts(ask.Contacts)
	return out, err
}

// checkMetadata refuses what is no JSON object, or none that a database can
// store.
func checkMetadata(words json.RawMessage) error {
	if len(words) == 0 {
		return nil
	}
	var object map[string]any
	switch {
	case len(words) > maxMetadata:
		return refuse(RuleUnknown, "Keep the metadata under %d bytes.", maxMetadata).on("metadata")
	case json.Unmarshal(words, &object) != nil || object == nil:
		return refuse(RuleUnknown, "The metadata has to be a JSON object.").on("metadata")
	case !utf8.Valid(words) || bytes.Contains(words, []byte(`\u0000`)):
		return refuse(RuleUnknown, "The metadata has characters that are no text.").on("metadata")
	}
	return nil
}

// contacts reads e-mail addresses, each once.
func contacts(typed []string) ([]string, error) {
	if len(typed) > maxContacts {
		return nil, refuse(RuleUnknown, "Name at most %d people who have to know.", maxContacts).on("contacts")
	}
	var out []string
	for _, t := range typed {
		a, err := mail.ParseAddress(strings.TrimSpace(t))
		if err != nil {
			return nil, refuse(RuleUnknown, "%s is no e-mail address.", cut(t)).on("contacts")
		}
		out = append(out, strings.ToLower(a.Address))
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// beginRotation writes the intent: a new row that is to be made, under the
// request r. It may do what the old key may, or what r granted if r asked for
// the rotation. One that is under way already is refused, with nothing done:
// the caller may go on with the transaction.
func (s *Service) beginRotation(ctx context.Context, tx storage.Tx, old *storage.Credential, rot storage.Rotation, r storage.Request, by storage.Actor) (storage.Credential, error) {
	if err := notQuarantined(ctx, tx); err != nil {
		return storage.Credential{}, err
	}
	now, err := tx.Now(ctx)
	if err != nil {
		return storage.Credential{}, err
	}
	if err := freeToRotate(ctx, tx, *old, now); err != nil {
		return storage.Credential{}, err
	}
	holder, err := tx.HolderOf(ctx, old.ID)
	if err != nil {
		return storage.Credential{}, err
	}
	scopes, access := old.Scopes, old.Access
	if r.RotatesID != 0 && !sameScopes(scopes, r.GrantedScopes) {
		scopes, access = r.GrantedScopes, string(s.today.access(old.Connection, r.GrantedScopes))
	}
	c := storage.Credential{Connection: old.Connection, Kind: old.Kind, Brokered: old.Brokered, Managed: true, AccountID: holder, OwnerID: old.OwnerID,
		RequestID: r.ID, ReplacesID: old.ID, Label: old.Label, Scopes: scopes,
		LifetimeS: int64((rot.EndsAt.Sub(now) + time.Second - 1) / time.Second), // rounded up: the rotation's own end counts
		State:     storage.CredentialIssuing, NextActionAt: now.Add(s.LeaseFor), UseKnown: old.Brokered, Access: access,
		PolicyName: old.PolicyName, Note: old.Note, Sink: old.Sink, Place: old.Place}
	if err := tx.InsertCredential(ctx, &c, by); err != nil {
		return c, err
	}
	rot.NewID, rot.OldID = c.ID, old.ID
	if err := tx.InsertRotation(ctx, rot); err != nil {
		return c, err
	}
	err = tx.Record(ctx, by, storage.Event{Action: "credential.rotation_begun", Subject: storage.SubjectCredential, SubjectID: int64(old.ID),
		After: c.ID.String(), Reason: rot.Reason})
	if err != nil {
		return c, err
	}
	if err := tx.Enqueue(ctx, IssueArgs{c.ID}, nil); err != nil {
		return c, err
	}
	return c, notifyCredential(ctx, tx, *old)
}

// rotateFor begins the rotation that an approved request asks for. The new key
// may do what was approved, which can be less than the old one.
func (s *Service) rotateFor(ctx context.Context, tx storage.Tx, r *storage.Request, by storage.Actor) error {
	c, err := tx.LockCredential(ctx, r.RotatesID)
	if err != nil {
		return err
	}
	now, err := tx.Now(ctx)
	if err != nil {
		return err
	}
	rot, err := s.checkRotation(c, RotateAsk{Ends: now.Add(r.Granted()), Reason: r.Reason}, now)
	switch {
	case err != nil:
	case c.OwnerID != r.RequesterID:
		err = refuse(RuleNotPossible, "the key has another owner by now")
	case rot.Way == storage.RotateInPlace && !sameScopes(c.Scopes, r.GrantedScopes):
		err = refuse(RuleNotPossible, "%s can only replace a key by one that may do the same", c.Connection)
	default:
		rot.SourceKey = "request:" + r.ID.String()
		_, err = s.beginRotation(ctx, tx, &c, rot, *r, by)
	}
	if refusal, refused := AsRefusal(err); refused {
		return failAdoption(ctx, tx, r, refusal.Reason)
	}
	return err
}

// rotateByRule begins the rotation that a rule asks for every so often. The
// new key ends when the old one would have, or as the rule lets it: a rule
// gives nobody more time.
func (s *Service) rotateByRule(ctx context.Context, tx storage.Tx, c *storage.Credential, p plan) error {
	now, err := tx.Now(ctx)
	if err != nil {
		return err
	}
	if c.ExpiresAt.Sub(now) <= time.Duration(p.overlap) {
		return nil // it ends soon anyway
	}
	rot, err := s.checkRotation(*c, RotateAsk{Ends: earlier(c.ExpiresAt, p.latestNew(*c, now)),
		Reason: fmt.Sprintf("the rule %s has it rotated every %s", c.PolicyName, p.every.Words())}, now)
	if refusal, refused := AsRefusal(err); refused {
		return s.rotationOff(ctx, tx, c.ID, refusal.Reason)
	}
	if err != nil {
		return err
	}
	rot.SourceKey = fmt.Sprintf("rule:%s:%d", c.ID, now.UnixMicro())
	// The request is not read: it would have to be locked before its key, which
	// the sweep holds.
	_, err = s.beginRotation(ctx, tx, c, rot, storage.Request{ID: c.RequestID}, storage.System("rotation"))
	if _, refused := AsRefusal(err); refused {
		return nil // one is under way: the sweep looks again
	}
	return err
}
