package workflow

import (
	"fmt"
	"time"

	"latchkey/connectors"
	"latchkey/storage"
)

// plan is what today's rules say about how a live key ends.
type plan struct {
	ladder       []Duration // before its end
	every        Duration   // it is replaced this often; zero: when somebody asks
	overlap      Duration
	quiet        Duration
	ceiling      Duration // the longest life the rule gives; zero when there is no such rule any more
	stale        Duration // unused this long is too long; zero: never
	staleUnknown bool     // a key whose use the system does not tell is unused
	maxAge       Duration
	grace        Duration
	dryRun       bool
}

// planOf reads the plan of a key from the rule it was granted under, as that
// is today.
func (s *Service) planOf(c storage.Credential) plan {
	e := s.today.Enforcement
	out := plan{ladder: DefaultLadder(), overlap: DefaultOverlap, stale: e.StaleAfter, staleUnknown: e.StaleUnknown, maxAge: e.MaxAge,
		grace: DefaultGrace, dryRun: e.DryRun}
	if e.Grace > 0 {
		out.grace = e.Grace
	}
	p, ok := s.today.policy(c.PolicyName)
	if !ok {
		return out
	}
	out.every, out.quiet, out.ceiling = p.Rotation.Every, p.Rotation.Quiet, p.MaxLifetime
	if p.Rotation.Overlap > 0 {
		out.overlap = p.Rotation.Overlap
	}
	if len(p.NotifyBefore) > 0 {
		out.ladder = p.NotifyBefore
	}
	if p.StaleAfter > 0 {
		out.stale = p.StaleAfter
	}
	return out
}

// policy finds a rule by its name.
func (r *Rules) policy(name string) (Policy, bool) {
	for _, p := range r.Policies {
		if p.Name == name && name != "" {
			return p, true
		}
	}
	return Policy{}, false
}

// rungs are the times at which people hear that a key ends, between two times:
// after the first, up to and with the second. next is the first one later, or
// zero.
func (p plan) rungs(c storage.Credential, after, until time.Time) (due []time.Time, next time.Time) {
	if c.LetExpire || c.ExpiresAt.IsZero() {
		return nil, time.Time{}
	}
	for _, before := range p.ladder {
		at := c.ExpiresAt.Add(-time.Duration(before))
		if !at.After(c.ActivatedAt) || !at.After(after) {
			continue
		}
		if !at.After(until) {
			due = append(due, at)
			continue
		}
		next = earlier(next, at)
	}
	return due, next
}

// earlier is the earlier of two times, of which zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// later is the later of two times, of which zero is none.
func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// rotateAt is when the rule replaces a key; zero is never.
func (p plan) rotateAt(c storage.Credential) time.Time {
	switch {
	case p.every == 0 || c.LetExpire || c.ActivatedAt.IsZero():
		return time.Time{}
	case !c.RotateAt.IsZero():
		return c.RotateAt
	}
	return c.ActivatedAt.Add(time.Duration(p.every))
}

// idleness is why a key has to go although its time is not up.
type idleness struct {
	kind  string    // a kind of notice
	since time.Time // when it came to that, or will
	why   string    // a sentence
}

// idle says what comes first: that nobody used the key for too long, or that
// it is too old. ok is false where the rules or the system say neither.
func (p plan) idle(c storage.Credential) (out idleness, ok bool) {
	if p.stale > 0 && (c.UseKnown || p.staleUnknown) {
		out = idleness{storage.NoticeStale, later(c.ActivatedAt, c.LastUsedAt).Add(time.Duration(p.stale)),
			fmt.Sprintf("nobody used it for %s", p.stale.Words())}
		ok = true
	}
	born := c.VendorCreatedAt
	if born.IsZero() {
		born = c.ActivatedAt
	}
	if old := born.Add(time.Duration(p.maxAge)); p.maxAge > 0 && (!ok || old.Before(out.since)) {
		out, ok = idleness{storage.NoticeOverAge, old, fmt.Sprintf("it is older than %s", p.maxAge.Words())}, true
	}
	return out, ok
}

// What is done about an idle key.
const (
	idleNothing = ""
	idleWarn    = "warn"
	idleSpare   = "spare" // it is in use again
	idleStep    = "step"  // suspend it, or end it
)

// judgeIdle is pure: what is done about a key now, why, and when to look again.
func (p plan) judgeIdle(c storage.Credential, now time.Time) (act string, why idleness, again time.Time) {
	warned := !c.WarnedAt.IsZero()
	why, ok := p.idle(c)
	switch {
	case p.dryRun, !ok && !warned:
		return idleNothing, why, time.Time{}
	case now.Before(c.ExemptUntil):
		return idleNothing, why, c.ExemptUntil
	case c.State == storage.CredentialSuspended && !warned:
		return idleNothing, why, time.Time{} // people stopped it, and people decide on
	case !ok || now.Before(why.since):
		if warned {
			return idleSpare, why, why.since
		}
		return idleNothing, why, why.since
	case !warned:
		return idleWarn, why, now.Add(time.Duration(p.grace))
	case now.Before(c.EnforceAt):
		return idleNothing, why, c.EnforceAt
	}
	return idleStep, why, now.Add(idleAgain)
}

// idleAgain is how soon the sweep looks again at a key that was to be stopped:
// whether that happens is decided for a whole system at once.
const idleAgain = time.Hour

// rotateWay says how a fresh key can replace one at a system; empty if it
// can't.
func (s *Service) rotateWay(c storage.Credential) string {
	conn := s.Connectors[c.Connection]
	if c.Kind != APIKey || conn == nil {
		return ""
	}
	if _, ok := connectors.As[connectors.IssueGuide](conn); ok && !c.Brokered {
		return storage.RotateGuided
	}
	_, issues := connectors.As[connectors.Issuer](conn)
	_, revokes := connectors.As[connectors.Revoker](conn)
	if issues && revokes {
		return storage.RotateOverlap
	}
	if _, ok := connectors.As[connectors.Rotator](conn); ok {
		return storage.RotateInPlace
	}
	return ""
}
