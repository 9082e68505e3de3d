package google

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"net/http"
	"slices"

	admin "google.golang.org/api/admin/directory/v1"

	"latchkey/connectors"
)

// Grants walks the apps every person gave access to. Google says neither when
// that was nor when it was used last.
func (c *Connector) Grants(ctx context.Context) iter.Seq2[connectors.Grant, error] {
	return func(yield func(connectors.Grant, error) bool) {
		for u, err := range c.people(ctx) {
			var found []*admin.Token
			if err == nil {
				found, err = whileThere(ctx, c, u, c.tokensOf)
			}
			if err != nil {
				yield(connectors.Grant{}, fmt.Errorf("list grants: %w", err))
				return
			}
			for _, t := range found {
				if !yield(tokenGrant(t, account(u)), nil) {
					return
				}
			}
		}
	}
}

// tokensOf is all a person granted: this listing has no pages. Rows of one app
// are put together, because an app is what is addressed and ended.
func (c *Connector) tokensOf(ctx context.Context, user string) ([]*admin.Token, error) {
	answer, err := c.directory.Tokens.List(user).Context(ctx).Do()
	if err == nil && (answer == nil || answer.Kind != "admin#directory#tokenList") {
		err = errOddAnswer
	}
	var apps []*admin.Token
	for i := 0; err == nil && i < len(answer.Items); i++ {
		t := answer.Items[i]
		if t == nil || t.Kind != "admin#directory#token" || !validClient(t.ClientId) || user != c.subject && !isOf(t.UserKey, user) {
			err = errOddAnswer
			break
		}
		known := slices.IndexFunc(apps, func(a *admin.Token) bool { return a.ClientId == t.ClientId })
		if known < 0 {
			apps = append(apps, t)
			continue
		}
		apps[known].Scopes = append(apps[known].Scopes, t.Scopes...)
	}
	if err != nil {
		return nil, c.failed(http.MethodGet, userPath(user, "tokens"), err)
	}
	return apps, nil
}

func tokenGrant(t *admin.Token, owner connectors.AccountRef) connectors.Grant {
	slices.Sort(t.Scopes)
	scopes := slices.Compact(t.Scopes)
	return connectors.Grant{
		Ref: connectors.GrantRef{
			ID:    ref{class: classToken, user: owner.ID, client: t.ClientId}.String(),
			AppID: t.ClientId,
			Owner: owner,
		},
		App:    cmp.Or(t.DisplayText, t.ClientId),
		Scopes: scopes,
		Access: access(scopes),
	}
}

func tokenPath(r ref) string { return userPath(r.user, "tokens", r.client) }
