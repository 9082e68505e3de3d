package gitlab

import (
	"context"
	"errors"
	"fmt"

	gl "gitlab.com/gitlab-org/api/client-go"

	"latchkey/connectors"
)

// Rotate replaces a token by one with another value and another ID, the same
// name and the same scopes; GitLab kills the old one at once. Without an
// ExpiresAt the new one lives for GitLab's default, a week.
//
// Rotating a token that was rotated or revoked before makes GitLab revoke the
// whole family, the new token included. So the call is made once and only for
// a token that works: after a lost answer, Rotate of the same Ref fails with
// ErrUnrecoverable, and the new token is found by its name in the listing.
// Tokens of the credentials inventory can't be rotated: the client has no call
// for it.
func (c *Connector) Rotate(ctx context.Context, req connectors.RotateRequest) (connectors.Issued, error) {
	issued, err := c.rotate(ctx, req)
	if err != nil {
		return connectors.Issued{}, fmt.Errorf("rotate %q: %w", req.Ref.ID, err)
	}
	return issued, nil
}

func (c *Connector) rotate(ctx context.Context, req connectors.RotateRequest) (connectors.Issued, error) {
	if err := ctx.Err(); err != nil {
		return connectors.Issued{}, err
	}
	r, ok := parseRef(req.Ref.ID)
	if !ok {
		return connectors.Issued{}, fmt.Errorf("%w: it is no GitLab token", connectors.ErrUnrecoverable)
	}
	if r.class == inventoryToken {
		return connectors.Issued{}, fmt.Errorf("only its owner can rotate a token of the credentials inventory: %w", connectors.ErrUnsupported)
	}
	if err := c.notOurs(ctx, r); err != nil {
		return connectors.Issued{}, err
	}
	old, err := c.find(ctx, r)
	if err != nil {
		return connectors.Issued{}, err
	}
	if old == nil || liveness(old) == connectors.Dead {
		return connectors.Issued{}, fmt.Errorf("%w: the token is dead, perhaps by a rotation whose answer was lost; "+
			"rotating it again would revoke its successor", connectors.ErrUnrecoverable)
	}
	var ends *gl.ISOTime
	if !req.ExpiresAt.IsZero() {
		date := lastDate(req.ExpiresAt)
		ends = &date
	}
	fresh, _, err := ask(ctx, c, func(o gl.RequestOptionFunc) (*gl.PersonalAccessToken, *gl.Response, error) {
		return c.rotateCall(r, ends, o)
	})
	if err != nil {
		return connectors.Issued{}, err
	}
	if fresh.ID == r.token {
		return connectors.Issued{}, errors.New("the answer names the old token")
	}
	return issuedAs(r, fresh)
}

func (c *Connector) rotateCall(r ref, ends *gl.ISOTime, o gl.RequestOptionFunc) (*gl.PersonalAccessToken, *gl.Response, error) {
	switch r.class {
	case groupToken:
		t, resp, err := c.api.GroupAccessTokens.RotateGroupAccessToken(r.home, r.token, &gl.RotateGroupAccessTokenOptions{ExpiresAt: ends}, o)
		if t == nil {
			return nil, resp, err
		}
		return &t.PersonalAccessToken, resp, err
	case projectToken:
		t, resp, err := c.api.ProjectAccessTokens.RotateProjectAccessToken(r.home, r.token, &gl.RotateProjectAccessTokenOptions{ExpiresAt: ends}, o)
		if t == nil {
			return nil, resp, err
		}
		return &t.PersonalAccessToken, resp, err
	case serviceToken:
		return c.api.Groups.RotateServiceAccountPersonalAccessToken(r.home, r.user, r.token,
			&gl.RotateServiceAccountPersonalAccessTokenOptions{ExpiresAt: ends}, o)
	case personalToken, inventoryToken:
	}
	return c.api.PersonalAccessTokens.RotatePersonalAccessTokenByID(r.token, &gl.RotatePersonalAccessTokenOptions{ExpiresAt: ends}, o)
}
