package brokered_test

import (
	"path"
	"strconv"
	"strings"
	"testing"

	"latchkey/connectors"
	"latchkey/connectors/brokered"
)

func TestCheckPattern(t *testing.T) {
	t.Parallel()
	tests := map[bool][]string{
		true: {
			"/", "/**", "/4/worklogs", "/4/worklogs/{id}", "/4/worklogs/**", "/{a}/{b}/**", "/{account_id}", "/a.b/c-d/e_f/~g",
			"/rest/api/3/issue/{issueIdOrKey}/worklog", "/a:b/@me", "/a+b,c=d!", "/users/", "/users/{id}/",
		},
		false: {
			"", "4/worklogs", "**", "//", "/4//x", "/4//", "/4//**", "/4/**/", "/...", "/./x", "/../x", "/4/..", "/4/.", "/%34", "/4%2fx", "/4;x=1", "/..;/x",
			"/a b", "/a\tb", "/a\nb", "/a\x00b", "/a\\b", "/a?b", "/a#b", "/é", "/*", "/a*", "/**/x", "/a/**/**", "/***", "/a**", "/{}", "/{a b}",
			"/{a}{b}", "/x{a}", "/{a}x", "/{a", "/a}", "/{{a}}", "/{a/b}", "/{**}", "/{..}", "{a}", "/\"a\"", "/<a>", "/a|b", "/a^b", "/a`b", "/'", "/(a)",
		},
	}
	for want, patterns := range tests {
		for _, p := range patterns {
			if err := brokered.CheckPattern(p); (err == nil) != want {
				t.Errorf("CheckPattern(%q) = %v", p, err)
			}
		}
	}
}

// FuzzCheckPattern: what is accepted can be read in one way only.
func FuzzCheckPattern(f *testing.F) {
	for _, p := range []string{"/", "/**", "/4/worklogs/{id}", "/a/../b", "/%2e", "/{a}/**", "/a//b"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p string) {
		if brokered.CheckPattern(p) != nil {
			return
		}
		if p != "/" && strings.TrimSuffix(p, "/") != path.Clean(p) {
			t.Errorf("cleaning changes %q", p)
		}
		if strings.ContainsAny(strings.TrimSuffix(p, "/**"), "%*?#;\\ ") {
			t.Errorf("%q has a character with a second meaning", p)
		}
	})
}

