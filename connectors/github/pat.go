package github

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"

	"github.com/google/go-github/v88/github"

	"latchkey/connectors"
)

// pat is what a listed token and a listed request have in common. ID is the
// grant's or the request's, TokenID the token's.
type pat struct {
	ID    int64 `json:"id"`
	Owner *struct {
		Login string `json:"login"`
	} `json:"owner"`
	Permissions *permissions      `json:"permissions"`
	GrantedAt   *github.Timestamp `json:"access_granted_at"` // of a token
	CreatedAt   *github.Timestamp `json:"created_at"`        // of a request
	Reason      string            `json:"reason"`            // of a request, or null
	TokenID     int64             `json:"token_id"`
	TokenName   string            `json:"token_name"`
	Expired     bool              `json:"token_expired"`
	ExpiresAt   *github.Timestamp `json:"token_expires_at"` // null for never
	LastUsed    used              `json:"token_last_used_at"`
}

func (p pat) whole() bool {
	return p.ID > 0 && p.TokenID > 0 && p.Owner != nil && isLogin(p.Owner.Login) && p.Permissions != nil
}

func (p pat) owner() connectors.AccountRef { return account(p.Owner.Login) }

// match is what a token and the request it came from share.
func (p pat) match() string { return "pat:" + strconv.FormatInt(p.TokenID, 10) }

func (p pat) credential() connectors.Credential {
	scopes, access := p.Permissions.scopes()
	return connectors.Credential{
		Ref:       connectors.Ref{ID: name{class: classPAT, id: p.ID, token: p.TokenID}.String(), Owner: p.owner()},
		Kind:      connectors.APIKey,
		Class:     "fine-grained personal access token",
		Label:     p.TokenName,
		Owner:     p.owner(),
		Scopes:    scopes,
		Access:    access,
		CreatedAt: timeOf(p.GrantedAt), // when it got access here; its own age is not told
		ExpiresAt: timeOf(p.ExpiresAt),
		LastUsed:  connectors.LastUsed(p.LastUsed),
		Suspended: p.Expired,
		Match:     p.match(),
	}
}

// patRows walks tokens or requests, the oldest first, so that one made during the
// walk comes at its end. With a token's number it walks what that token has.
func (c *Connector) patRows(ctx context.Context, collection string, token int64) iter.Seq2[pat, error] {
	query := url.Values{"sort": {"created_at"}, "direction": {"asc"}}
	if token != 0 {
		query.Set("token_id[]", strconv.FormatInt(token, 10))
	}
	return walk[pat](ctx, listing{as: c.app, path: c.path(collection), query: query})
}

// revokePAT takes a token's access to the organisation. The token itself is
// its owner's and lives on elsewhere. A 404 may also mean that the App may not
// see tokens, so the listing decides whether it is gone.
func (c *Connector) revokePAT(ctx context.Context, n name) error {
	_, err := c.app.do(ctx, request{
		method: http.MethodPost, path: c.path(pats, n.number()), body: map[string]string{"action": "revoke"},
	}, nil)
	return goneAlready(err, func() (bool, error) {
		p, err := c.findPAT(ctx, n)
		return p != nil, err
	})
}

// verifyPAT takes a token that the vendor calls expired for dead, although its
// owner can renew it while its grant stays: it does not work now.
func (c *Connector) verifyPAT(ctx context.Context, n name) (connectors.Liveness, error) {
	p, err := c.findPAT(ctx, n)
	switch {
	case err != nil:
		return connectors.Unknown, err
	case p == nil || p.Expired:
		return connectors.Dead, nil
	}
	return connectors.Live, nil
}

// findPAT lists the token's grants; nil is one that is not among them, while
// the listing has grants of other tokens.
func (c *Connector) findPAT(ctx context.Context, n name) (*pat, error) {
	p, others, err := look(c.patRows(ctx, pats, n.token), func(p pat) bool { return p.ID == n.id })
	if err != nil || others {
		return p, err
	}
	return nil, c.glance(ctx, c.app, pats, connectors.ErrNoProof)
}
