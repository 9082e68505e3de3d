package ssf

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"mime"
	"net/http"
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

// Connector is one stream of one transmitter.
type Connector struct {
	name     string
	issuer   string
	audience string
	bearer   secret.Value // empty: a delivery needs none
	keys     *keyring
	now      func() time.Time
}

// Open checks the settings, reporting every problem at once, and does not
// dial.
func Open(s connectors.Settings, rt http.RoundTripper) (*Connector, error) {
	problems := checkSettings(s)
	if rt == nil {
		problems = append(problems, fmt.Errorf("%w: transport", connectors.ErrMissing))
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("open connection %s: %w", s.Name, errors.Join(problems...))
	}
	c := &Connector{name: s.Name, issuer: s.Issuer, audience: s.Audience, bearer: s.SigningSecret, now: time.Now}
	t := transmitter{issuer: s.Issuer, allowPrivate: s.AllowPrivate, wire: rt}
	c.keys = newKeyring(t.keys, func() time.Time { return c.now() })
	return c, nil
}

func checkSettings(s connectors.Settings) []error {
	var problems []error
	if s.Issuer == "" {
		problems = append(problems, fmt.Errorf("%w: issuer, the transmitter as its tokens name it", connectors.ErrMissing))
	} else if _, err := rest.CheckBase("issuer", s.Issuer, s.AllowPrivate); err != nil {
		problems = append(problems, err)
	}
	if s.Audience == "" {
		problems = append(problems, fmt.Errorf("%w: audience, this stream as its tokens name it", connectors.ErrMissing))
	}
	if strings.ContainsFunc(s.SigningSecret.Expose(), func(r rune) bool { return r <= ' ' || r > '~' }) {
		problems = append(problems, errors.New("signing_secret, the bearer token of deliveries, holds a character that no token has"))
	}
	return problems
}

// Check proves that the transmitter says who it is and shows keys we can use.
func (c *Connector) Check(ctx context.Context) error {
	if _, err := c.keys.fetch(ctx); err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	return nil
}

// Events implements connectors.EventSource. A token about nobody's coming or
// going, the stream's own verification among them, is no event and no error:
// the transmitter wants it accepted.
func (c *Connector) Events(r *http.Request, body []byte) ([]connectors.PersonEvent, error) {
	events, err := c.events(r, body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	return events, nil
}

func (c *Connector) events(r *http.Request, body []byte) ([]connectors.PersonEvent, error) {
	if err := c.checkBearer(r.Header); err != nil {
		return nil, err
	}
	now := c.now()
	set, err := c.verify(r.Context(), body, now)
	if err != nil {
		return nil, err
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/secevent+jwt" {
		return nil, malformed("want Content-Type: application/secevent+jwt")
	}
	e, ok, err := set.personEvent(c.issuer, now)
	if err != nil || !ok {
		return nil, err
	}
	return []connectors.PersonEvent{e}, nil
}

func (c *Connector) checkBearer(h http.Header) error {
	if c.bearer.Empty() {
		return nil
	}
	headers := h.Values("Authorization")
	if len(headers) != 1 {
		return unverified("want one Authorization header")
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	got, want := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(c.bearer.Expose()))
	if !hmac.Equal(got[:], want[:]) || !strings.EqualFold(scheme, "Bearer") {
		return unverified("the Authorization header is not the stream's")
	}
	return nil
}

func unverified(why string) error { return fmt.Errorf("%w: %s", connectors.ErrUnverified, why) }

func malformed(why string) error { return fmt.Errorf("%w: %s", connectors.ErrMalformed, why) }
