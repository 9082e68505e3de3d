package latchkey

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"latchkey/connectors"
	"latchkey/secret"
)

var (
	_ connectors.Connector   = (*Connector)(nil)
	_ connectors.ScopeLister = (*Connector)(nil)
	_ connectors.Issuer      = (*Connector)(nil)
	_ connectors.Revoker     = (*Connector)(nil)
	_ connectors.Suspender   = (*Connector)(nil)
	_ connectors.Broker      = (*Connector)(nil)
)

// Connector is Latchkey as a system that people ask for keys of.
type Connector struct{ name string }

// Open checks the settings. There is nothing to dial, so the transport is not
// used.
func Open(s connectors.Settings, _ http.RoundTripper) (*Connector, error) {
	var problems []error
	if s.Name == "" {
		problems = append(problems, fmt.Errorf("%w: name", connectors.ErrMissing))
	}
	if s.BaseURL != "" || !s.Token.Empty() {
		problems = append(problems, errors.New("base_url and token mean nothing here: the keys are honoured by Latchkey itself"))
	}
	if len(s.Scopes) > 0 {
		problems = append(problems, errors.New("scopes are fixed for this kind"))
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("open connection %s: %w", s.Name, errors.Join(problems...))
	}
	return &Connector{name: s.Name}, nil
}

// Check has nobody to ask.
func (c *Connector) Check(ctx context.Context) error { return ctx.Err() }

// Scopes returns the catalogue.
func (c *Connector) Scopes(ctx context.Context) ([]connectors.Scope, error) {
	return scopes(), ctx.Err()
}

// Issue makes a key. Nothing outside this process happens, so the answer can't
// be lost, and each call makes another value.
func (c *Connector) Issue(ctx context.Context, r connectors.IssueRequest) (connectors.Issued, error) {
	if err := ctx.Err(); err != nil {
		return connectors.Issued{}, err
	}
	if r.Label == "" {
		return connectors.Issued{}, fmt.Errorf("%w: a key needs a label", connectors.ErrUnrecoverable)
	}
	known := scopes()
	for _, name := range r.Scopes {
		if !slices.ContainsFunc(known, func(s connectors.Scope) bool { return s.Name == name }) {
			return connectors.Issued{}, fmt.Errorf("%w: %s has no scope %q", connectors.ErrUnrecoverable, c.name, name)
		}
	}
	return connectors.Issued{
		Ref:       connectors.Ref{ID: r.Label, Owner: r.Owner},
		Secret:    secret.NewKey(),
		ExpiresAt: r.ExpiresAt,
	}, nil
}

// Revoke has nothing to do: the row is the truth, and the server reads it for
// each request.
func (c *Connector) Revoke(ctx context.Context, _ connectors.Ref) error { return ctx.Err() }

// Suspend has nothing to do, for the same reason as Revoke.
func (c *Connector) Suspend(ctx context.Context, _ connectors.Ref) error { return ctx.Err() }

// Resume has nothing to do, for the same reason as Revoke.
func (c *Connector) Resume(ctx context.Context, _ connectors.Ref) error { return ctx.Err() }

// Upstream has no base URL: the gateway honours none of these keys.
func (c *Connector) Upstream() connectors.Upstream {
	return connectors.Upstream{Connection: c.name, Scopes: scopes()}
}
