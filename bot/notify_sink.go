package bot

import (
	"context"
	"errors"

	"latchkey/workflow"
)

// tellNotDelivered tells an owner what keeps a key out of its sink, and
// corrects that once it is in place, or over.
func (n *Notifier) tellNotDelivered(ctx context.Context, v workflow.CredentialView) error {
	now, ok := undelivered(v)
	var errs []error
	for _, e := range v.Events {
		switch {
		case e.Action != actionNotDelivered:
		case ok && e.ID == now.ID:
			until, err := n.revealBy(ctx, v.Credential.ID)
			if err != nil {
				return err
			}
			_, err = n.show(ctx, aboutKey(v, purposeNotDelivered(e.ID), v.Owner.Slack), notDeliveredMessage(v, e, until))
			errs = append(errs, err)
		default:
			errs = append(errs, n.correctAll(ctx, v, purposeNotDelivered(e.ID), deliveryOver(v)))
		}
	}
	return errors.Join(errs...)
}
