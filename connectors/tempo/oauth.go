package tempo

import (
	"cmp"
	"errors"
	"net/url"
	"strings"

	"latchkey/connectors"
	"latchkey/connectors/brokered"
)

// Tempo's OAuth 2.0 (3LO) endpoints, below the base URL. The vendor documents
// them on its universal host; that the regional ones serve them is unverified.
const (
	authorizePath = "/oauth/authorize/redirect"
	tokenPath     = "/oauth/token/" //nolint:gosec // a path
	revokePath    = "/oauth/revoke_token/"
)

// jiraURL is the parameter of the authorize URL that says whose Tempo it is:
// an app belongs to one instance.
const jiraURL = "jira_url"

// withEndpoints fills in the vendor's endpoints where an app is configured and
// the settings name no other ones.
func withEndpoints(o connectors.OAuthSettings, base string) connectors.OAuthSettings {
	if o.ClientID == "" {
		return o
	}
	base = strings.TrimSuffix(base, "/")
	o.AuthorizeURL = cmp.Or(o.AuthorizeURL, base+authorizePath)
	o.TokenURL = cmp.Or(o.TokenURL, base+tokenPath)
	o.RevokeURL = cmp.Or(o.RevokeURL, base+revokePath)
	return o
}

// checkJiraURL wants the address of the Jira site and nothing behind it.
func checkJiraURL(s connectors.Settings) error {
	if s.OAuth.ClientID == "" {
		return nil
	}
	const setting = "oauth.params." + jiraURL
	raw := s.OAuth.Params[jiraURL]
	if err := brokered.CheckEndpoint(setting, raw, s.AllowPrivate); err != nil {
		return err
	}
	u, err := url.Parse(raw)
	if err != nil || u.Path != "" || strings.Contains(raw, "?") {
		return errors.New(setting + " must be the address of the Jira site alone, such as https://example.atlassian.net")
	}
	return nil
}
