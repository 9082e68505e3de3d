package brokered

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"latchkey/connectors"
)

// OAuthApp is the app of the configuration. People connect it, and the gateway
// sends their own tokens upstream instead of the configured one.
func (c *Connector) OAuthApp() (connectors.OAuthApp, bool) {
	if c.oauth.ClientID == "" {
		return connectors.OAuthApp{}, false
	}
	app := c.oauth
	app.Params = maps.Clone(app.Params)
	app.Scopes = slices.Clone(app.Scopes)
	return app, true
}

// oauthApp copies the settings, which checkOAuth has judged.
func oauthApp(s connectors.OAuthSettings, rt http.RoundTripper) connectors.OAuthApp {
	if s.ClientID == "" {
		return connectors.OAuthApp{}
	}
	return connectors.OAuthApp{
		ClientID:     s.ClientID,
		ClientSecret: s.ClientSecret,
		AuthorizeURL: s.AuthorizeURL,
		Params:       maps.Clone(s.Params),
		TokenURL:     s.TokenURL,
		RevokeURL:    s.RevokeURL,
		Scopes:       slices.Clone(s.Scopes),
		Transport:    rt,
	}
}

// checkOAuth reports every problem of the oauth block. None at all is fine; a
// block without its client_id is a mistake, not a wish to have no app.
func checkOAuth(s connectors.Settings) []error {
	o := s.OAuth
	var problems []error
	report := func(err error) {
		if err != nil {
			problems = append(problems, err)
		}
	}
	if o.ClientID == "" {
		if !o.ClientSecret.Empty() || o.AuthorizeURL+o.TokenURL+o.RevokeURL != "" || len(o.Scopes)+len(o.Params) > 0 {
			report(fmt.Errorf("%w: oauth.client_id", connectors.ErrMissing))
		}
		return problems
	}
	if !isPrintable(o.ClientID) {
		report(errors.New("oauth.client_id holds a space or a character that is not printable ASCII"))
	}
	switch {
	case o.ClientSecret.Empty():
		report(fmt.Errorf("%w: oauth.client_secret", connectors.ErrMissing))
	case !isPrintable(o.ClientSecret.Expose()):
		report(errors.New("oauth.client_secret holds a space or a character that is not printable ASCII"))
	}
	report(CheckEndpoint("oauth.authorize_url", o.AuthorizeURL, s.AllowPrivate))
	report(CheckEndpoint("oauth.token_url", o.TokenURL, s.AllowPrivate))
	if o.RevokeURL != "" {
		report(CheckEndpoint("oauth.revoke_url", o.RevokeURL, s.AllowPrivate))
	}
	for _, scope := range o.Scopes {
		if !isPrintable(scope) {
			report(errors.New("oauth.scopes holds an empty name, or one with a space or a character that is not printable ASCII"))
		}
	}
	report(checkParams(o.Params))
	return problems
}

// CheckEndpoint accepts the absolute https URL of an OAuth endpoint (http too,
// where private addresses are allowed) and names the setting otherwise, without
// quoting its value. A query is allowed and a fragment is not (RFC 6749, 3.1).
func CheckEndpoint(setting, raw string, allowPrivate bool) error {
	if raw == "" {
		return fmt.Errorf("%w: %s", connectors.ErrMissing, setting)
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || !isPrintable(raw) {
		return fmt.Errorf("%s is not a URL with a host", setting) // the parser's error quotes it
	}
	switch {
	case u.Scheme != "https" && (u.Scheme != "http" || !allowPrivate):
		return fmt.Errorf("%s must be https: http would send secrets in clear (allow_private permits http)", setting)
	case u.User != nil:
		return fmt.Errorf("%s holds a user or password", setting)
	case strings.Contains(raw, "#"):
		return fmt.Errorf("%s holds a fragment", setting)
	}
	return nil
}

// checkParams refuses parameters that the flow itself sets: a fixed state, say,
// would let anybody bring their own grant into another person's browser.
func checkParams(params map[string]string) error {
	ours := []string{
		"client_id", "client_secret", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce",
		"code_challenge", "code_challenge_method",
	}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if slices.Contains(ours, name) {
			return fmt.Errorf("oauth.params.%s can't be set: Latchkey sets it for each person", name)
		}
		if !isToken(name) || params[name] == "" {
			return fmt.Errorf("oauth.params: %q is not a name with a value", name)
		}
	}
	return nil
}

func isPrintable(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}
