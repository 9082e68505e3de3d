package githubtest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"latchkey/connectors/github/githubtest"
	"latchkey/secret"
)

const pats = "/orgs/octo-org/personal-access-tokens"

// appKey is made once: keys of this size take a while.
var appKey = sync.OnceValues(githubtest.NewKey)

func start(t *testing.T, cfg githubtest.Config) (*githubtest.Double, string) {
	t.Helper()
	key, err := appKey()
	if err != nil {
		t.Fatal(err)
	}
	cfg.PrivateKey, cfg.Owner = key, secret.New("ghp_owner")
	return githubtest.Start(t, cfg)
}

// client sends what GitHub's own clients send, and what a test changes.
type client struct {
	t     *testing.T
	base  string
	token string // whole header value
}

func (c client) do(method, path, body string, change func(*http.Request)) (int, map[string]any, http.Header) {
	c.t.Helper()
	var sent io.Reader = http.NoBody
	if body != "" {
		sent = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.base+path, sent)
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Accept", "application/vnd.github+json")
	r.Header.Set("X-GitHub-Api-Version", "2022-11-28")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		r.Header.Set("Authorization", c.token)
	}
	if change != nil {
		change(r)
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var answer map[string]any
	text, _ := io.ReadAll(resp.Body)
	_ = json.Unmarshal(text, &answer)
	return resp.StatusCode, answer, resp.Header
}

func setup(t *testing.T) (d *githubtest.Double, app, owner client) {
	t.Helper()
	d, base := start(t, githubtest.Config{})
	as := client{t: t, base: base, token: "Bearer " + sign(t, d, jwt.SigningMethodRS256, "7", time.Minute)}
	status, answer, _ := as.do("POST", "/app/installations/42/access_tokens", "{}", nil)
	if status != http.StatusCreated {
		t.Fatalf("exchange: %d %v", status, answer)
	}
	value, _ := answer["token"].(string)
	return d, client{t: t, base: base, token: "token " + value}, client{t: t, base: base, token: "Bearer ghp_owner"}
}

func sign(t *testing.T, d *githubtest.Double, method jwt.SigningMethod, issuer string, lives time.Duration) string {
	t.Helper()
	var key any = []byte("shared")
	if method == jwt.SigningMethodRS256 {
		private, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(d.PrivateKey().Expose()))
		if err != nil {
			t.Fatal(err)
		}
		key = private
	}
	now := time.Now()
	text, err := jwt.NewWithClaims(method, jwt.RegisteredClaims{
		Issuer: issuer, IssuedAt: jwt.NewNumericDate(now.Add(-10 * time.Second)), ExpiresAt: jwt.NewNumericDate(now.Add(lives)),
	}).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestOnlyTheAppsOwnSignature(t *testing.T) {
	t.Parallel()
	d, app, owner := setup(t)
	other, err := githubtest.New(githubtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]string{
		"too long":         sign(t, d, jwt.SigningMethodRS256, "7", 11*time.Minute),
		"over":             sign(t, d, jwt.SigningMethodRS256, "7", -time.Second),
		"another issuer":   sign(t, d, jwt.SigningMethodRS256, "8", time.Minute),
		"another key":      sign(t, other, jwt.SigningMethodRS256, "7", time.Minute),
		"a shared key":     sign(t, d, jwt.SigningMethodHS256, "7", time.Minute),
		"an owner's token": strings.TrimPrefix(owner.token, "Bearer "),
		"its own token":    strings.TrimPrefix(app.token, "token "),
	} {
		as := client{t: t, base: app.base, token: "Bearer " + token}
		if status, _, _ := as.do("POST", "/app/installations/42/access_tokens", "{}", nil); status != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, status)
		}
	}
}

func TestWhoMayCallWhat(t *testing.T) {
	t.Parallel()
	d, app, owner := setup(t)
	d.AddMember("alice")
	nobody, stranger := client{t: t, base: app.base}, client{t: t, base: app.base, token: "Bearer ghp_stranger"}
	jwtOnly := client{t: t, base: app.base, token: "Bearer " + sign(t, d, jwt.SigningMethodRS256, "7", time.Minute)}
	one := `"ghp_` + strings.Repeat("x", 36) + `"`
	leak := `{"credentials":[` + one + `]}`
	for _, tt := range []struct {
		what               string
		as                 client
		method, path, body string
		want               int
	}{
		{"tokens, app", app, "GET", pats, "", 200},
		{"tokens, owner", owner, "GET", pats, "", 403},
		{"tokens, nobody", nobody, "GET", pats, "", 401},
		{"tokens, stranger", stranger, "GET", pats, "", 401},
		{"tokens, JWT", jwtOnly, "GET", pats, "", 403},
		{"revoke, owner", owner, "POST", pats + "/1", `{"action":"revoke"}`, 403},
		{"requests, owner", owner, "GET", "/orgs/octo-org/personal-access-token-requests", "", 403},
		{"SAML, owner", owner, "GET", "/orgs/octo-org/credential-authorizations", "", 200},
		{"SAML, app", app, "GET", "/orgs/octo-org/credential-authorizations", "", 403},
		{"apps, owner", owner, "GET", "/orgs/OCTO-org/installations", "", 200},
		{"another organisation", app, "GET", "/orgs/other/personal-access-tokens", "", 404},
		{"no such path", app, "GET", "/orgs/octo-org/tokens", "", 404},
		{"leak, nobody", nobody, "POST", "/credentials/revoke", leak, 202},
		{"leak, app", app, "POST", "/credentials/revoke", leak, 403},
		{"leak, owner", owner, "POST", "/credentials/revoke", leak, 403},
		{"leak, none", nobody, "POST", "/credentials/revoke", `{"credentials":[]}`, 422},
		{"leak, another form", nobody, "POST", "/credentials/revoke", `{"credentials":["glpat-x"]}`, 422},
		{"leak, too many", nobody, "POST", "/credentials/revoke", `{"credentials":[` + one + strings.Repeat(","+one, 1000) + `]}`, 422},
		{"leak, malformed", nobody, "POST", "/credentials/revoke", `{"credentials":[` + one + `,"ghp_cut"]}`, 422},
		{"a user", app, "GET", "/users/alice", "", 200},
		{"no such user", app, "GET", "/users/nobody", "", 404},
	} {
		if status, answer, _ := tt.as.do(tt.method, tt.path, tt.body, nil); status != tt.want {
			t.Errorf("%s: %d %v, want %d", tt.what, status, answer, tt.want)
		}
	}
}

