package gateway

import (
	"net/url"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"latchkey/connectors"
	"latchkey/secret"
	"latchkey/storage"
)

func TestNewRefusesBadConnections(t *testing.T) {
	t.Parallel()
	base := func(s string) *url.URL {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	good := connectors.Upstream{BaseURL: base("https://api.example.com/x"), Header: "Authorization", Credential: secret.New("Bearer abcdefgh")}
	tests := []struct {
		name   string
		change func(*connectors.Upstream)
		want   string
	}{
		{"good", func(*connectors.Upstream) {}, ""},
		{"no base", func(u *connectors.Upstream) { u.BaseURL = nil }, "base URL"},
		{"file", func(u *connectors.Upstream) { u.BaseURL = base("file:///etc") }, "base URL"},
		{"query", func(u *connectors.Upstream) { u.BaseURL = base("https://h/?a=1") }, "base URL"},
		{"user", func(u *connectors.Upstream) { u.BaseURL = base("https://u:p@h/") }, "base URL"},
		{"no credential", func(u *connectors.Upstream) { u.Credential = secret.Value{} }, "no credential"},
		{"no header", func(u *connectors.Upstream) { u.Header = "" }, "no header"},
		{"scope twice", func(u *connectors.Upstream) { u.Scopes = []connectors.Scope{{Name: "a"}, {Name: "a"}} }, "twice"},
		{"bad rule", func(u *connectors.Upstream) {
			u.Scopes = []connectors.Scope{{Name: "a", Rules: []connectors.Rule{{Path: "x"}}}}
		}, "begins with a slash"},
	}
	for _, tt := range tests {
		u := good
		tt.change(&u)
		_, err := New(Deps{DB: &storage.DB{}, Box: &secret.Box{}, Upstreams: map[string]connectors.Upstream{"c": u}, Logger: zerolog.Nop()})
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: err = %v, want %q", tt.name, err, tt.want)
		}
	}
	if _, err := New(Deps{}); err == nil {
		t.Error("a gateway without a database was made")
	}
}
