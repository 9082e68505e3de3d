package google

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	admin "google.golang.org/api/admin/directory/v1"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

// Revoke deletes an application-specific password. Gone already is nil, if a
// second look agrees; an ID that is not ours in form was never there.
func (c *Connector) Revoke(ctx context.Context, r connectors.Ref) error {
	target, ok := parseRef(r.ID)
	if !ok || target.class != classPassword {
		return ctx.Err()
	}
	err := c.directory.Asps.Delete(target.user, target.code).Context(ctx).Do()
	return c.settle(ctx, target, passwordPath(target), err)
}

// RevokeGrant ends all access one person gave one app. Gone already is nil, if
// a second look agrees: how Google answers for an app it does not know is not
// documented.
func (c *Connector) RevokeGrant(ctx context.Context, r connectors.GrantRef) error {
	target, ok := parseRef(r.ID)
	if !ok || target.class != classToken {
		return ctx.Err()
	}
	err := c.directory.Tokens.Delete(target.user, target.client).Context(ctx).Do()
	return c.settle(ctx, target, tokenPath(target), err)
}

// settle takes "not found" for success only when the thing is gone.
func (c *Connector) settle(ctx context.Context, r ref, path string, err error) error {
	if err == nil {
		return nil
	}
	err = c.failed(http.MethodDelete, path, err)
	if rest.Status(err) != http.StatusNotFound {
		return err
	}
	return c.expectAbsent(ctx, r)
}

// expectAbsent is nil when the thing is in no listing of its person, or the
// person is gone.
func (c *Connector) expectAbsent(ctx context.Context, r ref) error {
	listed, err := c.listed(ctx, r)
	if rest.Status(err) == http.StatusNotFound {
		gone, lookErr := c.gone(ctx, r.user)
		if gone {
			return nil
		}
		if lookErr != nil {
			err = lookErr
		}
	}
	switch {
	case err != nil:
		return fmt.Errorf("look whether %s is gone: %w", r, err)
	case listed:
		return fmt.Errorf("%s: %s is listed, and yet was not found", c.name, r)
	}
	return nil
}

func (c *Connector) listed(ctx context.Context, r ref) (bool, error) {
	if r.class == classPassword {
		found, err := c.passwordsOf(ctx, r.user)
		return slices.ContainsFunc(found, func(p *admin.Asp) bool { return p.CodeId == r.code }), err
	}
	found, err := c.tokensOf(ctx, r.user)
	return slices.ContainsFunc(found, func(t *admin.Token) bool { return t.ClientId == r.client }), err
}
