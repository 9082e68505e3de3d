package okta

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

// grant is one row of a user's grants: one scope for one app.
type grant struct {
	ID       string    `json:"id"`
	Status   string    `json:"status"`
	ClientID string    `json:"clientId"`
	ScopeID  string    `json:"scopeId"`
	Created  time.Time `json:"created"`
	Links    struct {
		App    link `json:"app"`
		Client link `json:"client"`
	} `json:"_links"`
}

type link struct {
	Title string `json:"title"`
}

// revoked grants stay in listings for a while and open nothing.
func (g grant) revoked() bool { return g.Status == "REVOKED" }

// Grants walks what every person granted: one row per app and scope, as Okta
// has them. Deactivated people are not in it, because Okta lists them no more.
func (c *Connector) Grants(ctx context.Context) iter.Seq2[connectors.Grant, error] {
	return func(yield func(connectors.Grant, error) bool) {
		for u, err := range rows[user](ctx, c, rest.Path("api", "v1", "users"), url.Values{"limit": {pageSize}}) {
			if err == nil && !validID(u.ID) {
				err = fmt.Errorf("%s: a user without an ID", c.name)
			}
			if err != nil {
				yield(connectors.Grant{}, fmt.Errorf("list grants: %w", err))
				return
			}
			if !c.grantsOf(ctx, u, yield) {
				return
			}
		}
	}
}

// grantsOf hands out one person's grants; it is false when the walk is over. A
// person deleted since their page was read has none.
func (c *Connector) grantsOf(ctx context.Context, u user, yield func(connectors.Grant, error) bool) bool {
	for g, err := range c.userGrants(ctx, u.ID) {
		if rest.Status(err) == http.StatusNotFound {
			var found bool
			if _, found, err = c.findUser(ctx, u.ID); err == nil && !found {
				return true
			}
			if err == nil {
				err = fmt.Errorf("%s: user %s is there and their grants are not", c.name, u.ID)
			}
		}
		if err != nil {
			yield(connectors.Grant{}, fmt.Errorf("list grants of %s: %w", u.ID, err))
			return false
		}
		if !g.revoked() && !yield(g.grant(u.account()), nil) {
			return false
		}
	}
	return true
}

func (c *Connector) userGrants(ctx context.Context, userID string) iter.Seq2[grant, error] {
	return func(yield func(grant, error) bool) {
		path := rest.Path("api", "v1", "users", userID, "grants")
		for g, err := range rows[grant](ctx, c, path, url.Values{"limit": {pageSize}}) {
			if err == nil && (!validID(g.ID) || g.ClientID == "" || g.ScopeID == "") {
				err = fmt.Errorf("%s: user %s has a grant without an ID, app or scope", c.name, userID)
			}
			if !yield(g, err) || err != nil {
				return
			}
		}
	}
}

// grant is the row in the contract's words. Okta does not say when a grant was
// used last.
func (g grant) grant(owner connectors.AccountRef) connectors.Grant {
	return connectors.Grant{
		Ref: connectors.GrantRef{
			ID:    ref{class: classGrant, parent: owner.ID, id: g.ID}.String(),
			AppID: g.ClientID,
			Owner: owner,
		},
		App:     cmp.Or(g.Links.Client.Title, g.Links.App.Title, g.ClientID),
		Scopes:  []string{g.ScopeID},
		Access:  scopeAccess(g.ScopeID),
		GivenAt: g.Created,
	}
}
