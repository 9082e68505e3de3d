package workflow

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"latchkey/storage"
)

// Edit is what changes about a credential; nil leaves it.
type Edit struct {
	Label     *string    // what people call it; managed keys only: others have their system's
	Note      *string    // people's own words about it
	ExpiresAt *time.Time // within the ceiling; its owner can only bring it forward
	Reason    string     // why it ends at another time
}

// Limits of what people may write on a credential.
const (
	maxLabel = 100
	maxNote  = 2000
)

// Edit changes a credential: its owner may, and admins. Nothing is changed
// unless all of it can be.
func (s *Service) Edit(ctx context.Context, a Actor, id storage.CredentialID, e Edit) (storage.Credential, error) {
	return s.edit(ctx, a, id, "edit it", func(ctx context.Context, tx storage.Tx, c *storage.Credential, admin bool) error {
		if !c.Live() {
			return refuse(RuleDecided, "%s is %s; there is nothing to edit.", id, strings.ReplaceAll(string(c.State), "_", " "))
		}
		if err := s.editEnd(ctx, tx, a, c, e, admin); err != nil {
			return err
		}
		label, note := c.Label, c.Note
		if e.Label != nil {
			label = strings.TrimSpace(*e.Label)
		}
		if e.Note != nil {
			note = strings.TrimSpace(*e.Note)
		}
		switch {
		case label != c.Label && !c.Managed:
			return refuse(RuleNotPossible, "%s has the name that %s gives it. Rename it there, or write a note.", id, c.Connection).on("label")
		case !fits(label, maxLabel) || strings.ContainsAny(label, "\r\n"):
			return refuse(RuleReason, "Keep the name to one line under %d characters.", maxLabel).on("label")
		case !fits(note, maxNote):
			return refuse(RuleReason, "Keep the note under %d characters.", maxNote).on("note")
		case label == c.Label && note == c.Note:
			return nil
		}
		return tx.SetWords(ctx, c, label, note, a.by())
	})
}

// fits tells whether words are text that can be stored, and not too many.
func fits(words string, most int) bool {
	return utf8.ValidString(words) && !strings.ContainsRune(words, 0) && utf8.RuneCountInString(words) <= most
}

func (s *Service) editEnd(ctx context.Context, tx storage.Tx, a Actor, c *storage.Credential, e Edit, admin bool) error {
	if e.ExpiresAt == nil || e.ExpiresAt.Equal(c.ExpiresAt) {
		return nil
	}
	ends := e.ExpiresAt.Truncate(time.Second)
	now, err := tx.Now(ctx)
	if err != nil {
		return err
	}
	own := c.OwnerID == a.Account.PersonID
	switch {
	case !c.Managed, c.State != storage.CredentialActive && c.State != storage.CredentialSuspended:
		return refuse(RuleNotPossible, "Only the end of a key that was asked for here, and works, can be changed.").on("ends")
	case ends.After(c.ExpiresAt) && (own || !admin):
		return refuse(RuleAdminOnly, "You can bring the end of your own key forward. For more time use Extend.").on("ends")
	case ends.After(c.ExpiresAt) && fixedEnd(*c) && ends.After(c.VendorExpiresAt):
		return refuse(RuleNotPossible, "%s ends it by itself on %s. Rotate it instead.", c.Connection, c.VendorExpiresAt.UTC().Format(time.DateOnly)).on("ends")
	}
	if err := s.planOf(*c).checkEnd(*c, ends, now); err != nil {
		return err
	}
	if err := checkReason(e.Reason); err != nil {
		return err
	}
	return tx.SetExpiry(ctx, c, ends, "credential.end_changed", a.by(), strings.TrimSpace(e.Reason))
}

// maxExemption bounds how long a key may be left alone by the rules about
// unused and old keys.
const maxExemption = Duration(365 * 24 * time.Hour)

// Exempt lets a key be unused, or old, until a time; the zero time ends that.
// Admins only, with a reason, and not for their own keys.
func (s *Service) Exempt(ctx context.Context, a Actor, id storage.CredentialID, until time.Time, reason string) (storage.Credential, error) {
	return s.edit(ctx, a, id, "exempt it", func(ctx context.Context, tx storage.Tx, c *storage.Credential, admin bool) error {
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		reason = strings.TrimSpace(reason)
		switch {
		case !admin:
			return refuse(RuleAdminOnly, "Only an admin (%s) can exempt a key.", strings.Join(s.today.Admins, ", "))
		case c.OwnerID == a.Account.PersonID:
			return refuse(RuleSelfReview, "%s is your own: another admin has to exempt it.", id)
		case !c.Managed || c.State != storage.CredentialActive && c.State != storage.CredentialSuspended:
			return refuse(RuleNotPossible, "Only keys that were asked for here, and live, can be exempted.")
		case !until.IsZero() && (!until.After(now) || until.After(now.Add(time.Duration(maxExemption)))):
			return refuse(RuleCeiling, "An exemption ends on a day within a year.").on("until")
		case reason == "":
			return refuse(RuleReason, "Say why: it is kept with the key.").on("reason")
		}
		if err := checkReason(reason); err != nil {
			return err
		}
		return tx.Exempt(ctx, c, until, a.by(), reason)
	})
}
