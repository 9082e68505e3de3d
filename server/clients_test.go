package server

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/connectors"
	"latchkey/connectors/brokered"
	"latchkey/secret"
)

// clientsSecret is a vendor's credential, which no page may hold.
const clientsSecret = "vendor-secret-of-gitlab-0123456789"

// gitlabSystem is a brokered system that is known by its address.
func gitlabSystem(t *testing.T) system {
	t.Helper()
	settings := connectors.Settings{Name: "gitlab", Kind: "brokered", BaseURL: "https://gitlab.com", Header: "PRIVATE-TOKEN", Scheme: "none",
		Token: secret.New(clientsSecret), Limits: connectors.Limits{PerSecond: 5, Body: 1 << 20},
		Scopes: []connectors.Scope{{Name: "projects:read", Title: "Projects: read", Access: connectors.Read,
			Rules: []connectors.Rule{{Methods: []string{"GET"}, Path: "/api/v4/projects"}}}}}
	c, err := brokered.Open(settings, http.DefaultTransport)
	if err != nil {
		t.Fatal(err)
	}
	return system{settings, c}
}

func TestClientsPage(t *testing.T) {
	t.Parallel()
	b := setupWith(t, Deps{Limits: func(own connectors.Limits) connectors.Limits {
		own.Concurrent = 64
		return own
	}}, gitlabSystem(t))
	for name, parts := range map[string][]string{
		"tempo":  {"https://api.example.com/tempo/4/worklogs", "curl", "requests.Session", "fetch(", "64"},
		"gitlab": {"https://api.example.com/gitlab", "gitlab.WithBaseURL", "keep_base_url=True", "GITLAB_SUBFOLDER=gitlab", "5 a second", "1 MiB"},
	} {
		page := b.do(t, http.MethodGet, "/clients/"+name)
		golden(t, "clients_"+name+".html", page.body)
		if page.status != http.StatusOK || strings.Contains(page.body, clientsSecret) || strings.Contains(page.body, "vendor-token") || strings.Contains(page.body, "{base}") {
			t.Errorf("%s: %d, or the page holds a secret or a hole", name, page.status)
		}
		for _, p := range parts {
			if !strings.Contains(page.body, p) {
				t.Errorf("the page of %s lacks %q", name, p)
			}
		}
		if got := page.header.Get("Content-Security-Policy"); got != contentPolicy {
			t.Errorf("policy of the page: %q", got)
		}
	}
	for _, name := range []string{"wiki", "nothing", "tempo%2F..%2Fgitlab"} {
		if got := b.do(t, http.MethodGet, "/clients/"+name); got.status != http.StatusNotFound || !strings.Contains(got.body, "There is no such system here") {
			t.Errorf("%s: %d", name, got.status)
		}
	}
	_, path := b.issueTempo(t)
	if key := b.do(t, http.MethodPost, path); !strings.Contains(key.body, `<a href="/clients/tempo" target="_blank" rel="noopener">`) {
		t.Errorf("the key's page does not lead here without losing the key:\n%s", key.body)
	}
	if got := b.do(t, http.MethodPost, "/clients/tempo"); got.status != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", got.status)
	}
}

// The page knows every answer that the gateway's code can give by itself.
func TestClientsPageKnowsEveryAnswer(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../gateway/*.go")
	if err != nil {
		t.Fatal(err)
	}
	statuses := map[string]int{}
	for status := 400; status < 600; status++ {
		statuses[strings.ReplaceAll(http.StatusText(status), " ", "")] = status
	}
	made := regexp.MustCompile(`(?:refuse\(|status: )http\.Status(\w+), (?:code: )?"([a-z_]+)"`)
	want := map[string]bool{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range made.FindAllStringSubmatch(string(text), -1) {
			want[fmt.Sprintf("%d %s", statuses[m[1]], m[2])] = true
		}
	}
	got := map[string]bool{}
	for _, a := range answers() {
		for _, code := range a.Codes {
			got[fmt.Sprintf("%d %s", a.Status, code)] = true
		}
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" || len(want) < 20 {
		t.Errorf("answers of the gateway (-made +told):\n%s", diff)
	}
}
