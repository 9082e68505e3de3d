package bot

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"latchkey/storage"
	"latchkey/workflow"
)

// CredentialChanged implements workflow.Notifier.
func (n *Notifier) CredentialChanged(ctx context.Context, id storage.CredentialID) error {
	v, err := n.showCredential(ctx, id)
	switch c := v.Credential; {
	case c.RequestID != 0:
		err = errors.Join(err, n.RequestChanged(ctx, c.RequestID))
	case c.OwnerID != 0:
		err = errors.Join(err, n.freshenHomes(ctx, c.OwnerID))
	}
	return later(errors.Join(err, n.correctDigests(ctx, id)))
}

// showCredential goes round again when the key changed meanwhile, so that the
// last writer shows the last state.
func (n *Notifier) showCredential(ctx context.Context, id storage.CredentialID) (workflow.CredentialView, error) {
	for {
		v, err := n.workflow.LookAtCredential(ctx, id)
		if err != nil {
			return v, err
		}
		err = errors.Join(n.tellOwner(ctx, v), n.tellEnd(ctx, v), n.tellTurn(ctx, v), n.tellHandOver(ctx, v), n.tellWarnings(ctx, v),
			n.tellTodo(ctx, v), n.tellByHand(ctx, v), n.tellNotReplaced(ctx, v), n.tellContacts(ctx, v), n.tellNotDelivered(ctx, v), n.tellUnentitled(ctx, v))
		if err != nil {
			return v, err
		}
		again, err := n.workflow.LookAtCredential(ctx, id)
		if err != nil || sameView(again, v) {
			return v, err
		}
	}
}

// sameView reports whether messages about a key would say the same.
func sameView(a, b workflow.CredentialView) bool {
	return sameCredential(&a.Credential, &b.Credential) && a.Collected == b.Collected && a.ConnectURL == b.ConnectURL &&
		a.Credential.OwnerID == b.Credential.OwnerID && a.Credential.Managed == b.Credential.Managed && len(a.Events) == len(b.Events) &&
		a.ReplacedBy == b.ReplacedBy && a.Credential.LetExpire == b.Credential.LetExpire && a.Credential.ExpiresAt.Equal(b.Credential.ExpiresAt)
}

func aboutKey(v workflow.CredentialView, purpose, recipient string) storage.Message {
	return storage.Message{Subject: storage.SubjectCredential, SubjectID: int64(v.Credential.ID), Purpose: purpose, Recipient: recipient}
}

// tellOwner keeps the owner's message about a key up to date. Keys that were
// found make no such message: nobody asked for them here. Whoever held the key
// before reads whose it is.
func (n *Notifier) tellOwner(ctx context.Context, v workflow.CredentialView) error {
	if v.Credential.ActivatedAt.IsZero() || !v.Credential.Managed {
		return nil
	}
	before, err := n.db.Messages(ctx, storage.SubjectCredential, int64(v.Credential.ID), purposeKey)
	if err != nil {
		return err
	}
	var errs []error
	for _, m := range before {
		if m.Recipient != v.Owner.Slack {
			errs = append(errs, n.correct(ctx, &m, handedOnMessage(v)))
		}
	}
	revealBy, err := n.revealBy(ctx, v.Credential.ID)
	if err == nil {
		_, err = n.show(ctx, aboutKey(v, purposeKey, v.Owner.Slack), keyMessage(v, revealBy))
	}
	return errors.Join(append(errs, err)...)
}

// revealBy is when the chance to collect a key ends; zero for one that is not
// ours to show.
func (n *Notifier) revealBy(ctx context.Context, id storage.CredentialID) (time.Time, error) {
	k, err := n.db.TicketOf(ctx, id)
	if errors.Is(err, storage.ErrNotFound) {
		return time.Time{}, nil
	}
	return k.ExpiresAt, err
}

// tellEnd tells the owner that a key stopped working: when it has, and at
// once when somebody else ends a key that its system has yet to end. That its
// time is up is told in a digest.
func (n *Notifier) tellEnd(ctx context.Context, v workflow.CredentialView) error {
	c := v.Credential
	by, ends := ending(v)
	begun := ends && (c.State == storage.CredentialRevoking || c.State == storage.CredentialRevokeFailed)
	switch {
	case c.State == storage.CredentialExpired:
		return nil
	case c.Managed && c.ActivatedAt.IsZero():
		return nil // it never worked; its request tells
	case !c.Managed && (!ends || foundBySync(by)):
		return nil // it went as it came, at the system
	case !c.Live(), begun && !c.Brokered && by.ActorID != c.OwnerID:
		_, err := n.show(ctx, aboutKey(v, purposeEnd, v.Owner.Slack), lastMessage(v))
		return err
	}
	return nil
}

// foundBySync tells what Latchkey only saw from what somebody did.
func foundBySync(e storage.Event) bool { return bySystem(e) && e.Actor == storage.System("sync").Name }

// tellTurn tells the owner that somebody else suspended or resumed a key.
func (n *Notifier) tellTurn(ctx context.Context, v workflow.CredentialView) error {
	e, ok := lastTurn(v)
	if !ok || e.ActorID != 0 && e.ActorID == v.Credential.OwnerID || !v.Credential.Managed && foundBySync(e) || byRoles(e) {
		return nil
	}
	return n.tellOnce(ctx, aboutKey(v, purposeTurn(e.ID), v.Owner.Slack), turnMessage(v, e))
}

