package tempo_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/conformance"
	"latchkey/connectors/tempo"
	"latchkey/connectors/tempo/tempotest"
	"latchkey/secret"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	conformance.RunTests(t, func(t *testing.T) conformance.Harness {
		t.Helper()
		good, bad := secret.New("tempo-admin-token"), secret.New("tempo-other-token")
		d, base := tempotest.Start(t, tempotest.Config{PerSecond: -1, Tokens: []secret.Value{good}})
		openAs := func(token secret.Value) connectors.Connector {
			s := settings(base)
			s.Token = token
			return open(t, s)
		}
		return conformance.Harness{
			Good: openAs(good),
			Bad:  openAs(bad),
			Request: func(label string) connectors.IssueRequest {
				return connectors.IssueRequest{
					Label: label, Scopes: []string{"worklogs:view"}, ExpiresAt: time.Now().Add(24 * time.Hour),
				}
			},
			Secrets: []secret.Value{good, bad},
			Hold:    d.Hold,
		}
	})
}

// The vendor's 429 has no Retry-After; the caller is told to come back all the
// same.
func TestCheckIsRateLimited(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	token := secret.New("tempo-admin-token")
	_, base := tempotest.Start(t, tempotest.Config{
		PerSecond: 1, Tokens: []secret.Value{token}, Now: func() time.Time { return now },
	})
	c, err := tempo.Open(settings(base), http.DefaultTransport)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	var limited *connectors.RateLimitedError
	if err := c.Check(t.Context()); !errors.As(err, &limited) || limited.After <= 0 {
		t.Errorf("second check in the same second: %v", err)
	}
}
