package atlassian_test

import (
	"net/http"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/atlassian/atlassiantest"
	"latchkey/connectors/conformance"
	"latchkey/secret"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	conformance.RunTests(t, func(t *testing.T) conformance.Harness {
		t.Helper()
		b := setup(t)
		bad := secret.New("ATCTT3x-not-a-key-of-this-organisation")
		request := func(label string) connectors.IssueRequest {
			return connectors.IssueRequest{
				Label: label, Owner: connectors.AccountRef{ID: b.alice, Email: "alice@example.com"},
				Scopes: []string{"read:jira-work"}, ExpiresAt: start.Add(24 * time.Hour),
			}
		}
		return conformance.Harness{
			Good:    b.c,
			Bad:     b.open(t, bad),
			Request: request,
			Make: func(label string) connectors.Issued {
				r := request(label)
				made, err := b.CreateTokenAsUser(b.alice, r.Label, r.Scopes, r.ExpiresAt)
				if err != nil {
					t.Fatal(err)
				}
				return connectors.Issued{Ref: connectors.Ref{ID: "user-token/" + b.alice + "/" + made.ID}, Secret: made.Secret}
			},
			Account: func() (connectors.AccountRef, func() bool) {
				id := b.AddPerson(atlassiantest.Person{Name: "A leaver"})
				return connectors.AccountRef{ID: id}, func() bool { return b.AccountStatus(id) == atlassiantest.Active }
			},
			Secrets: []secret.Value{b.admin, bad},
			Works:   b.Works,
			RateLimit: func() time.Duration {
				b.LimitNext(30 * time.Second)
				return 30 * time.Second
			},
			Refuse:        func() { b.RefuseNext(http.StatusForbidden) },
			EmptyListings: func() { b.Set(atlassiantest.Knobs{EmptyLists: true}) },
			Hold:          b.Hold,
		}
	})
}
