package githubsecrets

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"

	"latchkey/connectors"
	"latchkey/connectors/rest"
)

const (
	defaultBase = "https://api.github.com"
	maxToken    = 1 << 10
)

// Open checks the settings, reporting every problem at once, and does not
// dial. It takes either a token, or the App of app_id, installation_id and
// private_key.
func Open(s connectors.Settings, rt http.RoundTripper) (*Connector, error) {
	if s.BaseURL == "" {
		s.BaseURL = defaultBase
	}
	problems := credentialProblems(s)
	base, err := rest.CheckBase("base_url", s.BaseURL, s.AllowPrivate)
	if err != nil {
		problems = append(problems, err)
	}
	if rt == nil {
		problems = append(problems, fmt.Errorf("%w: transport", connectors.ErrMissing))
	}
	if len(problems) == 0 {
		base.Path = strings.TrimSuffix(base.Path, "/") + "/" // as the vendor's client wants it
		var c *Connector
		if c, err = build(s, base, rt); err == nil {
			return c, nil
		}
		problems = append(problems, err)
	}
	return nil, fmt.Errorf("open connection %s: %w", s.Name, errors.Join(problems...))
}

func build(s connectors.Settings, base *url.URL, rt http.RoundTripper) (*Connector, error) {
	c := &Connector{now: time.Now, repositories: named(s.Places), self: []string{"user"}}
	signed := http.RoundTripper(&bearer{next: rt, token: s.Token})
	if s.Token.Empty() {
		// The library's own words on a bad key are left out: they are about the key.
		app, err := ghinstallation.NewAppsTransport(rt, s.AppID, []byte(s.PrivateKey.Expose()))
		if err != nil {
			return nil, errors.New("private_key is not an RSA private key in PEM")
		}
		exchange, err := newAPI(base, app)
		if err != nil {
			return nil, err
		}
		c.self = []string{"installation", "repositories"}
		signed = &installation{app: exchange, id: s.InstallationID, next: rt, now: time.Now, turn: make(chan struct{}, 1)}
	}
	var err error
	c.api, err = newAPI(base, signed)
	return c, err
}

// credentialProblems wants one of two ways to authenticate, and all of it.
func credentialProblems(s connectors.Settings) []error {
	app := s.AppID != 0 || s.InstallationID != 0 || !s.PrivateKey.Empty()
	switch {
	case !s.Token.Empty() && app:
		return []error{errors.New("token, and app_id with installation_id and private_key, are two ways to authenticate: leave one out")}
	case !s.Token.Empty() && !fitsHeader(s.Token.Expose()):
		return []error{errors.New("token is too long, or holds a space or a character no header can carry")}
	case !s.Token.Empty():
		return nil
	case !app:
		return []error{fmt.Errorf("%w: token, or app_id with installation_id and private_key", connectors.ErrMissing)}
	}
	var problems []error
	for _, need := range []struct {
		key    string
		absent bool
	}{
		{"app_id", s.AppID <= 0},
		{"installation_id", s.InstallationID <= 0},
		{"private_key", s.PrivateKey.Empty()},
	} {
		if need.absent {
			problems = append(problems, fmt.Errorf("%w: %s", connectors.ErrMissing, need.key))
		}
	}
	return problems
}

func fitsHeader(s string) bool {
	return s != "" && len(s) <= maxToken && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}
