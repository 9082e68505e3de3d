package okta

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

// app is one row of /api/v1/apps.
type app struct {
	ID          string `json:"id"`
	Label       string `json:"label"`
	Status      string `json:"status"`
	SignOnMode  string `json:"signOnMode"`
	Credentials struct {
		OAuthClient struct {
			AuthMethod string `json:"token_endpoint_auth_method"`
		} `json:"oauthClient"`
	} `json:"credentials"`
}

// usesSecrets is false for apps that are no OAuth clients, public clients, and
// clients that sign with a key: a secret of theirs would open nothing.
func (a app) usesSecrets() bool {
	method := a.Credentials.OAuthClient.AuthMethod
	return a.SignOnMode == "OPENID_CONNECT" && method != "none" && method != "private_key_jwt"
}

// clientSecret is one row of an app's secrets. The vendor sends the secret
// itself too; it has no field here, so that it goes no further.
type clientSecret struct {
	ID      string    `json:"id"`
	Status  string    `json:"status"`
	Created time.Time `json:"created"`
}

func (s clientSecret) active() bool { return s.Status == statusActive }

func (c *Connector) apps(ctx context.Context) iter.Seq2[app, error] {
	return func(yield func(app, error) bool) {
		query := url.Values{"limit": {pageSize}, "includeNonDeleted": {"true"}}
		for a, err := range rows[app](ctx, c, rest.Path("api", "v1", "apps"), query) {
			if err == nil && !validID(a.ID) {
				err = fmt.Errorf("%s: an app without an ID", c.name)
			}
			if !yield(a, err) || err != nil {
				return
			}
		}
	}
}

func (c *Connector) clientSecrets(ctx context.Context, appID string) iter.Seq2[clientSecret, error] {
	return func(yield func(clientSecret, error) bool) {
		for s, err := range rows[clientSecret](ctx, c, rest.Path("api", "v1", "apps", appID, "credentials", "secrets"), nil) {
			if err == nil && (!validID(s.ID) || s.Status == "") {
				err = fmt.Errorf("%s: app %s has a secret without an ID or status", c.name, appID)
			}
			if !yield(s, err) || err != nil {
				return
			}
		}
	}
}

func (c *Connector) secretCredentials(ctx context.Context) iter.Seq2[connectors.Credential, error] {
	return func(yield func(connectors.Credential, error) bool) {
		for a, err := range c.apps(ctx) {
			if err != nil {
				yield(connectors.Credential{}, fmt.Errorf("list client secrets: %w", err))
				return
			}
			if a.usesSecrets() && !c.secretsOf(ctx, a, yield) {
				return
			}
		}
	}
}

// secretsOf hands out one app's secrets; it is false when the walk is over. An
// app that was deleted since its page was read has none.
func (c *Connector) secretsOf(ctx context.Context, a app, yield func(connectors.Credential, error) bool) bool {
	for s, err := range c.clientSecrets(ctx, a.ID) {
		if rest.Status(err) == http.StatusNotFound {
			var found bool
			if found, err = c.appExists(ctx, a.ID); err == nil && !found {
				return true
			}
			if err == nil {
				err = fmt.Errorf("%s: app %s is there and its secrets are not", c.name, a.ID)
			}
		}
		if err != nil {
			yield(connectors.Credential{}, fmt.Errorf("list client secrets: %w", err))
			return false
		}
		if !yield(s.credential(a), nil) {
			return false
		}
	}
	return true
}

// credential is the secret in the contract's words. Its holder is the app;
// what the app may do is not said with it.
func (s clientSecret) credential(a app) connectors.Credential {
	owner := connectors.AccountRef{ID: a.ID, Name: a.Label, Service: true, Closed: a.Status != statusActive}
	return connectors.Credential{
		Ref:       connectors.Ref{ID: ref{class: classSecret, parent: a.ID, id: s.ID}.String(), Owner: owner},
		Kind:      connectors.APIKey,
		Class:     "client secret",
		Label:     a.Label,
		Owner:     owner,
		CreatedAt: s.Created,
		Suspended: !s.active() || owner.Closed,
	}
}

func (c *Connector) appExists(ctx context.Context, id string) (bool, error) {
	err := c.get(ctx, rest.Path("api", "v1", "apps", id), nil)
	if rest.Status(err) == http.StatusNotFound {
		return false, c.awake(ctx)
	}
	return err == nil, err
}

func (c *Connector) readSecret(ctx context.Context, r ref) (clientSecret, error) {
	var s clientSecret
	err := c.get(ctx, secretPath(r), &s)
	if err == nil && (s.ID != r.id || s.Status == "") {
		err = fmt.Errorf("%s: asked for client secret %s and got something else", c.name, r.id)
	}
	return s, err
}

func secretPath(r ref, more ...string) string {
	return rest.Path(append([]string{"api", "v1", "apps", r.parent, "credentials", "secrets", r.id}, more...)...)
}
