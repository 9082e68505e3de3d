package timepiece

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/brokered"
)

const (
	defaultBase = "https://tis.obss.io"

	// The vendor takes its tokens in the query too (?tisjwt=), where every log
	// on the way would keep them: nothing here uses that.
	header = "Authorization"
	scheme = "TISJWT"

	// checkPath lists the calendars: the one documented read that needs no
	// parameters, no issue and no administrator.
	checkPath = "/rest/calendar"
)

var (
	_ connectors.Connector   = (*Connector)(nil)
	_ connectors.Issuer      = (*Connector)(nil)
	_ connectors.Revoker     = (*Connector)(nil)
	_ connectors.Suspender   = (*Connector)(nil)
	_ connectors.ScopeLister = (*Connector)(nil)
	_ connectors.Broker      = (*Connector)(nil)
	_ connectors.Lister      = (*Connector)(nil)
	_ connectors.Verifier    = (*Connector)(nil)
	_ connectors.RevokeGuide = (*Connector)(nil)
)

// Connector is one Timepiece app. It speaks of two sorts of credentials, told
// apart by their Ref: keys of ours, which the gateway honours and which are
// known by our label, and the vendor's own tokens, whose Ref begins with
// "jwt/". Only the latter are listed: our own rows are the list of the former.
type Connector struct {
	own       *brokered.Connector
	tokens    []token // the upstream's first, each once
	checkPath string
	now       func() time.Time
}

// Open checks the settings and does not dial. Scopes in the settings come on
// top of the catalogue.
func Open(s connectors.Settings, rt http.RoundTripper) (*Connector, error) {
	if s.BaseURL == "" {
		s.BaseURL = defaultBase
	}
	if s.CheckPath == "" {
		s.CheckPath = checkPath
	}
	s.Header, s.Scheme = header, scheme
	s.Scopes = slices.Concat(Catalogue(), s.Scopes)
	own, err := brokered.Open(s, rt)
	tokens, problem := readTokens(s)
	if problem != nil {
		err = errors.Join(err, fmt.Errorf("open connection %s: %w", s.Name, problem))
	}
	if err != nil {
		return nil, err
	}
	base := own.Upstream().BaseURL
	for i := range tokens {
		tokens[i].client = newClient(base, tokens[i].value, rt)
	}
	return &Connector{own: own, tokens: tokens, checkPath: s.CheckPath, now: time.Now}, nil
}

// Check asks with the upstream token. A refusal also names the other way to
// earn one.
func (c *Connector) Check(ctx context.Context) error {
	err := c.own.Check(ctx)
	if errors.Is(err, brokered.ErrTokenRefused) {
		return fmt.Errorf("%w; if the token is right, the app's licence in Jira may be invalid, which the vendor answers alike", err)
	}
	return err
}

// Issue makes a key of ours. The vendor's tokens are made by administrators in
// the app's pages.
func (c *Connector) Issue(ctx context.Context, r connectors.IssueRequest) (connectors.Issued, error) {
	if isNative(r.Label) {
		return connectors.Issued{}, fmt.Errorf("%w: a label can't begin with %s", connectors.ErrUnrecoverable, refPrefix)
	}
	return c.own.Issue(ctx, r)
}

// Revoke has nothing to do for a key of ours. A token of the vendor's is nil
// once the vendor refuses it, and ErrUnsupported before: see GuideRevoke.
func (c *Connector) Revoke(ctx context.Context, r connectors.Ref) error {
	if !isNative(r.ID) {
		return c.own.Revoke(ctx, r)
	}
	alive, err := c.Verify(ctx, r)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case alive == connectors.Dead || !isRef(r.ID):
		return nil
	case err != nil:
		return fmt.Errorf("%w: only an administrator can end it, in the app's API Settings (and whether one did is unknown: %s)",
			connectors.ErrUnsupported, err.Error())
	}
	return fmt.Errorf("%w: only an administrator can end it, in the app's API Settings", connectors.ErrUnsupported)
}

// Suspend has nothing to do for a key of ours. A token of the vendor's has its
// Active switch in the app's pages only.
func (c *Connector) Suspend(ctx context.Context, r connectors.Ref) error {
	if isNative(r.ID) {
		return noSwitch(ctx)
	}
	return c.own.Suspend(ctx, r)
}

// Resume is the opposite of Suspend.
func (c *Connector) Resume(ctx context.Context, r connectors.Ref) error {
	if isNative(r.ID) {
		return noSwitch(ctx)
	}
	return c.own.Resume(ctx, r)
}

func noSwitch(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return fmt.Errorf("%w: only an administrator can switch it, by Active in the app's API Settings", connectors.ErrUnsupported)
}

// Scopes returns the catalogue and the configured scopes.
func (c *Connector) Scopes(ctx context.Context) ([]connectors.Scope, error) { return c.own.Scopes(ctx) }

// Upstream says where the gateway sends requests.
func (c *Connector) Upstream() connectors.Upstream { return c.own.Upstream() }
