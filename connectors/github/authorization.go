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
}

func (a authorization) whole() bool { return a.ID > 0 && isLogin(a.Login) && a.Type != "" }

// isGrant tells an app's token from a person's credential. A type that the
// vendor adds later is taken for the latter.
func (a authorization) isGrant() bool { return a.Type == typeOAuthApp || a.Type == typeGitHubApp }

func (a authorization) id() string { return name{class: classSAML, id: a.ID}.String() }

func (a authorization) credential() connectors.Credential {
	out := connectors.Credential{
		Ref:       connectors.Ref{ID: a.id(), Owner: account(a.Login)},
		Kind:      connectors.APIKey,
		Class:     a.Type,
		Label:     cmp.Or(a.Note, a.Title, a.Fingerprint),
		Owner:     account(a.Login),
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
	return out
}

// grant has no name of the app: the vendor tells the note of the token at
// most, and nothing that tells two apps apart.
func (a authorization) grant() connectors.Grant {
	out := connectors.Grant{
		Ref:      connectors.GrantRef{ID: a.id(), Owner: account(a.Login)},
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
	_, err := c.owner.do(ctx, request{method: http.MethodDelete, path: c.path(authorizations, n.number())}, nil)
	return goneAlready(err, func() (connectors.Liveness, error) { return c.verifyAuthorization(ctx, n) })
}

func (c *Connector) verifyAuthorization(ctx context.Context, n name) (connectors.Liveness, error) {
	if c.owner == nil {
		return connectors.Unknown, fmt.Errorf("%w: %w", connectors.ErrUnsupported, errNoOwner)
	}
	return look(c.authorizationRows(ctx), func(a authorization) bool { return a.ID == n.id })
}
