package okta

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strings"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

// The statuses of a user that matter here; the vendor has five more.
const (
	statusActive        = "ACTIVE"
	statusSuspended     = "SUSPENDED"
	statusDeprovisioned = "DEPROVISIONED"
)

type user struct {
	ID      string `json:"id"`
	Status  string `json:"status"`
	Profile struct {
		Login       string `json:"login"`
		Email       string `json:"email"`
		DisplayName string `json:"displayName"`
		FirstName   string `json:"firstName"`
		LastName    string `json:"lastName"`
	} `json:"profile"`
}

func (u user) closed() bool { return u.Status == statusSuspended || u.Status == statusDeprovisioned }

// account is the user in the contract's words. The e-mail address is the one
// of the organisation's own directory, which its administrators answer for.
func (u user) account() connectors.AccountRef {
	name := strings.TrimSpace(u.Profile.FirstName + " " + u.Profile.LastName)
	return connectors.AccountRef{
		ID:     u.ID,
		Email:  u.Profile.Email,
		Name:   cmp.Or(u.Profile.DisplayName, name, u.Profile.Login),
		Closed: u.closed(),
	}
}

// asService is our own administrator as the holder of the tokens we depend on:
// those are nobody's to lose. Without the address it stays apart from the
// account of the person.
func (u user) asService() connectors.AccountRef {
	a := u.account()
	a.Service, a.Email = true, ""
	return a
}

// findUser reads a user by ID or login. There is none only if the vendor says
// so while it answers other questions.
func (c *Connector) findUser(ctx context.Context, idOrLogin string) (u user, found bool, err error) {
	err = c.get(ctx, rest.Path("api", "v1", "users", idOrLogin), &u)
	if rest.Status(err) == http.StatusNotFound {
		return user{}, false, c.awake(ctx)
	}
	if err == nil && !validID(u.ID) {
		err = fmt.Errorf("%s: a user without an ID", c.name)
	}
	if err != nil {
		return user{}, false, err
	}
	return u, true, nil
}

// owners remembers, for one walk, whom the IDs on credentials belong to. There
// are as many as people with API tokens, who are administrators.
type owners struct {
	c     *Connector
	known map[string]connectors.AccountRef
}

func (o owners) find(ctx context.Context, id string) (connectors.AccountRef, error) {
	if account, ok := o.known[id]; ok {
		return account, nil
	}
	u, found, err := o.c.findUser(ctx, id)
	switch {
	case err != nil:
		return connectors.AccountRef{}, fmt.Errorf("read owner %s: %w", id, err)
	case !found:
		o.known[id] = connectors.AccountRef{ID: id, Closed: true}
	case u.ID != id:
		return connectors.AccountRef{}, fmt.Errorf("%s: asked for user %s and got another one", o.c.name, id)
	default:
		o.known[id] = u.account()
	}
	return o.known[id], nil
}
