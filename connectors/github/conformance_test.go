package github_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/conformance"
	"latchkey/connectors/github"
	"latchkey/connectors/github/githubtest"
	"latchkey/secret"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	strange, err := githubtest.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	conformance.RunTests(t, func(t *testing.T) conformance.Harness {
		t.Helper()
		owner, other := ownerToken(), ownerToken()
		d, base := githubtest.Start(t, githubtest.Config{PrivateKey: key(t), Owner: owner})
		openAs := func(app, owner secret.Value) connectors.Connector {
			s := settings(base, app)
			s.Token = owner
			c, err := github.Open(s, connectors.NewTransport(s))
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		people := 0
		person := func() string {
			people++
			return fmt.Sprintf("person-%d", people)
		}
		return conformance.Harness{
			Good: openAs(key(t), owner),
			Bad:  openAs(strange, other),
			Make: func(label string) connectors.Issued {
				pat := d.AddPAT(githubtest.PAT{Owner: person(), Name: label, Repository: map[string]string{"contents": "read"}})
				return connectors.Issued{Ref: patRef(pat), Secret: pat.Secret}
			},
			Grant: func() (connectors.GrantRef, func() bool) {
				login := person()
				id, v := d.AddAuthorization(githubtest.Authorization{Owner: login, Type: githubtest.OAuthApp, Scopes: []string{"repo"}})
				ref := connectors.GrantRef{ID: fmt.Sprintf("saml/%d", id), Owner: connectors.AccountRef{ID: login}}
				return ref, func() bool { return d.Authorized(id) && d.Works(v) }
			},
			Account: func() (connectors.AccountRef, func() bool) {
				login := person()
				d.AddMember(login)
				return connectors.AccountRef{ID: login}, func() bool { return d.Member(login) }
			},
			Asked: func() (connectors.VendorRequest, func() string) {
				asked := d.AddPATRequest(githubtest.PAT{Owner: person(), Name: "ci"})
				return connectors.VendorRequest{ID: requestID(asked)}, func() string { return d.RequestState(asked.Grant) }
			},
			Secrets: []secret.Value{owner, other, key(t), strange},
			Works:   d.Works,
			RateLimit: func() time.Duration {
				d.ExceedSecondary(http.StatusForbidden, time.Minute)
				return time.Minute
			},
			Refuse:        d.RefuseNext,
			EmptyListings: func() { d.Set(githubtest.Knobs{EmptyLists: true}) },
			Hold:          d.Hold,
		}
	})
}

func patRef(pat githubtest.Token) connectors.Ref {
	return connectors.Ref{ID: fmt.Sprintf("pat/%d/%d", pat.Grant, pat.ID)}
}

func requestID(asked githubtest.Token) string {
	return fmt.Sprintf("pat-request/%d/%d/%d", asked.Grant, asked.ID, asked.MadeAt.Unix())
}
