package okta

import (
	"context"
	"fmt"
	"iter"
	"net/http"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

// Verify asks for the credential itself. One that is there is live, a
// suspended one too: it can come back. A grant that Okta shows as revoked is
// dead, and so is what is not found and missing in its whole listing as well.
func (c *Connector) Verify(ctx context.Context, r connectors.Ref) (connectors.Liveness, error) {
	target, ok := parseRef(r.ID)
	if !ok {
		return connectors.Unknown, ctx.Err()
	}
	shown, err := c.read(ctx, target)
	if rest.Status(err) != http.StatusNotFound {
		return shown, err
	}
	gone, err := c.gone(ctx, target)
	switch {
	case err != nil:
		return connectors.Unknown, fmt.Errorf("look whether %s is gone: %w", target, err)
	case !gone:
		return connectors.Unknown, fmt.Errorf("%s: %s is listed, and yet was not found", c.name, target)
	}
	return connectors.Dead, nil
}

// read is what the vendor says of the very thing that was asked for, Unknown
// with an error.
func (c *Connector) read(ctx context.Context, r ref) (connectors.Liveness, error) {
	if r.class == classSecret {
		if _, err := c.readSecret(ctx, r); err != nil {
			return connectors.Unknown, err
		}
		return connectors.Live, nil
	}
	path := tokenPath(r)
	if r.class == classGrant {
		path = grantPath(r)
	}
	var row grant // of which an API token has the ID and no status
	err := c.get(ctx, path, &row)
	switch {
	case err != nil:
		return connectors.Unknown, err
	case row.ID != r.id:
		return connectors.Unknown, fmt.Errorf("%s: asked for %s and got something else", c.name, r)
	case row.revoked():
		return connectors.Dead, nil
	}
	return connectors.Live, nil
}

// gone is true when the thing is absent from a listing read to its end, or
// when what holds it is gone.
func (c *Connector) gone(ctx context.Context, r ref) (bool, error) {
	switch r.class {
	case classToken:
		return c.tokenGone(ctx, r)
	case classSecret:
		gone, err := absent(c.clientSecrets(ctx, r.parent), func(s clientSecret) bool { return s.ID == r.id })
		if rest.Status(err) != http.StatusNotFound {
			return gone, err
		}
		found, err := c.appExists(ctx, r.parent)
		return err == nil && !found, err
	}
	gone, err := absent(c.userGrants(ctx, r.parent), func(g grant) bool { return g.ID == r.id && !g.revoked() })
	if rest.Status(err) != http.StatusNotFound {
		return gone, err
	}
	_, found, err := c.findUser(ctx, r.parent)
	return err == nil && !found, err
}

// tokenGone does not take a list without tokens for whole: ours is on it.
func (c *Connector) tokenGone(ctx context.Context, r ref) (bool, error) {
	some := false
	gone, err := absent(c.apiTokens(ctx), func(t apiToken) bool {
		some = true
		return t.ID == r.id
	})
	if err == nil && !some {
		err = fmt.Errorf("%s: the list of API tokens lacks even ours, and proves nothing", c.name)
	}
	return gone && err == nil, err
}

// absent is true when no row of a whole walk is the one.
func absent[T any](walk iter.Seq2[T, error], isIt func(T) bool) (bool, error) {
	for row, err := range walk {
		if err != nil {
			return false, err
		}
		if isIt(row) {
			return false, nil
		}
	}
	return true, nil
}
