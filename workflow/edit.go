package workflow

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
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

	// Seen is the version that its editor looked at, as VersionOf says it. If it
	// is another one by now, nothing is changed. Empty: whatever it is.
	Seen string
}

// RuleChanged is the rule that who edits what changed meanwhile looks again.
const RuleChanged = "changed_meanwhile"

// VersionOf names what people may have decided about a credential by: it is
// another one after each change of what it is, whose, what it may do and what
// was written on it, and the same one after each use.
func VersionOf(c storage.Credential) string {
	h := sha256.New()
	for _, part := range []string{c.ID.String(), string(c.State), strconv.FormatInt(int64(c.OwnerID), 10), c.Label, c.Note, strings.Join(c.Scopes, " "),
		c.ExpiresAt.UTC().Format(time.RFC3339), c.Access, c.PolicyName} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil)[:10])
}

// Limits of what people may write on a credential.
const (
	maxLabel = 100
	maxNote  = 2000
)

// Edit changes a credential: its owner may, admins, and keys with
// credentials:edit, which need credentials:revoke too to end it within a day.
// Nothing is changed unless all of it can be.
func (s *Service) Edit(ctx context.Context, a Actor, id storage.CredentialID, e Edit) (storage.Credential, error) {
	return s.edit(ctx, a, id, ScopeEdit, "edit it", func(ctx context.Context, tx storage.Tx, c *storage.Credential, admin bool) error {
		if e.Seen != "" && e.Seen != VersionOf(*c) {
			return refuse(RuleChanged, "%s has changed since you looked at it. Look again, then edit.", id)
		}
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
		case label != c.Label && (!fits(label, maxLabel) || strings.ContainsAny(label, "\r\n")):
			return refuse(RuleReason, "Keep the name to one line under %d characters.", maxLabel).on("label")
		case !fits(note, maxNote):
			return refuse(RuleReason, "Keep the note under %d characters.", maxNote).on("note")
		case label == c.Label && note == c.Note:
			return nil
		}
		return tx.SetWords(ctx, c, label, note, a.by())
	})
}

// endsSoon is how near an end has to be for its edit to be as good as a
// revocation: its owner may not even hear of it in time.
const endsSoon = 24 * time.Hour

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
	case ends.Before(c.ExpiresAt) && ends.Before(now.Add(endsSoon)) && a.Key != 0 && !slices.Contains(a.Scopes, ScopeRevoke):
		return refuse(RuleScope, "The key %s can end a key within a day only if it has the scope %s too. Choose a later end, or ask for a key that has both.", a.Key, ScopeRevoke).on("ends")
	case ends.After(c.ExpiresAt) && fixedEnd(*c) && ends.After(c.VendorExpiresAt):
		return refuse(RuleNotPossible, "%s ends it by itself on %s. Rotate it instead.", c.Connection, c.VendorExpiresAt.UTC().Format(time.DateOnly)).on("ends")
	}
	if ends.After(c.ExpiresAt) {
		err = notQuarantined(ctx, tx)
	}
	if err == nil {
		err = s.planOf(*c).checkEnd(*c, ends, now)
	}
	if err != nil {
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
	return s.edit(ctx, a, id, "", "exempt it", func(ctx context.Context, tx storage.Tx, c *storage.Credential, admin bool) error {
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
