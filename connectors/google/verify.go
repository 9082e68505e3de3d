package google

import (
	"context"
	"net/http"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

// Verify asks for the credential itself, a grant's too. One that is there is
// live; one of a suspended person is as well, because it comes back with them.
// One that is not found is dead when it is missing in its person's listing too;
// that listing alone, which may well be empty, proves nothing.
func (c *Connector) Verify(ctx context.Context, r connectors.Ref) (connectors.Liveness, error) {
	target, ok := parseRef(r.ID)
	if !ok {
		return connectors.Unknown, ctx.Err()
	}
	err := c.read(ctx, target)
	if err == nil {
		return connectors.Live, nil
	}
	if rest.Status(err) == http.StatusNotFound {
		err = c.expectAbsent(ctx, target)
	}
	if err != nil {
		return connectors.Unknown, err
	}
	return connectors.Dead, nil
}

// read is nil when Google shows the very thing that was asked for.
func (c *Connector) read(ctx context.Context, r ref) error {
	if r.class == classPassword {
		p, err := c.directory.Asps.Get(r.user, r.code).Context(ctx).Do()
		if err == nil && (p == nil || p.Kind != "admin#directory#asp" || p.CodeId != r.code || !isOf(p.UserKey, r.user)) {
			err = errOddAnswer
		}
		if err != nil {
			return c.failed(http.MethodGet, passwordPath(r), err)
		}
		return nil
	}
	t, err := c.directory.Tokens.Get(r.user, r.client).Context(ctx).Do()
	if err == nil && (t == nil || t.ClientId != r.client || !isOf(t.UserKey, r.user)) {
		err = errOddAnswer
	}
	if err != nil {
		return c.failed(http.MethodGet, tokenPath(r), err)
	}
	return nil
}
