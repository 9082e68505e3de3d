package main

import (
	"testing"

	"pgregory.net/rapid"

	"latchkey/connectors"
	"latchkey/connectors/brokered"
	"latchkey/gateway"
)

// TestCheckedScopesCompile: what the configuration lets pass, the gateway
// starts with. Whoever writes a rule learns of its flaws from the line it is in.
func TestCheckedScopesCompile(t *testing.T) {
	t.Parallel()
	good, bad := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		scopes := rapid.SliceOfN(scopeMaker(), 1, 3).Draw(t, "scopes")
		checked := brokered.CheckScopes(scopes)
		_, compiled := gateway.NewRoutes(scopes)
		switch {
		case checked == nil && compiled != nil:
			t.Fatalf("passes the check and stops the gateway: %v", compiled)
		case checked == nil:
			good++
		default:
			bad++
		}
	})
	if good == 0 || bad == 0 {
		t.Errorf("%d good and %d bad: nothing is told apart", good, bad)
	}
}

func scopeMaker() *rapid.Generator[connectors.Scope] {
	return rapid.Custom(func(t *rapid.T) connectors.Scope {
		return connectors.Scope{
			Name:   rapid.StringMatching(`[a-z]{3}:[a-z]{3}`).Draw(t, "name"),
			Access: rapid.SampledFrom([]connectors.Access{connectors.Read, connectors.Write, connectors.Admin}).Draw(t, "access"),
			Rules:  rapid.SliceOfN(ruleMaker(), 1, 2).Draw(t, "rules"),
		}
	})
}

// mostly draws a good value, and seldom one with a flaw.
func mostly[T any](t *rapid.T, label string, good, flawed []T) T {
	if rapid.IntRange(0, 15).Draw(t, label+"?") == 7 {
		return rapid.SampledFrom(flawed).Draw(t, label)
	}
	return rapid.SampledFrom(good).Draw(t, label)
}

func ruleMaker() *rapid.Generator[connectors.Rule] {
	return rapid.Custom(func(t *rapid.T) connectors.Rule {
		path := ""
		for range rapid.IntRange(0, 3).Draw(t, "segments") {
			path += "/" + mostly(t, "segment", []string{"a", "{id}", "{name}", "a.b", "~x", "@me", "a+b,c=d!"},
				[]string{"", "..", "a b", "{a}x", "%41", "é", "*", "**", "x;y", "a\\b", "{}"})
		}
		return connectors.Rule{
			Methods: mostly(t, "methods", [][]string{{"GET"}, {"GET", "POST"}, {"HEAD"}}, [][]string{nil, {"DELETE"}, {"get"}}),
			Path:    path + rapid.SampledFrom([]string{"/x", "/", "/**"}).Draw(t, "end"),
			Deny:    rapid.IntRange(0, 3).Draw(t, "deny") == 0,
			Query: mostly(t, "query", []map[string][]string{nil, {"a": {"*"}}, {"a": nil, "b_c": {"1"}}},
				[]map[string][]string{{"": nil}, {"a b": {"1"}}, {"é": nil}}),
			Body: mostly(t, "body", []connectors.Body{{}, {Types: []string{"application/json"}}},
				[]connectors.Body{{Max: 9}, {Max: -1}, {Types: []string{"json"}}, {Types: []string{"a/b; c=d"}}, {Types: []string{""}}}),
			Slashes: mostly(t, "slashes", [][]string{nil}, [][]string{{"id"}, {"**"}, {"name", "id"}, {""}, {"a"}}),
			Upgrade: mostly(t, "upgrade", []string{""}, []string{connectors.WebSocket, "h2c"}),
		}
	})
}
