package server

import (
	"testing"

	"latchkey/connectors"
)

func TestReadablePath(t *testing.T) {
	t.Parallel()
	scope := func(name string, rules ...connectors.Rule) connectors.Scope {
		return connectors.Scope{Name: name, Rules: rules}
	}
	get := []string{"GET"}
	for name, tc := range map[string]struct {
		want   string
		scopes []connectors.Scope
	}{
		"plain":               {"/me", []connectors.Scope{scope("a", connectors.Rule{Methods: get, Path: "/me"})}},
		"any method":          {"/me", []connectors.Scope{scope("a", connectors.Rule{Path: "/me"})}},
		"not granted":         {"/", []connectors.Scope{scope("b", connectors.Rule{Path: "/me"})}},
		"denied":              {"/", []connectors.Scope{scope("a", connectors.Rule{Path: "/me", Deny: true})}},
		"no GET":              {"/", []connectors.Scope{scope("a", connectors.Rule{Methods: []string{"POST"}, Path: "/me"})}},
		"placeholder":         {"/all", []connectors.Scope{scope("a", connectors.Rule{Path: "/one/{id}"}, connectors.Rule{Path: "/all"})}},
		"tree":                {"/v4", []connectors.Scope{scope("a", connectors.Rule{Path: "/v4/**"})}},
		"everything":          {"/", []connectors.Scope{scope("a", connectors.Rule{Path: "/**"})}},
		"plain before a tree": {"/me", []connectors.Scope{scope("a", connectors.Rule{Path: "/v4/**"}), scope("c", connectors.Rule{Path: "/me"})}},
	} {
		if got := readablePath(tc.scopes, []string{"a", "c"}); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}
