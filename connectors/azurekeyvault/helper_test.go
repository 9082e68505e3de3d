package azurekeyvault_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"latchkey/connectors"
	"latchkey/connectors/azurekeyvault"
	"latchkey/connectors/azurekeyvault/azurekeyvaulttest"
	"latchkey/secret"
)

const place = "tempo-token"

// bundle is a connector and its double.
type bundle struct {
	*azurekeyvault.Connector
	d            *azurekeyvaulttest.Double
	clientSecret secret.Value
}

func setup(t *testing.T) bundle {
	t.Helper()
	return setupWith(t, azurekeyvaulttest.Config{})
}

func setupWith(t *testing.T, cfg azurekeyvaulttest.Config) bundle {
	t.Helper()
	cfg.ClientSecret = secret.Token(40)
	d, base := azurekeyvaulttest.Start(t, cfg)
	c, err := azurekeyvault.Open(settings(cfg.ClientSecret), azurekeyvaulttest.Route(base, http.DefaultTransport))
	if err != nil {
		t.Fatal(err)
	}
	return bundle{Connector: c, d: d, clientSecret: cfg.ClientSecret}
}

func settings(clientSecret secret.Value) connectors.Settings {
	return connectors.Settings{
		Name: "vault", Kind: "azurekeyvault", BaseURL: azurekeyvaulttest.VaultURL + "/",
		TenantID: azurekeyvaulttest.TenantID, ClientID: azurekeyvaulttest.ClientID, ClientSecret: clientSecret,
	}
}

func delivery(label, replaces string) connectors.Delivery {
	return connectors.Delivery{
		Place: place, Secret: secret.NewKey(), Label: label, Replaces: replaces,
		Facts: map[string]string{"owner": "alice@example.com"},
	}
}

// deliver must succeed.
func (b bundle) deliver(t *testing.T, d connectors.Delivery) connectors.Delivered {
	t.Helper()
	got, err := b.Deliver(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	value, id, tags, _ := b.d.Current(place)
	if value.Expose() != d.Secret.Expose() {
		t.Error("there is another value in the place, or none")
	}
	if got.Version != id || tags["latchkey_label"] != d.Label || tags["owner"] != d.Facts["owner"] {
		t.Errorf("delivered %+v; the vault has version %s with tags %v", got, id, tags)
	}
	return got
}

// clean checks that an error holds none of the secrets.
func clean(t *testing.T, err error, secrets ...secret.Value) {
	t.Helper()
	text := fmt.Sprintf("%v %+v %q", err, err, err)
	for _, v := range secrets {
		if strings.Contains(text, v.Expose()) {
			t.Errorf("an error of %d bytes holds a secret", len(text))
		}
	}
}
