package server

import (
	"net/http"
	"strings"
	"testing"
)

// Whatever is wrong with a call has one status, one code and the field it is
// about; and nothing has changed.
func TestWrongCallsChangeNothing(t *testing.T) {
	t.Parallel()
	b := setupV1(t)
	key := b.bobs(t)
	const get, post = http.MethodGet, http.MethodPost
	revoke := at("/v1/credentials/%s/revoke", key.ID)
	why := because("a test")
	file := map[string]any{"on_behalf_of": "bob@example.com", "system": "tempo", "scopes": []string{"worklogs:view"}, "lifetime_seconds": 86400, "reason": "month-end report"}
	before := b.rows(t)
	for _, tt := range []struct {
		name, method, path string
		body               any
		headers            []string
		status             int
		code, field        string
	}{
		{"an unknown filter", get, "/v1/credentials?systems=tempo", nil, nil, 422, "unknown_parameter", "systems"},
		{"a key in the address", get, "/v1/credentials?access_token=x", nil, nil, 422, "unknown_parameter", "access_token"},
		{"a filter twice", get, "/v1/credentials?system=a&system=b", nil, nil, 422, "invalid_field", "system"},
		{"a filter on an act", post, revoke + "?force=true", why, nil, 422, "unknown_parameter", "force"},
		{"no query", get, "/v1/credentials?%zz", nil, nil, 400, "query", ""},
		{"a zero byte", get, "/v1/credentials?system=%00", nil, nil, 422, "invalid_field", "system"},
		{"an unknown flag", get, "/v1/credentials?flag=red", nil, nil, 422, "invalid_field", "flag"},
		{"an unknown state", get, "/v1/credentials?state=dead", nil, nil, 422, "invalid_field", "state"},
		{"an unknown owner", get, "/v1/credentials?owner=nobody@example.com", nil, nil, 422, "unknown", "owner"},
		{"no page", get, "/v1/credentials?limit=0", nil, nil, 422, "invalid_field", "limit"},
		{"too large a page", get, "/v1/credentials?limit=1001", nil, nil, 422, "invalid_field", "limit"},
		{"a page of words", get, "/v1/credentials?limit=all", nil, nil, 422, "invalid_field", "limit"},
		{"no cursor", get, "/v1/credentials?cursor=%21", nil, nil, 422, "invalid_field", "cursor"},
		{"a cursor of something else", get, "/v1/credentials?cursor=eyJhIjoxfQ", nil, nil, 422, "invalid_field", "cursor"},
		{"a day and a time", get, "/v1/access?day=2026-11-20&from=2026-11-20T00:00:00Z", nil, nil, 422, "invalid_field", "day"},
		{"a year of access", get, "/v1/access?from=2025-11-20T00:00:00Z&to=2026-11-20T00:00:00Z", nil, nil, 422, "span", "from"},
		{"a time backwards", get, "/v1/access?from=2026-11-20T00:00:00Z&to=2026-11-19T00:00:00Z", nil, nil, 422, "span", "from"},
		{"half a subject", get, "/v1/audit?subject_id=7", nil, nil, 422, "invalid_field", "subject_id"},
		{"two subjects", get, "/v1/audit?subject=request&subject_id=" + key.ID.String(), nil, nil, 422, "invalid_field", "subject_id"},
		{"no such event", get, "/v1/audit/999999/proof", nil, nil, 404, "unknown", ""},
		{"no such system", get, "/v1/systems/nowhere", nil, nil, 404, "unknown", ""},
		{"no such system's rules", get, "/v1/systems/nowhere/enforcement", nil, nil, 404, "unknown", ""},
		{"no such person", get, "/v1/people/9999", nil, nil, 404, "unknown", ""},
		{"no such case", get, "/v1/offboardings/9999", nil, nil, 404, "unknown", ""},
		{"no such address", get, "/v1/credential", nil, nil, 404, "unknown_address", ""},
		{"another verb", http.MethodDelete, at("/v1/credentials/%s", key.ID), nil, nil, 405, "method", ""},
		{"a preflight", http.MethodOptions, "/v1/credentials", nil, []string{"Origin", "https://evil.example", "Access-Control-Request-Method", "GET"}, 405, "method", ""},

		{"no idempotency key", post, revoke, why, []string{"Idempotency-Key", ""}, 400, "idempotency_key", ""},
		{"no type", post, revoke, why, []string{"Content-Type", ""}, 415, "content_type", ""},
		{"a form", post, revoke, "reason=x", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "content_type", ""},
		{"compressed", post, revoke, why, []string{"Content-Encoding", "gzip"}, 415, "content_encoding", ""},
		{"too large", post, revoke, because(strings.Repeat("x", maxV1Body)), nil, 413, "body_size", ""},
		{"cut short", post, revoke, `{"reason":"x`, nil, 400, "malformed_body", ""},
		{"a list", post, revoke, `[]`, nil, 400, "malformed_body", ""},
		{"an unknown member", post, revoke, changed(why, "force", true), nil, 422, "unknown_field", "force"},
		{"another case", post, revoke, `{"Reason":"x"}`, nil, 422, "unknown_field", "Reason"},
		{"a member twice", post, revoke, `{"reason":"x","reason":"y"}`, nil, 400, "malformed_body", "reason"},
		{"a schema's name", post, revoke, changed(why, "$schema", "x"), nil, 422, "unknown_field", "$schema"},
		{"a number", post, revoke, `{"reason":7}`, nil, 422, "invalid_field", "reason"},
		{"too long a reason", post, revoke, because(strings.Repeat("x", 1001)), nil, 422, "invalid_field", "reason"},
		{"a zero byte in it", post, revoke, `{"reason":"a\u0000b"}`, nil, 422, "invalid_field", "reason"},
		{"an unknown member within", post, "/v1/leaks", `{"leaks":[{"token":"x","tokne":"y"}]}`, nil, 422, "unknown_field", "leaks[0].tokne"},
		{"no leaks", post, "/v1/leaks", `{"leaks":[]}`, nil, 422, "invalid_field", "leaks"},

		{"for nobody", post, "/v1/requests", changed(file, "on_behalf_of", "nobody@example.com"), nil, 422, "unknown", "on_behalf_of"},
		{"an unknown system", post, "/v1/requests", changed(file, "system", "nowhere"), nil, 422, "unknown", "system"},
		{"an unknown scope", post, "/v1/requests", changed(file, "scopes", []string{"all"}), nil, 422, "unknown", "scopes"},
		{"too long a life", post, "/v1/requests", changed(file, "lifetime_seconds", 315360000), nil, 422, "ceiling", "lifetime_seconds"},
		{"no life", post, "/v1/requests", changed(file, "lifetime_seconds", 0), nil, 422, "invalid_field", "lifetime_seconds"},
		{"no reason", post, "/v1/requests", changed(file, "reason", nil), nil, 422, "missing_field", "reason"},
		{"approved at once", post, "/v1/requests", changed(file, "state", "approved"), nil, 422, "unknown_field", "state"},
		{"oneself", post, at("/v1/people/%d/offboard", b.alice.Account.PersonID), why, nil, 403, "no_self_review", ""},
		{"for no reason", post, at("/v1/people/%d/offboard", b.bob.Account.PersonID), map[string]any{}, nil, 422, "reason_needed", "reason"},
	} {
		b.unhurried()
		got := b.call(t, b.all, tt.method, tt.path, tt.body, tt.headers...)
		p := got.problem(t)
		if got.status != tt.status || p.Code != tt.code || p.Field != tt.field {
			t.Errorf("%s: %d %s on %q, want %d %s on %q: %s", tt.name, got.status, p.Code, p.Field, tt.status, tt.code, tt.field, p.Detail)
		}
		for name := range got.header {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s: %s lets other sites in", tt.name, name)
			}
		}
		if b.rows(t) != before {
			t.Fatalf("%s: something changed", tt.name)
		}
	}
	if got := b.call(t, b.all, post, revoke, why); got.status != http.StatusOK {
		t.Errorf("after all that, a right one = %d %s", got.status, got.body)
	}
}

