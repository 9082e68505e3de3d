package okta

import (
	"context"
	"fmt"
	"iter"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

// The names people see. Tokens of the administrator whose token is ours are
// named apart, because one of them is ours and Okta does not say which.
const (
	classNameToken = "API token"
	classNameOwn   = "API token of Latchkey's own administrator"
)

// apiToken is one row of /api/v1/api-tokens, which has active ones only.
type apiToken struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	UserID      string    `json:"userId"`
	TokenWindow string    `json:"tokenWindow"`
	Created     time.Time `json:"created"`
	ExpiresAt   time.Time `json:"expiresAt"`
}

func (c *Connector) apiTokens(ctx context.Context) iter.Seq2[apiToken, error] {
	return func(yield func(apiToken, error) bool) {
		for t, err := range rows[apiToken](ctx, c, rest.Path("api", "v1", "api-tokens"), nil) {
			if err == nil && (!validID(t.ID) || !validID(t.UserID)) {
				err = fmt.Errorf("%s: an API token without an ID or owner", c.name)
			}
			if !yield(t, err) || err != nil {
				return
			}
		}
	}
}

func (c *Connector) tokenCredentials(ctx context.Context) iter.Seq2[connectors.Credential, error] {
	return func(yield func(connectors.Credential, error) bool) {
		me, err := c.ourselves(ctx)
		if err != nil {
			yield(connectors.Credential{}, fmt.Errorf("list API tokens: %w", err))
			return
		}
		people := owners{c: c, known: map[string]connectors.AccountRef{me.ID: me.asService()}}
		for t, err := range c.apiTokens(ctx) {
			var owner connectors.AccountRef
			if err == nil {
				owner, err = people.find(ctx, t.UserID)
			}
			if err != nil {
				yield(connectors.Credential{}, fmt.Errorf("list API tokens: %w", err))
				return
			}
			if !yield(t.credential(owner), nil) {
				return
			}
		}
	}
}

// credential is the token in the contract's words. It may do all its owner
// may, and is refused while the owner is suspended or deactivated. It expires
// when unused for its window: ExpiresAt moves with every call it makes.
func (t apiToken) credential(owner connectors.AccountRef) connectors.Credential {
	class := classNameToken
	if owner.Service {
		class = classNameOwn
	}
	return connectors.Credential{
		Ref:       connectors.Ref{ID: ref{class: classToken, id: t.ID}.String(), Owner: owner},
		Kind:      connectors.APIKey,
		Class:     class,
		Label:     t.Name,
		Owner:     owner,
		Scopes:    []string{connectors.FullAccess},
		Access:    connectors.Admin,
		CreatedAt: t.Created,
		ExpiresAt: t.ExpiresAt,
		LastUsed:  t.lastUsed(),
		Suspended: owner.Closed,
	}
}

// lastUsed follows from the sliding expiry: a token is valid for its window
// from its creation or last use, and every call moves the expiry (Okta's
// article "API Token Expiration and Deactivation").
func (t apiToken) lastUsed() connectors.LastUsed {
	window, ok := parseWindow(t.TokenWindow)
	if !ok || t.Created.IsZero() || t.ExpiresAt.IsZero() {
		return connectors.LastUsed{}
	}
	at := t.ExpiresAt.Add(-window)
	switch since := at.Sub(t.Created); {
	case since < -time.Second: // the window was changed since
		return connectors.LastUsed{}
	case since <= time.Second:
		return connectors.LastUsed{Known: true}
	}
	return connectors.LastUsed{At: at, Known: true}
}
