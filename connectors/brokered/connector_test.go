package brokered_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/connectors"
	"latchkey/connectors/brokered"
	"latchkey/secret"
)

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL
}

func settings(base string) connectors.Settings {
	return connectors.Settings{
		Name: "things", Kind: "brokered", BaseURL: base, AllowPrivate: true,
		Token: secret.New("good-token"), Header: "X-Api-Key", Scheme: "Token", CheckPath: "/ping",
		Scopes: []connectors.Scope{
			scope("things:admin", connectors.Admin, connectors.Rule{Path: "/things/**"}),
			scope("other:read", connectors.Read, connectors.Rule{Methods: []string{"GET"}, Path: "/other"}),
			scope("things:read", connectors.Read, connectors.Rule{Methods: []string{"GET", "HEAD"}, Path: "/things/{id}"}),
		},
	}
}

func scope(name string, access connectors.Access, rules ...connectors.Rule) connectors.Scope {
	return connectors.Scope{Name: name, Access: access, Rules: rules}
}

func TestCheckSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	tests := []struct {
		status  int
		refused bool
		want    string // in the error; empty for none
	}{
		{200, false, ""},
		{204, false, ""},
		{299, false, ""},
		{301, false, "redirect"},
		{401, true, "the token was refused"},
		{403, true, "the token was refused"},
		{404, false, "404"},
		{501, false, "501"},
	}
	for _, tt := range tests {
		base := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/api/" || r.Header.Get("Authorization") != "Bearer good-token" {
				t.Errorf("called at %s with %q", r.URL.Path, r.Header.Get("Authorization"))
			}
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(tt.status)
		}))
		s := settings(base + "/api/")
		s.Header, s.Scheme, s.CheckPath = "", "", ""
		c, err := brokered.Open(s, connectors.NewTransport(s))
		if err != nil {
			t.Fatal(err)
		}
		err = c.Check(t.Context())
		if (err == nil) != (tt.want == "") || errors.Is(err, brokered.ErrTokenRefused) != tt.refused {
			t.Errorf("%d: err = %v", tt.status, err)
		}
		if err != nil && (!strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "things")) {
			t.Errorf("%d: %q does not say %q and the connection", tt.status, err, tt.want)
		}
	}
}

func TestCheckIsGuarded(t *testing.T) {
	t.Parallel()
	s := settings("https://127.0.0.1:1")
	s.AllowPrivate = false
	c, err := brokered.Open(s, connectors.NewTransport(s))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Check(t.Context()); !errors.Is(err, connectors.ErrPrivateAddress) {
		t.Errorf("err = %v, want ErrPrivateAddress", err)
	}
}

func TestUpstream(t *testing.T) {
	t.Parallel()
	tests := []struct {
		header, scheme       string
		wantHeader, wantText string
	}{
		{"", "", "Authorization", "Bearer good-token"},
		{"", "Basic", "Authorization", "Basic good-token"},
		{"X-Api-Key", "none", "X-Api-Key", "good-token"},
		{"X-Api-Key", "", "X-Api-Key", "Bearer good-token"},
	}
	for _, tt := range tests {
		s := settings("https://api.example.com/rest/")
		s.Header, s.Scheme, s.Limits = tt.header, tt.scheme, connectors.Limits{PerSecond: 7}
		c, err := brokered.Open(s, connectors.NewTransport(s))
		if err != nil {
			t.Fatal(err)
		}
		up := c.Upstream()
		if up.Header != tt.wantHeader || up.Credential.Expose() != tt.wantText || up.BaseURL.String() != "https://api.example.com/rest" || up.Limits.PerSecond != 7 {
			t.Errorf("%+v: header %q, base %s", tt, up.Header, up.BaseURL)
		}
	}
}

func TestScopesAreArranged(t *testing.T) {
	t.Parallel()
	s := settings("https://api.example.com")
	c, err := brokered.Open(s, connectors.NewTransport(s))
	if err != nil {
		t.Fatal(err)
	}
	scopes, err := c.Scopes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, sc := range scopes {
		names = append(names, sc.Name)
		if sc.Title != sc.Name {
			t.Errorf("%s has title %q, want its name", sc.Name, sc.Title)
		}
	}
	if diff := cmp.Diff([]string{"things:read", "things:admin", "other:read"}, names); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	if s.Scopes[0].Title != "" || s.Scopes[0].Name != "things:admin" {
		t.Error("Open changed its settings")
	}
}

