package gitlab_test

import (
	"strconv"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/conformance"
	"latchkey/connectors/gitlab/gitlabtest"
	"latchkey/secret"
)

// The suite runs against an instance, where every verb is there.
func TestConformance(t *testing.T) {
	t.Parallel()
	conformance.RunTests(t, func(t *testing.T) conformance.Harness {
		t.Helper()
		b := setup(t, gitlabtest.Config{SelfManaged: true, PerPage: 4})
		bad := secret.New("glpat-another-token")
		other := b.settings
		other.Token = bad
		people := 0
		return conformance.Harness{
			Good:    open(t, b.settings),
			Bad:     open(t, other),
			Request: request,
			Account: func() (connectors.AccountRef, func() bool) {
				people++
				id := b.AddPerson(gitlabtest.Person{Name: "Person " + strconv.Itoa(people)})
				return connectors.AccountRef{ID: itoa(id)}, func() bool { return b.State(id) == "active" }
			},
			Secrets:    []secret.Value{b.settings.Token, bad},
			Works:      b.Works,
			LoseAnswer: b.LoseAnswer,
			RateLimit: func() time.Duration {
				b.RateLimit(42 * time.Second)
				return 42 * time.Second
			},
			Refuse:        b.Refuse,
			EmptyListings: b.EmptyListings,
			Hold:          b.Hold,
		}
	})
}

func request(label string) connectors.IssueRequest {
	return connectors.IssueRequest{
		Label: label, Owner: connectors.AccountRef{Email: "alice@example.com"},
		Scopes: []string{"read_api"}, ExpiresAt: time.Now().Add(24 * time.Hour),
	}
}