// A key comes in the Authorization header, or not at all.
func TestKeysComeInOneHeader(t *testing.T) {
	t.Parallel()
	b := setupV1(t)
	for name, headers := range map[string][]string{"a cookie": {"Cookie", "key=" + b.all}, "another header": {"X-Api-Key", b.all}, "basic": {"Authorization", "Basic " + b.all}, "bare": {"Authorization", b.all}} {
		if got := b.call(t, "", http.MethodGet, "/v1/systems", nil, headers...); got.status != http.StatusUnauthorized {
			t.Errorf("%s = %d %s", name, got.status, got.body)
		}
	}
}

func TestThePaceIsSaid(t *testing.T) {
	t.Parallel()
	b := setupV1(t)
	for i := range callsAtOnce + 30 {
		got := b.call(t, b.all, http.MethodGet, "/v1/systems", nil)
		if got.header.Get("RateLimit-Policy") != `"key";q=20;w=2` || !strings.HasPrefix(got.header.Get("RateLimit"), `"key";r=`) {
			t.Fatalf("call %d: %v", i, got.header)
		}
		if got.status == http.StatusTooManyRequests {
			if got.header.Get("Retry-After") == "" || got.problem(t).Code != "too_fast" || !strings.HasPrefix(got.header.Get("RateLimit"), `"key";r=0;t=`) {
				t.Errorf("%v %s", got.header, got.body)
			}
			return
		}
	}
	t.Log("the machine was too slow to be too fast")
}
