package brokered

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"latchkey/connectors"
	"latchkey/connectors/rest"
	"latchkey/secret"
)

var (
	_ connectors.Connector   = (*Connector)(nil)
	_ connectors.Issuer      = (*Connector)(nil)
	_ connectors.Revoker     = (*Connector)(nil)
	_ connectors.Suspender   = (*Connector)(nil)
	_ connectors.ScopeLister = (*Connector)(nil)
	_ connectors.Broker      = (*Connector)(nil)
	_ connectors.OAuthClient = (*Connector)(nil)
)

// ErrTokenRefused is wrapped by Check when the system refuses the configured
// token.
var ErrTokenRefused = errors.New("the token was refused")

// Connector is one system behind the gateway.
type Connector struct {
	upstream  connectors.Upstream
	oauth     connectors.OAuthApp // zero when none is configured
	checkPath string
	client    *rest.Client
}

// Open checks the settings, reporting every problem at once, and does not
// dial.
func Open(s connectors.Settings, rt http.RoundTripper) (*Connector, error) {
	base, problems := checkSettings(s)
	if rt == nil {
		problems = append(problems, fmt.Errorf("%w: transport", connectors.ErrMissing))
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("open connection %s: %w", s.Name, errors.Join(problems...))
	}
	up := connectors.Upstream{
		Connection:   s.Name,
		BaseURL:      base,
		Header:       orDefault(s.Header, "Authorization"),
		Credential:   credential(s),
		AllowPrivate: s.AllowPrivate,
		Scopes:       arrange(s.Scopes),
		Limits:       s.Limits,
	}
	return &Connector{
		upstream:  up,
		oauth:     oauthApp(s.OAuth, rt),
		checkPath: orDefault(s.CheckPath, "/"),
		client: rest.New(rest.Config{
			Base: base, Header: up.Header, Credential: up.Credential, Transport: rt,
		}),
	}, nil
}

// Check asks the system for the check path with the configured token. Any 2xx
// is a pass.
func (c *Connector) Check(ctx context.Context) error {
	_, err := c.client.Do(ctx, rest.Request{Method: http.MethodGet, Path: c.checkPath}, nil)
	if err == nil {
		return nil
	}
	if s := rest.Status(err); s == http.StatusUnauthorized || s == http.StatusForbidden {
		return fmt.Errorf("check %s: %w: %w", c.upstream.Connection, ErrTokenRefused, err)
	}
	return fmt.Errorf("check %s: %w", c.upstream.Connection, err)
}

// Issue makes a key of ours. Nothing outside this process happens, so the
// answer can't be lost, and each call makes another value.
func (c *Connector) Issue(ctx context.Context, r connectors.IssueRequest) (connectors.Issued, error) {
	if err := ctx.Err(); err != nil {
		return connectors.Issued{}, err
	}
	if r.Label == "" {
		return connectors.Issued{}, fmt.Errorf("%w: a key needs a label", connectors.ErrUnrecoverable)
	}
	for _, name := range r.Scopes {
		if !slices.ContainsFunc(c.upstream.Scopes, func(s connectors.Scope) bool { return s.Name == name }) {
			return connectors.Issued{}, fmt.Errorf("%w: %s has no scope %q", connectors.ErrUnrecoverable, c.upstream.Connection, name)
		}
	}
	return connectors.Issued{
		Ref:       connectors.Ref{ID: r.Label, Owner: r.Owner},
		Secret:    secret.NewKey(),
		ExpiresAt: r.ExpiresAt,
	}, nil
}

// Revoke has nothing to do: the row is the truth, and the gateway enforces it.
func (c *Connector) Revoke(ctx context.Context, _ connectors.Ref) error { return ctx.Err() }

// Suspend has nothing to do, for the same reason as Revoke.
func (c *Connector) Suspend(ctx context.Context, _ connectors.Ref) error { return ctx.Err() }

// Resume has nothing to do, for the same reason as Revoke.
func (c *Connector) Resume(ctx context.Context, _ connectors.Ref) error { return ctx.Err() }

// Scopes returns the configured scopes: resources in the order of the
// configuration, and read before write before admin within one.
func (c *Connector) Scopes(ctx context.Context) ([]connectors.Scope, error) {
	return slices.Clone(c.upstream.Scopes), ctx.Err()
}

// Upstream says where the gateway sends requests. Base URL and list of scopes
// are copies; the rules inside are shared and must not be changed.
func (c *Connector) Upstream() connectors.Upstream {
	up := c.upstream
	base := *up.BaseURL
	up.BaseURL = &base
	up.Scopes = slices.Clone(up.Scopes)
	return up
}

func credential(s connectors.Settings) secret.Value {
	scheme := orDefault(s.Scheme, "Bearer")
	if scheme == schemeNone {
		return s.Token
	}
	return secret.New(scheme + " " + s.Token.Expose())
}

func orDefault(s, d string) string {
	if s == "" {
		return d
	}
	return s
}

// parseBase is the one reading of a base URL; checkSettings judges it.
func parseBase(raw string) (*url.URL, error) {
	base, err := url.Parse(raw)
	if err != nil || base.Host == "" {
		return nil, errors.New("base_url is not a URL with a host") // the parser's error quotes it, password and all
	}
	return base, nil
}
