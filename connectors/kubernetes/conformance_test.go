package kubernetes_test

import (
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/conformance"
	"latchkey/connectors/kubernetes"
	"latchkey/connectors/kubernetes/kubernetestest"
	"latchkey/secret"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	conformance.RunTests(t, func(t *testing.T) conformance.Harness {
		t.Helper()
		good, bad := secret.Token(900), secret.Token(900)
		d, base := kubernetestest.Start(t, kubernetestest.Config{Token: good})
		openAs := func(token secret.Value) connectors.Connector {
			s := settings(base, token)
			c, err := kubernetes.Open(s, connectors.NewTransport(s))
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		return conformance.Harness{
			Good: openAs(good), Bad: openAs(bad), Secrets: []secret.Value{good, bad},
			RateLimit: func() time.Duration {
				d.LimitNext(time.Minute)
				return time.Minute
			},
			Refuse: d.RefuseNext,
			Hold:   d.Hold,
		}
	})
}
