package github

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
	defaultWeb  = "https://github.com"
	maxToken    = 1 << 10
)

// Open checks the settings, reporting every problem at once, and does not
// dial.
func Open(s connectors.Settings, rt http.RoundTripper) (*Connector, error) {
	if s.BaseURL == "" {
		s.BaseURL = defaultBase
	}
	problems := missing(s)
	if s.OrgID != "" && !isLogin(s.OrgID) {
		problems = append(problems, fmt.Errorf("org_id %q is not the login of an organisation", s.OrgID))
	}
	if !s.Token.Empty() && !fitsHeader(s.Token.Expose()) {
		problems = append(problems, errors.New("token is too long, or holds a space or a character no header can carry"))
	}
	base, err := checkBase(s)
	if err != nil {
		problems = append(problems, err)
	}
	if rt == nil {
		problems = append(problems, fmt.Errorf("%w: transport", connectors.ErrMissing))
	}
	if len(problems) == 0 {
		var c *Connector
		if c, err = build(s, base, rt); err == nil {
			return c, nil
		}
		problems = append(problems, err)
	}
	return nil, fmt.Errorf("open connection %s: %w", s.Name, errors.Join(problems...))
}

func build(s connectors.Settings, base *url.URL, rt http.RoundTripper) (*Connector, error) {
	// The library's own words on a bad key are left out: they are about the key.
	signer, err := ghinstallation.NewAppsTransport(rt, s.AppID, []byte(s.PrivateKey.Expose()))
	if err != nil {
		return nil, errors.New("private_key is not an RSA private key in PEM")
	}
	signer.BaseURL = strings.TrimSuffix(base.String(), "/")
	c := &Connector{name: s.Name, org: s.OrgID, web: webOf(base), now: time.Now, installation: s.InstallationID, tail: tailOf(s.Token)}
	asApp, err := newAPI(base, signer)
	if err != nil {
		return nil, err
	}
	if c.app, err = newAPI(base, newInstallation(asApp, s.InstallationID, rt, time.Now)); err != nil {
		return nil, err
	}
	if c.nobody, err = newAPI(base, rt); err != nil {
		return nil, err
	}
	c.partner, c.hookSecret = &partner{nobody: c.nobody, now: time.Now}, s.SigningSecret
	if s.Token.Empty() {
		return c, nil
	}
	if c.owner, err = newAPI(base, &bearer{next: rt, token: s.Token}); err != nil {
		return nil, err
	}
	return c, nil
}

func missing(s connectors.Settings) []error {
	var problems []error
	for _, need := range []struct {
		key    string
		absent bool
	}{
		{"org_id", s.OrgID == ""},
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

func checkBase(s connectors.Settings) (*url.URL, error) {
	base, err := rest.CheckBase("base_url", s.BaseURL, s.AllowPrivate)
	if err != nil {
		return nil, err
	}
	base.Path = strings.TrimSuffix(base.Path, "/") + "/"
	return base, nil
}

// webOf is where people go: a GitHub Enterprise Server has its pages beside
// /api/v3, and an enterprise with data residency at its own name of ghe.com.
func webOf(base *url.URL) string {
	if prefix, ok := strings.CutSuffix(base.Path, "/api/v3/"); ok {
		return base.Scheme + "://" + base.Host + prefix
	}
	if own, ok := strings.CutPrefix(base.Host, "api."); ok && strings.HasSuffix(own, ".ghe.com") {
		return base.Scheme + "://" + own
	}
	return defaultWeb
}

// isLogin tells what may be the login of a user or organisation. Managed users
// have an underscore in theirs, and bots end in [bot].
func isLogin(s string) bool {
	s = strings.TrimSuffix(s, "[bot]")
	return s != "" && len(s) <= 100 && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
}

func fitsHeader(s string) bool {
	return s != "" && len(s) <= maxToken && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}
