package gitlabtest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/connectors/gitlab/gitlabtest"
	"latchkey/secret"
)

const admin = "glpat-admin"

type bundle struct {
	*gitlabtest.Double
	t    *testing.T
	base string
}

func setup(t *testing.T, cfg gitlabtest.Config) bundle {
	t.Helper()
	cfg.Tokens = []secret.Value{secret.New(admin)}
	cfg.Now = func() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }
	d, base := gitlabtest.Start(t, cfg)
	return bundle{d, t, base}
}

// call is "METHOD /path" and, where there is one, a JSON body.
func (b bundle) call(token, call, body string) (int, http.Header, string) {
	b.t.Helper()
	method, path, _ := strings.Cut(call, " ")
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.base+"/api/v4"+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("PRIVATE-TOKEN", token)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
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
	return resp.StatusCode, resp.Header, strings.TrimSpace(string(text))
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t, gitlabtest.Config{})
	alice := b.AddPerson(gitlabtest.Person{Name: "Alice"})
	_, expired := b.AddToken(gitlabtest.Token{User: alice, Scopes: []string{"api"}, ExpiresAt: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)})
	_, reads := b.AddToken(gitlabtest.Token{User: alice, Scopes: []string{"read_api"}})
	gone := b.AddPerson(gitlabtest.Person{Name: "Frank", State: "blocked"})
	_, blocked := b.AddToken(gitlabtest.Token{User: gone, Scopes: []string{"api"}})
	const create = "POST /groups/acme/access_tokens"
	for _, tt := range []struct {
		token, call, body string
		status            int
		want              string
	}{
		{"", "GET /user", "", 401, `{"message":"401 Unauthorized"}`},
		{"glpat-other", "GET /user", "", 401, `{"message":"401 Unauthorized"}`},
		{expired.Expose(), "GET /user", "", 401, `"error":"invalid_token"`},
		{blocked.Expose(), "GET /user", "", 403, "blocked"},
		{reads.Expose(), "POST /users/1/block", "", 403, "insufficient_scope"},
		{reads.Expose(), "GET /groups/acme/access_tokens", "", 401, "401 Unauthorized"},
		{reads.Expose(), "GET /personal_access_tokens?user_id=1", "", 401, "401 Unauthorized"},
		{admin, "POST /users/1/block", "", 403, "403 Forbidden"},
		{admin, create, `{"name":"x","scopes":["api"]}`, 400, `{"error":"expires_at is missing"}`},
		{admin, create, `{"scopes":["api"],"expires_at":"2026-12-01"}`, 400, "name is missing"},
		{admin, create, `{"name":"x","expires_at":"2026-12-01"}`, 400, "scopes is missing"},
		{admin, create, `{"name":"x","scopes":["sudo"],"expires_at":"2026-12-01"}`, 400, "scopes does not have a valid value"},
		{admin, create, `{"name":"x","scopes":["api"],"access_level":25,"expires_at":"2026-12-01"}`, 400, "access_level"},
		{admin, create, `{"name":"x","scopes":["api"],"expires_at":"2026-11-21"}`, 400, "in the future"},
		{admin, create, `{"name":"x","scopes":["api"],"expires_at":"2027-11-22"}`, 400, "before 2027-11-21"},
		{admin, create, `{"name":"x","scopes":["api"],"expires_at":"tomorrow"}`, 400, "expires_at is invalid"},
		{admin, create, `{"name":"x","user":"alice"}`, 400, "unknown field"},
		{admin, create, `[]`, 400, "the body"},
		{admin, create, ``, 415, "content-type"},
		{admin, "GET /groups/other", "", 404, `{"message":"404 Group Not Found"}`},
		{admin, "GET /groups/acme/access_tokens/1", "", 404, "404 group Access Token Not Found"},
		{admin, "GET /groups/acme/access_tokens/x", "", 400, "invalid"},
		{admin, "GET /groups/acme/access_tokens?per_page=101", "", 400, "per_page"},
		{admin, "GET /groups/acme/access_tokens?page=0", "", 400, "page"},
		{admin, "GET /groups/acme/access_tokens?cursor=1", "", 400, "cursor"},
		{admin, "GET /groups/acme/access_tokens?page=1&page=2", "", 400, "twice"},
		{admin, "GET /groups/acme/access_tokens?state=dead", "", 400, "valid value"},
		{admin, "GET /nothing", "", 404, "404 Not Found"},
	} {
		status, _, body := b.call(tt.token, tt.call, tt.body)
		if status != tt.status || !strings.Contains(body, tt.want) {
			t.Errorf("%s %s = %d %s, want %d with %s", tt.call, tt.body, status, body, tt.status, tt.want)
		}
	}
}

