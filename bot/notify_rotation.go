package bot

import (
	"context"
	"errors"
	"fmt"

	"github.com/slack-go/slack"

	"latchkey/storage"
	"latchkey/workflow"
)

// tellNotReplaced tells an owner what came in the way of a fresh key: once, as
// long as it is the same and nobody began anew.
func (n *Notifier) tellNotReplaced(ctx context.Context, v workflow.CredentialView) error {
	e, ok := lastFailure(v.Events)
	if !ok || v.ReplacedBy != 0 || !v.Credential.Live() {
		return nil
	}
	return n.tellOnce(ctx, aboutKey(v, purposeNotReplaced(e.ID), v.Owner.Slack), notReplacedMessage(v, e))
}

// lastFailure is the event of the last failed rotation or, where a rule tried
// again and the same came in the way, the first of them.
func lastFailure(events []storage.Event) (storage.Event, bool) {
	var first storage.Event
	for _, e := range events {
		switch {
		case e.Action == actionNotReplaced && e.Reason != first.Reason:
			first = e
		case e.Action == actionRotationBegun && !bySystem(e), e.Action == actionReplaced:
			first = storage.Event{}
		}
	}
	return first, first.ID != 0
}

// tellContacts tells those who have to know when a key works in another one's
// place, and when that one has ended.
func (n *Notifier) tellContacts(ctx context.Context, v workflow.CredentialView) error {
	c := v.Credential
	if r, ok := replaces(v); ok && c.State == storage.CredentialActive {
		return n.tellEach(ctx, v, purposeContactNew, r.Contacts, contactNewMessage(v, r))
	}
	gone := !c.Live() || c.Brokered && c.State != storage.CredentialActive && c.State != storage.CredentialSuspended
	if r, ok := replacedIn(v); ok && gone && r.NewState == storage.CredentialActive {
		return n.tellEach(ctx, v, purposeContactOld, r.Contacts, contactOldMessage(v, r))
	}
	return nil
}

// tellEach tells a thing once to whoever has one of some addresses in Slack.
// Addresses of nobody here are left.
func (n *Notifier) tellEach(ctx context.Context, v workflow.CredentialView, purpose string, addresses []string, m message) error {
	told, err := n.db.Messages(ctx, storage.SubjectCredential, int64(v.Credential.ID), purpose)
	if err != nil || len(told) >= len(addresses) {
		return err
	}
	var errs []error
	for _, address := range addresses {
		account, err := n.directory.byEmail(ctx, address)
		switch {
		case err != nil:
			errs = append(errs, err)
		case account.PersonID == v.Credential.OwnerID, (workflow.Actor{Account: account}).Admit() != nil:
		default:
			errs = append(errs, n.tellOnce(ctx, aboutKey(v, purpose, account.ExternalID), m))
		}
	}
	return errors.Join(errs...)
}

// byEmail finds the account with an address; the zero account for nobody's.
func (d *Directory) byEmail(ctx context.Context, address string) (storage.Account, error) {
	u, err := d.client.api.GetUserByEmailContext(ctx, address)
	var se slack.SlackErrorResponse
	if errors.As(err, &se) && se.Err == "users_not_found" {
		return storage.Account{}, nil
	}
	if err != nil {
		return storage.Account{}, fmt.Errorf("find somebody to tell: %w", err)
	}
	return d.save(ctx, *u)
}
