package tempo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"latchkey/connectors"
	"latchkey/connectors/brokered"
)

// defaultBase is the host the vendor recommends when the region of the data is
// not known. https://api.eu.tempo.io and https://api.us.tempo.io are nearer,
// and answer an authorization error for data of another region (OpenAPI, "Base
// Paths for API Access").
const defaultBase = "https://api.tempo.io"

// checkPath is the cheapest documented read without parameters. That every
// token may read it is unverified: "custom access" might not include it.
const checkPath = "/4/globalconfiguration"

var (
	_ connectors.Connector   = (*Connector)(nil)
	_ connectors.Issuer      = (*Connector)(nil)
	_ connectors.Revoker     = (*Connector)(nil)
	_ connectors.Suspender   = (*Connector)(nil)
	_ connectors.ScopeLister = (*Connector)(nil)
	_ connectors.Broker      = (*Connector)(nil)
	_ connectors.OAuthClient = (*Connector)(nil)
)

// Connector is one Tempo instance.
type Connector struct{ *brokered.Connector }

// Open checks the settings and does not dial. Scopes in the settings come on
// top of the catalogue, and OAuth endpoints in them instead of the vendor's.
func Open(s connectors.Settings, rt http.RoundTripper) (*Connector, error) {
	if s.BaseURL == "" {
		s.BaseURL = defaultBase
	}
	if s.CheckPath == "" {
		s.CheckPath = checkPath
	}
	s.Scopes = slices.Concat(Catalogue(), s.Scopes)
	s.OAuth = withEndpoints(s.OAuth, s.BaseURL)
	c, err := brokered.Open(s, rt)
	if problem := checkJiraURL(s); problem != nil {
		err = errors.Join(err, fmt.Errorf("open connection %s: %w", s.Name, problem))
	}
	if err != nil {
		return nil, err
	}
	return &Connector{Connector: c}, nil
}

// Check reads the global configuration. A refusal also names the other way to
// earn one: the wrong region's host.
func (c *Connector) Check(ctx context.Context) error {
	err := c.Connector.Check(ctx)
	if errors.Is(err, brokered.ErrTokenRefused) {
		return fmt.Errorf("%w; if the token is right, base_url may name another region than the one of your data "+
			"(try %s, https://api.eu.tempo.io or https://api.us.tempo.io)", err, defaultBase)
	}
	return err
}
