package fake

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"

	"latchkey/connectors"
	"latchkey/connectors/rest"
	"latchkey/secret"
)

var (
	_ connectors.Connector   = (*Connector)(nil)
	_ connectors.Lister      = (*Connector)(nil)
	_ connectors.Issuer      = (*Connector)(nil)
	_ connectors.Rotator     = (*Connector)(nil)
	_ connectors.Revoker     = (*Connector)(nil)
	_ connectors.Verifier    = (*Connector)(nil)
	_ connectors.Suspender   = (*Connector)(nil)
	_ connectors.ScopeLister = (*Connector)(nil)
	_ connectors.Prover      = (*Connector)(nil)
)

const modeNative = "native"

// Connector is one configured fake vendor.
type Connector struct {
	name   string
	base   *url.URL
	rt     http.RoundTripper
	client *rest.Client
}

// Open checks the settings, reporting every problem at once, and does not
// dial.
func Open(s connectors.Settings, rt http.RoundTripper) (*Connector, error) {
	var problems []error
	if s.Mode != "" && s.Mode != modeNative {
		problems = append(problems, fmt.Errorf("mode %q is not %q", s.Mode, modeNative))
	}
	base, err := url.Parse(s.BaseURL)
	if err != nil || base.Host == "" {
		problems = append(problems, fmt.Errorf("%w: base_url, a URL with a host", connectors.ErrMissing))
	}
	if s.Token.Empty() {
		problems = append(problems, fmt.Errorf("%w: token", connectors.ErrMissing))
	}
	if rt == nil {
		problems = append(problems, fmt.Errorf("%w: transport", connectors.ErrMissing))
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("open connection %s: %w", s.Name, errors.Join(problems...))
	}
	c := &Connector{name: s.Name, base: base, rt: rt}
	c.client = c.clientWith(s.Token)
	return c, nil
}

func (c *Connector) clientWith(token secret.Value) *rest.Client {
	return rest.New(rest.Config{
		Base: c.base, Header: "Authorization", Credential: secret.New("Bearer " + token.Expose()), Transport: c.rt,
	})
}

// Check asks who the token belongs to.
func (c *Connector) Check(ctx context.Context) error {
	err := c.do(ctx, http.MethodGet, "/v1/me", nil, nil)
	if s := rest.Status(err); s == http.StatusUnauthorized || s == http.StatusForbidden {
		return fmt.Errorf("the token was refused: %w", err)
	}
	return err
}

// Scopes returns the vendor's scopes in its own order, which is ours.
func (c *Connector) Scopes(ctx context.Context) ([]connectors.Scope, error) {
	var answer struct {
		Scopes []wireScope `json:"scopes"`
	}
	if err := c.do(ctx, http.MethodGet, "/v1/scopes", nil, &answer); err != nil {
		return nil, err
	}
	var out []connectors.Scope
	for _, s := range answer.Scopes {
		out = append(out, connectors.Scope{
			Name: s.Name, Title: s.Title, Access: connectors.Access(s.Access), Description: s.Description,
		})
	}
	return out, nil
}

// Credentials walks the vendor's pages. Revoked keys are not in them.
func (c *Connector) Credentials(ctx context.Context) iter.Seq2[connectors.Credential, error] {
	return func(yield func(connectors.Credential, error) bool) {
		for cursor := ""; ; {
			var p wirePage
			_, err := c.client.Do(ctx, rest.Request{
				Method: http.MethodGet, Path: "/v1/keys", Query: url.Values{"cursor": {cursor}},
			}, &p)
			if err == nil && p.Next == cursor && cursor != "" {
				err = errors.New("the vendor answers the same page again and again")
			}
			if err != nil {
				yield(connectors.Credential{}, fmt.Errorf("list keys of %s: %w", c.name, err))
				return
			}
			for _, k := range p.Keys {
				if !yield(k.credential(), nil) {
					return
				}
			}
			if p.Next == "" {
				return
			}
			cursor = p.Next
		}
	}
}

