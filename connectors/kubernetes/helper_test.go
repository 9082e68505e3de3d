package kubernetes_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"latchkey/connectors"
	"latchkey/connectors/kubernetes"
	"latchkey/connectors/kubernetes/kubernetestest"
	"latchkey/secret"
)

const ns = kubernetestest.DefaultNamespace

// bundle is a connector and its double.
type bundle struct {
	*kubernetes.Connector
	d     *kubernetestest.Double
	token secret.Value
}

func setup(t *testing.T) bundle {
	t.Helper()
	return setupWith(t, kubernetestest.Config{})
}

func setupWith(t *testing.T, cfg kubernetestest.Config) bundle {
	t.Helper()
	cfg.Token = secret.Token(900)
	d, base := kubernetestest.Start(t, cfg)
	c, err := kubernetes.Open(settings(base, cfg.Token), http.DefaultTransport)
	if err != nil {
		t.Fatal(err)
	}
	return bundle{Connector: c, d: d, token: cfg.Token}
}

func settings(base string, token secret.Value) connectors.Settings {
	return connectors.Settings{
		Name: "cluster", Kind: "kubernetes", BaseURL: base, AllowPrivate: true, Token: token, Namespace: ns,
	}
}

func delivery(label, replaces string) connectors.Delivery {
	return connectors.Delivery{
		Place: "tempo/token", Secret: secret.NewKey(), Label: label, Replaces: replaces,
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
	b.holds(t, d.Secret)
	return got
}

// holds checks what programs read at tempo/token.
func (b bundle) holds(t *testing.T, want secret.Value) {
	t.Helper()
	got, ok := b.d.Value(ns, "tempo", "token")
	if !ok || got.Expose() != want.Expose() {
		t.Errorf("there is another value in the place, or none (%t)", ok)
	}
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