func TestPaging(t *testing.T) {
	t.Parallel()
	b := setup(t, gitlabtest.Config{PerPage: 2})
	for range 5 {
		b.AddToken(gitlabtest.Token{Group: gitlabtest.TopGroup, Name: "x", Scopes: []string{"api"}})
	}
	type head struct{ Page, Next, Prev, Total, Pages, Rows string }
	var got []head
	for _, page := range []string{"1", "2", "3", "4"} {
		_, h, body := b.call(admin, "GET /groups/acme/access_tokens?per_page=100&page="+page, "")
		rows := strings.Repeat("row ", strings.Count(body, `"user_id"`))
		got = append(got, head{h.Get("X-Page"), h.Get("X-Next-Page"), h.Get("X-Prev-Page"), h.Get("X-Total"), h.Get("X-Total-Pages"), rows})
		if _, there := h["X-Next-Page"]; !there || strings.Contains(h.Get("Link"), `rel="next"`) != (page < "3") {
			t.Errorf("page %s: %v", page, h)
		}
	}
	want := []head{
		{"1", "2", "", "5", "3", "row row "}, {"2", "3", "1", "5", "3", "row row "}, {"3", "", "2", "5", "3", "row "}, {"4", "", "3", "5", "3", ""},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
}

type row struct {
	ID          int64   `json:"id"`
	Name        string  `json:"name"`
	Revoked     bool    `json:"revoked"`
	Active      bool    `json:"active"`
	ExpiresAt   *string `json:"expires_at"`
	LastUsedAt  *string `json:"last_used_at"`
	AccessLevel int     `json:"access_level"`
	Token       string  `json:"token"`
}

func (b bundle) row(call, body string, status int) row {
	b.t.Helper()
	got, _, text := b.call(admin, call, body)
	var out row
	if err := json.Unmarshal([]byte(text), &out); err != nil || got != status {
		b.t.Fatalf("%s = %d %s, want %d", call, got, text, status)
	}
	return out
}

// A token's life: made, used, rotated into another ID, and its family ended by
// one use of the first value.
func TestLifeOfAToken(t *testing.T) {
	t.Parallel()
	b := setup(t, gitlabtest.Config{})
	const home = "/groups/acme/access_tokens"
	first := b.row("POST "+home, `{"name":"ci","scopes":["read_api"],"access_level":20,"expires_at":"2026-12-01"}`, 201)
	if first.Token == "" || first.LastUsedAt != nil || first.AccessLevel != 20 || *first.ExpiresAt != "2026-12-01" {
		t.Errorf("made %+v", first)
	}
	if status, _, _ := b.call(first.Token, "GET /groups/acme", ""); status != 200 {
		t.Errorf("the new token is answered %d", status)
	}
	if used := b.row("GET "+home+"/"+id(first), "", 200); used.LastUsedAt == nil || used.Token != "" {
		t.Errorf("after its use it is %+v", used)
	}
	second := b.row("POST "+home+"/"+id(first)+"/rotate", "", 200)
	if second.ID == first.ID || second.Token == first.Token || second.Name != "ci" || second.AccessLevel != 20 || *second.ExpiresAt != "2026-11-28" {
		t.Errorf("rotated %+v into %+v", first, second)
	}
	if !b.Works(secret.New(second.Token)) || b.Works(secret.New(first.Token)) {
		t.Error("after the rotation the wrong one works")
	}
	status, _, body := b.call(first.Token, "GET /user", "")
	if status != 401 || !strings.Contains(body, "Token was revoked") || b.Works(secret.New(second.Token)) {
		t.Errorf("reuse = %d %s, the new one works: %t", status, body, b.Works(secret.New(second.Token)))
	}
	if dead := b.row("GET "+home+"/"+id(second), "", 200); !dead.Revoked || dead.Active {
		t.Errorf("after the reuse the new one is %+v", dead)
	}
}

func id(r row) string {
	text, _ := json.Marshal(r.ID)
	return string(text)
}

// Rotating an ID once more has the same end.
func TestRotatingARevokedToken(t *testing.T) {
	t.Parallel()
	b := setup(t, gitlabtest.Config{})
	old, _ := b.AddToken(gitlabtest.Token{Group: gitlabtest.TopGroup, Name: "ci", Scopes: []string{"api"}})
	path := "POST /groups/acme/access_tokens/" + id(row{ID: old}) + "/rotate"
	fresh := b.row(path, `{"expires_at":"2026-12-01"}`, 200)
	if status, _, body := b.call(admin, path, ""); status != 400 || b.Works(secret.New(fresh.Token)) {
		t.Errorf("second rotation = %d %s, the new one works: %t", status, body, b.Works(secret.New(fresh.Token)))
	}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	b := setup(t, gitlabtest.Config{PerMinute: 1})
	_, h, _ := b.call(admin, "GET /user", "")
	if h.Get("RateLimit-Limit") != "1" || h.Get("RateLimit-Remaining") != "0" || h.Get("RateLimit-Reset") == "" {
		t.Errorf("headers %v", h)
	}
	if status, h, _ := b.call(admin, "GET /user", ""); status != 429 || h.Get("Retry-After") != "60" {
		t.Errorf("second call = %d %v", status, h)
	}
}

func TestPopulate(t *testing.T) {
	t.Parallel()
	for _, cfg := range []gitlabtest.Config{{}, {SelfManaged: true}} {
		b := setup(t, cfg)
		b.Populate()
		for call, least := range map[string]int{
			"GET /groups/acme/access_tokens?state=active": 1, "GET /groups/acme/service_accounts": 1,
			"GET /groups/acme/projects?include_subgroups=true": 1, "GET /users": 5,
		} {
			status, _, body := b.call(admin, call, "")
			if n := strings.Count(body, `"id"`); status != 200 || n < least {
				t.Errorf("%s = %d with %d rows, want %d", call, status, n, least)
			}
		}
	}
}