// tellOnce posts what was so when it happened, and stays.
func (n *Notifier) tellOnce(ctx context.Context, ref storage.Message, m message) error {
	_, err := n.put(ctx, &ref, "", m)
	return err
}

// lastTurn is the event that left a key suspended, or let it work again; false
// when something else brought it where it is.
func lastTurn(v workflow.CredentialView) (storage.Event, bool) {
	suspended := string(storage.CredentialSuspended)
	for _, e := range slices.Backward(v.Events) {
		if e.After != string(v.Credential.State) {
			continue
		}
		return e, e.After == suspended || e.After == string(storage.CredentialActive) && e.Before == suspended
	}
	return storage.Event{}, false
}

// tellHandOver tells both owners of a key whose it is now.
func (n *Notifier) tellHandOver(ctx context.Context, v workflow.CredentialView) error {
	e, ok := lastHandOver(v)
	if !ok || e.After != strconv.FormatInt(int64(v.Credential.OwnerID), 10) {
		return nil
	}
	errs := []error{n.tellOnce(ctx, aboutKey(v, purposeHandOver(e.ID), v.Owner.Slack), newOwnerMessage(v, e))}
	before, err := strconv.ParseInt(e.Before, 10, 64)
	if err != nil || before == 0 {
		return errors.Join(errs...) // it had no owner
	}
	accounts, err := n.db.SlackAccounts(ctx, storage.PersonID(before))
	errs = append(errs, err)
	if len(accounts) > 0 {
		errs = append(errs, n.tellOnce(ctx, aboutKey(v, purposeHandOver(e.ID), accounts[0].ExternalID), oldOwnerMessage(v, e)))
	}
	return errors.Join(errs...)
}

// lastHandOver is the event that gave a key its owner, if one did.
func lastHandOver(v workflow.CredentialView) (storage.Event, bool) {
	for _, e := range slices.Backward(v.Events) {
		if e.Action == actionHandedOver {
			return e, true
		}
	}
	return storage.Event{}, false
}

// tellWarnings tells once for each warning when a key has to be gone: its
// owner or, where there is none to tell, the approvals channel. Warnings that
// are over lose their controls.
func (n *Notifier) tellWarnings(ctx context.Context, v workflow.CredentialView) error {
	now, warned := warning(v)
	var errs []error
	for _, e := range v.Events {
		if e.Action != actionWarned {
			continue
		}
		to := ""
		if warned && e.ID == now.ID {
			asked, err := n.askedToKeep(ctx, v)
			if err != nil {
				return err
			}
			to = n.warnWhom(v)
			_, err = n.show(ctx, aboutKey(v, purposeWarning(e.ID), to), warningMessage(v, e, asked, to == v.Owner.Slack))
			errs = append(errs, err)
		}
		sent, err := n.db.Messages(ctx, storage.SubjectCredential, int64(v.Credential.ID), purposeWarning(e.ID))
		errs = append(errs, err)
		for _, m := range sent {
			if m.Recipient != to {
				errs = append(errs, n.correct(ctx, &m, warningOver(v)))
			}
		}
	}
	return errors.Join(errs...)
}

// warnWhom is the owner of a key, or the approvals channel when that is nobody
// or somebody who left.
func (n *Notifier) warnWhom(v workflow.CredentialView) string {
	if v.Owner.Slack == "" || slices.Contains(v.Flags, storage.FlagOwnerLeft) {
		return n.client.config.ApprovalsChannel
	}
	return v.Owner.Slack
}

// askedToKeep is the request that a key's owner filed to keep it; 0 for none.
func (n *Notifier) askedToKeep(ctx context.Context, v workflow.CredentialView) (storage.RequestID, error) {
	all, err := n.db.Adoptions(ctx, v.Credential.Connection)
	return all[v.Credential.ID], err
}

// tellTodo tells the owner what only they can do before there is a key, and
// corrects that once it is done or over.
func (n *Notifier) tellTodo(ctx context.Context, v workflow.CredentialView) error {
	m := todoOver(v)
	switch {
	case v.ConnectURL != "":
		m = connectMessage(v)
	case v.Task != nil && v.Credential.State == storage.CredentialIssuing:
		m = taskMessage(v)
	default:
		return n.correctAll(ctx, v, purposeTodo, m)
	}
	_, err := n.show(ctx, aboutKey(v, purposeTodo, v.Owner.Slack), m)
	return err
}

// tellByHand asks in the approvals channel for what only a person can do at
// the system, and says when it is done.
func (n *Notifier) tellByHand(ctx context.Context, v workflow.CredentialView) error {
	if v.Task == nil || v.Credential.State != storage.CredentialRevokeFailed {
		return n.correctAll(ctx, v, purposeByHand, byHandMessage(v))
	}
	_, err := n.show(ctx, aboutKey(v, purposeByHand, n.client.config.ApprovalsChannel), byHandMessage(v))
	return err
}

// correctAll corrects what was ever sent for a purpose.
func (n *Notifier) correctAll(ctx context.Context, v workflow.CredentialView, purpose string, m message) error {
	sent, err := n.db.Messages(ctx, storage.SubjectCredential, int64(v.Credential.ID), purpose)
	errs := []error{err}
	for _, ref := range sent {
		errs = append(errs, n.correct(ctx, &ref, m))
	}
	return errors.Join(errs...)
}
