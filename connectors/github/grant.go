package github

import (
	"context"
	"fmt"
	"iter"
	"strconv"

	"github.com/google/go-github/v88/github"

	"latchkey/connectors"
)

// appInstallation is a GitHub App in the organisation; Latchkey's own is one.
type appInstallation struct {
	ID          int64             `json:"id"`
	AppID       int64             `json:"app_id"`
	AppSlug     string            `json:"app_slug"`
	Permissions map[string]string `json:"permissions"`
	CreatedAt   *github.Timestamp `json:"created_at"`
}

func (i appInstallation) whole() bool {
	return i.ID > 0 && i.AppID > 0 && i.AppSlug != "" && i.Permissions != nil
}

func (i appInstallation) grant(org string) connectors.Grant {
	scopes, access := appScopes(i.Permissions)
	return connectors.Grant{
		Ref: connectors.GrantRef{
			ID:    name{class: classInstallation, id: i.ID}.String(),
			AppID: strconv.FormatInt(i.AppID, 10),
			Owner: connectors.AccountRef{ID: org, Name: org, Service: true},
		},
		App:     i.AppSlug,
		Scopes:  scopes,
		Access:  access,
		GivenAt: timeOf(i.CreatedAt),
	}
}

// Grants walks the apps installed in the organisation, which owns those
// grants, then the tokens that people's apps were given and SAML single
// sign-on authorised.
func (c *Connector) Grants(ctx context.Context) iter.Seq2[connectors.Grant, error] {
	return func(yield func(connectors.Grant, error) bool) {
		for i, err := range c.installationRows(ctx) {
			if err != nil {
				yield(connectors.Grant{}, fmt.Errorf("list apps of %s: %w", c.name, err))
				return
			}
			if !yield(i.grant(c.org), nil) {
				return
			}
		}
		for a, err := range c.authorizationRows(ctx) {
			if err != nil {
				yield(connectors.Grant{}, fmt.Errorf("list authorised credentials of %s: %w", c.name, err))
				return
			}
			if a.isGrant() && !yield(a.grant(c.tail), nil) {
				return
			}
		}
	}
}

// RevokeGrant ends a grant that SAML single sign-on authorised. Removing an
// app is for people: see GuideRevoke.
func (c *Connector) RevokeGrant(ctx context.Context, ref connectors.GrantRef) error {
	return c.Revoke(ctx, connectors.Ref{ID: ref.ID, Owner: ref.Owner})
}

// GuideRevoke says how an owner removes an installed app. Everything else is
// ended by Revoke and RevokeGrant, and has no task.
func (c *Connector) GuideRevoke(ref connectors.Ref) connectors.Task {
	n, ok := parse(ref.ID)
	if !ok || n.class != classInstallation {
		return connectors.Task{}
	}
	task := connectors.Task{URL: c.web + "/organizations/" + c.org + "/settings/installations/" + n.number()}
	if n.id == c.installation {
		task.Steps = append(task.Steps, "This is Latchkey's own App: without it Latchkey sees and ends nothing of the organisation "+
			c.org+" any more. Go on only if the connection is to end.")
	}
	task.Steps = append(task.Steps,
		"Open the page as an owner of the organisation "+c.org+".",
		"Check that it names the app you mean to remove.",
		"At the bottom, under \"Danger zone\", choose \"Uninstall\" and confirm.",
	)
	return task
}

func (c *Connector) installationRows(ctx context.Context) iter.Seq2[appInstallation, error] {
	return walk[appInstallation](ctx, listing{as: c.app, path: c.path(installations), field: "installations"})
}

// verifyInstallation does not take a listing without apps for whole: ours is on
// it.
func (c *Connector) verifyInstallation(ctx context.Context, n name) (connectors.Liveness, error) {
	i, err := proven(c.installationRows(ctx), func(i appInstallation) bool { return i.ID == n.id })
	switch {
	case err != nil:
		return connectors.Unknown, err
	case i == nil:
		return connectors.Dead, nil
	}
	return connectors.Live, nil
}
