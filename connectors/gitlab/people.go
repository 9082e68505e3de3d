package gitlab

import (
	"context"
	"errors"
	"fmt"
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
//
// An inventory that is not there (404) is a feature this GitLab does not have.
// hidden is an error where people's tokens are there and not shown to us.
func (c *Connector) personalSource(ctx context.Context, gid int64) (from source, hidden, err error) {
	all, admin, err := c.view(ctx)
	if err != nil {
		return fromNowhere, nil, err
	}
	if all {
		return fromInstance, nil, nil
	}
	_, _, err = ask(ctx, c, func(o gl.RequestOptionFunc) (*[]*gl.GroupPersonalAccessToken, *gl.Response, error) {
		rows, resp, err := c.api.GroupCredentials.ListGroupPersonalAccessTokens(gid,
			&gl.ListGroupPersonalAccessTokensOptions{ListOptions: gl.ListOptions{PerPage: 1}}, o)
		return &rows, resp, err
	})
	switch {
	case rest.Status(err) == http.StatusForbidden:
		return fromNowhere, fmt.Errorf("the group's credentials inventory is refused to our token, so people's tokens can't be seen: %w", err), nil
	case rest.Status(err) == http.StatusNotFound && admin:
		return fromNowhere, fmt.Errorf("%w: Admin Mode hides people's tokens from our token, which needs the scope admin_mode", connectors.ErrUnrecoverable), nil
	case rest.Status(err) == http.StatusNotFound:
		return fromNowhere, nil, nil
	}
	return fromInventory, nil, err
}

func (c *Connector) seesAll(ctx context.Context) (bool, error) {
	all, _, err := c.view(ctx)
	return all, err
}

// view tells whether our token sees everybody's tokens, and whether it is an
// administrator's at least.
func (c *Connector) view(ctx context.Context) (all, admin bool, err error) {
	me, err := c.me(ctx)
	if err != nil || !me.IsAdmin {
		return false, false, err
	}
	users, _, err := ask(ctx, c, func(o gl.RequestOptionFunc) (*[]*gl.User, *gl.Response, error) {
		rows, resp, err := c.api.Users.ListUsers(&gl.ListUsersOptions{ListOptions: gl.ListOptions{PerPage: 2}}, o)
		return &rows, resp, err
	})
	if err != nil {
		return false, true, err
	}
	if len(*users) == 0 {
		return false, true, errors.New("the list of users lacks even ours, which proves nothing")
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
			return false, true, nil
		}
		return err == nil, true, err
	}
	return true, true, nil // nobody else is there
}

// me is the user our token belongs to.
func (c *Connector) me(ctx context.Context) (*gl.User, error) {
	me, _, err := ask(ctx, c, func(o gl.RequestOptionFunc) (*gl.User, *gl.Response, error) {
		return c.api.Users.CurrentUser(o)
	})
	return me, err
}

// people lists the personal tokens from where they are seen. services are the
// group's own accounts, whose tokens are listed already.
func (c *Connector) people(ctx context.Context, gid int64, from source, services map[int64]bool, out emit) error {
	if from == fromNowhere {
		return nil
	}
	home := ref{class: inventoryToken, home: gid}
	if from == fromInstance {
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
		if t.ID == c.own.Load() {
			owner.Service, owner.Email = true, "" // Latchkey's, whoever made it: no rule may end it
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
