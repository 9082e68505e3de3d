package bamboohr

import (
	"context"
	"encoding/base64"
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

// Connector is one BambooHR account and one webhook of it.
type Connector struct {
	name    string
	company string // the subdomain
	key     []byte // the webhook's private key
	client  *rest.Client
	now     func() time.Time
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
	// The vendor looks at the user alone; the password can be anything.
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(s.APIKey.Expose()+":x"))
	return &Connector{
		name: s.Name, company: s.Company, key: []byte(s.SigningSecret.Expose()), now: time.Now,
		client: rest.New(rest.Config{Base: base, Header: "Authorization", Credential: secret.New(basic), Transport: rt}),
	}, nil
}

func checkSettings(s connectors.Settings) (*url.URL, []error) {
	var problems []error
	if s.SigningSecret.Empty() {
		problems = append(problems, fmt.Errorf("%w: signing_secret, the webhook's private key", connectors.ErrMissing))
	}
	switch key := s.APIKey.Expose(); {
	case key == "":
		problems = append(problems, fmt.Errorf("%w: api_key", connectors.ErrMissing))
	case strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' || r == ':' }):
		problems = append(problems, errors.New("api_key holds a colon, a space, a line break or a character outside ASCII"))
	}
	base, err := baseOf(s)
	if err != nil {
		problems = append(problems, err)
	}
	return base, problems
}

func baseOf(s connectors.Settings) (*url.URL, error) {
	switch {
	case s.Company == "":
		return nil, fmt.Errorf("%w: company, the account's subdomain", connectors.ErrMissing)
	case strings.ContainsFunc(s.Company, notOfSubdomain):
		return nil, errors.New("company is the subdomain alone: acme of acme.bamboohr.com")
	case s.BaseURL != "":
		return rest.CheckBase("base_url", s.BaseURL, s.AllowPrivate)
	}
	return &url.URL{Scheme: "https", Host: strings.ToLower(s.Company) + ".bamboohr.com", Path: "/api"}, nil
}

func notOfSubdomain(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
}

// Check proves that the API key is taken. Whether it may read the status of
// employees shows with the first event: the vendor leaves out what a key may
// not read.
func (c *Connector) Check(ctx context.Context) error {
	_, err := c.client.Do(ctx, rest.Request{Method: http.MethodGet, Path: rest.Path("v1", "meta", "fields")}, nil)
	switch {
	case rest.Status(err) == http.StatusUnauthorized:
		return fmt.Errorf("%s: the API key was refused: %w", c.name, err)
	case err != nil:
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
	now := c.now()
	sent, err := verify(c.key, r.Header, body, now)
	if err != nil {
		return nil, err
	}
	changes, err := parse(r.Header, body, sent, c.company)
	if err != nil {
		return nil, err
	}
	var out []connectors.PersonEvent
	for _, ch := range changes {
		e, ok, err := c.conclude(r.Context(), ch, now)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, e)
		}
	}
	return out, nil
}

func unverified(why string) error { return fmt.Errorf("%w: %s", connectors.ErrUnverified, why) }

func malformed(why string) error { return fmt.Errorf("%w: %s", connectors.ErrMalformed, why) }
