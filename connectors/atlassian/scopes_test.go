package atlassian_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"latchkey/connectors"
	"latchkey/connectors/atlassian"
)

// TestAccessOfATokensScopes goes through a listing, as policies do.
func TestAccessOfATokensScopes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		scopes string // as JSON
		want   connectors.Access
	}{
		{`["read:jira-work"]`, connectors.Read},
		{`["read:jira-work","read:jira-user"]`, connectors.Read},
		{`["read:issue:jira"]`, connectors.Read},
		{`["read:audit-log:jira"]`, connectors.Read},
		{`["read:content-details:confluence"]`, connectors.Read},
		{`["read:tokens:admin"]`, connectors.Read},
		{`["write:jira-work"]`, connectors.Write},
		{`["read:jira-work","write:jira-work"]`, connectors.Write},
		{`["write:issue:jira"]`, connectors.Write},
		{`["delete:issue:jira"]`, connectors.Write},
		{`["send:notification:jira"]`, connectors.Write},
		{`["validate:jql:jira"]`, connectors.Write},
		{`["manage:jira-project"]`, connectors.Admin},
		{`["manage:jira-configuration"]`, connectors.Admin},
		{`["manage:jira-webhook"]`, connectors.Admin},
		{`["manage:anything:else"]`, connectors.Admin},
		{`["write:policies:admin"]`, connectors.Admin},
		{`["delete:tokens:admin","read:jira-work"]`, connectors.Admin},
		{`["administer:everything"]`, connectors.Admin},
		{`["read"]`, connectors.Admin},
		{`["read:"]`, connectors.Admin},
		{`["read:jira-work write:jira-work"]`, connectors.Admin},
		{`["READ:jira-work"]`, connectors.Admin},
		{`["read:jira-work:"]`, connectors.Admin},
		{`[""]`, connectors.Admin},
		{`[]`, connectors.Admin},
		{`null`, connectors.Admin},
	}
	for _, tt := range tests {
		c := script(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprintf(w, `{"data":[{"id":"t1","user":{"id":"a1"},"scopes":%s}],"links":{}}`, tt.scopes)
		})
		for got, err := range c.Credentials(t.Context()) {
			if err != nil || got.Access != tt.want || len(got.Scopes) == 0 {
				t.Errorf("%s: %s of %v, %v, want %s", tt.scopes, got.Access, got.Scopes, err, tt.want)
			}
		}
	}
}

func TestCatalogueIsForPeople(t *testing.T) {
	t.Parallel()
	for _, s := range atlassian.Catalogue() {
		if s.Title == "" || !strings.HasSuffix(s.Description, ".") || len(s.Rules) > 0 {
			t.Errorf("%s: title %q, description %q", s.Name, s.Title, s.Description)
		}
		if s.Name == "write:jira-work" && !strings.Contains(s.Description, "deleting issues") {
			t.Error("write:jira-work does not say that it deletes")
		}
	}
}
