package gitlab

import (
	"context"
	"errors"
	"fmt"

	gl "gitlab.com/gitlab-org/api/client-go"

	"latchkey/connectors"
)

// Prove asks GitLab about a fresh token with the token itself, which every
// token may do, whatever its scopes. It has a client and a gate of its own: a
// dead fresh token says nothing about the one that this connection works with.
func (c *Connector) Prove(ctx context.Context, fresh connectors.Issued) error {
	if err := c.prove(ctx, fresh); err != nil {
		return fmt.Errorf("prove %q: %w", fresh.Ref.ID, err)
	}
	return nil
}

func (c *Connector) prove(ctx context.Context, fresh connectors.Issued) error {
	r, ok := parseRef(fresh.Ref.ID)
	if !ok || fresh.Secret.Empty() {
		return fmt.Errorf("%w: it is no GitLab token", connectors.ErrUnrecoverable)
	}
	holder := &Connector{gate: &gate{next: c.gate.next}, base: c.base, token: fresh.Secret, now: c.now}
	var err error
	if holder.api, err = holder.client(); err != nil {
		return err
	}
	self, _, err := ask(ctx, holder, func(o gl.RequestOptionFunc) (*gl.PersonalAccessToken, *gl.Response, error) {
		return holder.api.PersonalAccessTokens.GetSinglePersonalAccessToken(o)
	})
	switch {
	case err != nil:
		return err
	case self.ID != r.token:
		return errors.New("GitLab answered about another token")
	case liveness(self) == connectors.Dead:
		return fmt.Errorf("%w: GitLab shows the token as dead", connectors.ErrUnrecoverable)
	}
	return nil
}
