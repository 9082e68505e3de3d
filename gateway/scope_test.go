package gateway

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"latchkey/connectors"
)

func compile(t *testing.T, all ...connectors.Scope) *scopes {
	t.Helper()
	s, err := compileScopes(all)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func allow(methods, path string) connectors.Rule {
	return connectors.Rule{Methods: strings.Fields(methods), Path: path}
}

func deny(methods, path string) connectors.Rule {
	return connectors.Rule{Methods: strings.Fields(methods), Path: path, Deny: true}
}

func TestScopesJudge(t *testing.T) {
	t.Parallel()
	s := compile(t,
		connectors.Scope{Name: "view", Rules: []connectors.Rule{
			allow("GET", "/4/worklogs"), allow("GET", "/4/worklogs/{id}"), allow("GET", "/4/files/**"), allow("GET", "/slash/"), allow("GET", "/")}},
		connectors.Scope{Name: "manage", Rules: []connectors.Rule{
			allow("", "/4/worklogs/**"), deny("", "/4/worklogs/export/**"), deny("DELETE", "/4/worklogs/{id}/locks/{lock}"), deny("GET", "/4/worklogs/secret")}},
		connectors.Scope{Name: "all", Rules: []connectors.Rule{allow("", "/**"), deny("POST PUT", "/4/Admin/{x}/**")}},
		connectors.Scope{Name: "nothing"},
	)
	tests := []struct{ method, path, want, route string }{
		{"GET", "/4/worklogs", "view manage all", "/4/worklogs"},
		{"HEAD", "/4/worklogs", "view manage all", "/4/worklogs"},
		{"POST", "/4/worklogs", "manage all", "/4/worklogs/**"},
		{"GET", "/4/worklogs/17", "view manage all", "/4/worklogs/{id}"},
		{"GET", "/4/worklogs/17/", "manage all", "/4/worklogs/**"},
		{"GET", "/4/worklogs/", "manage all", "/4/worklogs/**"},
		{"GET", "/4/Worklogs", "all", "/**"},
		{"PATCH", "/4/worklogs/17/x/y", "manage all", "/4/worklogs/**"},
		{"GET", "/4/worklogs/export", "view all", "/4/worklogs/{id}"},
		{"GET", "/4/worklogs/export/all", "all", "/4/worklogs/**"},
		{"GET", "/4/worklogs/EXPORT/all", "all", "/4/worklogs/**"},
		{"GET", "/4/worklogs/export./all", "all", "/4/worklogs/**"},
		{"GET", "/4/worklogs/%C5%BFecret", "view all", "/4/worklogs/{id}"}, // long s folds to s
		{"HEAD", "/4/worklogs/secret", "view all", "/4/worklogs/{id}"},
		{"POST", "/4/worklogs/secret", "manage all", "/4/worklogs/**"},
		{"DELETE", "/4/worklogs/1/locks/2", "all", "/4/worklogs/**"},
		{"DELETE", "/4/worklogs/1/locks/2/", "all", "/4/worklogs/**"},
		{"PUT", "/4/worklogs/1/locks/2", "manage all", "/4/worklogs/**"},
		{"DELETE", "/4/worklogs/1/locks", "manage all", "/4/worklogs/**"},
		{"GET", "/4/files", "view all", "/4/files/**"},
		{"GET", "/4/files/a/b/", "view all", "/4/files/**"},
		{"GET", "/4/filesystem", "all", "/**"},
		{"GET", "/slash/", "view all", "/slash/"},
		{"GET", "/slash", "all", "/**"},
		{"GET", "/", "view all", "/"},
		{"POST", "/4/admin/x", "", "/**"},
		{"PUT", "/4/ADMIN/x/y", "", "/**"},
		{"GET", "/4/admin/x", "all", "/**"},
		{"POST", "/4/admin", "all", "/**"},
	}
	for _, tt := range tests {
		target, refused := parseTarget("/c"+tt.path, noSlashes)
		if refused != nil {
			t.Fatalf("%s: %s", tt.path, refused.message)
		}
		m := s.judge(&asked{method: methodOf(tt.method), segments: target.segments, held: &scopeSet{}})
		if got := strings.Join(s.needs(m.scopes), " "); got != tt.want || m.route != tt.route {
			t.Errorf("%s %s: scopes %q by %q, want %q by %q", tt.method, tt.path, got, m.route, tt.want, tt.route)
		}
	}
	held := s.hold([]string{"view", "gone"})
	if diff := cmp.Diff([]string{"view"}, s.needs(held)); diff != "" {
		t.Errorf("held (-want +got):\n%s", diff)
	}
}

func TestCompileScopesRefuses(t *testing.T) {
	t.Parallel()
	for _, path := range []string{
		"", "4/x", "/4/**/x", "/4/x**", "/4/{id}.json", "/4/{}", "/4/{a}{b}", "/4/{a", "/4/*", "/4//x", "/4/../x", "/4/%20", "/4/x?y", "/4/x y", "/4/x;y", "/4/ü",
	} {
		if _, err := compileScopes([]connectors.Scope{{Name: "s", Rules: []connectors.Rule{allow("", path)}}}); err == nil {
			t.Errorf("path %q was accepted", path)
		}
	}
	for _, method := range []string{"get", "TRACE", "CONNECT", "OPTIONS", ""} {
		if _, err := compileScopes([]connectors.Scope{{Name: "s", Rules: []connectors.Rule{{Methods: []string{method}, Path: "/x"}}}}); err == nil {
			t.Errorf("method %q was accepted", method)
		}
	}
	many := make([]connectors.Scope, maxScopes+1)
	for i := range many {
		many[i].Name = fmt.Sprint(i)
	}
	if _, err := compileScopes(many); err == nil {
		t.Error("too many scopes were accepted")
	}
	if _, err := compileScopes(many[:maxScopes]); err != nil {
		t.Errorf("as many scopes as possible: %v", err)
	}
}

// naive says what judge must say, rule by rule, without a tree.
func naive(all []connectors.Scope, method, path string) []string {
	names := []string{}
	segments := strings.Split(path, "/")[1:]
	matches := func(r connectors.Rule) bool {
		ok := len(r.Methods) == 0
		for _, m := range r.Methods {
			ok = ok || m == method || m == "GET" && method == "HEAD"
		}
		rule := strings.Split(r.Path, "/")[1:]
		for i, s := range rule {
			if s == "**" {
				return ok
			}
			if i >= len(segments) || !strings.HasPrefix(s, "{") && s != segments[i] {
				return false
			}
		}
		return ok && len(rule) == len(segments)
	}
	for _, scope := range all {
		allowed, denied := false, false
		for _, r := range scope.Rules {
			allowed = allowed || !r.Deny && matches(r)
			denied = denied || r.Deny && matches(r)
		}
		if allowed && !denied {
			names = append(names, scope.Name)
		}
	}
	return names
}

func TestScopesJudgeAsRulesRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		segment := rapid.SampledFrom([]string{"a", "b", "c", "{x}"})
		rule := rapid.Custom(func(t *rapid.T) connectors.Rule {
			path := "/" + strings.Join(rapid.SliceOfN(segment, 1, 4).Draw(t, "segments"), "/")
			if rapid.Bool().Draw(t, "tail") {
				path += "/**"
			}
			return connectors.Rule{
				Methods: rapid.SliceOfNDistinct(rapid.SampledFrom(methods), 0, 3, rapid.ID).Draw(t, "methods"),
				Path:    path,
				Deny:    rapid.Bool().Draw(t, "deny"),
			}
		})
		var all []connectors.Scope
		for i := range rapid.IntRange(1, 70).Draw(t, "scopes") {
			all = append(all, connectors.Scope{Name: fmt.Sprint(i), Rules: rapid.SliceOfN(rule, 0, 4).Draw(t, "rules")})
		}
		s, err := compileScopes(all)
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			method := rapid.SampledFrom(methods).Draw(t, "method")
			segments := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 1, 5).Draw(t, "path")
			m := s.judge(&asked{method: methodOf(method), segments: segments, held: &scopeSet{}})
			path := "/" + strings.Join(segments, "/")
			if diff := cmp.Diff(naive(all, method, path), s.needs(m.scopes)); diff != "" {
				t.Fatalf("%s %s (-want +got):\n%s", method, path, diff)
			}
			if m.scopes != (scopeSet{}) && m.route == "" {
				t.Fatalf("%s %s passes without a route", method, path)
			}
		}
	})
}
