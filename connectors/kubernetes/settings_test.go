package kubernetes_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"latchkey/connectors"
	"latchkey/connectors/kubernetes"
	"latchkey/connectors/kubernetes/kubernetestest"
	"latchkey/secret"
)

func TestOpenNamesEveryProblem(t *testing.T) {
	t.Parallel()
	_, err := kubernetes.Open(connectors.Settings{Name: "cluster"}, nil)
	if !errors.Is(err, connectors.ErrMissing) {
		t.Fatalf("err = %v, want ErrMissing", err)
	}
	for _, key := range []string{"base_url", "token", "namespace", "transport"} {
		if !strings.Contains(err.Error(), "missing setting: "+key) {
			t.Errorf("%v does not name %s", err, key)
		}
	}
	good := connectors.Settings{
		Name: "cluster", BaseURL: "https://cluster.example:6443", Token: secret.New("hunter2hunter2"), Namespace: "payroll",
	}
	if _, err := kubernetes.Open(good, http.DefaultTransport); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		change func(*connectors.Settings)
		want   string
	}{
		"namespace":   {func(s *connectors.Settings) { s.Namespace = "Pay_roll" }, `namespace "Pay_roll"`},
		"http":        {func(s *connectors.Settings) { s.BaseURL = "http://cluster.example" }, "must be https"},
		"token":       {func(s *connectors.Settings) { s.Token = secret.New("hunter2hunter2\n") }, "token is too long, or holds"},
		"certificate": {func(s *connectors.Settings) { s.Certificate = "hunter2hunter2" }, "no certificate in PEM"},
	} {
		s := good
		tt.change(&s)
		_, err := kubernetes.Open(s, http.DefaultTransport)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: err = %v, want %q", name, err, tt.want)
		}
	}
}

func TestCheckSaysWhatIsNotAllowed(t *testing.T) {
	t.Parallel()
	for missing, verbs := range map[string][]string{
		"get": {"create", "patch"}, "create": {"get", "patch"}, "patch": {"get", "create"},
	} {
		b := setupWith(t, kubernetestest.Config{Verbs: verbs})
		err := b.Check(t.Context())
		if !errors.Is(err, connectors.ErrUnrecoverable) || !strings.Contains(err.Error(), "may not "+missing+" Secrets in namespace payroll") {
			t.Errorf("without %s: err = %v", missing, err)
		}
	}
	b := setup(t)
	if err := b.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if n := b.d.Writes(); n != 0 {
		t.Errorf("check wrote %d times", n)
	}
	b.d.Down(true)
	if err := b.Check(t.Context()); err == nil || errors.Is(err, connectors.ErrUnrecoverable) {
		t.Errorf("down: err = %v, want one that is worth a retry", err)
	}
}
