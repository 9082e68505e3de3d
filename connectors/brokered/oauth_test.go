package brokered_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/connectors"
	"latchkey/connectors/brokered"
	"latchkey/secret"
)

const clientSecret = "client-secret-9"

func withApp() connectors.Settings {
	s := settings("https://api.example.com")
	s.AllowPrivate = false
	s.OAuth = connectors.OAuthSettings{
		ClientID: "latchkey", ClientSecret: secret.New(clientSecret),
		AuthorizeURL: "https://id.example.com/authorize?tenant=7", TokenURL: "https://id.example.com/token",
		RevokeURL: "https://id.example.com/revoke", Scopes: []string{"read", "write"}, Params: map[string]string{"audience": "api"},
	}
	return s
}

func TestOAuthApp(t *testing.T) {
	t.Parallel()
	s := withApp()
	rt := connectors.NewTransport(s)
	c, err := brokered.Open(s, rt)
	if err != nil {
		t.Fatal(err)
	}
	app, ok := c.OAuthApp()
	if !ok || app.ClientID != "latchkey" || app.ClientSecret.Expose() != clientSecret || app.Transport != rt {
		t.Errorf("app %s, ok %t", app.ClientID, ok)
	}
	urls := []string{"https://id.example.com/authorize?tenant=7", "https://id.example.com/token", "https://id.example.com/revoke"}
	if diff := cmp.Diff(urls, []string{app.AuthorizeURL, app.TokenURL, app.RevokeURL}); diff != "" {
		t.Errorf("endpoints (-want +got):\n%s", diff)
	}
	app.Params["audience"], app.Scopes[0], s.OAuth.Scopes[1] = "changed", "changed", "changed"
	again, _ := c.OAuthApp()
	if diff := cmp.Diff([]string{"read", "write"}, again.Scopes); diff != "" || again.Params["audience"] != "api" {
		t.Errorf("a caller changed the connector: %v\n%s", again.Params, diff)
	}

	s = settings("https://api.example.com")
	if c, err = brokered.Open(s, rt); err != nil {
		t.Fatal(err)
	}
	if app, ok := c.OAuthApp(); ok || app.Transport != nil {
		t.Errorf("an app where none is configured: %+v", app)
	}
}

func TestOpenChecksTheOAuthApp(t *testing.T) {
	t.Parallel()
	const password = "hunter2"
	tests := []struct {
		name    string
		change  func(*connectors.Settings)
		missing bool
		want    string // empty: it opens
	}{
		{"whole", func(*connectors.Settings) {}, false, ""},
		{"no revoke_url", func(s *connectors.Settings) { s.OAuth.RevokeURL = "" }, false, ""},
		{"nothing but the endpoints", func(s *connectors.Settings) { s.OAuth.Scopes, s.OAuth.Params = nil, nil }, false, ""},
		{"none at all", func(s *connectors.Settings) { s.OAuth = connectors.OAuthSettings{} }, false, ""},
		{"private http", func(s *connectors.Settings) { s.AllowPrivate, s.OAuth.TokenURL = true, "http://127.0.0.1:1/token" }, false, ""},
		{"no client_id", func(s *connectors.Settings) { s.OAuth.ClientID = "" }, true, "oauth.client_id"},
		{"no client_secret", func(s *connectors.Settings) { s.OAuth.ClientSecret = secret.New("") }, true, "oauth.client_secret"},
		{"no authorize_url", func(s *connectors.Settings) { s.OAuth.AuthorizeURL = "" }, true, "oauth.authorize_url"},
		{"no token_url", func(s *connectors.Settings) { s.OAuth.TokenURL = "" }, true, "oauth.token_url"},
		{"id with a space", func(s *connectors.Settings) { s.OAuth.ClientID = "a b" }, false, "oauth.client_id"},
		{"secret with a break", func(s *connectors.Settings) { s.OAuth.ClientSecret = secret.New(password + "\n") }, false, "oauth.client_secret"},
		{"clear authorize_url", func(s *connectors.Settings) { s.OAuth.AuthorizeURL = "http://id.example.com/a" }, false, "oauth.authorize_url must be https"},
		{"clear token_url", func(s *connectors.Settings) { s.OAuth.TokenURL = "http://id.example.com/a" }, false, "oauth.token_url must be https"},
		{"clear revoke_url", func(s *connectors.Settings) { s.OAuth.RevokeURL = "http://id.example.com/a" }, false, "oauth.revoke_url must be https"},
		{"script", func(s *connectors.Settings) { s.OAuth.AuthorizeURL = "javascript://x/%0aalert(1)" }, false, "oauth.authorize_url must be https"},
		{"no host", func(s *connectors.Settings) { s.OAuth.TokenURL = "/token" }, false, "oauth.token_url is not a URL"},
		{"password", func(s *connectors.Settings) { s.OAuth.TokenURL = "https://u:" + password + "@id.example.com/t" }, false, "oauth.token_url holds a user"},
		{"password, unparsed", func(s *connectors.Settings) { s.OAuth.TokenURL = "https://u:" + password + "@id.example.com:x/t" }, false, "oauth.token_url is not a URL"},
		{"fragment", func(s *connectors.Settings) { s.OAuth.TokenURL += "#x" }, false, "oauth.token_url holds a fragment"},
		{"scopes in one", func(s *connectors.Settings) { s.OAuth.Scopes = []string{"a b"} }, false, "oauth.scopes"},
		{"fixed state", func(s *connectors.Settings) { s.OAuth.Params = map[string]string{"state": "x"} }, false, "oauth.params.state"},
		{"fixed redirect", func(s *connectors.Settings) { s.OAuth.Params = map[string]string{"redirect_uri": "x"} }, false, "oauth.params.redirect_uri"},
		{"empty parameter", func(s *connectors.Settings) { s.OAuth.Params = map[string]string{"audience": ""} }, false, `"audience"`},
	}
	for _, tt := range tests {
		s := withApp()
		tt.change(&s)
		_, err := brokered.Open(s, http.DefaultTransport)
		if tt.want == "" {
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) || errors.Is(err, connectors.ErrMissing) != tt.missing {
			t.Errorf("%s: err = %v, want %q, missing %t", tt.name, err, tt.want, tt.missing)
			continue
		}
		if strings.Contains(err.Error(), password) || strings.Contains(err.Error(), clientSecret) {
			t.Errorf("%s: the error holds a secret", tt.name)
		}
	}
}
