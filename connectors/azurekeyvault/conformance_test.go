package azurekeyvault_test

import (
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/azurekeyvault"
	"latchkey/connectors/azurekeyvault/azurekeyvaulttest"
	"latchkey/connectors/conformance"
	"latchkey/secret"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	conformance.RunTests(t, func(t *testing.T) conformance.Harness {
		t.Helper()
		good, bad := secret.Token(40), secret.Token(40)
		d, base := azurekeyvaulttest.Start(t, azurekeyvaulttest.Config{ClientSecret: good})
		openAs := func(clientSecret secret.Value) connectors.Connector {
			wire := connectors.NewTransport(connectors.Settings{AllowPrivate: true})
			c, err := azurekeyvault.Open(settings(clientSecret), azurekeyvaulttest.Route(base, wire))
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
