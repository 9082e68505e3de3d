package tempotest_test

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"latchkey/connectors/tempo/tempotest"
	"latchkey/secret"
)

const (
	callback   = "https://latchkey.example/oauth/tempo/callback?from=tempo"
	jiraURL    = "https://example.atlassian.net"
	appID      = "app-1"
	appSecret  = "app-1-secret"
	otherApp   = "app-2"
	otherBack  = "https://other.example/callback"
	clientAuth = "client_id=" + appID + "&client_secret=" + appSecret
)

// world is a double with two apps and a clock, and a person with a browser.
type world struct {
	bundle
	mu     sync.Mutex
	now    time.Time
	client *http.Client // does not follow redirects
}

func connect(t *testing.T) *world {
	t.Helper()
	w := &world{
		now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC),
		client: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		}},
	}
	w.bundle = setup(t, tempotest.Config{PerSecond: -1, Now: w.clock, Apps: []tempotest.App{
		{Name: "Latchkey & Co", ClientID: appID, ClientSecret: secret.New(appSecret), RedirectURLs: []string{callback}},
		{Name: "Other", ClientID: otherApp, ClientSecret: secret.New("other-secret"), RedirectURLs: []string{otherBack}},
	}})
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) config(scopes ...string) *oauth2.Config {
	return &oauth2.Config{
		ClientID: appID, ClientSecret: appSecret, RedirectURL: callback, Scopes: scopes,
		Endpoint: oauth2.Endpoint{
			AuthURL: w.base + "/oauth/authorize/redirect", TokenURL: w.base + "/oauth/token/", AuthStyle: oauth2.AuthStyleInParams,
		},
	}
}

func (w *world) authorizeURL(c *oauth2.Config, opts ...oauth2.AuthCodeOption) string {
	return c.AuthCodeURL("the-state", append(opts, oauth2.SetAuthURLParam("jira_url", jiraURL))...)
}

// decide is a person's answer on the consent page: where the browser is sent.
func (w *world) decide(authorizeURL, person, decision string) url.Values {
	w.t.Helper()
	resp, err := w.client.PostForm(authorizeURL, url.Values{"person": {person}, "decision": {decision}})
	if err != nil {
		w.t.Fatal(err)
	}
	_ = resp.Body.Close()
	back, err := resp.Location()
	if err != nil || resp.StatusCode != http.StatusSeeOther || !strings.HasPrefix(back.String(), callback+"&") {
		w.t.Fatalf("the browser gets %d and goes to %v", resp.StatusCode, back)
	}
	return back.Query()
}

func (w *world) exchange(c *oauth2.Config, person string, opts ...oauth2.AuthCodeOption) *oauth2.Token {
	w.t.Helper()
	code := w.decide(w.authorizeURL(c, opts...), person, "allow").Get("code")
	pair, err := c.Exchange(w.t.Context(), code)
	if err != nil {
		w.t.Fatal(err)
	}
	return pair
}

// refresh sends redirect_uri along, as the vendor documents it: the library's
// TokenSource does not.
func (w *world) refresh(refreshToken string) (*oauth2.Token, error) {
	return w.config().Exchange(w.t.Context(), "",
		oauth2.SetAuthURLParam("grant_type", "refresh_token"), oauth2.SetAuthURLParam("refresh_token", refreshToken))
}

func (w *world) status(token, method, path string) int {
	status, _, _ := w.callAs(token, method, path, "")
	return status
}

