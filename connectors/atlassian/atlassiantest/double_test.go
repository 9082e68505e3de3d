package atlassiantest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/connectors/atlassian/atlassiantest"
	"latchkey/secret"
)

var start = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

type bundle struct {
	*atlassiantest.Double
	key  secret.Value
	orgs string
}

func setup(t *testing.T, cfg atlassiantest.Config) bundle {
	t.Helper()
	cfg.OrgID, cfg.Now = "org-1", func() time.Time { return start }
	d := atlassiantest.NewDouble(cfg)
	return bundle{d, d.AddOrgKey(atlassiantest.OrgKey{Label: "ours"}).Secret, "/admin/api-access/v1/orgs/org-1/"}
}

// call returns the answer's status, header and body.
func (b bundle) call(key secret.Value, method, target, body string) (int, http.Header, string) {
	var in io.Reader = http.NoBody
	if body != "" {
		in = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, target, in)
	r.Header.Set("Authorization", "Bearer "+key.Expose())
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	rec := httptest.NewRecorder()
	b.Handler().ServeHTTP(rec, r)
	return rec.Code, rec.Header(), rec.Body.String()
}

func TestWrongRequestsFailAsAtTheVendor(t *testing.T) {
	t.Parallel()
	b := setup(t, atlassiantest.Config{})
	person := b.AddPerson(atlassiantest.Person{Name: "Frank"})
	user := "/users/" + person + "/manage/"
	narrow := b.AddOrgKey(atlassiantest.OrgKey{Label: "narrow", Scopes: []string{"read:tokens:admin"}}).Secret
	token := b.AddUserToken(atlassiantest.Token{Owner: person, Label: "x"})
	tests := []struct {
		key                  secret.Value
		method, target, body string
		want                 int
	}{
		{b.key, "GET", b.orgs + "api-tokens", "", 200},
		{b.key, "GET", b.orgs + "api-tokens?pageSize=1000&q=fra&status=ALLOWED", "", 200},
		{b.key, "GET", b.orgs + "api-tokens?pageSize=0", "", 400},
		{b.key, "GET", b.orgs + "api-tokens?pageSize=1001", "", 400},
		{b.key, "GET", b.orgs + "api-tokens?limit=10", "", 400},
		{b.key, "GET", b.orgs + "api-tokens?cursor=2", "", 400},
		{b.key, "GET", b.orgs + "api-tokens?cursor=a&cursor=b", "", 400},
		{b.key, "GET", b.orgs + "api-tokens", "{}", 400},
		{b.key, "POST", b.orgs + "api-tokens", "{}", 405},
		{b.key, "GET", "/admin/v1/orgs/org-1/api-tokens", "", 404},
		{b.key, "GET", "/admin/api-access/v1/orgs/org-2/api-tokens", "", 404},
		{secret.New("nobody"), "GET", b.orgs + "api-tokens", "", 401},
		{token.Secret, "GET", b.orgs + "api-tokens", "", 401},
		{narrow, "GET", b.orgs + "api-tokens", "", 200},
		{narrow, "GET", b.orgs + "api-keys", "", 403},
		{narrow, "GET", user + "api-tokens", "", 403},
		{b.key, "GET", b.orgs + "service-accounts/api-tokens?pageSize=10", "", 400},
		{b.key, "DELETE", b.orgs + "service-accounts/s1/api-tokens/t1", "", 404},
		{b.key, "DELETE", b.orgs + "api-keys/k1", "", 404},
		{b.key, "PATCH", b.orgs + "api-keys/revoke/k1", "", 404},
		{b.key, "PATCH", b.orgs + "api-keys/rotate/k1", "", 404},
		{b.key, "GET", user + "api-tokens?pageSize=1", "", 400},
		{b.key, "GET", "/users/nobody/manage/api-tokens", "", 404},
		{b.key, "DELETE", user + "api-tokens/t1", "", 404},
		{b.key, "DELETE", user + "api-tokens", "", 405},
		{b.key, "DELETE", user + "api-tokens/", "", 404},
		{b.key, "DELETE", user + "api-tokens/" + token.ID, "", 204},
		{b.key, "POST", user + "lifecycle/disable", `{"reason":"x"}`, 400},
		{b.key, "POST", user + "lifecycle/disable", `{"message":"x"}`, 204},
		{b.key, "POST", user + "lifecycle/disable", "", 409},
	}
	for _, tt := range tests {
		if got, _, body := b.call(tt.key, tt.method, tt.target, tt.body); got != tt.want {
			t.Errorf("%s %s: %d %s, want %d", tt.method, tt.target, got, body, tt.want)
		}
	}
}

