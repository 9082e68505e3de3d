package gateway

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/connectors"
)

func TestQueryConditions(t *testing.T) {
	t.Parallel()
	asking := func(r connectors.Rule, query map[string][]string) connectors.Rule {
		r.Query = query
		return r
	}
	s := compile(t,
		connectors.Scope{Name: "one", Rules: []connectors.Rule{asking(allow("", "/x"), map[string][]string{"project": {"A", "b c"}})}},
		connectors.Scope{Name: "bare", Rules: []connectors.Rule{asking(allow("", "/x"), map[string][]string{"expand": {}})}},
		connectors.Scope{Name: "any", Rules: []connectors.Rule{asking(allow("", "/x"), map[string][]string{"project": {"*"}})}},
		connectors.Scope{Name: "guarded", Rules: []connectors.Rule{
			allow("", "/x"),
			asking(deny("", "/x"), map[string][]string{"force": {"true"}}),
			asking(deny("", "/x"), map[string][]string{"as": {"*"}}),
		}},
		connectors.Scope{Name: "bounded", Rules: []connectors.Rule{allow("", "/x"), asking(deny("", "/x"), map[string][]string{"limit": {}})}},
	)
	tests := []struct{ query, want string }{
		{"", "bare guarded"},
		{"project=A", "one bare any guarded"},
		{"project=A&limit=1", "one bare any guarded bounded"},
		{"project=b+c", "one bare any guarded"},
		{"project=b%20c&project=A", "one bare any guarded"},
		{"project=a", "bare any guarded"},
		{"project=A&project=B", "bare any guarded"},
		{"project=A&Project=B", "bare guarded"},
		{"project=A&project[]=B", "bare guarded"},
		{"project=A&%70roject=B", "bare guarded"},
		{"project=A&%2570roject=B", "bare guarded"},
		{"project=A&+project=B", "bare guarded"},
		{"project=A;project=B", "guarded"},
		{"project", "bare any guarded"},
		{"expand=x", "guarded"},
		{"EXPAND", "guarded"},
		{"force=false", "bare guarded"},
		{"force=true", "bare"},
		{"Force=TRUE", "bare"},
		{"force=%74rue", "bare"},
		{"force=%2574rue", "bare"},
		{"force[]=true", "bare"},
		{"x=1;force=true", ""},
		{"as=", "bare"},
		{"as", "bare"},
		{"Limit=1", "bare guarded"},
	}
	for _, tt := range tests {
		m := s.judge(&asked{method: methodOf("GET"), segments: []string{"x"}, query: tt.query, held: &scopeSet{}})
		if got := strings.Join(s.needs(m.scopes), " "); got != tt.want || m.route != "/x" {
			t.Errorf("%q: scopes %q by %q, want %q", tt.query, got, m.route, tt.want)
		}
	}
}

func TestBodyConditions(t *testing.T) {
	t.Parallel()
	body := func(r connectors.Rule, most int64, types ...string) connectors.Rule {
		r.Body = connectors.Body{Types: types, Max: most}
		return r
	}
	s := compile(t,
		connectors.Scope{Name: "json", Rules: []connectors.Rule{body(allow("", "/x"), 100, "application/json")}},
		connectors.Scope{Name: "large", Rules: []connectors.Rule{body(allow("", "/x"), 1000, "application/json", "Text/CSV")}},
		connectors.Scope{Name: "no xml", Rules: []connectors.Rule{allow("", "/x"), body(deny("", "/x"), 0, "text/xml")}},
	)
	held := s.hold([]string{"json", "large"})
	tests := []struct {
		length int64
		types  []string
		want   string
		room   int64
	}{
		{0, nil, "json large no xml", 1000},
		{0, []string{"text/xml"}, "json large no xml", 1000},
		{100, []string{"application/json"}, "json large no xml", 1000},
		{101, []string{"Application/JSON; charset=utf-8"}, "large no xml", 1000},
		{-1, []string{"application/json"}, "json large no xml", 1000},
		{1001, []string{"application/json"}, "no xml", 0},
		{5, []string{"text/csv"}, "large no xml", 1000},
		{5, nil, "", 0}, // a vendor may guess that it is XML
		{5, []string{"application/json", "application/json"}, "no xml", 0},
		{5, []string{"application/json", "text/xml"}, "", 0},
		{5, []string{"text/XML;x=y"}, "", 0},
		{5, []string{"text/xml, application/json"}, "", 0},
	}
	for _, tt := range tests {
		m := s.judge(&asked{method: methodOf("POST"), segments: []string{"x"}, types: tt.types, length: tt.length, held: &held})
		if got := strings.Join(s.needs(m.scopes), " "); got != tt.want || m.room != tt.room {
			t.Errorf("%d bytes of %q: scopes %q, room %d, want %q, %d", tt.length, tt.types, got, m.room, tt.want, tt.room)
		}
	}
	// What a scope denies gives no room.
	denied := compile(t,
		connectors.Scope{Name: "denied", Rules: []connectors.Rule{allow("", "/x"), deny("", "/x")}},
		connectors.Scope{Name: "small", Rules: []connectors.Rule{body(allow("", "/x"), 10)}},
	)
	held = denied.hold([]string{"denied", "small"})
	if m := denied.judge(&asked{method: methodOf("POST"), segments: []string{"x"}, length: -1, held: &held}); m.room != 10 {
		t.Errorf("room %d of a scope that allows 10", m.room)
	}
}

func TestConditionsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]connectors.Rule{
		"no name":         {Path: "/x", Query: map[string][]string{"": {"a"}}},
		"encoded name":    {Path: "/x", Query: map[string][]string{"a b": {"a"}}},
		"negative size":   {Path: "/x", Body: connectors.Body{Max: -1}},
		"size in denial":  {Path: "/x", Deny: true, Body: connectors.Body{Max: 1}},
		"no media type":   {Path: "/x", Body: connectors.Body{Types: []string{"json"}}},
		"parameters":      {Path: "/x", Body: connectors.Body{Types: []string{"text/csv; a=b"}}},
		"unknown slashes": {Path: "/{x}", Slashes: []string{"y"}},
		"no tail":         {Path: "/{x}", Slashes: []string{"**"}},
	} {
		if _, err := compileScopes([]connectors.Scope{{Name: "s", Rules: []connectors.Rule{r}}}); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestConditionsOverTheWire(t *testing.T) {
	t.Parallel()
	b := start(t, nil, func(d *Deps) {
		u := d.Upstreams["tempo"]
		u.Scopes = []connectors.Scope{
			{Name: "mine", Rules: []connectors.Rule{
				{Methods: []string{"GET"}, Path: "/search", Query: map[string][]string{"project": {"A"}}},
				{Methods: []string{"POST"}, Path: "/search", Body: connectors.Body{Types: []string{"application/json"}, Max: 10}},
			}},
			{Name: "all", Rules: []connectors.Rule{{Methods: []string{"GET"}, Path: "/search"}}},
		}
		d.Upstreams["tempo"] = u
	})
	key, _ := b.issue(t, "tempo", "mine")
	json := []string{"Content-Type", "application/json"}
	for _, tt := range []struct {
		method, target, body string
		header               []string
		status               int
		needs                []string
		says                 string
	}{
		{"GET", "/tempo/search?project=A&x=1", "", nil, 200, nil, ""},
		{"GET", "/tempo/search?project=B", "", nil, 403, []string{"all"}, "ask for it in Slack"},
		{"POST", "/tempo/search", "{}", json, 200, nil, ""},
		{"POST", "/tempo/search", "{}", []string{"Content-Type", "text/plain"}, 403, nil, "A scope of tempo allows POST /search, but not with this query, body or upgrade."},
		{"POST", "/tempo/search", "{'123456789'}", json, 403, nil, "but not with"},
	} {
		a := b.send(t, tt.method, tt.target, key, tt.body, tt.header...)
		if a.Status != tt.status {
			t.Errorf("%s %s: %+v", tt.method, tt.target, a)
			continue
		}
		if tt.says == "" {
			continue
		}
		d := a.detail(t)
		if diff := cmp.Diff(tt.needs, d.Needs); diff != "" || !strings.Contains(d.Message, tt.says) {
			t.Errorf("%s %s: %+v", tt.method, tt.target, d)
		}
	}
	// A body of unknown size is held to the rule's size as it is read.
	for body, want := range map[string]string{"a\r\n1234567890\r\n0\r\n\r\n": "HTTP/1.1 200 ", "b\r\n12345678901\r\n0\r\n\r\n": "HTTP/1.1 413 "} {
		got := b.raw(t, "POST /tempo/search HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nAuthorization: Bearer "+key+"\r\n\r\n"+body)
		if !strings.HasPrefix(got, want) {
			t.Errorf("%q: %.200q, want %s", body, got, want)
		}
	}
}

// FuzzQueryCondition checks that no spelling of a query passes a condition and
// is read by another program so that it would not.
func FuzzQueryCondition(f *testing.F) {
	for _, seed := range []string{"project=A", "project=A&project=B", "project=A;project=B", "Project=B&project=A", "%70roject=B&project=A", "a=1&project[0]=B"} {
		f.Add(seed)
	}
	s, err := compileScopes([]connectors.Scope{{Name: "s", Rules: []connectors.Rule{{Path: "/x", Query: map[string][]string{"project": {"A"}}}}}})
	if err != nil {
		f.Fatal(err)
	}
	readers := []func(string) url.Values{
		func(q string) url.Values { v, _ := url.ParseQuery(q); return v },
		func(q string) url.Values { v, _ := url.ParseQuery(strings.ReplaceAll(q, ";", "&")); return v },
		func(q string) url.Values {
			out := url.Values{}
			v, _ := url.ParseQuery(q)
			for name, values := range v {
				name, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(name)), "[")
				out[name] = append(out[name], values...)
			}
			return out
		},
	}
	f.Fuzz(func(t *testing.T, query string) {
		target, refused := parseTarget("/c/x?"+query, noSlashes)
		if refused != nil {
			return
		}
		m := s.judge(&asked{method: methodOf(http.MethodGet), segments: target.segments, query: target.query, held: &scopeSet{}})
		if m.scopes == (scopeSet{}) {
			return
		}
		for i, read := range readers {
			got := read(target.query)["project"]
			if len(got) == 0 || slices.ContainsFunc(got, func(v string) bool { return v != "A" }) {
				t.Fatalf("%q passed; reader %d sees %q", query, i, got)
			}
		}
	})
}
