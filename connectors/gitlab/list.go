package gitlab

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"time"

	gl "gitlab.com/gitlab-org/api/client-go"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

// emit hands one row to the caller of a walk; errEnough ends the walk.
type emit func(connectors.Credential) error

var errEnough = errors.New("the caller has enough")

// Credentials lists every token that works and that our token can see: group
// tokens of the governed group and its subgroups, project tokens of their
// projects, tokens of the group's service accounts, and people's personal
// tokens from one of two sources. An administrator sees those of the whole
// instance; the owner of a group with GitLab Ultimate sees those of its
// enterprise users. Where GitLab has neither (404), personal tokens are left
// out by design, and Check says so; likewise service accounts.
//
// What GitLab has and refuses to our token (403) makes the walk fail, after
// everything else was listed: such a listing is not whole. So a connection to a
// GitLab whose plan lacks service accounts and which says 403 for them, as
// GitLab.com Free does as far as is known (unverified), never lists whole.
//
// On an instance, personal tokens are those of everybody, because no token
// says which groups it is used for. Tokens of bots are the group and project
// tokens: those outside the governed group are not governed.
func (c *Connector) Credentials(ctx context.Context) iter.Seq2[connectors.Credential, error] {
	return func(yield func(connectors.Credential, error) bool) {
		err := c.walk(ctx, func(row connectors.Credential) error {
			if !yield(row, nil) {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(connectors.Credential{}, fmt.Errorf("list credentials: %w", err))
		}
	}
}

func (c *Connector) walk(ctx context.Context, out emit) error {
	top, err := c.topGroup(ctx)
	if err != nil {
		return err
	}
	if err := c.groups(ctx, top, out); err != nil {
		return err
	}
	if err := c.projects(ctx, top.ID, out); err != nil {
		return err
	}
	services, hidden, err := c.services(ctx, top.ID, out)
	if err != nil {
		return err
	}
	from, unseen, err := c.personalSource(ctx, top.ID)
	if err != nil {
		return err
	}
	if err := c.people(ctx, top.ID, from, services, out); err != nil {
		return err
	}
	if from == fromInstance {
		return nil // which has the tokens of service accounts, too
	}
	return errors.Join(hidden, unseen)
}

func (c *Connector) groups(ctx context.Context, top *gl.Group, out emit) error {
	if err := c.bots(ctx, ref{class: groupToken, home: top.ID}, "group "+top.FullPath, out); err != nil {
		return err
	}
	for g, err := range pages(ctx, c, func(o ...gl.RequestOptionFunc) ([]*gl.Group, *gl.Response, error) {
		return c.api.Groups.ListDescendantGroups(top.ID, &gl.ListDescendantGroupsOptions{ListOptions: firstPage()}, o...)
	}) {
		if err != nil {
			return err
		}
		if err := c.bots(ctx, ref{class: groupToken, home: g.ID}, "group "+g.FullPath, out); err != nil {
			return err
		}
	}
	return nil
}

// projects leaves out those that other groups share with ours: their tokens
// are the other group's.
func (c *Connector) projects(ctx context.Context, gid int64, out emit) error {
	yes, no := true, false
	for p, err := range pages(ctx, c, func(o ...gl.RequestOptionFunc) ([]*gl.Project, *gl.Response, error) {
		return c.api.Groups.ListGroupProjects(gid, &gl.ListGroupProjectsOptions{
			ListOptions: firstPage(), IncludeSubGroups: &yes, WithShared: &no, Simple: &yes,
		}, o...)
	}) {
		if err != nil {
			return err
		}
		if err := c.bots(ctx, ref{class: projectToken, home: p.ID}, "project "+p.PathWithNamespace, out); err != nil {
			return err
		}
	}
	return nil
}

// bots lists the tokens of a group or project. Each is held by a bot of its
// own, which GitLab makes and deletes with it.
func (c *Connector) bots(ctx context.Context, home ref, name string, out emit) error {
	if home.home <= 0 {
		return fmt.Errorf("%s is listed without an ID", name)
	}
	owner := connectors.AccountRef{Name: "bot of " + name, Service: true}
	for t, err := range c.tokensOf(ctx, home) {
		if err != nil {
			return err
		}
		owner.ID = strconv.FormatInt(t.UserID, 10)
		if err := send(home, t, owner, out); err != nil {
			return err
		}
	}
	return nil
}

// services lists the tokens of the group's service accounts, and says which
// accounts those are. Where they are not available (404), there are none to see;
// hidden is an error where they are refused to us.
func (c *Connector) services(ctx context.Context, gid int64, out emit) (services map[int64]bool, hidden, err error) {
	services = map[int64]bool{}
	for account, err := range pages(ctx, c, func(o ...gl.RequestOptionFunc) ([]*gl.GroupServiceAccount, *gl.Response, error) {
		return c.api.Groups.ListServiceAccounts(gid, &gl.ListServiceAccountsOptions{ListOptions: firstPage()}, o...)
	}) {
		switch first := len(services) == 0; {
		case first && rest.Status(err) == http.StatusNotFound:
			return services, nil, nil
		case first && rest.Status(err) == http.StatusForbidden:
			return services, fmt.Errorf("the group's service accounts are refused to our token (a plan without them, or no right to manage them): %w", err), nil
		case err != nil:
			return nil, nil, err
		case account.ID <= 0:
			return nil, nil, errors.New("a service account is listed without an ID")
		}
		services[account.ID] = true
		if err := c.serviceTokens(ctx, gid, account, out); err != nil {
			return nil, nil, err
		}
	}
	return services, nil, nil
}

func (c *Connector) serviceTokens(ctx context.Context, gid int64, account *gl.GroupServiceAccount, out emit) error {
	home := ref{class: serviceToken, home: gid, user: account.ID}
	owner := connectors.AccountRef{ID: strconv.FormatInt(account.ID, 10), Name: account.Name, Service: true}
	for t, err := range c.tokensOf(ctx, home) {
		if err != nil {
			return err
		}
		if err := send(home, t, owner, out); err != nil {
			return err
		}
	}
	return nil
}

// send emits a token that works.
func send(home ref, t *gl.PersonalAccessToken, owner connectors.AccountRef, out emit) error {
	if t.ID <= 0 || t.UserID <= 0 || t.CreatedAt == nil {
		return fmt.Errorf("a %s is listed without its ID, owner or time of creation", home.class.title())
	}
	if liveness(t) == connectors.Dead {
		return nil
	}
	home.token = t.ID
	row := connectors.Credential{
		Ref:       connectors.Ref{ID: home.String(), Owner: owner},
		Kind:      connectors.APIKey,
		Class:     home.class.title(),
		Label:     t.Name,
		Owner:     owner,
		Scopes:    t.Scopes,
		Access:    accessOf(t.Scopes),
		CreatedAt: *t.CreatedAt,
		ExpiresAt: endOf(t),
		LastUsed:  connectors.LastUsed{Known: true}, // null is never
		Suspended: owner.Closed,
	}
	if owner.Service && home.class == personalToken {
		row.Class = serviceToken.title()
	}
	if t.LastUsedAt != nil {
		row.LastUsed.At = *t.LastUsedAt
	}
	return out(row)
}

// liveness reads a token's own fields: a revoked or expired one stays listed
// for a while.
func liveness(t *gl.PersonalAccessToken) connectors.Liveness {
	if t.Revoked || !t.Active {
		return connectors.Dead
	}
	return connectors.Live
}

// endOf is when a token ends: at midnight UTC, when its last date begins. Zero
// for a token without an end, from before GitLab asked for one.
func endOf(t *gl.PersonalAccessToken) time.Time {
	if t.ExpiresAt == nil {
		return time.Time{}
	}
	return time.Time(*t.ExpiresAt).UTC()
}
