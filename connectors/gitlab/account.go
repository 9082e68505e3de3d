package gitlab

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	gl "gitlab.com/gitlab-org/api/client-go"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

// CloseAccount blocks a person on the instance: no sign-in, no API, no Git,
// with any of their tokens. Blocked or deleted already is nil. Only an
// administrator can block, so on GitLab.com it is ErrUnsupported.
func (c *Connector) CloseAccount(ctx context.Context, account connectors.AccountRef) error {
	if err := c.closeAccount(ctx, account); err != nil {
		return fmt.Errorf("close account %q: %w", account.ID, err)
	}
	return nil
}

func (c *Connector) closeAccount(ctx context.Context, account connectors.AccountRef) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	id, err := strconv.ParseInt(account.ID, 10, 64)
	if err != nil || id <= 0 {
		return fmt.Errorf("%w: it is no ID of a GitLab user", connectors.ErrUnrecoverable)
	}
	blocked, err := c.blocked(ctx, id)
	if err != nil || blocked {
		return err
	}
	if err := c.block(ctx, id); err != nil {
		return err
	}
	if blocked, err = c.blocked(ctx, id); err != nil {
		return err
	}
	if !blocked {
		return errors.New("GitLab took the block, but the user is still active")
	}
	return nil
}

// block makes the call itself: the client's BlockUser keeps GitLab's answer.
func (c *Connector) block(ctx context.Context, id int64) error {
	_, _, err := ask(ctx, c, func(o gl.RequestOptionFunc) (*struct{}, *gl.Response, error) {
		req, err := c.api.NewRequest(http.MethodPost, fmt.Sprintf("users/%d/block", id), nil, []gl.RequestOptionFunc{o})
		if err != nil {
			return nil, nil, err
		}
		resp, err := c.api.Do(req, nil)
		return &struct{}{}, resp, err
	})
	if rest.Status(err) == http.StatusForbidden {
		return fmt.Errorf("%w: only an administrator of a self-managed instance can block people, and our token is not one's (%w)", connectors.ErrUnsupported, err)
	}
	return err
}

// blocked tells whether a user can't do anything any more. A deactivated one
// can: they come back by signing in.
func (c *Connector) blocked(ctx context.Context, id int64) (bool, error) {
	u, _, err := ask(ctx, c, func(o gl.RequestOptionFunc) (*gl.User, *gl.Response, error) {
		return c.api.Users.GetUser(id, gl.GetUsersOptions{}, o)
	})
	if rest.Status(err) == http.StatusNotFound {
		all, adminErr := c.seesAll(ctx)
		if adminErr != nil {
			return false, adminErr
		}
		if all {
			return true, nil // deleted
		}
	}
	if err != nil {
		return false, err
	}
	if u.ID != id {
		return false, fmt.Errorf("GitLab answered with user %d", u.ID)
	}
	return slices.Contains([]string{"blocked", "ldap_blocked", "banned"}, u.State), nil
}
