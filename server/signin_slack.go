package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"latchkey/secret"
)

// SlackIssuer is who signs Slack's ID tokens.
const SlackIssuer = "https://slack.com"

// SignIn is how people sign in to the console: with Slack's OpenID Connect.
type SignIn struct {
	ClientID     string
	ClientSecret secret.Value
	Issuer       string // empty: Slack itself
}

// slackWithin bounds one call to Slack.
const slackWithin = 10 * time.Second

// slackSignIn knows Slack's side of a sign-in. It asks Slack for its addresses
// and keys when somebody signs in first, so that Slack need not answer at the
// start. Safe for concurrent use.
type slackSignIn struct {
	config SignIn
	client *http.Client

	mu       sync.Mutex
	provider *oidc.Provider
}

func newSlackSignIn(c SignIn) *slackSignIn {
	if c.Issuer == "" {
		c.Issuer = SlackIssuer
	}
	return &slackSignIn{config: c, client: &http.Client{Timeout: slackWithin}}
}

// known reads Slack's discovery document, once; those who sign in before it is
// there do not wait for each other.
func (s *slackSignIn) known(ctx context.Context) (*oidc.Provider, error) {
	s.mu.Lock()
	p := s.provider
	s.mu.Unlock()
	if p != nil {
		return p, nil
	}
	p, err := oidc.NewProvider(oidc.ClientContext(ctx, s.client), s.config.Issuer)
	if err != nil {
		return nil, fmt.Errorf("read how to sign in with Slack: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.provider == nil {
		s.provider = p
	}
	return s.provider, nil
}

func (s *slackSignIn) oauth(p *oidc.Provider, redirect string) *oauth2.Config {
	endpoint := p.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInParams // or it would be found out by trying, which spends the code
	return &oauth2.Config{ClientID: s.config.ClientID, ClientSecret: s.config.ClientSecret.Expose(), Endpoint: endpoint,
		RedirectURL: redirect, Scopes: []string{oidc.ScopeOpenID}}
}

// location is where Slack asks a person.
func (s *slackSignIn) location(ctx context.Context, redirect string, trip roundTrip) (string, error) {
	p, err := s.known(ctx)
	if err != nil {
		return "", err
	}
	return s.oauth(p, redirect).AuthCodeURL(trip.state, oidc.Nonce(trip.nonce), oauth2.S256ChallengeOption(trip.verifier)), nil
}

// identity is whom Slack vouches for.
type identity struct{ team, user string }

// errNotVouched says that what Slack, or somebody in its name, answered does
// not prove who signs in.
var errNotVouched = errors.New("slack's answer proves nothing")

// vouched exchanges a code and checks the answer: that Slack signed it, for
// this app, for this round trip and now.
func (s *slackSignIn) vouched(ctx context.Context, redirect, code string, trip roundTrip, now time.Time) (identity, error) {
	p, err := s.known(ctx)
	if err != nil {
		return identity{}, err
	}
	ctx = oidc.ClientContext(ctx, s.client)
	token, err := s.oauth(p, redirect).Exchange(ctx, code, oauth2.VerifierOption(trip.verifier))
	if err != nil {
		return identity{}, codeError(err)
	}
	raw, _ := token.Extra("id_token").(string)
	verifier := p.VerifierContext(ctx, &oidc.Config{ClientID: s.config.ClientID, SupportedSigningAlgs: []string{oidc.RS256}, Now: func() time.Time { return now }})
	id, err := verifier.Verify(ctx, raw)
	if err != nil {
		return identity{}, fmt.Errorf("%w: %w", errNotVouched, err)
	}
	if id.Nonce != trip.nonce {
		return identity{}, fmt.Errorf("%w: it has another nonce", errNotVouched)
	}
	if id.AccessTokenHash != "" {
		if err := id.VerifyAccessToken(token.AccessToken); err != nil {
			return identity{}, fmt.Errorf("%w: %w", errNotVouched, err)
		}
	}
	var claims struct {
		Team string `json:"https://slack.com/team_id"`
		User string `json:"https://slack.com/user_id"`
	}
	if err := id.Claims(&claims); err != nil || claims.Team == "" || claims.User == "" {
		return identity{}, fmt.Errorf("%w: it names no account of a workspace", errNotVouched)
	}
	return identity{claims.Team, claims.User}, nil
}

// codeError tells a code that Slack refused, which it also does with status
// 200, from a Slack that does not answer. It leaves out what the answer was,
// which may hold a token.
func codeError(err error) error {
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	switch {
	case !ok:
		return fmt.Errorf("exchange code: %w", err)
	case refused.Response.StatusCode >= http.StatusInternalServerError, refused.Response.StatusCode == http.StatusTooManyRequests:
		return fmt.Errorf("exchange code: Slack answered with status %d", refused.Response.StatusCode)
	}
	return fmt.Errorf("%w: exchange code: refused with status %d", errNotVouched, refused.Response.StatusCode)
}
