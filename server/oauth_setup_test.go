package server

import (
	"bytes"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/tempo"
	"latchkey/connectors/tempo/tempotest"
	"latchkey/secret"
	"latchkey/storage"
	"latchkey/workflow"
)

// connectBundle is the doors beside a vendor at which our OAuth app is
// registered, for two connections.
type connectBundle struct {
	*testBundle
	vendor *tempotest.Double
	tokens *tokenTap
}

const (
	timesheets = "timesheets"
	overseas   = "timesheets-overseas" // of the same vendor
)

func setupConnect(t *testing.T) connectBundle { return setupConnectWith(t, Deps{}) }

func setupConnectWith(t *testing.T, d Deps) connectBundle {
	t.Helper()
	vendor, base := tempotest.Start(t, tempotest.Config{PerSecond: -1})
	b := connectBundle{vendor: vendor, tokens: &tokenTap{}}
	var systems []system
	for _, name := range []string{timesheets, overseas} {
		// Another host than ours, as browsers see it.
		s := connectors.Settings{Name: name, Kind: "tempo", BaseURL: strings.Replace(base, "127.0.0.1", "localhost", 1), AllowPrivate: true,
			Token: secret.New("vendor-token"), OAuth: connectors.OAuthSettings{ClientID: "app", ClientSecret: secret.New("app-secret-of-ours"),
				Params: map[string]string{"jira_url": "https://example.atlassian.net"}}}
		c, err := tempo.Open(s, b.tokens)
		if err != nil {
			t.Fatal(err)
		}
		systems = append(systems, system{s, c})
	}
	b.testBundle = setupWith(t, d, systems...)
	b.tokens.found = b.guard
	b.service.PublicURL = b.http.URL
	vendor.RegisterApp(tempotest.App{Name: "Latchkey", ClientID: "app", ClientSecret: secret.New("app-secret-of-ours"), RedirectURLs: []string{
		b.http.URL + "/oauth/" + timesheets + "/callback", b.http.URL + "/oauth/" + overseas + "/callback"}})
	b.guard("app-secret-of-ours")
	return b
}

// tokenTap sees the tokens that the vendor gives us.
type tokenTap struct {
	found func(string)
	mu    sync.Mutex
	seen  []string
}

// RoundTrip implements http.RoundTripper.
func (p *tokenTap) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || !strings.Contains(r.URL.Path, "/token") {
		return resp, err
	}
	raw, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(raw))
	var pair struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	if json.Unmarshal(raw, &pair) == nil && pair.Access != "" {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, token := range []string{pair.Access, pair.Refresh} {
			p.seen = append(p.seen, token)
			p.found(token)
		}
	}
	return resp, err
}

func (p *tokenTap) all() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.seen...)
}

// mayConnect has Alice ask for the use of the OAuth app, up to the moment it
// waits to be connected. It returns the path of the link.
func (b connectBundle) mayConnect(t *testing.T, connection string) (storage.Credential, string) {
	t.Helper()
	request, err := b.service.Submit(t.Context(), b.alice, workflow.Ask{Connection: connection, Kind: workflow.OAuthGrant,
		Scopes: []string{"worklogs:view", "plans:view"}, Lifetime: workflow.Duration(30 * 24 * time.Hour), Reason: "month-end report"},
		secret.Token(8).Expose())
	if err != nil {
		t.Fatal(err)
	}
	c, err := b.db.CredentialOf(t.Context(), request.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.service.Issue(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	link, err := b.service.ConnectURL(t.Context(), c.ID)
	path, ours := strings.CutPrefix(link, b.http.URL)
	if err != nil || !ours {
		t.Fatalf("ConnectURL = %q, %v", link, err)
	}
	b.guard(path[strings.LastIndex(path, "/")+1:])
	return c, path
}

// wantUnconnected checks that nothing came of what was tried.
func (b connectBundle) wantUnconnected(t *testing.T, what string, c storage.Credential) {
	t.Helper()
	if n := b.vendor.Pairs(); n != 0 {
		t.Errorf("%s: the vendor gave us %d pairs of tokens, want none", what, n)
	}
	if got := b.stateOf(t, c.ID); got == storage.CredentialActive {
		t.Errorf("%s: the key is %s", what, got)
	}
}

// visitor is a person's browser: it keeps cookies, and shows each redirect
// instead of following it.
type visitor struct {
	b      connectBundle
	client http.Client
}

func (b connectBundle) visitor(t *testing.T) visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return visitor{b, http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// send asks for an address, or for a path of ours, with headers given as name,
// value, name, value.
func (v visitor) send(t *testing.T, method, address string, form url.Values, headers ...string) reply {
	t.Helper()
	if strings.HasPrefix(address, "/") {
		address = v.b.http.URL + address
	}
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	res, err := v.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range res.Cookies() {
		if c.Value != "" {
			v.b.guard(c.Value)
		}
	}
	out := reply{res.StatusCode, res.Header, string(body)}
	if key := out.shownKey(); key != "" {
		v.b.guard(key)
	}
	return out
}

func (v visitor) get(t *testing.T, address string, headers ...string) reply {
	t.Helper()
	return v.send(t, http.MethodGet, address, nil, headers...)
}

var continueLink = regexp.MustCompile(`<a class="button" href="([^"]+)"`)

// question is the vendor's address on the page that leads there.
func (b connectBundle) question(t *testing.T, page reply) *url.URL {
	t.Helper()
	m := continueLink.FindStringSubmatch(page.body)
	if page.status != http.StatusOK || m == nil {
		t.Fatalf("POST = %d, want a page that leads to the vendor:\n%s", page.status, page.body)
	}
	to, err := url.Parse(html.UnescapeString(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	b.guard(to.Query().Get("state"))
	return to
}

// begin presses the button behind a link and returns the vendor's address.
func (v visitor) begin(t *testing.T, link string) *url.URL {
	t.Helper()
	return v.b.question(t, v.send(t, http.MethodPost, link, nil))
}

// decide answers the vendor's question and returns the path of ours that the
// vendor sends the browser back to.
func (v visitor) decide(t *testing.T, question *url.URL, decision string) string {
	t.Helper()
	answer := v.send(t, http.MethodPost, question.String(), url.Values{"person": {tempotest.Bob}, "decision": {decision}})
	path, ours := strings.CutPrefix(answer.header.Get("Location"), v.b.http.URL)
	if answer.status != http.StatusSeeOther || !ours {
		t.Fatalf("the vendor answered %d and sends people to %q", answer.status, answer.header.Get("Location"))
	}
	if _, query, _ := strings.Cut(path, "?code="); query != "" {
		code, _, _ := strings.Cut(query, "&")
		v.b.guard(code)
	}
	return path
}

// allow goes all the way to the vendor's answer, which the browser has yet to
// bring back.
func (v visitor) allow(t *testing.T, link string) (back string) {
	t.Helper()
	return v.decide(t, v.begin(t, link), "allow")
}

// with changes the query of a path; an empty value takes a name out.
func with(t *testing.T, path string, changes ...string) string {
	t.Helper()
	u, err := url.Parse(path)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	for i := 0; i < len(changes); i += 2 {
		q.Del(changes[i])
		if changes[i+1] != "" {
			q.Set(changes[i], changes[i+1])
		}
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// cookies are what the browser would send to a path of ours, as a header.
func (v visitor) cookies(t *testing.T, path string) string {
	t.Helper()
	u, err := url.Parse(v.b.http.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, c := range v.client.Jar.Cookies(u) {
		out = append(out, c.String())
	}
	return strings.Join(out, "; ")
}
