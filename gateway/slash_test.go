package gateway

import (
	"net/http"
	"net/url"
	"path"
	"strings"
	"testing"

	"latchkey/connectors"
)

// slashing is a catalogue in the manner of GitLab.
func slashing() []connectors.Scope {
	get := func(path string, slashes ...string) connectors.Rule {
		return connectors.Rule{Methods: []string{"GET"}, Path: path, Slashes: slashes}
	}
	return []connectors.Scope{
		{Name: "projects:read", Rules: []connectors.Rule{get("/projects/{id}", "id"), get("/projects/{id}/members/{user}", "id")}},
		{Name: "issues:read", Rules: []connectors.Rule{get("/projects/{id}/issues", "id"), get("/projects/{id}/issues/{iid}", "id")}},
		{Name: "files:read", Rules: []connectors.Rule{get("/projects/{id}/repository/files/{path}", "id", "path")}},
		{Name: "all", Rules: []connectors.Rule{get("/**", "**"), deny("", "/projects/{id}/variables"), deny("", "/projects/secret/**")}},
		{Name: "tree", Rules: []connectors.Rule{get("/projects/**")}},
	}
}

func TestEncodedSlashesWhereDeclared(t *testing.T) {
	t.Parallel()
	s := compile(t, slashing()...)
	tests := []struct{ path, want, route string }{
		{"/projects/7", "projects:read all tree", "/projects/{id}"},
		{"/projects/group%2Fproject", "projects:read all", "/projects/{id}"},
		{"/projects/group%2fsub%2Fmy%2Eproject", "projects:read all", "/projects/{id}"},
		{"/projects/group%2Fproject/issues/7", "issues:read all", "/projects/{id}/issues/{iid}"},
		{"/projects/group%2Fproject/issues/7%2F8", "all", "/**"},
		{"/projects/g%2Fp/repository/files/lib%2Fa%2Erb", "files:read all", "/projects/{id}/repository/files/{path}"},
		{"/projects/7/members/a%2Fb", "all", "/**"},
		{"/groups/a%2Fb", "all", "/**"},
		// To a vendor that decodes first these are other endpoints.
		{"/projects/7%2Fissues", "", "/projects/{id}"},
		{"/projects/7%2Fissues%2F8", "", "/projects/{id}"},
		{"/projects/7%2Fmembers%2F8", "projects:read", "/projects/{id}"},
		{"/projects%2F7", "", "/**"},
		{"/projects/7%2Fvariables", "projects:read", "/projects/{id}"},
		{"/projects/Secret%2Fx", "projects:read", "/projects/{id}"},
		{"/projects/g%2Fp/variables", "", "/**"},
	}
	for _, tt := range tests {
		target, refused := parseTarget("/c"+tt.path, allSlashes)
		if refused != nil {
			t.Errorf("%s: %s", tt.path, refused.message)
			continue
		}
		m := s.judge(&asked{method: methodOf("GET"), segments: target.segments, slashed: target.slashed, held: &scopeSet{}})
		if got := strings.Join(s.needs(m.scopes), " "); got != tt.want || m.route != tt.route {
			t.Errorf("%s: scopes %q by %q, want %q by %q", tt.path, got, m.route, tt.want, tt.route)
		}
	}
	for _, p := range []string{
		"/projects/%2F", "/projects/a%2F", "/projects/%2Fa", "/projects/a%2F%2Fb", "/projects/a%2F..%2Fb", "/projects/a%2F%2E%2E", "/projects/%2E", "/projects/.%2e/x",
		"/projects/a%2F.%20", "/projects/a%252Fb", "/projects/a%5Cb", "/projects/a%2Fb;c", "/projects/a%2F%00", "/projects/%61", "/a%2Fb%2F",
	} {
		if _, refused := parseTarget("/c"+p, allSlashes); refused == nil || refused.code != "malformed_path" {
			t.Errorf("%s was accepted", p)
		}
	}
	if _, refused := parseTarget("/c%2Fprojects/7", allSlashes); refused == nil {
		t.Error("a slash in the connection's name was accepted")
	}
}

