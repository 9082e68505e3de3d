package okta

import (
	"context"
	"fmt"
	"net/http"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

// Suspend deactivates a client secret. API tokens can't be stopped and started
// again: that is ErrUnsupported. Suspended already is nil.
func (c *Connector) Suspend(ctx context.Context, r connectors.Ref) error {
	return c.setActive(ctx, r, false)
}

// Resume activates a client secret again. Active already is nil.
func (c *Connector) Resume(ctx context.Context, r connectors.Ref) error {
	return c.setActive(ctx, r, true)
}

func (c *Connector) setActive(ctx context.Context, r connectors.Ref, active bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	target, ok := parseRef(r.ID)
	if !ok || target.class != classSecret {
		return fmt.Errorf("%s: only client secrets can be suspended and resumed: %w", c.name, connectors.ErrUnsupported)
	}
	s, err := c.readSecret(ctx, target)
	if err != nil || s.active() == active {
		return err
	}
	if active {
		return c.switchSecret(ctx, target, "activate")
	}
	return c.switchSecret(ctx, target, "deactivate")
}

// switchSecret activates or deactivates a secret, and believes the state in
// the answer rather than its status code.
func (c *Connector) switchSecret(ctx context.Context, r ref, verb string) error {
	var s clientSecret
	_, err := c.do(ctx, rest.Request{Method: http.MethodPost, Path: secretPath(r, "lifecycle", verb)}, &s)
	if rest.Status(err) == http.StatusBadRequest && verb == "deactivate" {
		return fmt.Errorf("%w; Okta keeps an app's only active secret: give the app another one first, or deactivate the app", err)
	}
	if err == nil && (s.ID != r.id || s.active() != (verb == "activate")) {
		err = fmt.Errorf("%s: told to %s %s, Okta answers with another state", c.name, verb, r)
	}
	return err
}