func TestWrongRequestsFail(t *testing.T) {
	t.Parallel()
	d, app, _ := setup(t)
	pat := d.AddPAT(githubtest.PAT{Owner: "alice"})
	one := pats + "/" + strconv.FormatInt(pat.Grant, 10)
	for _, tt := range []struct {
		what, method, path, body string
		change                   func(*http.Request)
		want                     int
	}{
		{"large page", "GET", pats + "?per_page=101", "", nil, 422},
		{"no page", "GET", pats + "?page=0", "", nil, 422},
		{"unknown key", "GET", pats + "?state=all", "", nil, 422},
		{"key twice", "GET", pats + "?page=1&page=2", "", nil, 422},
		{"unknown order", "GET", pats + "?direction=up", "", nil, 422},
		{"a body on GET", "GET", pats, `{}`, nil, 400},
		{"another action", "POST", one, `{"action":"delete"}`, nil, 422},
		{"unknown field", "POST", one, `{"action":"revoke","reason":"x"}`, nil, 422},
		{"no body", "POST", one, "", func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }, 400},
		{"no object", "POST", one, "null", nil, 400},
		{"the token's number", "POST", pats + "/" + strconv.FormatInt(pat.ID, 10), `{"action":"revoke"}`, nil, 404},
		{"no JSON", "POST", one, `{"action":"revoke"}`, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, 415},
		{"another type", "GET", pats, "", func(r *http.Request) { r.Header.Set("Accept", "text/html") }, 415},
		{"another version", "GET", pats, "", func(r *http.Request) { r.Header.Set("X-GitHub-Api-Version", "2000-01-01") }, 400},
		{"no agent", "GET", pats, "", func(r *http.Request) { r.Header.Set("User-Agent", "") }, 403},
		{"long reason", "POST", "/orgs/octo-org/personal-access-token-requests/1", `{"action":"deny","reason":"` + strings.Repeat("x", 1025) + `"}`, nil, 422},
		{"no such request", "POST", "/orgs/octo-org/personal-access-token-requests/1", `{"action":"deny"}`, nil, 404},
	} {
		if status, answer, _ := app.do(tt.method, tt.path, tt.body, tt.change); status != tt.want {
			t.Errorf("%s: %d %v, want %d", tt.what, status, answer, tt.want)
		}
	}
	if !d.Works(pat.Secret) {
		t.Error("a wrong request revoked it")
	}
}

func TestPagesAreLinked(t *testing.T) {
	t.Parallel()
	d, app, _ := setup(t)
	for range 31 {
		d.AddPAT(githubtest.PAT{Owner: "alice"})
	}
	_, _, h := app.do("GET", pats, "", nil)
	if link := h.Get("Link"); !strings.Contains(link, `page=2>; rel="next"`) || !strings.Contains(link, `rel="last"`) {
		t.Errorf("first page: %s", link)
	}
	_, _, h = app.do("GET", pats+"?page=2", "", nil)
	if link := h.Get("Link"); strings.Contains(link, "next") || !strings.Contains(link, `rel="prev"`) {
		t.Errorf("last page: %s", link)
	}
}

func TestThePrimaryLimit(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	_, base := start(t, githubtest.Config{PerHour: 2, Now: func() time.Time { return now }})
	owner := client{t: t, base: base, token: "Bearer ghp_owner"}
	for i, want := range []int{200, 200, 403, 403} {
		status, _, h := owner.do("GET", "/orgs/octo-org/installations", "", nil)
		left := strconv.Itoa(max(0, 1-i))
		if status != want || h.Get("X-RateLimit-Remaining") != left || h.Get("X-RateLimit-Reset") != strconv.FormatInt(now.Add(time.Hour).Unix(), 10) {
			t.Errorf("call %d: %d %v", i, status, h)
		}
	}
}
