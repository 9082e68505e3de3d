package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

// CloseAccount removes a person from the organisation, and with them what
// their tokens and keys reach in it; the account itself is the person's own.
// It is nil once the vendor knows no membership: an enterprise team can give
// one that this call does not end.
func (c *Connector) CloseAccount(ctx context.Context, ref connectors.AccountRef) error {
	if ref.Service {
		return fmt.Errorf("remove %s from %s: %w: not a person", ref.ID, c.name, connectors.ErrUnsupported)
	}
	if !isLogin(ref.ID) {
		return fmt.Errorf("remove a member from %s: %w: no login", c.name, connectors.ErrUnrecoverable)
	}
	if err := c.remove(ctx, ref.ID); err != nil {
		return fmt.Errorf("remove %s from %s: %w", ref.ID, c.name, err)
	}
	return nil
}

func (c *Connector) remove(ctx context.Context, login string) error {
	_, removeErr := c.app.do(ctx, request{method: http.MethodDelete, path: c.path(members, login)}, nil)
	if removeErr != nil && rest.Status(removeErr) != http.StatusNotFound {
		return removeErr
	}
	var membership struct {
		State string `json:"state"`
	}
	_, err := c.app.do(ctx, request{method: http.MethodGet, path: c.path(memberships, login)}, &membership)
	switch {
	case err == nil && membership.State == "pending":
		return fmt.Errorf("%w: there is an invitation, to be withdrawn at GitHub", connectors.ErrUnrecoverable)
	case err == nil && removeErr != nil:
		return fmt.Errorf("%w, and yet there is a membership: a permission may be missing", removeErr)
	case err == nil:
		return errors.New("a membership is left, perhaps through a team of the enterprise")
	case rest.Status(err) != http.StatusNotFound:
		return err
	case removeErr == nil:
		return nil
	}
	// Not found twice is also what a wrong organisation looks like.
	return c.glance(ctx, c.app, pats)
}
