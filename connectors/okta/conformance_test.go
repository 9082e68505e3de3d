package okta_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/conformance"
	"latchkey/connectors/okta"
	"latchkey/connectors/okta/oktatest"
	"latchkey/secret"
)

const adminToken = "00okta-admin-token-that-nobody-may-see"

type bundle struct {
	*oktatest.Double
	*okta.Connector
	base string
}

// setup has pages of two, so that every walk has several.
func setup(t *testing.T, now func() time.Time) bundle {
	t.Helper()
	d, base := oktatest.Start(t, oktatest.Config{Token: secret.New(adminToken), MaxPage: 2, Now: now})
	return bundle{d, open(t, base, adminToken), base}
}

func settings(base, token string) connectors.Settings {
	return connectors.Settings{Name: "okta-prod", Kind: "okta", BaseURL: base, AllowPrivate: true, Token: secret.New(token)}
}

// open uses a plain transport: retries would hide injected faults.
func open(t *testing.T, base, token string) *okta.Connector {
	t.Helper()
	wire := &http.Transport{}
	t.Cleanup(wire.CloseIdleConnections)
	c, err := okta.Open(settings(base, token), wire)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (b bundle) person(name string) string {
	return b.AddPerson(oktatest.Person{Name: name, Email: strings.ToLower(name) + "@example.com"})
}

// issuedToken has the vendor make an API token.
func (b bundle) issuedToken(label string) connectors.Issued {
	value := secret.New("00made-" + label)
	owner := b.person(label)
	id := b.AddToken(oktatest.Token{Name: label, Owner: owner, Secret: value})
	return connectors.Issued{Ref: connectors.Ref{ID: "api-token/" + id}, Secret: value}
}

// issuedSecret has the vendor make the second secret of an app.
func (b bundle) issuedSecret(label string) connectors.Issued {
	appID := b.AddApp(oktatest.App{Label: label})
	b.AddSecret(appID)
	id, value := b.AddSecret(appID)
	return connectors.Issued{Ref: connectors.Ref{ID: "client-secret/" + appID + "/" + id}, Secret: value}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	conformance.RunTests(t, func(t *testing.T) conformance.Harness {
		t.Helper()
		b := setup(t, nil)
		bad := "00another-token-of-nobody"
		people := 0
		person := func() string {
			people++
			return b.person(fmt.Sprintf("Person%d", people))
		}
		h := conformance.Harness{
			Good:    b.Connector,
			Bad:     open(t, b.base, bad),
			Request: func(label string) connectors.IssueRequest { return connectors.IssueRequest{Label: label} },
			Make:    b.issuedToken,
			Grant: func() (connectors.GrantRef, func() bool) {
				owner := person()
				id := b.AddGrant(oktatest.Grant{Owner: owner, ClientID: "0oaclient", App: "Payroll", Scope: "okta.users.read"})
				return connectors.GrantRef{ID: "grant/" + owner + "/" + id}, func() bool { return b.GrantLives(id) }
			},
			Account: func() (connectors.AccountRef, func() bool) {
				id := person()
				return connectors.AccountRef{ID: id}, func() bool { return b.Status(id) == "ACTIVE" }
			},
			Secrets: []secret.Value{secret.New(adminToken), secret.New(bad)},
			Works:   b.Works,
			RateLimit: func() time.Duration {
				b.Inject(oktatest.Fault{Status: http.StatusTooManyRequests, Code: "E0000047", Reset: 42 * time.Second})
				return 42 * time.Second
			},
			Refuse:        func() { b.Inject(oktatest.Fault{Status: http.StatusForbidden, Code: "E0000006"}) },
			EmptyListings: b.EmptyListings,
			Hold:          b.Hold,
		}
		if strings.HasSuffix(t.Name(), "/suspend") { // API tokens can't be
			h.Make = b.issuedSecret
		}
		return h
	})
}