func TestEncodedSlashesAreForwardedAsTheyCame(t *testing.T) {
	t.Parallel()
	b := start(t, nil, func(d *Deps) {
		u := d.Upstreams["tempo"]
		d.Upstreams["jira"] = u
		u.Scopes = slashing()
		d.Upstreams["tempo"] = u
	})
	key, _ := b.issue(t, "tempo", "projects:read")
	other, _ := b.issue(t, "jira", "everything")
	for _, p := range []string{"/projects/group%2fsub%2Fmy%2eproject", "/projects/7"} {
		a := b.send(t, "GET", "/tempo"+p, key, "")
		got := append([]seen{{}}, b.vendor.seen()...)
		if a.Status != http.StatusOK || got[len(got)-1].Target != p {
			t.Errorf("%s: %+v, the vendor saw %s", p, a, got[len(got)-1].Target)
		}
	}
	before := len(b.vendor.seen())
	if a := b.send(t, "GET", "/tempo/projects/7%2Fissues", key, ""); a.Status != http.StatusForbidden {
		t.Errorf("another endpoint: %+v", a)
	}
	if a := b.send(t, "GET", "/jira/projects/a%2Fb", other, ""); a.Status != http.StatusBadRequest || a.detail(t).Code != "malformed_path" {
		t.Errorf("a system that declares nothing: %+v", a)
	}
	if got := b.vendor.seen()[before:]; len(got) > 0 {
		t.Errorf("the vendor saw %v", got)
	}
}

// No spelling lets a holder of one scope reach an endpoint of another, however
// the vendor reads slashes.
func TestNoSlashLeavesItsRules(t *testing.T) {
	t.Parallel()
	s := compile(t, slashing()...)
	held := s.hold([]string{"projects:read"})
	passed, refused := 0, 0
	for _, p := range corpus() {
		p = "/projects/" + strings.TrimPrefix(strings.NewReplacer("admin", "issues", "/pub/", "", "private", "variables").Replace(p), "/")
		target, no := parseTarget("/c"+p, allSlashes)
		if no != nil {
			refused++
			continue
		}
		a := asked{method: methodOf("GET"), segments: target.segments, slashed: target.slashed, held: &held}
		if m := s.judge(&a); !m.scopes.meets(&held) {
			refused++
			continue
		}
		passed++
		for name, read := range dialects {
			sent, _, _ := strings.Cut(target.path, "?")
			segments := strings.Split(read(sent), "/")
			if len(segments) > 3 && segments[3] == "issues" || segments[1] != "projects" {
				t.Errorf("%s passed, and a vendor (%s) reads %s", p, name, strings.Join(segments, "/"))
			}
		}
	}
	if passed == 0 || refused == 0 {
		t.Errorf("the corpus does not try both: %d passed, %d refused", passed, refused)
	}
}

// FuzzSlashes checks that a target with encoded slashes has two readings, both
// clean, and no third.
func FuzzSlashes(f *testing.F) {
	for _, seed := range []string{"/t/a%2Fb", "/t/a%2F..%2Fb", "/t/%2E%2E/x", "/t/my%2eproject", "/t/a%252Fb", "/t/a%2F"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got, refused := parseTarget(raw, allSlashes)
		if refused != nil {
			return
		}
		decoded, err := url.PathUnescape(got.path)
		if err != nil {
			t.Fatalf("does not decode: %v", err)
		}
		if twice, err := url.PathUnescape(decoded); err != nil || twice != decoded {
			t.Fatalf("decodes twice: %q, %q", decoded, twice)
		}
		if cleaned := path.Clean(decoded); cleaned != strings.TrimSuffix(decoded, "/") && decoded != "/" {
			t.Fatalf("%q cleans to %q", decoded, cleaned)
		}
		flat, inner := flatten(got.segments)
		if want := "/" + strings.Join(flat, "/"); want != decoded || len(inner) != len(flat) {
			t.Fatalf("one reading is %q, want %q", want, decoded)
		}
		if n := strings.Count(got.path, "/"); decoded != "/" && n != len(got.segments) {
			t.Fatalf("the other has %d segments, want %d", len(got.segments), n)
		}
		if got.slashed != (len(flat) != len(got.segments)) {
			t.Fatalf("slashed is %t", got.slashed)
		}
	})
}
