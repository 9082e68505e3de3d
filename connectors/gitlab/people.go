package gitlab

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"regexp"
	"strconv"

	gl "gitlab.com/gitlab-org/api/client-go"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

// source is where people's personal tokens are listed.
type source int

const (
	fromNowhere   source = iota // not for our token
	fromInstance                // /personal_access_tokens, for an administrator
	fromInventory               // the group's credentials inventory, for its owner
)

// personalSource chooses by what answers. The instance's listing never
// refuses: to somebody who is no administrator, or is none at the moment
// because Admin Mode is on and the token lacks its scope, it shows their own
// tokens as if there were no others. So it is asked for another user's tokens
// first, which GitLab refuses to them with 401.
func (c *Connector) personalSource(ctx context.Context, gid int64) (source, error) {
	all, err := c.seesAll(ctx)
	if err != nil {
		return fromNowhere, err
	}
	if all {
		return fromInstance, nil
	}
	_, _, err = ask(ctx, c, func(o gl.RequestOptionFunc) (*[]*gl.GroupPersonalAccessToken, *gl.Response, error) {
		rows, resp, err := c.api.GroupCredentials.ListGroupPersonalAccessTokens(gid,
			&gl.ListGroupPersonalAccessTokensOptions{ListOptions: gl.ListOptions{PerPage: 1}}, o)
		return &rows, resp, err
	})
	if notAvailable(err) {
		return fromNowhere, nil
	}
	return fromInventory, err
}

func (c *Connector) seesAll(ctx context.Context) (bool, error) {
	me, err := c.me(ctx)
	if err != nil || !me.IsAdmin {
		return false, err
	}
	users, _, err := ask(ctx, c, func(o gl.RequestOptionFunc) (*[]*gl.User, *gl.Response, error) {
		rows, resp, err := c.api.Users.ListUsers(&gl.ListUsersOptions{ListOptions: gl.ListOptions{PerPage: 2}}, o)
		return &rows, resp, err
	})
	if err != nil {
		return false, err
	}
	for _, u := range *users {
		if u == nil || u.ID == me.ID {
			continue
		}
		_, _, err := ask(ctx, c, func(o gl.RequestOptionFunc) (*[]*gl.PersonalAccessToken, *gl.Response, error) {
			rows, resp, err := c.api.PersonalAccessTokens.ListPersonalAccessTokens(
				&gl.ListPersonalAccessTokensOptions{ListOptions: gl.ListOptions{PerPage: 1}, UserID: &u.ID}, o)
			return &rows, resp, err
		})
		if rest.Status(err) == http.StatusUnauthorized || notAvailable(err) {
			return false, nil
		}
		return err == nil, err
	}
	return true, nil // nobody else is there
}

// me is the user our token belongs to.
func (c *Connector) me(ctx context.Context) (*gl.User, error) {
	me, _, err := ask(ctx, c, func(o gl.RequestOptionFunc) (*gl.User, *gl.Response, error) {
		return c.api.Users.CurrentUser(o)
	})
	return me, err
}

// people lists the personal tokens. services are the group's own accounts,
// whose tokens are listed already.
func (c *Connector) people(ctx context.Context, gid int64, services map[int64]bool, out emit) error {
	source, err := c.personalSource(ctx, gid)
	if err != nil || source == fromNowhere {
		return err
	}
	home := ref{class: inventoryToken, home: gid}
	if source == fromInstance {
		home = ref{class: personalToken}
	}
	people, err := c.directory(ctx, home)
	if err != nil {
		return err
	}
	for t, err := range c.tokensOf(ctx, home) {
		if err != nil {
			return err
		}
		owner, known := people[t.UserID]
		if services[t.UserID] || owner.bot {
			continue
		}
		if !known {
			owner.ID = strconv.FormatInt(t.UserID, 10)
		}
		if err := send(home, t, owner.AccountRef, out); err != nil {
			return err
		}
	}
	return nil
}

// person is an account and whether it is the bot behind a group or project
// token.
type person struct {
	connectors.AccountRef
	bot bool
}

// botName is how GitLab names those bots. Service accounts are bots to it too,
// and are named otherwise. (That of groups is unverified; a bot it does not fit
// is listed rather than left out.)
var botName = regexp.MustCompile(`^(project|group)_[0-9]+_bot`)

// directory is everybody whose tokens a home lists. It is the one thing a walk
// keeps in memory, a few words for each person, because one call for a hundred
// people is what makes a walk of a large instance possible.
func (c *Connector) directory(ctx context.Context, home ref) (map[int64]person, error) {
	people := map[int64]person{}
	for u, err := range c.users(ctx, home) {
		if err != nil {
			return nil, err
		}
		if u.ID <= 0 {
			return nil, errors.New("a user is listed without an ID")
		}
		people[u.ID] = person{AccountRef: accountOf(u), bot: u.Bot && botName.MatchString(u.Username)}
	}
	return people, nil
}

func (c *Connector) users(ctx context.Context, home ref) iter.Seq2[*gl.User, error] {
	if home.class == inventoryToken {
		return pages(ctx, c, func(o ...gl.RequestOptionFunc) ([]*gl.User, *gl.Response, error) {
			return c.api.EnterpriseUsers.ListEnterpriseUsers(home.home, &gl.ListEnterpriseUsersOptions{ListOptions: firstPage()}, o...)
		})
	}
	return pages(ctx, c, func(o ...gl.RequestOptionFunc) ([]*gl.User, *gl.Response, error) {
		return c.api.Users.ListUsers(&gl.ListUsersOptions{ListOptions: firstPage()}, o...)
	})
}

// accountOf reads a user. An address counts as verified once it was confirmed.
// A token of somebody who is not active does not work (unverified for
// "deactivated").
func accountOf(u *gl.User) connectors.AccountRef {
	a := connectors.AccountRef{ID: strconv.FormatInt(u.ID, 10), Name: u.Name, Service: u.Bot, Closed: u.State != "" && u.State != "active"}
	if u.ConfirmedAt != nil {
		a.Email = u.Email
	}
	return a
}
