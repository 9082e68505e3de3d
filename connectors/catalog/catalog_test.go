package catalog_test

import (
	"errors"
	"flag"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/connectors"
	"latchkey/connectors/catalog"
	"latchkey/connectors/fake"
	"latchkey/secret"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestTable(t *testing.T) {
	t.Parallel()
	const golden = "testdata/table.md"
	got := catalog.Table()
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("capability table (-golden +got):\n%s", diff)
	}
}

func TestKindsAreWhole(t *testing.T) {
	t.Parallel()
	known := []string{
		"mode", "owners", "base_url", "allow_private", "token", "header", "scheme", "check_path", "sync_every", "scopes", "limits",
		"org_id", "api_key", "app_id", "installation_id", "private_key", "group", "subject", "credentials", "oauth", "import",
		"places", "namespace", "mount", "region", "access_key_id", "secret_access_key", "project", "tenant_id", "client_id", "client_secret",
		"certificate", "company", "signing_secret", "audience", "issuer",
	}
	for name, k := range catalog.Kinds() {
		if k.Name != name || k.Title == "" || k.Open == nil || strings.Contains(k.Notes, "|") {
			t.Errorf("kind %s: %+v", name, k)
		}
		for i, f := range k.Fields {
			if !slices.Contains(known, f) || slices.Contains(k.Fields[:i], f) {
				t.Errorf("kind %s: field %q is unknown or named twice", name, f)
			}
		}
		if name == "latchkey" {
			continue // needs none
		}
		c, err := k.Open(connectors.Settings{Name: "x", Kind: name}, http.DefaultTransport)
		if c != nil || !errors.Is(err, connectors.ErrMissing) {
			t.Errorf("kind %s opens without settings: %v, %v", name, c, err)
		}
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	s := connectors.Settings{Name: "time", Kind: "tempo", Token: secret.New("x")}
	c, err := catalog.Open(s, connectors.NewTransport)
	if err != nil {
		t.Fatal(err)
	}
	want := []catalog.Capability{catalog.Issue, catalog.Revoke, catalog.Suspend, catalog.Scopes, catalog.Broker, catalog.OAuth}
	if diff := cmp.Diff(want, catalog.Capabilities(c)); diff != "" {
		t.Errorf("capabilities (-want +got):\n%s", diff)
	}

	s.Kind = "temp"
	if _, err := catalog.Open(s, connectors.NewTransport); err == nil || !strings.Contains(err.Error(), "want one of atlassian, awssecrets, azurekeyvault, bamboohr, brokered") {
		t.Errorf("unknown kind: %v", err)
	}
}

func TestOpenGivesTheTransportTheSettings(t *testing.T) {
	t.Parallel()
	v := fake.NewVendor()
	s := v.Settings("files", v.Start(t))
	var given connectors.Settings
	c, err := catalog.Open(s, func(s connectors.Settings) http.RoundTripper {
		given = s
		return connectors.NewTransport(s)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Check(t.Context()); err != nil || given.Name != "files" || !given.AllowPrivate {
		t.Errorf("check = %v, transport was given %+v", err, given)
	}
}