func TestIssueMakesOurKeys(t *testing.T) {
	t.Parallel()
	s := settings("https://api.example.com")
	c, err := brokered.Open(s, connectors.NewTransport(s))
	if err != nil {
		t.Fatal(err)
	}
	req := connectors.IssueRequest{Label: "TK-7F3K", Scopes: []string{"things:read"}}
	first, err := c.Issue(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	second, err := c.Issue(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if first.Ref.ID != "TK-7F3K" || secret.CheckKey(first.Secret.Expose()) != nil {
		t.Errorf("issued %s %v", first.Ref.ID, secret.CheckKey(first.Secret.Expose()))
	}
	if first.Secret.Expose() == second.Secret.Expose() {
		t.Error("two calls made the same value")
	}
	req.Scopes = []string{"things:write"}
	if _, err := c.Issue(t.Context(), req); !errors.Is(err, connectors.ErrUnrecoverable) {
		t.Errorf("unknown scope: err = %v", err)
	}
}

func TestOpenReportsEveryProblem(t *testing.T) {
	t.Parallel()
	_, err := brokered.Open(connectors.Settings{
		Mode: "native", Header: "Host", Scheme: "a b", CheckPath: "/../x",
		Scopes: []connectors.Scope{scope("a:read", "none"), scope("a:read", connectors.Read)},
	}, nil)
	if !errors.Is(err, connectors.ErrMissing) {
		t.Errorf("err = %v, want ErrMissing", err)
	}
	for _, want := range []string{"name", "mode", "base_url", "token", `header "Host"`, "scheme", "check_path", "access", "named twice", "transport"} {
		if err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not reported", want)
		}
	}
}

func TestOpenRefusesSettings(t *testing.T) {
	t.Parallel()
	const password = "hunter2"
	tests := map[string]func(*connectors.Settings){
		"no host":            func(s *connectors.Settings) { s.BaseURL = "api.example.com" },
		"no scheme":          func(s *connectors.Settings) { s.BaseURL = "//api.example.com" },
		"other scheme":       func(s *connectors.Settings) { s.BaseURL = "ftp://api.example.com" },
		"clear text":         func(s *connectors.Settings) { s.BaseURL, s.AllowPrivate = "http://api.example.com", false },
		"password":           func(s *connectors.Settings) { s.BaseURL = "https://u:" + password + "@api.example.com" },
		"password, unparsed": func(s *connectors.Settings) { s.BaseURL = "https://u:" + password + "@api.example.com:port" },
		"query":              func(s *connectors.Settings) { s.BaseURL = "https://api.example.com?a=b" },
		"empty query":        func(s *connectors.Settings) { s.BaseURL = "https://api.example.com?" },
		"fragment":           func(s *connectors.Settings) { s.BaseURL = "https://api.example.com#a" },
		"dots":               func(s *connectors.Settings) { s.BaseURL = "https://api.example.com/a/../b" },
		"encoded":            func(s *connectors.Settings) { s.BaseURL = "https://api.example.com/a%2fb" },
		"line break":         func(s *connectors.Settings) { s.Token = secret.New(password + "\n") },
		"space":              func(s *connectors.Settings) { s.Token = secret.New(password + " x") },
		"not ASCII":          func(s *connectors.Settings) { s.Token = secret.New(password + "é") },
		"long token":         func(s *connectors.Settings) { s.Token = secret.New(strings.Repeat("x", 1<<15)) },
		"header name":        func(s *connectors.Settings) { s.Header = "X:Y" },
		"header with break":  func(s *connectors.Settings) { s.Header = "X\r\nY" },
		"steering header":    func(s *connectors.Settings) { s.Header = "transfer-encoding" },
		"check query":        func(s *connectors.Settings) { s.CheckPath = "/x?y" },
		"check relative":     func(s *connectors.Settings) { s.CheckPath = "x" },
		"no scopes":          func(s *connectors.Settings) { s.Scopes = nil },
	}
	for name, change := range tests {
		s := settings("https://api.example.com")
		change(&s)
		_, err := brokered.Open(s, connectors.NewTransport(s))
		if err == nil {
			t.Errorf("%s: opened", name)
		}
		if err != nil && strings.Contains(err.Error(), password) {
			t.Errorf("%s: the error holds the secret", name)
		}
	}
}
