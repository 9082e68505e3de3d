package tempo_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"latchkey/connectors"
	"latchkey/connectors/tempo"
	"latchkey/connectors/tempo/tempotest"
	"latchkey/secret"
)

const (
	callback     = "https://latchkey.example/oauth/tempo/callback"
	clientSecret = "app-secret"
)

func withApp(base string) connectors.Settings {
	s := settings(base)
	s.OAuth = connectors.OAuthSettings{
		ClientID: "app", ClientSecret: secret.New(clientSecret), Params: map[string]string{"jira_url": "https://example.atlassian.net"},
	}
	return s
}

func TestOAuthAppShipsTheEndpoints(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name                     string
		change                   func(*connectors.Settings)
		authorize, token, revoke string
	}{
		{
			"the vendor's", func(*connectors.Settings) {},
			"https://api.tempo.io/oauth/authorize/redirect", "https://api.tempo.io/oauth/token/", "https://api.tempo.io/oauth/revoke_token/",
		},
		{
			"a region's", func(s *connectors.Settings) { s.BaseURL = "https://api.eu.tempo.io/" },
			"https://api.eu.tempo.io/oauth/authorize/redirect", "https://api.eu.tempo.io/oauth/token/", "https://api.eu.tempo.io/oauth/revoke_token/",
		},
		{
			"the configuration's", func(s *connectors.Settings) {
				s.OAuth.AuthorizeURL = "https://x.atlassian.net/plugins/servlet/ac/io.tempo.jira/oauth-authorize/"
				s.OAuth.TokenURL, s.OAuth.RevokeURL = "https://t.example/t", "https://t.example/r"
			},
			"https://x.atlassian.net/plugins/servlet/ac/io.tempo.jira/oauth-authorize/", "https://t.example/t", "https://t.example/r",
		},
	}
	for _, tt := range tests {
		s := withApp("")
		s.AllowPrivate = false
		tt.change(&s)
		app, ok := open(t, s).OAuthApp()
		if !ok || app.AuthorizeURL != tt.authorize || app.TokenURL != tt.token || app.RevokeURL != tt.revoke {
			t.Errorf("%s: ok %t, %s %s %s", tt.name, ok, app.AuthorizeURL, app.TokenURL, app.RevokeURL)
		}
		if app.Params["jira_url"] != "https://example.atlassian.net" || len(app.Scopes) != 0 {
			t.Errorf("%s: params %v, scopes %v", tt.name, app.Params, app.Scopes)
		}
	}
	if _, ok := open(t, settings("https://api.tempo.io")).OAuthApp(); ok {
		t.Error("an app where none is configured")
	}
}

func TestOpenChecksTheOAuthApp(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		change  func(*connectors.Settings)
		missing bool
		want    string
	}{
		{"no site", func(s *connectors.Settings) { s.OAuth.Params = nil }, true, "oauth.params.jira_url"},
		{"no secret", func(s *connectors.Settings) { s.OAuth.ClientSecret = secret.Value{} }, true, "oauth.client_secret"},
		{"no id", func(s *connectors.Settings) { s.OAuth.ClientID = "" }, true, "oauth.client_id"},
		{"clear site", func(s *connectors.Settings) { s.OAuth.Params["jira_url"] = "http://x.atlassian.net" }, false, "jira_url must be https"},
		{"site's name", func(s *connectors.Settings) { s.OAuth.Params["jira_url"] = "x.atlassian.net" }, false, "jira_url is not a URL"},
		{"site with a path", func(s *connectors.Settings) { s.OAuth.Params["jira_url"] = "https://x.atlassian.net/jira" }, false, "site alone"},
		{"site with a query", func(s *connectors.Settings) { s.OAuth.Params["jira_url"] = "https://x.atlassian.net?x" }, false, "site alone"},
		{"clear endpoint", func(s *connectors.Settings) { s.OAuth.TokenURL = "http://t.example/t" }, false, "oauth.token_url must be https"},
	}
	for _, tt := range tests {
		s := withApp("")
		s.AllowPrivate = false
		tt.change(&s)
		_, err := tempo.Open(s, http.DefaultTransport)
		if err == nil || !strings.Contains(err.Error(), tt.want) || errors.Is(err, connectors.ErrMissing) != tt.missing {
			t.Errorf("%s: err = %v, want %q, missing %t", tt.name, err, tt.want, tt.missing)
		}
	}
	s := withApp("")
	s.Name, s.OAuth.Params = "", nil
	_, err := tempo.Open(s, http.DefaultTransport)
	if err == nil || !strings.Contains(err.Error(), "jira_url") || !strings.Contains(err.Error(), "name") {
		t.Errorf("not every problem is reported: %v", err)
	}
}

// What the connector says is enough to connect a person with an ordinary OAuth
// client, and the tokens work at the API.
func TestOAuthAppConnects(t *testing.T) {
	t.Parallel()
	d, base := tempotest.Start(t, tempotest.Config{PerSecond: -1, Apps: []tempotest.App{
		{Name: "Latchkey", ClientID: "app", ClientSecret: secret.New(clientSecret), RedirectURLs: []string{callback}},
	}})
	app, ok := open(t, withApp(base)).OAuthApp()
	if !ok {
		t.Fatal("no app")
	}
	conf := oauth2.Config{
		ClientID: app.ClientID, ClientSecret: app.ClientSecret.Expose(), RedirectURL: callback, Scopes: app.Scopes,
		Endpoint: oauth2.Endpoint{AuthURL: app.AuthorizeURL, TokenURL: app.TokenURL},
	}
	client := &http.Client{Transport: app.Transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	var params []oauth2.AuthCodeOption
	for name, value := range app.Params {
		params = append(params, oauth2.SetAuthURLParam(name, value))
	}
	resp, err := client.PostForm(conf.AuthCodeURL("s", params...), url.Values{"person": {tempotest.Frank}, "decision": {"allow"}})
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	back, err := resp.Location()
	if err != nil {
		t.Fatalf("consent = %d: %v", resp.StatusCode, err)
	}
	pair, err := conf.Exchange(context.WithValue(t.Context(), oauth2.HTTPClient, client), back.Query().Get("code"))
	if err != nil {
		t.Fatal(err)
	}

	s := settings(base)
	s.Token = secret.New(pair.AccessToken)
	if err := open(t, s).Check(t.Context()); err != nil || d.LastPerson() != tempotest.Frank {
		t.Errorf("check with the person's token: %v, as %q", err, d.LastPerson())
	}
	resp, err = client.PostForm(app.RevokeURL, url.Values{
		"token_type_hint": {"refresh_token"}, "token": {pair.RefreshToken},
		"client_id": {app.ClientID}, "client_secret": {app.ClientSecret.Expose()},
	})
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if err := open(t, s).Check(t.Context()); err == nil || d.GrantAlive(tempotest.Frank) {
		t.Error("the token works after the revoke")
	}
}
