package workflow

import (
	"context"
	"fmt"
	"strings"

	"latchkey/storage"
)

// HandOver gives a credential another owner. Admins may. Whoever held it
// knows its value all the same: that is the new owner's to rotate.
func (s *Service) HandOver(ctx context.Context, a Actor, id storage.CredentialID, to storage.PersonID, reason string) (storage.Credential, error) {
	s.Refresh(ctx, s.today.Sources(s.today.Admins...))
	c, err := s.DB.Credential(ctx, id)
	if err != nil {
		return c, gone(err, fmt.Sprintf("key %s", id))
	}
	reason = strings.TrimSpace(reason)
	err = s.DB.InTx(ctx, func(ctx context.Context, tx storage.Tx) error {
		who, m, err := s.stand(ctx, tx, s.today, a, s.today.Admins...)
		if err != nil {
			return err
		}
		if !s.today.isAdmin(who.Groups) {
			return s.adminsOnly(m, "Only an admin (%s) can give %s another owner.", strings.Join(s.today.Admins, ", "), id)
		}
		people, err := tx.Standings(ctx, []storage.PersonID{to})
		if err != nil {
			return err
		}
		if _, err := lockRequestOf(ctx, tx, c); err != nil {
			return err
		}
		if c, err = tx.LockCredential(ctx, id); err != nil {
			return err
		}
		switch {
		case !people[to].Active:
			return refuse(RuleInactive, "The new owner has to be an active member of this workspace.").on("owner")
		case c.State != storage.CredentialActive && c.State != storage.CredentialSuspended:
			return refuse(RuleDecided, "%s is %s, so there is nothing to hand over.", id, strings.ReplaceAll(string(c.State), "_", " "))
		case !c.Managed:
			return refuse(RuleNotPossible, "%s belongs to whoever %s says, because nobody asked for it here. Its owner can ask to keep it, or you can revoke it.", id, c.Connection)
		case c.OwnerID == to:
			return nil
		case reason == "":
			return refuse(RuleReason, "Say why: the new owner will read it.").on("reason")
		}
		if err := checkReason(reason); err != nil {
			return err
		}
		if err := tx.SetOwner(ctx, &c, to, a.by(), reason); err != nil {
			return err
		}
		return notifyCredential(ctx, tx, c)
	})
	return c, err
}
