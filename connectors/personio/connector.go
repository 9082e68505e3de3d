package personio

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/rest"
	"latchkey/secret"
)

var (
	_ connectors.Connector   = (*Connector)(nil)
	_ connectors.EventSource = (*Connector)(nil)
)

// shortestSecret is for a secret that people choose.
const shortestSecret = 16

// Connector is one Personio company and one webhook of it.
type Connector struct {
	name   string
	hook   secret.Value // what a delivery brings along
	id     string       // of our API credentials
	secret secret.Value // of our API credentials
	base   *url.URL
	wire   http.RoundTripper
	now    func() time.Time
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
	return &Connector{
		name: s.Name, hook: s.SigningSecret, id: s.ClientID, secret: s.ClientSecret, base: base, wire: rt, now: time.Now,
	}, nil
}

func checkSettings(s connectors.Settings) (*url.URL, []error) {
	var problems []error
	switch hook := s.SigningSecret.Expose(); {
	case hook == "":
		problems = append(problems, fmt.Errorf("%w: signing_secret, which the webhook's address ends with: ?token=…", connectors.ErrMissing))
	case len(hook) < shortestSecret:
		problems = append(problems, fmt.Errorf("signing_secret is shorter than %d characters: take `openssl rand -hex 32`", shortestSecret))
	case strings.ContainsFunc(hook, notOfToken):
		problems = append(problems, errors.New("signing_secret holds more than letters, digits and - . _ ~, which an address can carry as they are"))
	}
	if s.ClientID == "" {
		problems = append(problems, fmt.Errorf("%w: client_id", connectors.ErrMissing))
	}
	if s.ClientSecret.Empty() {
		problems = append(problems, fmt.Errorf("%w: client_secret", connectors.ErrMissing))
	}
	if s.BaseURL == "" {
		return &url.URL{Scheme: "https", Host: "api.personio.de"}, problems
	}
	base, err := rest.CheckBase("base_url", s.BaseURL, s.AllowPrivate)
	if err != nil {
		problems = append(problems, err)
	}
	return base, problems
}

func notOfToken(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-._~", r)
}

// Check proves that our API credentials may read persons.
func (c *Connector) Check(ctx context.Context) error {
	a, err := c.signIn(ctx)
	if err == nil {
		_, err = a.client.Do(ctx, rest.Request{
			Method: http.MethodGet, Path: rest.Path("v2", "persons"), Query: url.Values{"limit": {"1"}},
		}, nil)
	}
	switch rest.Status(err) {
	case http.StatusBadRequest, http.StatusUnauthorized:
		return fmt.Errorf("%s: the API credentials were refused: %w", c.name, err)
	case http.StatusForbidden:
		return fmt.Errorf("%s: the API credentials may not read persons: %w", c.name, err)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	return nil
}

// Events implements connectors.EventSource.
func (c *Connector) Events(r *http.Request, body []byte) ([]connectors.PersonEvent, error) {
	events, err := c.events(r, body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	return events, nil
}

func (c *Connector) events(r *http.Request, body []byte) ([]connectors.PersonEvent, error) {
	if err := verify(c.hook, r); err != nil {
		return nil, err
	}
	now := c.now()
	m, ours, err := parse(body, now)
	if err != nil || !ours {
		return nil, err
	}
	a, err := c.signIn(r.Context())
	if err != nil {
		return nil, err
	}
	e, ok, err := a.conclude(r.Context(), m, now)
	if err != nil {
		return nil, fmt.Errorf("read person %s: %w", m.person, err)
	}
	if !ok {
		return nil, nil
	}
	return []connectors.PersonEvent{e}, nil
}
