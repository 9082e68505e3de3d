package fake

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

var (
	_ connectors.Lister         = (*Guided)(nil)
	_ connectors.Revoker        = (*Guided)(nil)
	_ connectors.Verifier       = (*Guided)(nil)
	_ connectors.ScopeLister    = (*Guided)(nil)
	_ connectors.IssueGuide     = (*Guided)(nil)
	_ connectors.RequestLister  = (*Guided)(nil)
	_ connectors.RequestDecider = (*Guided)(nil)
)

// Guided is the same vendor as one that lets only people make keys: by the
// steps it names, or by asking there. It can't issue, rotate or suspend.
type Guided struct{ of *Connector }

// OpenGuided is Open for a Guided connection.
func OpenGuided(s connectors.Settings, rt http.RoundTripper) (*Guided, error) {
	c, err := Open(s, rt)
	if err != nil {
		return nil, err
	}
	return &Guided{c}, nil
}

// Check asks who the token belongs to.
func (g *Guided) Check(ctx context.Context) error { return g.of.Check(ctx) }

// Scopes returns the vendor's scopes.
func (g *Guided) Scopes(ctx context.Context) ([]connectors.Scope, error) { return g.of.Scopes(ctx) }

// Credentials walks the vendor's pages.
func (g *Guided) Credentials(ctx context.Context) iter.Seq2[connectors.Credential, error] {
	return g.of.Credentials(ctx)
}

// Revoke ends a key; gone already is nil.
func (g *Guided) Revoke(ctx context.Context, r connectors.Ref) error { return g.of.Revoke(ctx, r) }

// Verify reads the key's state.
func (g *Guided) Verify(ctx context.Context, r connectors.Ref) (connectors.Liveness, error) {
	return g.of.Verify(ctx, r)
}

// GuideIssue says how to make a key by hand.
func (g *Guided) GuideIssue(r connectors.IssueRequest) (connectors.Task, error) {
	return connectors.Task{URL: "https://fake.example/keys/new", Steps: []string{
		"Name the key " + r.Label + ".",
		fmt.Sprintf("Give it %v and nothing else.", r.Scopes),
		"Let it end on " + r.ExpiresAt.UTC().Format(time.DateOnly) + ".",
	}}, nil
}

// Requests walks what people asked for at the vendor.
func (g *Guided) Requests(ctx context.Context) iter.Seq2[connectors.VendorRequest, error] {
	return func(yield func(connectors.VendorRequest, error) bool) {
		var page wireRequests
		if err := g.of.do(ctx, http.MethodGet, "/v1/requests", nil, &page); err != nil {
			yield(connectors.VendorRequest{}, err)
			return
		}
		for _, r := range page.Requests {
			w := r.Wants
			asked := connectors.VendorRequest{ID: r.ID, Owner: w.owner(), Label: w.Label, Scopes: w.Scopes, Reason: r.Why, ExpiresAt: w.ExpiresAt, Match: w.Match}
			if !yield(asked, nil) {
				return
			}
		}
	}
}

// Decide tells the vendor a decision on one of its requests.
func (g *Guided) Decide(ctx context.Context, d connectors.Decision) error {
	return g.of.do(ctx, http.MethodPost, rest.Path("v1", "requests", d.ID), wireDecision{Approve: d.Approve, Reason: d.Reason}, nil)
}
