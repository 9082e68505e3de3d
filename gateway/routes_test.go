package gateway

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/connectors"
)

func TestRoutesNameTheLeastScopeFirst(t *testing.T) {
	t.Parallel()
	r, err := NewRoutes([]connectors.Scope{
		{Name: "all", Access: connectors.Admin, Rules: []connectors.Rule{allow("", "/**"), deny("", "/4/audit/**")}},
		{Name: "manage", Access: connectors.Write, Rules: []connectors.Rule{allow("", "/4/worklogs/**")}},
		{Name: "view", Access: connectors.Read, Rules: []connectors.Rule{allow("GET", "/4/worklogs"), allow("GET", "/4/worklogs/{id}"), allow("GET", "/4/files/{id}/")}},
		{Name: "one", Access: connectors.Read, Rules: []connectors.Rule{allow("GET", "/4/worklogs/mine")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ method, route, want string }{
		{"GET", "/4/worklogs", "view manage all"},
		{"HEAD", "/4/worklogs", "view manage all"},
		{"POST", "/4/worklogs", "manage all"},
		{"GET", "/4/worklogs/{id}", "view manage all"},
		{"GET", "/4/worklogs/mine", "view one manage all"},
		{"GET", "/4/worklogs/**", "manage all"},
		{"GET", "/4/files/{id}/", "view all"},
		{"GET", "/4/audit/**", ""},
		{"GET", "/4/Audit/{id}", ""},
		{"GET", "/**", "all"},
		{"GET", noRoute, ""},
		{"TRACE", "/**", ""},
	} {
		if got := strings.Join(r.Scopes(tt.method, tt.route), " "); got != tt.want {
			t.Errorf("%s %s: %q, want %q", tt.method, tt.route, got, tt.want)
		}
	}
	if _, err := NewRoutes([]connectors.Scope{{Name: "a"}, {Name: "a"}}); err == nil {
		t.Error("a scope that is there twice was accepted")
	}
}

// What the gateway logs tells which scopes a key could do without.
func TestLogTellsUnusedScopes(t *testing.T) {
	t.Parallel()
	b := start(t, nil, nil)
	text, id := b.issue(t, "tempo", "worklogs:view", "worklogs:manage", "plans:view", "gone:view")
	for _, target := range []string{"/tempo/4/worklogs", "/tempo/4/worklogs/7", "/tempo/4/audit/x", "/tempo/nowhere"} {
		b.send(t, http.MethodGet, target, text, "")
	}
	if err := b.stop(); err != nil {
		t.Fatal(err)
	}
	routes, err := NewRoutes(b.vendor.upstream(t).Scopes)
	if err != nil {
		t.Fatal(err)
	}
	b.exec(t, `UPDATE credential SET activated_at = activated_at - interval '1 day' WHERE id = $1`, id)
	got, err := b.db.UnusedScopes(t.Context(), id, time.Now().Add(-time.Hour), routes.Scopes)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"worklogs:manage", "plans:view", "gone:view"}, got); diff != "" {
		t.Errorf("unused (-want +got):\n%s", diff)
	}
}
