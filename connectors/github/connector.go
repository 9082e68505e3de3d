package github

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/rest"
	"latchkey/secret"
)

var (
	_ connectors.Connector      = (*Connector)(nil)
	_ connectors.Lister         = (*Connector)(nil)
	_ connectors.Revoker        = (*Connector)(nil)
	_ connectors.RevokeGuide    = (*Connector)(nil)
	_ connectors.Verifier       = (*Connector)(nil)
	_ connectors.ScopeLister    = (*Connector)(nil)
	_ connectors.GrantLister    = (*Connector)(nil)
	_ connectors.GrantRevoker   = (*Connector)(nil)
	_ connectors.RequestLister  = (*Connector)(nil)
	_ connectors.RequestDecider = (*Connector)(nil)
	_ connectors.LeakRevoker    = (*Connector)(nil)
	_ connectors.LeakSource     = (*Connector)(nil)
	_ connectors.LeakFetcher    = (*Connector)(nil)
	_ connectors.AccountCloser  = (*Connector)(nil)
)

// Connector is one organisation, seen through the installation of a GitHub App
// in it. The App needs these permissions of the organisation: personal access
// tokens, personal access token requests and members (read and write), and
// administration (read, for the list of apps; unverified).
//
// With the token of an owner (classic, scope admin:org) the credentials that
// SAML single sign-on authorised are listed, verified and revoked as well.
// Without one they are left out: neither Credentials nor Grants shows them.
// The vendor asks for an owner there; whether an App counts is unverified.
type Connector struct {
	name string // of the connection
	org  string // login
	web  string // where people go, without a final slash
	now  func() time.Time

	installation int64  // of our own App
	tail         string // of the owner's token, by which listings know it; or empty

	app    *api // as the installation
	owner  *api // as the owner; nil without a token
	nobody *api // without any credential

	partner    *partner
	hookSecret secret.Value // of the webhook about leaks; or empty
}

// Check lists one token as the App, and one authorisation as the owner where
// there is one.
func (c *Connector) Check(ctx context.Context) error {
	if err := c.glance(ctx, c.app, pats, nil); err != nil {
		return fmt.Errorf("check the GitHub App: %w", err)
	}
	if c.owner == nil {
		return nil
	}
	if err := c.glance(ctx, c.owner, authorizations, nil); err != nil {
		return fmt.Errorf("check the owner's token: %w", err)
	}
	return nil
}

// glance reads one row; empty is what it returns if there is none.
func (c *Connector) glance(ctx context.Context, as *api, listing string, empty error) error {
	var first []json.RawMessage
	_, err := as.do(ctx, request{
		method: http.MethodGet, path: c.path(listing), query: url.Values{"per_page": {"1"}},
	}, &first)
	if err == nil && len(first) == 0 {
		err = empty
	}
	return err
}

// Collections of an organisation, as paths write them.
const (
	pats           = "personal-access-tokens"
	patRequests    = "personal-access-token-requests"
	authorizations = "credential-authorizations"
	installations  = "installations"
	members        = "members"
	memberships    = "memberships"
	users          = "users" // of no organisation
)

// path is below the organisation, every segment escaped.
func (c *Connector) path(segments ...string) string {
	return rest.Path("orgs", c.org) + rest.Path(segments...)
}