// post sends a form with the app's own credentials and returns the answer.
func (w *world) post(path, form string) (status int, body string) {
	w.t.Helper()
	resp, err := w.client.Post(w.base+path, "application/x-www-form-urlencoded", strings.NewReader(form))
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// wantRefusal expects an error of RFC 6749.
func wantRefusal(t *testing.T, what string, err error, code string) {
	t.Helper()
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) || refused.ErrorCode != code {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

func TestConsentPageAsks(t *testing.T) {
	t.Parallel()
	w := connect(t)
	resp, err := w.client.Get(w.authorizeURL(w.config("worklogs:manage", "audit:view")))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"<h1>Allow Latchkey &amp; Co to use Tempo as you?</h1>", "see and change worklogs", "see the audit log",
		`value="` + tempotest.Bob + `"`, "Bob Baker", `value="allow"`, `value="deny"`, `<form method="post">`, "<legend>",
	} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(string(page), "script") || resp.Header.Get("Content-Security-Policy") == "" {
		t.Error("the page needs a script or has no policy")
	}
}

func TestConnectActsAsThePerson(t *testing.T) {
	t.Parallel()
	w := connect(t)
	c := w.config()
	back := w.decide(w.authorizeURL(c), tempotest.Bob, "allow")
	if back.Get("state") != "the-state" || back.Get("from") != "tempo" || back.Get("error") != "" {
		t.Errorf("came back with %v", back)
	}
	pair, err := c.Exchange(t.Context(), back.Get("code"))
	if err != nil {
		t.Fatal(err)
	}
	scopes, _ := pair.Extra("scope").(string)
	if pair.TokenType != "Bearer" || pair.ExpiresIn != 5184000 || !strings.Contains(scopes, "worklogs:manage worklogs:view") {
		t.Errorf("type %s, expires in %d, scope %q", pair.TokenType, pair.ExpiresIn, scopes)
	}
	if got := w.status(pair.AccessToken, "GET", "/4/worklogs"); got != http.StatusOK || w.LastPerson() != tempotest.Bob {
		t.Errorf("worklogs = %d as %q", got, w.LastPerson())
	}
	if got := w.status(token, "GET", "/4/worklogs"); got != http.StatusOK || w.LastPerson() != "" {
		t.Errorf("the configured token = %d as %q", got, w.LastPerson())
	}
	if got := w.status(pair.RefreshToken, "GET", "/4/worklogs"); got != http.StatusUnauthorized {
		t.Errorf("the refresh token reads: %d", got)
	}
	if !w.GrantAlive(tempotest.Bob) || w.GrantAlive(tempotest.Alice) || w.Pairs() != 1 || !w.Works(secret.New(pair.AccessToken)) {
		t.Errorf("%d pairs", w.Pairs())
	}
	_, err = c.Exchange(t.Context(), back.Get("code"))
	wantRefusal(t, "a replayed code", err, "invalid_grant")
	w.pass(60 * 24 * time.Hour)
	if got := w.status(pair.AccessToken, "GET", "/4/worklogs"); got != http.StatusUnauthorized {
		t.Errorf("after 60 days = %d", got)
	}
}

func TestDenyAndLostState(t *testing.T) {
	t.Parallel()
	w := connect(t)
	back := w.decide(w.authorizeURL(w.config()), "", "deny")
	if back.Get("error") != "access_denied" || back.Get("state") != "the-state" || back.Has("code") {
		t.Errorf("denied with %v", back)
	}
	w.Set(tempotest.Knobs{DropState: true})
	back = w.decide(w.authorizeURL(w.config()), tempotest.Bob, "allow")
	if back.Has("state") || back.Get("code") == "" {
		t.Errorf("came back with %v, want no state", back)
	}
}

func TestAuthorizeRefusesMistakes(t *testing.T) {
	t.Parallel()
	w := connect(t)
	tests := map[string]struct {
		change func(url.Values)
		want   string // error the app is told; empty where only the person is told
	}{
		"unknown app":       {func(v url.Values) { v.Set("client_id", "app-9") }, ""},
		"other app's URL":   {func(v url.Values) { v.Set("redirect_uri", otherBack) }, ""},
		"longer URL":        {func(v url.Values) { v.Set("redirect_uri", callback+"/") }, ""},
		"no URL":            {func(v url.Values) { v.Del("redirect_uri") }, ""},
		"no site":           {func(v url.Values) { v.Del("jira_url") }, ""},
		"other site":        {func(v url.Values) { v.Set("jira_url", "https://other.atlassian.net") }, ""},
		"unknown key":       {func(v url.Values) { v.Set("access_type", "tenant_user") }, ""},
		"a key twice":       {func(v url.Values) { v.Add("state", "x") }, ""},
		"implicit grant":    {func(v url.Values) { v.Set("response_type", "token") }, "unsupported_response_type"},
		"unknown scope":     {func(v url.Values) { v.Set("scope", "worklogs:view everything") }, "invalid_scope"},
		"plain PKCE":        {func(v url.Values) { v.Set("code_challenge", "x") }, "invalid_request"},
		"neither yes or no": {func(url.Values) {}, ""},
	}
	for name, tt := range tests {
		u, err := url.Parse(w.authorizeURL(w.config()))
		if err != nil {
			t.Fatal(err)
		}
		query := u.Query()
		tt.change(query)
		u.RawQuery = query.Encode()
		resp, err := w.client.PostForm(u.String(), url.Values{"person": {tempotest.Bob}})
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		back, _ := url.Parse(resp.Header.Get("Location"))
		if (resp.StatusCode == http.StatusBadRequest) != (tt.want == "") || back.Query().Get("error") != tt.want {
			t.Errorf("%s: %d, sent to %q", name, resp.StatusCode, back)
		}
	}
	if w.Pairs() != 0 {
		t.Error("a mistake made tokens")
	}
}

func TestScopesBoundAPair(t *testing.T) {
	t.Parallel()
	w := connect(t)
	viewer := w.exchange(w.config("worklogs:view", "plans:manage"), tempotest.Bob).AccessToken
	for call, want := range map[string]int{
		"GET /4/worklogs":                            200,
		"DELETE /4/worklogs/1":                       403,
		"DELETE /4/plans/1":                          204,
		"GET /4/plans?from=2026-01-01&to=2027-01-01": 200,
		"GET /4/teams":                               403,
		"POST /4/papertrail/search":                  403,
		"GET /4/globalconfiguration":                 200,
	} {
		method, path, _ := strings.Cut(call, " ")
		if got := w.status(viewer, method, path); got != want {
			t.Errorf("%s = %d, want %d", call, got, want)
		}
	}
}

func TestPairsOutliveARestart(t *testing.T) {
	t.Parallel()
	w := connect(t)
	pair := w.exchange(w.config(), tempotest.Bob)
	after := restart(t, w.bundle)
	if status, _, _ := after.callAs(pair.AccessToken, "GET", "/4/worklogs", ""); status != http.StatusOK || after.LastPerson() != tempotest.Bob {
		t.Errorf("after the restart = %d as %q", status, after.LastPerson())
	}
	if strings.Contains(string(mustSave(t, w.bundle)), appSecret) {
		t.Error("the app's secret is saved")
	}
}

func mustSave(t *testing.T, b bundle) []byte {
	t.Helper()
	raw, err := b.Save()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
