package oktatest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"latchkey/connectors/okta/oktatest"
	"latchkey/secret"
)

type bundle struct {
	*oktatest.Double
	t    *testing.T
	base string
}

func setup(t *testing.T, cfg oktatest.Config) bundle {
	t.Helper()
	cfg.Token = secret.New("00admin")
	d, base := oktatest.Start(t, cfg)
	return bundle{d, t, base}
}

// call answers the status, the errorCode where there is one, and the body.
func (b bundle) call(method, path, token, body string) (status int, code, answer string, header http.Header) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.base+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	var e struct{ ErrorCode string }
	_ = json.Unmarshal(text, &e)
	return resp.StatusCode, e.ErrorCode, string(text), resp.Header
}

func TestWrongRequestsFail(t *testing.T) {
	t.Parallel()
	b := setup(t, oktatest.Config{})
	alice := b.AddPerson(oktatest.Person{Name: "Alice", Email: "alice@example.com"})
	b.AddToken(oktatest.Token{Name: "hers", Owner: alice, Secret: secret.New("00alice")})
	app := b.AddApp(oktatest.App{Label: "shop"})
	id, _ := b.AddSecret(app)
	secretPath := "/api/v1/apps/" + app + "/credentials/secrets/" + id
	tests := []struct {
		method, path, token, body string
		status                    int
		code                      string
	}{
		{"GET", "/api/v1/users/me", "SSWS 00admin", "", 200, ""},
		{"GET", "/api/v1/users/me", "", "", 401, "E0000011"},
		{"GET", "/api/v1/users/me", "Bearer 00admin", "", 401, "E0000011"},
		{"GET", "/api/v1/users/me", "SSWS 00other", "", 401, "E0000011"},
		{"GET", "/api/v1/users/me", "SSWS 00alice", "", 200, ""},
		{"GET", "/api/v1/users", "SSWS 00alice", "", 403, "E0000006"},
		{"GET", "/api/v1/users?limit=201", "SSWS 00admin", "", 400, "E0000001"},
		{"GET", "/api/v1/users?limit=x", "SSWS 00admin", "", 400, "E0000001"},
		{"GET", "/api/v1/users?page=2", "SSWS 00admin", "", 400, "E0000001"},
		{"GET", "/api/v1/users?after=nobody", "SSWS 00admin", "", 400, "E0000001"},
		{"GET", "/api/v1/api-tokens?limit=2", "SSWS 00admin", "", 400, "E0000001"},
		{"GET", "/api/v1/users/00unobody", "SSWS 00admin", "", 404, "E0000007"},
		{"GET", "/api/v1/teams", "SSWS 00admin", "", 404, ""},
		{"PUT", "/api/v1/users/" + alice, "SSWS 00admin", "", 405, ""},
		{"DELETE", "/api/v1/api-tokens/00Tnobody", "SSWS 00admin", "", 404, "E0000007"},
		{"POST", "/api/v1/users/" + alice + "/lifecycle/suspend", "SSWS 00admin", "{}", 400, "E0000003"},
		{"POST", "/api/v1/users/" + alice + "/lifecycle/unsuspend", "SSWS 00admin", "", 400, "E0000001"},
		{"DELETE", secretPath, "SSWS 00admin", "", 400, "E0000001"},
		{"POST", secretPath + "/lifecycle/deactivate", "SSWS 00admin", "", 400, "E0000001"},
		{"POST", secretPath + "/lifecycle/activate", "SSWS 00admin", "", 400, "E0000001"},
		{"POST", "/api/v1/users/" + alice + "/lifecycle/suspend", "SSWS 00admin", "", 200, ""},
		{"POST", "/api/v1/users/" + alice + "/lifecycle/suspend", "SSWS 00admin", "", 400, "E0000001"},
		{"GET", "/api/v1/users/me", "SSWS 00alice", "", 401, "E0000011"},
		{"POST", "/api/v1/users/" + alice + "/lifecycle/unsuspend", "SSWS 00admin", "", 200, ""},
		{"DELETE", "/api/v1/api-tokens/current", "SSWS 00admin", "", 204, ""},
		{"GET", "/api/v1/users/me", "SSWS 00admin", "", 401, "E0000011"},
	}
	for _, tt := range tests {
		status, code, answer, _ := b.call(tt.method, tt.path, tt.token, tt.body)
		if status != tt.status || code != tt.code {
			t.Errorf("%s %s as %q: %d %s, want %d %s: %s", tt.method, tt.path, tt.token, status, code, tt.status, tt.code, answer)
		}
	}
}

func TestPagesLinkToTheNext(t *testing.T) {
	t.Parallel()
	b := setup(t, oktatest.Config{MaxPage: 1})
	b.AddPerson(oktatest.Person{Name: "Alice", Email: "alice@example.com"})
	_, _, _, header := b.call("GET", "/api/v1/users?limit=200", "SSWS 00admin", "")
	links := header.Values("Link")
	want := "<" + b.base + "/api/v1/users?after=" + b.Admin() + `&limit=200>; rel="next"`
	if len(links) != 2 || links[1] != want {
		t.Errorf("links = %q, want the second to be %s", links, want)
	}
	_, _, answer, header := b.call("GET", "/api/v1/users?limit=200&after="+b.Admin(), "SSWS 00admin", "")
	if len(header.Values("Link")) != 1 || !strings.Contains(answer, "alice@example.com") {
		t.Errorf("last page: %q %s", header.Values("Link"), answer)
	}
}

// A token's life is a window after its last use.
func TestTokensExpireUnused(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	b := setup(t, oktatest.Config{Now: func() time.Time { return now }})
	old := secret.New("00old")
	used := secret.New("00used")
	b.AddToken(oktatest.Token{Name: "old", Owner: b.Admin(), Secret: old, CreatedAt: now.AddDate(0, 0, -31)})
	b.AddToken(oktatest.Token{Name: "used", Owner: b.Admin(), Secret: used, CreatedAt: now.AddDate(0, 0, -31), UsedAt: now.AddDate(0, 0, -1)})
	if b.Works(old) || !b.Works(used) {
		t.Errorf("unused for 31 days works: %t, used yesterday works: %t", b.Works(old), b.Works(used))
	}
	if _, _, answer, _ := b.call("GET", "/api/v1/api-tokens", "SSWS 00admin", ""); strings.Contains(answer, `"old"`) || !strings.Contains(answer, `"used"`) {
		t.Errorf("listed: %s", answer)
	}
}
