package workflow

import (
	"time"

	"latchkey/storage"
)

// checkEnd refuses an end that a key can't have: one that is past, that its
// system would not keep, or that is further away than its rule lets keys live.
// It is counted from now, as for a new key.
func (p plan) checkEnd(c storage.Credential, ends, now time.Time) error {
	ends = ends.Truncate(time.Second)
	latest := p.latest(c, now)
	switch {
	case !c.ExpiresAt.IsZero() && !now.Before(c.ExpiresAt):
		return refuse(RuleDecided, "The time of %s is up since %s. Ask for a new key.", c.ID, c.ExpiresAt.UTC().Format(time.DateTime)+" UTC").on("ends")
	case !ends.After(now):
		return refuse(RuleCeiling, "That time is past. Choose a later one, or end the key now.").on("ends")
	case p.ceiling == 0 && ends.After(c.ExpiresAt):
		return refuse(RuleCeiling, "The rule %s, by which %s was granted, is there no more, so its end can't be put off. Ask for a new key.", c.PolicyName, c.ID).on("ends")
	case ends.After(latest):
		return refuse(RuleCeiling, "The rule %s lets it live until %s at most.", c.PolicyName, latest.UTC().Format(time.DateTime)+" UTC").on("ends")
	}
	return nil
}

// latest is the last end that the rules let a key have.
func (p plan) latest(c storage.Credential, now time.Time) time.Time {
	out := c.ExpiresAt
	if p.ceiling > 0 {
		out = now.Add(time.Duration(min(p.ceiling, MaxDuration)))
	}
	if p.maxAge > 0 {
		born := c.VendorCreatedAt
		if born.IsZero() {
			born = c.ActivatedAt
		}
		out = earlier(out, born.Add(time.Duration(p.maxAge)))
	}
	return out
}

// fixedEnd tells whether a key's system ends it by itself, so that another end
// means another key.
func fixedEnd(c storage.Credential) bool { return !c.Brokered && !c.VendorExpiresAt.IsZero() }