func TestTheSameTokenHasOtherFieldsOnEachList(t *testing.T) {
	t.Parallel()
	b := setup(t, atlassiantest.Config{})
	person := b.AddPerson(atlassiantest.Person{Name: "Frank", Email: "frank@example.com"})
	b.AddUserToken(atlassiantest.Token{Owner: person, Label: "x", ExpiresAt: start.AddDate(0, 1, 0), LastActiveAt: start, Blocked: true})
	for path, want := range map[string][]string{
		b.orgs + "api-tokens":                     {`"expiresAt":"2026-12-21T12:00:00.000000+00:00"`, `"lastActiveAt":"2026-11-21`, `"status":"BLOCKED"`, `"email":"frank@example.com"`, `"links":`},
		"/users/" + person + "/manage/api-tokens": {`"expiry":"2026-12-21T12:00:00.000Z"`, `"lastAccess":"2026-11-21`},
		b.orgs + "api-keys":                       {`"systemAccountId"`, `"scopes":[]`, `"links":`},
		b.orgs + "api-tokens/count":               {"1"},
	} {
		status, _, body := b.call(b.key, "GET", path, "")
		for _, w := range want {
			if status != 200 || !strings.Contains(body, w) {
				t.Errorf("%s: %d %s lacks %s", path, status, body, w)
			}
		}
		if strings.Contains(body, `"scopes":null`) || path[1] == 'u' && (strings.Contains(body, "scopes") || body[0] != '[') {
			t.Errorf("%s: %s", path, body)
		}
	}
}

func TestPagesCoverEveryRowOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, atlassiantest.Config{PageCap: 3})
	person := b.AddPerson(atlassiantest.Person{})
	for i := range 8 {
		b.AddUserToken(atlassiantest.Token{Owner: person, Label: fmt.Sprint("t", i)})
	}
	seen, pages := map[string]bool{}, 0
	for cursor := ""; ; pages++ {
		_, _, body := b.call(b.key, "GET", b.orgs+"api-tokens?pageSize=1000&cursor="+url.QueryEscape(cursor), "")
		var p struct {
			Data  []struct{ Label string }
			Links struct{ Next *string }
		}
		if err := json.Unmarshal([]byte(body), &p); err != nil || len(p.Data) > 3 {
			t.Fatalf("%v: %s", err, body)
		}
		for _, row := range p.Data {
			seen[row.Label] = true
		}
		if p.Links.Next == nil {
			break
		}
		cursor = *p.Links.Next
	}
	if len(seen) != 8 || pages != 2 {
		t.Errorf("%d rows on %d pages", len(seen), pages+1)
	}
}

// The double does what it is told, and tells of it.
func TestBulkRevokesAreCarriedOutAndReported(t *testing.T) {
	t.Parallel()
	var heard []string
	b := setup(t, atlassiantest.Config{OnBulkRevoke: func(r atlassiantest.Request) { heard = append(heard, r.Path) }})
	person, robot := b.AddPerson(atlassiantest.Person{}), b.AddServiceAccount("robot")
	token := b.AddUserToken(atlassiantest.Token{Owner: person, Label: "x"})
	service := b.AddServiceAccountToken(atlassiantest.Token{Owner: robot, Label: "x"})
	if status, _, _ := b.call(b.key, "DELETE", b.orgs+"api-tokens", ""); status != 200 || b.Works(token.Secret) || !b.Works(service.Secret) {
		t.Errorf("organisation: %d", status)
	}
	if status, _, _ := b.call(b.key, "DELETE", b.orgs+"service-accounts/"+robot+"/api-tokens", ""); status != 200 || b.Works(service.Secret) {
		t.Errorf("service account: %d", status)
	}
	for _, dressed := range []string{"api-tokens/", "x/../api-tokens", "api-keys/%2e%2e/api-tokens", "x%2f..%2fapi-tokens", "%252e%252e/org-1/api-tokens"} {
		b.call(b.key, "DELETE", b.orgs+dressed, "")
	}
	if len(heard) != 7 || len(b.BulkRevokes()) != 7 {
		t.Errorf("heard of %q", heard)
	}
	if !b.Works(b.key) {
		t.Error("organisation keys are not user tokens")
	}
}

func TestTheLimitIsSaidInISOTime(t *testing.T) {
	t.Parallel()
	b := setup(t, atlassiantest.Config{PerMinute: 2})
	for i, want := range []int{200, 200, 429} {
		status, h, _ := b.call(b.key, "GET", b.orgs+"api-keys", "")
		if status != want || h.Get("X-RateLimit-Reset") != "2026-11-21T12:01:00.000Z" || h.Get("X-RateLimit-Limit") != "2" || h.Get("Retry-After") != "" {
			t.Errorf("call %d: %d %v", i, status, h)
		}
	}
}

func TestWorksIsTheTruth(t *testing.T) {
	t.Parallel()
	b := setup(t, atlassiantest.Config{})
	person := b.AddPerson(atlassiantest.Person{})
	for name, tt := range map[string]struct {
		token atlassiantest.Token
		want  bool
	}{
		"alive":   {atlassiantest.Token{}, true},
		"expired": {atlassiantest.Token{ExpiresAt: start}, false},
		"blocked": {atlassiantest.Token{Blocked: true}, false},
	} {
		tt.token.Owner = person
		made := b.AddUserToken(tt.token)
		if b.Works(made.Secret) != tt.want {
			t.Errorf("%s: works %t", name, !tt.want)
		}
		if b.Remove(made.ID); b.Works(made.Secret) {
			t.Errorf("%s: works after it was removed", name)
		}
	}
	if b.Works(secret.New("")) {
		t.Error("nothing works")
	}
}
