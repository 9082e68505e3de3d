package google_test

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/conformance"
	"latchkey/connectors/google"
	"latchkey/connectors/google/googletest"
	"latchkey/secret"
)

// key is one for all tests: making one takes a while.
var key = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

type bundle struct {
	*googletest.Double
	*google.Connector
	base     string
	settings connectors.Settings
}

// setup has pages of two people, so that every walk has several.
func setup(t *testing.T) bundle {
	t.Helper()
	k, err := key()
	if err != nil {
		t.Fatal(err)
	}
	d, base := googletest.Start(t, googletest.Config{Key: k, MaxPage: 2})
	file, err := d.KeyFile(base)
	if err != nil {
		t.Fatal(err)
	}
	s := connectors.Settings{
		Name: "workspace", Kind: "google", BaseURL: base, AllowPrivate: true, Subject: d.Admin(), Credentials: file,
	}
	return bundle{d, open(t, s), base, s}
}

// open uses a plain transport: retries would hide injected faults.
func open(t *testing.T, s connectors.Settings) *google.Connector {
	t.Helper()
	wire := &http.Transport{}
	t.Cleanup(wire.CloseIdleConnections)
	c, err := google.Open(s, wire)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (b bundle) person(name string) string {
	return b.AddPerson(googletest.Person{Name: name, Email: strings.ToLower(name) + "@example.com"})
}

// issued has a person make a password.
func (b bundle) issued(label string) connectors.Issued {
	owner := b.person(label)
	code, value := b.AddPassword(owner, googletest.Password{Name: label})
	return connectors.Issued{Ref: connectors.Ref{ID: fmt.Sprintf("asp/%s/%d", owner, code)}, Secret: value}
}

// granted has a person give an app access.
func (b bundle) granted(owner, client string) connectors.GrantRef {
	b.AddToken(owner, googletest.Token{ClientID: client, App: "Payroll", Scopes: []string{"openid"}})
	return connectors.GrantRef{ID: "token/" + owner + "/" + client}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	conformance.RunTests(t, func(t *testing.T) conformance.Harness {
		t.Helper()
		b := setup(t)
		bad := b.settings
		bad.Subject = "nobody@example.com"
		people := 0
		person := func() string {
			people++
			return b.person(fmt.Sprintf("Person%d", people))
		}
		return conformance.Harness{
			Good:    b.Connector,
			Bad:     open(t, bad),
			Request: func(label string) connectors.IssueRequest { return connectors.IssueRequest{Label: label} },
			Make:    b.issued,
			Grant: func() (connectors.GrantRef, func() bool) {
				owner := person()
				ref := b.granted(owner, "payroll.apps.googleusercontent.com")
				return ref, func() bool { return b.TokenLives(owner, "payroll.apps.googleusercontent.com") }
			},
			Account: func() (connectors.AccountRef, func() bool) {
				id := person()
				return connectors.AccountRef{ID: id}, func() bool { return b.Double.Open(id) }
			},
			Secrets: []secret.Value{b.settings.Credentials},
			Works:   b.Works,
			RateLimit: func() time.Duration {
				b.Inject(googletest.Fault{Status: http.StatusForbidden, Reason: "rateLimitExceeded", Header: http.Header{"Retry-After": {"42"}}})
				return 42 * time.Second
			},
			Refuse:        func() { b.Inject(googletest.Fault{Status: http.StatusForbidden, Reason: "forbidden"}) },
			EmptyListings: b.EmptyListings,
			Hold:          b.Hold,
		}
	})
}
