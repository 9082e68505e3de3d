package github

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"

	"github.com/google/go-github/v88/github"

	"latchkey/connectors"
	"latchkey/secret"
)

// The vendor's words for what SAML single sign-on authorises.
const (
	typeClassicPAT = "personal access token"
	typeSSHKey     = "SSH key"
	typeOAuthApp   = "OAuth app token"
	typeGitHubApp  = "GitHub app token"
)

// errNoOwner is for what can't be done without the owner's token.
var errNoOwner = errors.New("this needs the token of an organisation owner, which the connection does not have")

// authorization is one credential that its owner authorised for the
// organisation through SAML single sign-on. ID is the authorisation's; the
// credential's own number is not used.
type authorization struct {
	ID           int64             `json:"credential_id"`
	Login        string            `json:"login"`
	Type         string            `json:"credential_type"`
	AuthorizedAt *github.Timestamp `json:"credential_authorized_at"`
	LastUsed     used              `json:"credential_accessed_at"`
	ExpiresAt    *github.Timestamp `json:"authorized_credential_expires_at"`
	Scopes       []string          `json:"scopes"`
	Note         string            `json:"authorized_credential_note"`  // of a token
	Title        string            `json:"authorized_credential_title"` // of a key
	Fingerprint  string            `json:"fingerprint"`                 // of a key
	LastEight    string            `json:"token_last_eight"`            // of a token
}

func (a authorization) whole() bool { return a.ID > 0 && isLogin(a.Login) && a.Type != "" }

// isGrant tells an app's token from a person's credential. A type that the
// vendor adds later is taken for the latter.
func (a authorization) isGrant() bool { return a.Type == typeOAuthApp || a.Type == typeGitHubApp }

func (a authorization) id() string { return name{class: classSAML, id: a.ID}.String() }

// ours tells the token we ask with, by the tail of it that the vendor shows.
func (a authorization) ours(tail string) bool { return tail != "" && a.LastEight == tail }

// owner of our own token is a service, which rules and mass revokes leave out.
func (a authorization) owner(tail string) connectors.AccountRef {
	out := account(a.Login)
	out.Service = a.ours(tail)
	return out
}

// tailOf is as much of a token as the vendor's listing shows.
func tailOf(token secret.Value) string {
	text := token.Expose()
	return text[max(0, len(text)-8):]
}

func (a authorization) credential(tail string) connectors.Credential {
	out := connectors.Credential{
		Ref:       connectors.Ref{ID: a.id(), Owner: a.owner(tail)},
		Kind:      connectors.APIKey,
		Class:     a.Type,
		Label:     cmp.Or(a.Note, a.Title, a.Fingerprint),
		Owner:     a.owner(tail),
		CreatedAt: timeOf(a.AuthorizedAt),
		ExpiresAt: timeOf(a.ExpiresAt),
		LastUsed:  connectors.LastUsed(a.LastUsed),
	}
	switch a.Type {
	case typeClassicPAT:
		out.Class += " (classic)"
		out.Scopes, out.Access = oauthScopes(a.Scopes)
	case typeSSHKey:
		out.Access = connectors.Write // pushes wherever its owner may
	}
	if a.ours(tail) {
		out.Class += " of Latchkey's own administrator"
	}
	return out
}

// grant has no name of the app: the vendor tells the note of the token at
// most, and nothing that tells two apps apart.
func (a authorization) grant(tail string) connectors.Grant {
	out := connectors.Grant{
		Ref:      connectors.GrantRef{ID: a.id(), Owner: a.owner(tail)},
		App:      cmp.Or(a.Note, a.Type),
		GivenAt:  timeOf(a.AuthorizedAt),
		LastUsed: connectors.LastUsed(a.LastUsed),
	}
	if a.Type == typeOAuthApp { // what a GitHub App's token may do is said by its installation
		out.Scopes, out.Access = oauthScopes(a.Scopes)
	}
	return out
}

// authorizationRows walks nothing without the owner's token.
func (c *Connector) authorizationRows(ctx context.Context) iter.Seq2[authorization, error] {
	if c.owner == nil {
		return func(func(authorization, error) bool) {}
	}
	return walk[authorization](ctx, listing{as: c.owner, path: c.path(authorizations)})
}

// revokeAuthorization cuts a credential off from the organisation. Its owner
// can authorise it again, unless the account was closed.
func (c *Connector) revokeAuthorization(ctx context.Context, n name) error {
	if c.owner == nil {
		return fmt.Errorf("%w: %w", connectors.ErrUnsupported, errNoOwner)
	}
	if err := c.notOurs(ctx, n); err != nil {
		return err
	}
	_, err := c.owner.do(ctx, request{method: http.MethodDelete, path: c.path(authorizations, n.number())}, nil)
	return goneAlready(err, func() (bool, error) {
		a, err := c.findAuthorization(ctx, n)
		return a != nil, err
	})
}

// notOurs refuses the token we ask with. Only the listing
// says which one that is, so nothing is ended while the listing can't be read.
func (c *Connector) notOurs(ctx context.Context, n name) error {
	a, err := c.findAuthorization(ctx, n)
	if err != nil {
		return fmt.Errorf("look whether it is our own: %w", err)
	}
	if a != nil && a.ours(c.tail) {
		return fmt.Errorf("%w: it is the token of Latchkey's own administrator, which this connection works with: give the connection another one first",
			connectors.ErrUnrecoverable)
	}
	return nil
}

// verifyAuthorization reads the listing until it is there, because the vendor
// shows none by itself: a call for every hundred of them. One past its end is
// dead.
func (c *Connector) verifyAuthorization(ctx context.Context, n name) (connectors.Liveness, error) {
	if c.owner == nil {
		return connectors.Unknown, fmt.Errorf("%w: %w", connectors.ErrUnsupported, errNoOwner)
	}
	a, err := c.findAuthorization(ctx, n)
	switch {
	case err != nil:
		return connectors.Unknown, err
	case a == nil || a.ExpiresAt != nil && !c.now().Before(a.ExpiresAt.Time):
		return connectors.Dead, nil
	}
	return connectors.Live, nil
}

func (c *Connector) findAuthorization(ctx context.Context, n name) (*authorization, error) {
	return proven(c.authorizationRows(ctx), func(a authorization) bool { return a.ID == n.id })
}
