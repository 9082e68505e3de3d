package ssf

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"latchkey/connectors/rest"
)

const (
	wellKnown = "/.well-known/ssf-configuration"
	timeout   = 10 * time.Second // of a call
	maxBody   = 1 << 20
)

// transmitter is where the keys are.
type transmitter struct {
	issuer       string
	allowPrivate bool
	wire         http.RoundTripper
}

// keys reads the transmitter's configuration, which must name itself, and the
// keys it points at.
func (t transmitter) keys(ctx context.Context) (keySet, error) {
	var configuration struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	where, err := configurationURL(t.issuer)
	if err == nil {
		err = t.get(ctx, where, &configuration)
	}
	switch {
	case err != nil:
		return nil, err
	case configuration.Issuer != t.issuer:
		return nil, errors.New("the transmitter's configuration is of another issuer")
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := t.get(ctx, configuration.Keys, &set); err != nil {
		return nil, err
	}
	keys := parseKeys(set.Keys)
	if len(keys) == 0 {
		return nil, errors.New("the transmitter has no key we can use")
	}
	return keys, nil
}

// configurationURL puts the well-known path between the host of an issuer and
// its own path, as the framework has it.
func configurationURL(issuer string) (string, error) {
	u, err := url.Parse(issuer)
	if err != nil {
		return "", errors.New("the issuer is no URL")
	}
	return u.Scheme + "://" + u.Host + wellKnown + strings.TrimSuffix(u.EscapedPath(), "/"), nil
}

func (t transmitter) get(ctx context.Context, address string, out any) error {
	u, err := url.Parse(address)
	if err != nil {
		return errors.New("the transmitter's jwks_uri is no URL")
	}
	query := u.Query()
	path := u.EscapedPath()
	u.RawQuery = ""
	if _, err := rest.CheckBase("the transmitter's jwks_uri", u.String(), t.allowPrivate); err != nil {
		return err
	}
	client := rest.New(rest.Config{
		Base: &url.URL{Scheme: u.Scheme, Host: u.Host}, Transport: t.wire, MaxBody: maxBody, MaxDepth: 16, Timeout: timeout,
	})
	if _, err := client.Do(ctx, rest.Request{Method: http.MethodGet, Path: path, Query: query}, out); err != nil {
		return fmt.Errorf("%s: %w", u.Host, err)
	}
	return nil
}
