package gitlab_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"latchkey/connectors"
	"latchkey/connectors/gitlab"
	"latchkey/connectors/gitlab/gitlabtest"
	"latchkey/secret"
)

// bundle is a connector and the GitLab it is connected to.
type bundle struct {
	*gitlab.Connector
	*gitlabtest.Double
	t        *testing.T
	settings connectors.Settings
}

func setup(t *testing.T, cfg gitlabtest.Config) bundle {
	t.Helper()
	token := secret.New("glpat-the-admins-own-token")
	cfg.PerMinute = -1
	cfg.Tokens = append(cfg.Tokens, token)
	d, base := gitlabtest.Start(t, cfg)
	s := connectors.Settings{
		Name: "gitlab", Kind: "gitlab", BaseURL: base, AllowPrivate: true, Token: token, Group: gitlabtest.TopGroupPath,
	}
	return bundle{openOver(t, s, http.DefaultTransport), d, t, s}
}

// open opens a connector with the retries and the rate limit of production.
func open(t *testing.T, s connectors.Settings) *gitlab.Connector {
	t.Helper()
	return openOver(t, s, connectors.NewTransport(s))
}

func openOver(t *testing.T, s connectors.Settings, rt http.RoundTripper) *gitlab.Connector {
	t.Helper()
	c, err := gitlab.Open(s, rt)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// with opens a second connector, to the same GitLab, with another token.
func (b bundle) with(token secret.Value) *gitlab.Connector {
	s := b.settings
	s.Token = token
	return openOver(b.t, s, http.DefaultTransport)
}

// count is how many calls the double had that begin with prefix and end with
// suffix, their query left out.
func (b bundle) count(prefix, suffix string) int {
	n := 0
	for _, call := range b.Calls() {
		path, _, _ := strings.Cut(call, "?")
		if strings.HasPrefix(path, prefix) && strings.HasSuffix(path, suffix) {
			n++
		}
	}
	return n
}

// answer answers every call of a method whose path ends like that.
func (b bundle) answer(method, suffix string, status int, body string) {
	b.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != method || !strings.HasSuffix(r.URL.Path, suffix) {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
		return true
	})
}

func itoa(id int64) string { return strconv.FormatInt(id, 10) }

func TestOpen(t *testing.T) {
	t.Parallel()
	good := connectors.Settings{Name: "gitlab", Token: secret.New("glpat-x"), Group: "acme"}
	with := func(change func(*connectors.Settings)) connectors.Settings {
		s := good
		change(&s)
		return s
	}
	tests := map[string]struct {
		settings connectors.Settings
		want     string // in the error; empty for none
		missing  bool
	}{
		"defaults":        {good, "", false},
		"a numeric group": {with(func(s *connectors.Settings) { s.Group = "9970" }), "", false},
		"a path prefix":   {with(func(s *connectors.Settings) { s.BaseURL = "https://git.example/gitlab/" }), "", false},
		"no token":        {with(func(s *connectors.Settings) { s.Token = secret.Value{} }), "token", true},
		"no group":        {with(func(s *connectors.Settings) { s.Group = "" }), "group", true},
		"a subgroup":      {with(func(s *connectors.Settings) { s.Group = "acme/platform" }), "top-level", false},
		"a broken token":  {with(func(s *connectors.Settings) { s.Token = secret.New("glpat-x\r\n") }), "characters", false},
		"plain http":      {with(func(s *connectors.Settings) { s.BaseURL = "http://git.example" }), "https", false},
		"no host":         {with(func(s *connectors.Settings) { s.BaseURL = "git.example" }), "not a URL", false},
		"another scheme":  {with(func(s *connectors.Settings) { s.BaseURL = "ftp://git.example" }), "neither", false},
		"a password":      {with(func(s *connectors.Settings) { s.BaseURL = "https://u:p@git.example" }), "holds", false},
		"a query":         {with(func(s *connectors.Settings) { s.BaseURL = "https://git.example/?a=b" }), "holds", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := gitlab.Open(tt.settings, http.DefaultTransport)
			if tt.want == "" {
				if err != nil || c == nil {
					t.Fatalf("err = %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || errors.Is(err, connectors.ErrMissing) != tt.missing {
				t.Errorf("err = %v, want one about %q, missing: %t", err, tt.want, tt.missing)
			}
			if err != nil && strings.Contains(err.Error(), "glpat-x") {
				t.Errorf("%v holds the token", err)
			}
		})
	}
}

func TestCheckSaysWhatItCanNotSee(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		cfg  gitlabtest.Config
		want []string // in an ErrUnsupported; nil for a whole view
	}{
		"GitLab.com Ultimate":                {gitlabtest.Config{}, nil},
		"GitLab.com Premium":                 {gitlabtest.Config{NoInventory: true}, []string{"personal access tokens"}},
		"GitLab.com Free":                    {gitlabtest.Config{NoInventory: true, NoServices: true}, []string{"personal access tokens", "service accounts"}},
		"an instance":                        {gitlabtest.Config{SelfManaged: true}, nil},
		"an instance without a licence":      {gitlabtest.Config{SelfManaged: true, NoServices: true}, nil},
		"Admin Mode, a token without it":     {gitlabtest.Config{SelfManaged: true, AdminMode: true}, []string{"personal access tokens"}},
		"an owner who does not manage users": {gitlabtest.Config{NoServices: true}, []string{"service accounts"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, tt.cfg)
			b.AddPerson(gitlabtest.Person{Name: "Alice"})
			err := b.Check(t.Context())
			if tt.want == nil {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if !errors.Is(err, connectors.ErrUnsupported) || errors.Is(err, connectors.ErrUnrecoverable) {
				t.Fatalf("err = %v, want ErrUnsupported", err)
			}
			for _, word := range []string{"personal access tokens", "service accounts"} {
				if got := strings.Contains(err.Error(), word); got != slices.Contains(tt.want, word) {
					t.Errorf("%q is in %q: %t", word, err, got)
				}
			}
		})
	}
}

