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
// look agrees; an ID that is not ours in form was never there.
func (c *Connector) Revoke(ctx context.Context, r connectors.Ref) error {
	target, ok := parseRef(r.ID)
	if !ok || target.class == classGrant {
		return ctx.Err()
	}
	if target.class == classSecret {
		return c.settle(ctx, target, c.deleteSecret(ctx, target))
	}
	return c.settle(ctx, target, c.delete(ctx, tokenPath(target)))
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
