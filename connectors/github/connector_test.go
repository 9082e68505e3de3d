package github_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/connectors"
	"latchkey/connectors/github"
	"latchkey/connectors/github/githubtest"
	"latchkey/secret"
)

func TestOpenReportsEveryProblemAtOnce(t *testing.T) {
	t.Parallel()
	_, err := github.Open(connectors.Settings{Name: "hub"}, nil)
	if !errors.Is(err, connectors.ErrMissing) {
		t.Fatalf("err = %v, want ErrMissing", err)
	}
	for _, want := range []string{"open connection hub", "org_id", "app_id", "installation_id", "private_key", "transport"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not name %s", err, want)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*connectors.Settings){
		"a path as organisation":   func(s *connectors.Settings) { s.OrgID = "octo/../other" },
		"dots as organisation":     func(s *connectors.Settings) { s.OrgID = ".." },
		"a key that is none":       func(s *connectors.Settings) { s.PrivateKey = secret.New("very-secret-key") },
		"a token with a new line":  func(s *connectors.Settings) { s.Token = secret.New("ghp_very-secret\n") },
		"http without permission":  func(s *connectors.Settings) { s.AllowPrivate = false },
		"a base with a query":      func(s *connectors.Settings) { s.BaseURL += "?x=1" },
		"a base with a user":       func(s *connectors.Settings) { s.BaseURL = "https://a:b@api.github.com" },
		"a base that is no URL":    func(s *connectors.Settings) { s.BaseURL = "://" },
		"a base of another scheme": func(s *connectors.Settings) { s.BaseURL = "ftp://api.github.com" },
	} {
		s := settings("http://localhost", key(t))
		change(&s)
		_, err := github.Open(s, http.DefaultTransport)
		if err == nil || errors.Is(err, connectors.ErrMissing) {
			t.Errorf("%s: err = %v", name, err)
			continue
		}
		if strings.Contains(err.Error(), "very-secret") {
			t.Errorf("%s: %q holds a secret", name, err)
		}
	}
}

func TestCheckSaysWhichCredentialFails(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if err := b.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := b.s
	s.Token = ownerToken()
	err := open(t, s).Check(t.Context())
	if !errors.Is(err, connectors.ErrUnrecoverable) || !strings.Contains(err.Error(), "owner's token") {
		t.Errorf("with another owner's token: %v", err)
	}
	b.d.Set(githubtest.Knobs{NoPermission: true})
	err = b.Check(t.Context())
	if !errors.Is(err, connectors.ErrUnrecoverable) || !strings.Contains(err.Error(), "GitHub App") ||
		!strings.Contains(err.Error(), "Resource not accessible by integration") {
		t.Errorf("without the permission: %v", err)
	}
}

func TestCheckIsAmbiguousWhenTheVendorIsDown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.d.Set(githubtest.Knobs{Down: true})
	if err := b.Check(t.Context()); err == nil || errors.Is(err, connectors.ErrUnrecoverable) {
		t.Errorf("err = %v, want one worth trying again", err)
	}
}

// The page where an owner removes an app is beside the API.
func TestGuideRevoke(t *testing.T) {
	t.Parallel()
	ref := connectors.Ref{ID: "installation/77"}
	for base, want := range map[string]string{
		"":                               "https://github.com/organizations/octo-org/settings/installations/77",
		"http://127.0.0.1:9999":          "https://github.com/organizations/octo-org/settings/installations/77",
		"https://ghe.example/api/v3":     "https://ghe.example/organizations/octo-org/settings/installations/77",
		"https://api.acme.ghe.com/":      "https://acme.ghe.com/organizations/octo-org/settings/installations/77",
		"https://ghe.example/x/api/v3/":  "https://ghe.example/x/organizations/octo-org/settings/installations/77",
		"https://api.acme.ghe.com.other": "https://github.com/organizations/octo-org/settings/installations/77",
	} {
		s := settings(base, key(t))
		task := open(t, s).GuideRevoke(ref)
		if task.URL != want || len(task.Steps) == 0 {
			t.Errorf("%q: task = %+v", base, task)
		}
	}
	c := open(t, settings("", key(t)))
	for _, id := range []string{"pat/1/2", "saml/1", "installation/x", ""} {
		if diff := cmp.Diff(connectors.Task{}, c.GuideRevoke(connectors.Ref{ID: id})); diff != "" {
			t.Errorf("%q: a task where there is a verb (-want +got):\n%s", id, diff)
		}
	}
}

func TestScopes(t *testing.T) {
	t.Parallel()
	scopes, err := open(t, settings("", key(t))).Scopes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]connectors.Scope{}
	for _, s := range scopes {
		byName[s.Name] = s
		if !strings.HasSuffix(s.Description, ".") || strings.Count(s.Description, ".") != 1 {
			t.Errorf("%s: description %q", s.Name, s.Description)
		}
	}
	for name, want := range map[string]connectors.Access{
		"repo-contents:read": connectors.Read, "repo-contents:write": connectors.Write, "repo-projects:admin": connectors.Admin,
		"org-members:read": connectors.Read, "org-administration:write": connectors.Write, "repo-workflows:write": connectors.Write,
	} {
		if byName[name].Access != want {
			t.Errorf("%s has access %q, want %s", name, byName[name].Access, want)
		}
	}
}