func TestCheckRefusesWhatCanNotWork(t *testing.T) {
	t.Parallel()
	b := setup(t, gitlabtest.Config{SelfManaged: true})
	alice := b.AddPerson(gitlabtest.Person{Name: "Alice", Owner: true})
	_, reader := b.AddToken(gitlabtest.Token{User: alice, Name: "reader", Scopes: []string{"read_api"}})
	sub := b.settings
	sub.Group = itoa(b.AddSubgroup(gitlabtest.TopGroup, "platform"))
	nowhere := b.settings
	nowhere.Group = "elsewhere"
	for name, tt := range map[string]struct {
		c    *gitlab.Connector
		want string
	}{
		"an unknown token":        {b.with(secret.New("glpat-unknown")), "401"},
		"a token that only reads": {b.with(reader), "scope api"},
		"a subgroup":              {open(t, sub), "subgroup"},
		"no such group":           {open(t, nowhere), "404"},
	} {
		err := tt.c.Check(t.Context())
		if !errors.Is(err, connectors.ErrUnrecoverable) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want ErrUnrecoverable about %q", name, err, tt.want)
		}
	}
}

// A token that GitLab calls revoked is not used again: each use of a
// rotated-out token revokes what replaced it.
func TestADeadTokenIsUsedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, gitlabtest.Config{SelfManaged: true})
	admin := b.AddPerson(gitlabtest.Person{Name: "Erin", Admin: true})
	id, own := b.AddToken(gitlabtest.Token{User: admin, Name: "second", Scopes: []string{"api"}})
	c := b.with(own)
	if err := c.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	used := b.Used(own)
	if err := b.Revoke(t.Context(), connectors.Ref{ID: "personal/" + itoa(id)}); err != nil {
		t.Fatal(err)
	}
	for _, verb := range []func(context.Context) error{
		c.Check, c.Check,
		func(ctx context.Context) error { return c.CloseAccount(ctx, connectors.AccountRef{ID: itoa(admin)}) },
		func(ctx context.Context) error { return c.Revoke(ctx, connectors.Ref{ID: "group/1/2"}) },
	} {
		if err := verb(t.Context()); !errors.Is(err, connectors.ErrUnrecoverable) {
			t.Errorf("err = %v, want ErrUnrecoverable", err)
		}
	}
	if got := b.Used(own) - used; got != 1 {
		t.Errorf("a revoked token was used %d times, want 1", got)
	}
}

// The token a connection works with is out of reach of its own verbs.
func TestOwnTokenIsKept(t *testing.T) {
	t.Parallel()
	b := setup(t, gitlabtest.Config{SelfManaged: true})
	var own connectors.Ref
	for row, err := range b.Credentials(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		own = row.Ref // the only one there is
	}
	if err := b.Revoke(t.Context(), own); !errors.Is(err, connectors.ErrUnrecoverable) {
		t.Errorf("revoke: %v", err)
	}
	if _, err := b.Rotate(t.Context(), connectors.RotateRequest{Ref: own}); !errors.Is(err, connectors.ErrUnrecoverable) {
		t.Errorf("rotate: %v", err)
	}
	if !b.Works(b.settings.Token) {
		t.Error("the connection's own token is dead")
	}
}
