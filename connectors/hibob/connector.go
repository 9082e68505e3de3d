package hibob

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
	_ connectors.Handshaker  = (*Connector)(nil)
)

// Connector is one HiBob company and one webhook of it.
type Connector struct {
	name   string
	key    []byte // the webhook's secret
	client *rest.Client
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
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(s.ClientID+":"+s.Token.Expose()))
	return &Connector{
		name: s.Name, key: []byte(s.SigningSecret.Expose()), now: time.Now,
		client: rest.New(rest.Config{Base: base, Header: "Authorization", Credential: secret.New(basic), Transport: rt}),
	}, nil
}

func checkSettings(s connectors.Settings) (*url.URL, []error) {
	var problems []error
	if s.SigningSecret.Empty() {
		problems = append(problems, fmt.Errorf("%w: signing_secret, the webhook's secret", connectors.ErrMissing))
	}
	switch {
	case s.ClientID == "":
		problems = append(problems, fmt.Errorf("%w: client_id, the service user's ID", connectors.ErrMissing))
	case strings.ContainsFunc(s.ClientID, func(r rune) bool { return unprintable(r) || r == ':' }):
		problems = append(problems, errors.New("client_id holds a colon, a space, a line break or a character outside ASCII"))
	}
	switch {
	case s.Token.Empty():
		problems = append(problems, fmt.Errorf("%w: token, the service user's", connectors.ErrMissing))
	case strings.ContainsFunc(s.Token.Expose(), unprintable):
		problems = append(problems, errors.New("token holds a space, a line break or a character outside ASCII"))
	}
	if s.BaseURL == "" {
		return &url.URL{Scheme: "https", Host: "api.hibob.com"}, problems
	}
	base, err := rest.CheckBase("base_url", s.BaseURL, s.AllowPrivate)
	if err != nil {
		problems = append(problems, err)
	}
	return base, problems
}

func unprintable(r rune) bool { return r <= ' ' || r > '~' }

// Check proves that the service user is let in. Whether it may read a person's
// address shows with the first event: the vendor leaves out what it may not.
func (c *Connector) Check(ctx context.Context) error {
	_, err := c.client.Do(ctx, rest.Request{Method: http.MethodGet, Path: rest.Path("v1", "company", "people", "fields")}, nil)
	switch {
	case rest.Status(err) == http.StatusUnauthorized:
		return fmt.Errorf("%s: the service user was refused: %w", c.name, err)
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
	if err := verify(c.key, r.Header, body); err != nil {
		return nil, err
	}
	if isPing(body) {
		return nil, nil
	}
	m, ours, err := parse(body, c.now())
	if err != nil || !ours {
		return nil, err
	}
	account, err := c.account(r.Context(), m)
	if err != nil {
		return nil, fmt.Errorf("read employee %s: %w", m.employee, err)
	}
	return []connectors.PersonEvent{{
		ID:      m.event + "/" + m.employee + "/" + m.triggeredAt, // the vendor has no ID for it
		Account: account, Active: m.active, At: m.at, Reason: m.event,
	}}, nil
}
