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
// suspended one too: it can come back. One that is not found is dead when it
// is missing in its whole listing as well.
func (c *Connector) Verify(ctx context.Context, r connectors.Ref) (connectors.Liveness, error) {
	target, ok := parseRef(r.ID)
	if !ok {
		return connectors.Unknown, ctx.Err()
	}
	err := c.read(ctx, target)
	if err == nil {
		return connectors.Live, nil
	}
	if rest.Status(err) != http.StatusNotFound {
		return connectors.Unknown, err
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

// read is nil when the vendor shows the very thing that was asked for, and it
// can be used now or again.
func (c *Connector) read(ctx context.Context, r ref) error {
	if r.class == classSecret {
		_, err := c.readSecret(ctx, r)
		return err
	}
	path := tokenPath(r)
	if r.class == classGrant {
		path = grantPath(r)
	}
	var row struct {
		ID string `json:"id"`
	}
	err := c.get(ctx, path, &row)
	if err == nil && row.ID != r.id {
		err = fmt.Errorf("%s: asked for %s and got something else", c.name, r)
	}
	return err
}

// gone is true when the thing is absent from a listing read to its end, or
// when what holds it is gone.
func (c *Connector) gone(ctx context.Context, r ref) (bool, error) {
	switch r.class {
	case classToken:
		return absent(c.apiTokens(ctx), func(t apiToken) bool { return t.ID == r.id })
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
