package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"latchkey/connectors"
)

var (
	_ connectors.Connector   = (*Connector)(nil)
	_ connectors.EventSource = (*Connector)(nil)
)

// shortestSecret is for a secret that people choose: 16 characters of a good
// generator are more than anybody can try.
const shortestSecret = 16

// Connector is one sender and the secret it signs with.
type Connector struct {
	name   string
	secret []byte
	now    func() time.Time
}

// Open checks the settings. There is nobody to dial: the transport is unused.
func Open(s connectors.Settings, _ http.RoundTripper) (*Connector, error) {
	if err := checkSecret(s.SigningSecret.Expose()); err != nil {
		return nil, fmt.Errorf("open connection %s: %w", s.Name, err)
	}
	return &Connector{name: s.Name, secret: []byte(s.SigningSecret.Expose()), now: time.Now}, nil
}

func checkSecret(s string) error {
	switch {
	case s == "":
		return fmt.Errorf("%w: signing_secret", connectors.ErrMissing)
	case len(s) < shortestSecret:
		return fmt.Errorf("signing_secret is shorter than %d characters: take `openssl rand -hex 32`", shortestSecret)
	case strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }):
		return errors.New("signing_secret holds a space, a line break or a character outside ASCII")
	}
	return nil
}

// Check has nothing to ask: a sender can't be called.
func (*Connector) Check(context.Context) error { return nil }

// Events implements connectors.EventSource.
func (c *Connector) Events(r *http.Request, body []byte) ([]connectors.PersonEvent, error) {
	now := c.now()
	err := verify(c.secret, r.Header, body, now)
	if err == nil {
		err = checkType(r.Header)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	events, err := parse(body, now)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	return events, nil
}

func unverified(why string) error { return fmt.Errorf("%w: %s", connectors.ErrUnverified, why) }

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", connectors.ErrMalformed, fmt.Sprintf(format, args...))
}
