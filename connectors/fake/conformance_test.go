package fake_test

import (
	"slices"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/conformance"
	"latchkey/connectors/fake"
	"latchkey/secret"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	conformance.RunTests(t, func(t *testing.T) conformance.Harness {
		t.Helper()
		v := fake.NewVendor()
		base := v.Start(t)
		bad := secret.New("wrong-admin-token")
		return conformance.Harness{
			Good:       open(t, v.Settings("files", base)),
			Bad:        open(t, withToken(v.Settings("files", base), bad)),
			Request:    request,
			Secrets:    []secret.Value{v.Token(), bad},
			Works:      v.Works,
			LoseAnswer: func() { v.Inject(fake.VerbIssue, fake.LostAnswer, 1) },
			RateLimit: func() time.Duration {
				v.Inject(fake.VerbCheck, fake.RateLimited, 1)
				return fake.RetryAfter
			},
			Refuse: func() { v.Inject(fake.VerbCheck, fake.Refused, 1) },
			Hold: func() (<-chan struct{}, func()) {
				g := v.Hold(fake.VerbCheck, fake.Before)
				return g.Arrived(), g.Release
			},
		}
	})
}

func TestConformanceOfGuided(t *testing.T) {
	t.Parallel()
	conformance.RunTests(t, func(t *testing.T) conformance.Harness {
		t.Helper()
		v := fake.NewVendor()
		base := v.Start(t)
		bad := secret.New("wrong-admin-token")
		return conformance.Harness{
			Good:    guided(t, v.Settings("files", base)),
			Bad:     guided(t, withToken(v.Settings("files", base), bad)),
			Request: request,
			Make: func(label string) connectors.Issued {
				k := v.Seed(fake.Key{Label: label, Scopes: []string{"files:read"}})
				return connectors.Issued{Ref: connectors.Ref{ID: k.ID}, Secret: k.Secret}
			},
			Asked: func() (connectors.VendorRequest, func() string) {
				r := v.Ask("for the report", fake.Key{Label: "mine", Owner: connectors.AccountRef{ID: "alice"}, Scopes: []string{"files:read"}})
				return connectors.VendorRequest{ID: r.ID}, func() string {
					all := v.Asked()
					return all[slices.IndexFunc(all, func(x fake.Request) bool { return x.ID == r.ID })].State
				}
			},
			Secrets: []secret.Value{v.Token(), bad},
			Works:   v.Works,
			RateLimit: func() time.Duration {
				v.Inject(fake.VerbCheck, fake.RateLimited, 1)
				return fake.RetryAfter
			},
			Refuse: func() { v.Inject(fake.VerbCheck, fake.Refused, 1) },
			Hold: func() (<-chan struct{}, func()) {
				g := v.Hold(fake.VerbCheck, fake.Before)
				return g.Arrived(), g.Release
			},
		}
	})
}

func guided(t *testing.T, s connectors.Settings) *fake.Guided {
	t.Helper()
	c, err := fake.OpenGuided(s, connectors.NewTransport(s))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func request(label string) connectors.IssueRequest {
	return connectors.IssueRequest{
		Label: label, Owner: connectors.AccountRef{ID: "alice", Email: "alice@example.com"},
		Scopes: []string{"files:read"}, ExpiresAt: time.Now().Add(24 * time.Hour),
	}
}

func open(t *testing.T, s connectors.Settings) *fake.Connector {
	t.Helper()
	c, err := fake.Open(s, connectors.NewTransport(s))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func withToken(s connectors.Settings, token secret.Value) connectors.Settings {
	s.Token = token
	return s
}
