package okta

import (
	"context"
	"fmt"
	"net/http"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

// Revoke deletes an API token, or deactivates and then deletes a client
// secret: Okta deletes inactive ones only. Gone already is nil, if a second
// look agrees; an ID that is not ours in form was never there. Tokens of the
// administrator whose token we work with are refused, because one is ours.
func (c *Connector) Revoke(ctx context.Context, r connectors.Ref) error {
	target, ok := parseRef(r.ID)
	if !ok || target.class == classGrant {
		return ctx.Err()
	}
	if target.class == classSecret {
		return c.settle(ctx, target, c.deleteSecret(ctx, target))
	}
	return c.settle(ctx, target, c.deleteToken(ctx, target))
}

func (c *Connector) deleteToken(ctx context.Context, r ref) error {
	var t apiToken
	if err := c.get(ctx, tokenPath(r), &t); err != nil {
		return err
	}
	if t.ID != r.id || !validID(t.UserID) {
		return fmt.Errorf("%s: asked for %s and got something else", c.name, r)
	}
	me, err := c.ourselves(ctx)
	if err != nil {
		return err
	}
	if t.UserID == me.ID {
		return fmt.Errorf("%s: %w: %s belongs to Latchkey's own administrator and may be the token this connection works with: "+
			"delete it in Okta, once the connection has another one", c.name, connectors.ErrUnrecoverable, r)
	}
	return c.delete(ctx, tokenPath(r))
}

// RevokeGrant takes back one scope a person granted. Gone already is nil, if a
// second look agrees.
func (c *Connector) RevokeGrant(ctx context.Context, r connectors.GrantRef) error {
	target, ok := parseRef(r.ID)
	if !ok || target.class != classGrant {
		return ctx.Err()
	}
	return c.settle(ctx, target, c.delete(ctx, grantPath(target)))
}

func (c *Connector) deleteSecret(ctx context.Context, r ref) error {
	s, err := c.readSecret(ctx, r)
	if err != nil {
		return err
	}
	if s.active() {
		if err := c.switchSecret(ctx, r, "deactivate"); err != nil {
			return err
		}
	}
	return c.delete(ctx, secretPath(r))
}

func (c *Connector) delete(ctx context.Context, path string) error {
	_, err := c.do(ctx, rest.Request{Method: http.MethodDelete, Path: path}, nil)
	return err
}

// settle takes "not found" for success only when the thing is gone.
func (c *Connector) settle(ctx context.Context, r ref, err error) error {
	if rest.Status(err) != http.StatusNotFound {
		return err
	}
	gone, lookErr := c.gone(ctx, r)
	switch {
	case lookErr != nil:
		return fmt.Errorf("look whether %s is gone: %w", r, lookErr)
	case !gone:
		return fmt.Errorf("%s: %s is listed, and yet was not found", c.name, r)
	}
	return nil
}

func tokenPath(r ref) string { return rest.Path("api", "v1", "api-tokens", r.id) }

func grantPath(r ref) string { return rest.Path("api", "v1", "users", r.parent, "grants", r.id) }
