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
// It is nil once the vendor knows no membership, which an enterprise team can
// give and this call does not end, of a login that it knows.
//
// A login is all we know of a person here, and its owner can change it: one that
// GitHub does not know is ErrUnrecoverable, because they may be a member under
// another one. That somebody else took the login meanwhile can't be seen.
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
	return c.noMember(ctx, login)
}

// noMember is nil for a user who is known and no member. Not found twice is also
// what a changed login and a wrong organisation look like.
func (c *Connector) noMember(ctx context.Context, login string) error {
	var user struct {
		ID int64 `json:"id"`
	}
	_, err := c.app.do(ctx, request{method: http.MethodGet, path: rest.Path(users, login)}, &user)
	switch {
	case rest.Status(err) == http.StatusNotFound:
		return fmt.Errorf("%w: no such account: GitHub knows nobody of that login, which may have been changed", connectors.ErrUnrecoverable)
	case err != nil:
		return err
	case user.ID <= 0:
		return errors.New("the answer on the user has no ID")
	}
	return c.glance(ctx, c.app, pats, nil)
}