func TestCheckScopes(t *testing.T) {
	t.Parallel()
	get := connectors.Rule{Methods: []string{"GET"}, Path: "/x"}
	all := connectors.Rule{Path: "/x"}
	no := connectors.Rule{Path: "/x/y", Deny: true}
	tests := []struct {
		name   string
		scopes []connectors.Scope
		want   string // in the error; empty for none
	}{
		{"fine", []connectors.Scope{scope("x:read", connectors.Read, get), scope("x:write", connectors.Write, all, no)}, ""},
		{"deny of everything in a read scope", []connectors.Scope{scope("x:read", connectors.Read, get, no)}, ""},
		{"search by POST", []connectors.Scope{scope("x:read", connectors.Read, connectors.Rule{Methods: []string{"POST"}, Path: "/search"})}, ""},
		{"none", nil, "scopes"},
		{"twice", []connectors.Scope{scope("x:read", connectors.Read, get), scope("x:read", connectors.Read, get)}, "twice"},
		{"no name", []connectors.Scope{scope("", connectors.Read, get)}, "name"},
		{"long name", []connectors.Scope{scope(strings.Repeat("x", 65), connectors.Read, get)}, "64"},
		{"star in the name", []connectors.Scope{scope("x:*", connectors.Read, get)}, "name"},
		{"capitals in the name", []connectors.Scope{scope("X:read", connectors.Read, get)}, "name"},
		{"space in the name", []connectors.Scope{scope("x read", connectors.Read, get)}, "name"},
		{"empty part in the name", []connectors.Scope{scope("x:", connectors.Read, get)}, "name"},
		{"no access", []connectors.Scope{scope("x:read", "", get)}, "access"},
		{"unknown access", []connectors.Scope{scope("x:read", "root", get)}, "access"},
		{"no rules", []connectors.Scope{scope("x:read", connectors.Read)}, "allows anything"},
		{"only denies", []connectors.Scope{scope("x:read", connectors.Read, no)}, "allows anything"},
		{"unknown method", []connectors.Scope{scope("x:write", connectors.Write, connectors.Rule{Methods: []string{"FETCH"}, Path: "/x"})}, "FETCH"},
		{"lower-case method", []connectors.Scope{scope("x:write", connectors.Write, connectors.Rule{Methods: []string{"get"}, Path: "/x"})}, "method"},
		{"bad path", []connectors.Scope{scope("x:write", connectors.Write, get, connectors.Rule{Path: "x"})}, "rule 2"},
		{"read by any method", []connectors.Scope{scope("x:read", connectors.Read, all)}, "read scope"},
		{"read by DELETE", []connectors.Scope{scope("x:read", connectors.Read, connectors.Rule{Methods: []string{"GET", "DELETE"}, Path: "/x"})}, "read scope"},
		{"conditions", []connectors.Scope{scope("x:write", connectors.Write, connectors.Rule{
			Path: "/p/{id}/**", Query: map[string][]string{"a": {"*"}, "b": nil}, Body: connectors.Body{Types: []string{"application/json"}, Max: 9}, Slashes: []string{"id", "**"},
		})}, ""},
		{"upgrade", []connectors.Scope{scope("x:write", connectors.Write, ws(connectors.Rule{})), scope("x:read", connectors.Read, get, ws(connectors.Rule{Deny: true}))}, ""},
		{"query parameter without a name", one(connectors.Rule{Path: "/x", Query: map[string][]string{"": nil}}), "query parameter"},
		{"query parameter to encode", one(connectors.Rule{Path: "/x", Query: map[string][]string{"a b": nil}}), `"a b"`},
		{"body type with parameters", one(connectors.Rule{Path: "/x", Body: connectors.Body{Types: []string{"text/plain; charset=utf-8"}}}), "media type"},
		{"body type without a slash", one(connectors.Rule{Path: "/x", Body: connectors.Body{Types: []string{"json"}}}), "media type"},
		{"body of less than nothing", one(connectors.Rule{Path: "/x", Body: connectors.Body{Max: -1}}), "bytes"},
		{"size in a deny", one(all, connectors.Rule{Path: "/x", Deny: true, Body: connectors.Body{Max: 1}}), "rule 2: a denying rule"},
		{"slashes of no segment", one(connectors.Rule{Path: "/x/{id}", Slashes: []string{"name"}}), `"name"`},
		{"slashes of no tail", one(connectors.Rule{Path: "/x/{id}", Slashes: []string{"**"}}), `"**"`},
		{"unknown upgrade", one(connectors.Rule{Methods: []string{"GET"}, Path: "/x", Upgrade: "h2c"}), "h2c"},
		{"upgrade of any method", one(connectors.Rule{Path: "/x", Upgrade: "websocket"}), "[GET]"},
		{"upgrade in a read scope", []connectors.Scope{scope("x:read", connectors.Read, ws(connectors.Rule{}))}, "read scope"},
		{"too many segments", one(connectors.Rule{Path: strings.Repeat("/x", 64)}), "63"},
		{"too many scopes", crowd(257), "256"},
	}
	for _, tt := range tests {
		err := brokered.CheckScopes(tt.scopes)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: err = %v, want %q", tt.name, err, tt.want)
		}
	}
}

// one is a scope that may write.
func one(rules ...connectors.Rule) []connectors.Scope {
	return []connectors.Scope{scope("x:write", connectors.Write, rules...)}
}

// ws makes a rule one about WebSockets.
func ws(r connectors.Rule) connectors.Rule {
	r.Methods, r.Path, r.Upgrade = []string{"GET"}, "/socket", connectors.WebSocket
	return r
}

func crowd(n int) []connectors.Scope {
	var out []connectors.Scope
	for i := range n {
		out = append(out, scope("x"+strconv.Itoa(i), connectors.Write, connectors.Rule{Path: "/x"}))
	}
	return out
}
