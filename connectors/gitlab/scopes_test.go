package gitlab

import (
	"slices"
	"strings"
	"testing"

	"latchkey/connectors"
)

func TestAccessOf(t *testing.T) {
	t.Parallel()
	for scopes, want := range map[string]connectors.Access{
		"":                             "",
		"read_api":                     connectors.Read,
		"read_user read_repository":    connectors.Read,
		"read_api write_repository":    connectors.Write,
		"write_registry read_registry": connectors.Write,
		"api":                          connectors.Admin,
		"read_api sudo":                connectors.Admin,
		"read_api granular":            connectors.Admin, // unknown
	} {
		if got := accessOf(strings.Fields(scopes)); got != want {
			t.Errorf("%q: %q, want %q", scopes, got, want)
		}
	}
}

func TestCatalogueIsForPeople(t *testing.T) {
	t.Parallel()
	for _, s := range catalogue() {
		if !strings.HasSuffix(s.Description, ".") || s.Access == "" {
			t.Errorf("%s: access %q, description %q", s.Name, s.Access, s.Description)
		}
		if slices.Contains([]string{"self_rotate", "sudo", "admin_mode", "read_user"}, s.Name) {
			t.Errorf("%s is offered", s.Name)
		}
	}
}
