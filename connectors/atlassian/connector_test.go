package atlassian_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"latchkey/connectors"
	"latchkey/connectors/atlassian"
	"latchkey/secret"
)

func TestOpenReportsEveryProblem(t *testing.T) {
	t.Parallel()
	_, err := atlassian.Open(connectors.Settings{Name: "jira"}, nil)
	if !errors.Is(err, connectors.ErrMissing) {
		t.Fatalf("err = %v", err)
	}
	for _, want := range []string{"jira", "org_id", "api_key", "transport"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not report %s", err, want)
		}
	}
}

func TestOpenRefusesWhatWouldLeakTheKey(t *testing.T) {
	t.Parallel()
	good := connectors.Settings{Name: "jira", OrgID: "org-1", APIKey: secret.New("a-secret-key")}
	if _, err := atlassian.Open(good, http.DefaultTransport); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*connectors.Settings){
		"plain http":    func(s *connectors.Settings) { s.BaseURL = "http://api.example.com" },
		"no host":       func(s *connectors.Settings) { s.BaseURL = "api.example.com" },
		"other scheme":  func(s *connectors.Settings) { s.BaseURL = "ftp://api.example.com" },
		"a user":        func(s *connectors.Settings) { s.BaseURL = "https://u:p@api.example.com" },
		"a query":       func(s *connectors.Settings) { s.BaseURL = "https://api.example.com?x=1" },
		"broken key":    func(s *connectors.Settings) { s.APIKey = secret.New("a-secret-key\n") },
		"key in quotes": func(s *connectors.Settings) { s.APIKey = secret.New("a-secret-key and more") },
	} {
		s := good
		spoil(&s)
		_, err := atlassian.Open(s, http.DefaultTransport)
		if err == nil || strings.Contains(err.Error(), "a-secret-key") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheDefaultHostIsTheVendors(t *testing.T) {
	t.Parallel()
	var got *http.Request
	c := script(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		w.WriteHeader(http.StatusUnauthorized)
	})
	err := c.Check(t.Context())
	if got.URL.String() != "https://api.atlassian.com/admin/api-access/v1/orgs/org-1/api-tokens?pageSize=1" ||
		got.Header.Get("Authorization") != "Bearer key" {
		t.Errorf("called %s", got.URL)
	}
	if !errors.Is(err, connectors.ErrUnrecoverable) || !strings.Contains(err.Error(), "API key was refused") {
		t.Errorf("check: %v", err)
	}
}

func TestCheckNamesTheWrongOrganisation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	s := b.settings(b.admin)
	s.OrgID = "another-organisation"
	c, err := atlassian.Open(s, http.DefaultTransport)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Check(t.Context()); !errors.Is(err, connectors.ErrUnrecoverable) || !strings.Contains(err.Error(), "org_id") {
		t.Errorf("check: %v", err)
	}
}
