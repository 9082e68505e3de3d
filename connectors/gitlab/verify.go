package gitlab

import (
	"context"
	"fmt"
	"net/http"

	gl "gitlab.com/gitlab-org/api/client-go"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

// Verify asks GitLab for the token. Dead is a token that GitLab shows as
// revoked or expired, or says is not there; a failed question is Unknown with
// an error, and so is, without one, an ID that none of GitLab's tokens has.
func (c *Connector) Verify(ctx context.Context, target connectors.Ref) (connectors.Liveness, error) {
	if err := ctx.Err(); err != nil {
		return connectors.Unknown, err
	}
	r, ok := parseRef(target.ID)
	if !ok {
		return connectors.Unknown, nil
	}
	t, err := c.find(ctx, r)
	if err != nil {
		return connectors.Unknown, fmt.Errorf("verify %q: %w", target.ID, err)
	}
	if t == nil {
		return connectors.Dead, nil
	}
	return liveness(t), nil
}

// find is the token as GitLab shows it, or nil when GitLab positively has no
// such token. A 404 alone is not that: a group or project that our token does
// not see is answered the same.
func (c *Connector) find(ctx context.Context, r ref) (*gl.PersonalAccessToken, error) {
	var t *gl.PersonalAccessToken
	var err error
	switch r.class {
	case groupToken:
		var got *gl.GroupAccessToken
		got, _, err = ask(ctx, c, func(o gl.RequestOptionFunc) (*gl.GroupAccessToken, *gl.Response, error) {
			return c.api.GroupAccessTokens.GetGroupAccessToken(r.home, r.token, o)
		})
		if err == nil {
			t = &got.PersonalAccessToken
		}
	case projectToken:
		var got *gl.ProjectAccessToken
		got, _, err = ask(ctx, c, func(o gl.RequestOptionFunc) (*gl.ProjectAccessToken, *gl.Response, error) {
			return c.api.ProjectAccessTokens.GetProjectAccessToken(r.home, r.token, o)
		})
		if err == nil {
			t = &got.PersonalAccessToken
		}
	case personalToken:
		t, _, err = ask(ctx, c, func(o gl.RequestOptionFunc) (*gl.PersonalAccessToken, *gl.Response, error) {
			return c.api.PersonalAccessTokens.GetSinglePersonalAccessTokenByID(r.token, o)
		})
	case serviceToken, inventoryToken: // GitLab shows these only in their listings
		return c.findListed(ctx, r)
	}
	switch {
	case rest.Status(err) == http.StatusNotFound && r.class == personalToken:
		return nil, c.seenByAll(ctx, err)
	case rest.Status(err) == http.StatusNotFound:
		return c.findListed(ctx, r)
	case err != nil:
		return nil, err
	case t.ID != r.token:
		return nil, fmt.Errorf("GitLab answered with token %d", t.ID)
	}
	return t, nil
}

// findListed reads the whole listing for a token; nil means it is not there.
// Where nothing but the listing knows of the token, one without any token is
// not believed: a lost permission looks like that.
func (c *Connector) findListed(ctx context.Context, r ref) (*gl.PersonalAccessToken, error) {
	empty := true
	for t, err := range c.tokensOf(ctx, r) {
		if err != nil {
			return nil, err
		}
		if empty = false; t.ID == r.token {
			return t, nil
		}
	}
	if empty && (r.class == serviceToken || r.class == inventoryToken) {
		return nil, connectors.ErrNoProof
	}
	return nil, nil
}

// seenByAll turns a 404 on a personal token into "not there" when we are an
// administrator, who sees them all.
func (c *Connector) seenByAll(ctx context.Context, notFound error) error {
	all, err := c.seesAll(ctx)
	if err != nil {
		return err
	}
	if !all {
		return notFound
	}
	return nil
}
