package brokered

import (
	"net/http"
	"strings"
	"testing"

	"latchkey/connectors"
	"latchkey/secret"
)

// Which clients are told of follows from the address of the system.
func TestClientsFollowTheSystem(t *testing.T) {
	t.Parallel()
	at := connectors.ClientAddress{Base: "https://api.example.com/there", Read: "/things"}
	for name, tt := range map[string]struct{ base, header, wants, lacks string }{
		"any":                 {"https://wiki.example.com/api", "", "curl", "gitlab"},
		"gitlab.com":          {"https://gitlab.com", "Private-Token", `gitlab.WithBaseURL("https://api.example.com/there")`, "octokit"},
		"gitlab of one's own": {"https://gitlab.example.com", "", "GITLAB_HOST=api.example.com GITLAB_SUBFOLDER=there", "octokit"},
		"by its header":       {"https://code.example.com", "PRIVATE-TOKEN", "keep_base_url", "octokit"},
		"gitlab below a path": {"https://gitlab.com/api/v4", "", "curl", "keep_base_url"},
		"github":              {"https://api.github.com", "", `url.Parse("https://api.example.com/there/")`, "keep_base_url"},
		"github enterprise":   {"https://github.example.com/api/v3", "", `baseUrl: "https://api.example.com/there"`, "keep_base_url"},
		"atlassian":           {"https://acme.atlassian.net", "", `JIRA(server="https://api.example.com/there"`, "octokit"},
		"a lookalike":         {"https://notgitlab.com", "", "curl", "keep_base_url"},
	} {
		c, err := Open(connectors.Settings{Name: "there", Kind: "brokered", BaseURL: tt.base, Header: tt.header, Token: secret.New("vendor-s3cret"),
			Scopes: []connectors.Scope{{Name: "things:read", Access: connectors.Read, Rules: []connectors.Rule{{Methods: []string{"GET"}, Path: "/things"}}}}}, http.DefaultTransport)
		if err != nil {
			t.Fatal(err)
		}
		var all strings.Builder
		names := map[string]bool{}
		for _, g := range c.Clients(at) {
			all.WriteString(g.Name + "\n" + g.Code + "\n" + g.Notes + "\n")
			if names[g.Name] || g.Name == "" || !strings.Contains(g.Code, "LATCHKEY_KEY") {
				t.Errorf("%s: the client %q has no name of its own, or takes no key", name, g.Name)
			}
			names[g.Name] = true
		}
		text := all.String()
		if !strings.Contains(text, tt.wants) || strings.Contains(text, tt.lacks) || strings.Contains(text, "vendor-s3cret") || strings.Contains(text, "{base}") {
			t.Errorf("%s: it lacks %q, has %q, a secret or a hole:\n%s", name, tt.wants, tt.lacks, text)
		}
	}
}
