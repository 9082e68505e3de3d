package gitlab

import (
	"context"
	"fmt"
	"net/http"

	gl "gitlab.com/gitlab-org/api/client-go"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

// Revoke ends a token for good. Gone already is nil, but not because GitLab
// answers 404 or 400 to the attempt: the token itself is asked for then. The
// token this connection works with is refused.
func (c *Connector) Revoke(ctx context.Context, target connectors.Ref) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r, ok := parseRef(target.ID)
	if !ok {
		return nil
	}
	if err := c.revoke(ctx, r); err != nil {
		return fmt.Errorf("revoke %q: %w", target.ID, err)
	}
	return nil
}

func (c *Connector) revoke(ctx context.Context, r ref) error {
	if err := c.notOurs(ctx, r); err != nil {
		return err
	}
	_, resp, err := ask(ctx, c, func(o gl.RequestOptionFunc) (*struct{}, *gl.Response, error) {
		resp, err := c.revokeCall(r, o)
		return &struct{}{}, resp, err
	})
	switch status := rest.Status(err); {
	case status == http.StatusNotFound, status == http.StatusBadRequest:
		t, findErr := c.find(ctx, r)
		if findErr != nil {
			return findErr
		}
		if t == nil || liveness(t) == connectors.Dead {
			return nil
		}
		return err
	case err != nil:
		return err
	case resp.StatusCode != http.StatusNoContent:
		return fmt.Errorf("%s: answered %d, which is not its confirmation", callName(resp), resp.StatusCode)
	}
	return nil
}

func (c *Connector) revokeCall(r ref, o gl.RequestOptionFunc) (*gl.Response, error) {
	switch r.class {
	case groupToken:
		return c.api.GroupAccessTokens.RevokeGroupAccessToken(r.home, r.token, o)
	case projectToken:
		return c.api.ProjectAccessTokens.RevokeProjectAccessToken(r.home, r.token, o)
	case serviceToken:
		return c.api.Groups.RevokeServiceAccountPersonalAccessToken(r.home, r.user, r.token, o)
	case inventoryToken:
		return c.api.GroupCredentials.RevokeGroupPersonalAccessToken(r.home, r.token, o)
	case personalToken:
	}
	return c.api.PersonalAccessTokens.RevokePersonalAccessTokenByID(r.token, o)
}