// Issue makes a key. The vendor does not keep labels apart: asking twice makes
// two keys, and both are found by listing.
func (c *Connector) Issue(ctx context.Context, r connectors.IssueRequest) (connectors.Issued, error) {
	in := wireKey{Label: r.Label, Owner: r.Owner.ID, Email: r.Owner.Email, Name: r.Owner.Name, Service: r.Owner.Service, Scopes: r.Scopes, ExpiresAt: r.ExpiresAt}
	return c.issued(ctx, "/v1/keys", in, r.Owner)
}

// Rotate replaces a key's value in place; the old one is dead at once.
func (c *Connector) Rotate(ctx context.Context, r connectors.RotateRequest) (connectors.Issued, error) {
	in := wireKey{Label: r.Label, ExpiresAt: r.ExpiresAt}
	return c.issued(ctx, rest.Path("v1", "keys", r.Ref.ID, "rotate"), in, r.Ref.Owner)
}

func (c *Connector) issued(ctx context.Context, path string, in wireKey, owner connectors.AccountRef) (connectors.Issued, error) {
	var out wireIssued
	if err := c.do(ctx, http.MethodPost, path, in, &out); err != nil {
		return connectors.Issued{}, err
	}
	if out.ID == "" || out.Secret == "" {
		return connectors.Issued{}, fmt.Errorf("%s: the answer has no key", c.name)
	}
	return connectors.Issued{
		Ref: connectors.Ref{ID: out.ID, Owner: owner}, Secret: secret.New(out.Secret), ExpiresAt: out.ExpiresAt,
	}, nil
}

// Revoke ends a key. A key the vendor does not know counts as gone; whether it
// really is, Verify says.
func (c *Connector) Revoke(ctx context.Context, r connectors.Ref) error {
	err := c.do(ctx, http.MethodDelete, rest.Path("v1", "keys", r.ID), nil, nil)
	if rest.Status(err) == http.StatusNotFound {
		return nil
	}
	return err
}

// Verify reads the key's state. The vendor keeps revoked keys, so a key it
// does not know is no receipt.
func (c *Connector) Verify(ctx context.Context, r connectors.Ref) (connectors.Liveness, error) {
	var k wireKey
	err := c.do(ctx, http.MethodGet, rest.Path("v1", "keys", r.ID), nil, &k)
	switch {
	case rest.Status(err) == http.StatusNotFound:
		return connectors.Unknown, nil
	case err != nil:
		return connectors.Unknown, err
	case k.ID != r.ID:
		return connectors.Unknown, fmt.Errorf("%s: the answer is about another key", c.name)
	case k.State == StateRevoked || k.State == StateExpired:
		return connectors.Dead, nil
	case k.State == StateActive || k.State == StateSuspended:
		return connectors.Live, nil
	}
	return connectors.Unknown, nil
}

// Prove asks the vendor, with the key itself, whose it is.
func (c *Connector) Prove(ctx context.Context, i connectors.Issued) error {
	if _, err := c.clientWith(i.Secret).Do(ctx, rest.Request{Method: http.MethodGet, Path: "/v1/whoami"}, nil); err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	return nil
}

// Suspend stops a key until Resume.
func (c *Connector) Suspend(ctx context.Context, r connectors.Ref) error {
	return c.do(ctx, http.MethodPost, rest.Path("v1", "keys", r.ID, "suspend"), nil, nil)
}

// Resume lets a suspended key work again.
func (c *Connector) Resume(ctx context.Context, r connectors.Ref) error {
	return c.do(ctx, http.MethodPost, rest.Path("v1", "keys", r.ID, "resume"), nil, nil)
}

func (c *Connector) do(ctx context.Context, method, path string, in, out any) error {
	req := rest.Request{Method: method, Path: path}
	if in != nil {
		req.Body = in
	}
	if _, err := c.client.Do(ctx, req, out); err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	return nil
}
