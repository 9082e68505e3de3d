package conformance

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/secret"
)

// Harness is a connector, its double and what the double can be made to do.
// Each test gets a fresh one. Nil funcs skip what they are needed for.
type Harness struct {
	// Good has the admin credential the double accepts, Bad another one.
	Good, Bad connectors.Connector
	// Request asks for a credential the vendor will issue.
	Request func(label string) connectors.IssueRequest
	// Make makes a credential at the vendor behind the connector's back, for
	// connectors that can't issue. Its label is the vendor's.
	Make func(label string) connectors.Issued
	// Grant makes an OAuth grant at the vendor and says whether it is alive.
	Grant func() (connectors.GrantRef, func() bool)
	// Account makes a person's account and says whether it is open.
	Account func() (connectors.AccountRef, func() bool)
	// Asked makes a request at the vendor; the func says what became of it:
	// "pending", "approved" or "denied".
	Asked func() (connectors.VendorRequest, func() string)
	// Secrets, the admin credentials among them, may appear in no error.
	Secrets []secret.Value

	// Works is the vendor's own truth about an issued secret. Nil for brokered
	// systems, where the gateway has it.
	Works func(secret.Value) bool
	// LoseAnswer makes the next Issue do its work and its answer get lost.
	LoseAnswer func()
	// RateLimit makes the next call be refused for the given time.
	RateLimit func() (after time.Duration)
	// Refuse makes the next call be understood and refused.
	Refuse func()
	// EmptyListings has every listing answer an empty page from now on, while
	// what is asked for by itself is answered as before.
	EmptyListings func()
	// Hold makes the next calls wait until release or their end; arrived
	// receives when one does.
	Hold func() (arrived <-chan struct{}, release func())
}

// RunTests runs the suite. start is called once per test.
func RunTests(t *testing.T, start func(*testing.T) Harness) {
	t.Helper()
	for name, test := range map[string]func(*suite){
		"check":   (*suite).check,
		"errors":  (*suite).errors,
		"cancel":  (*suite).cancel,
		"scopes":  (*suite).scopes,
		"broker":  (*suite).broker,
		"issue":   (*suite).issue,
		"lost":    (*suite).lostAnswer,
		"list":    (*suite).list,
		"rotate":  (*suite).rotate,
		"prove":   (*suite).prove,
		"revoke":  (*suite).revoke,
		"verify":  (*suite).verify,
		"empty":   (*suite).emptyListings,
		"suspend": (*suite).suspend,
		"grants":  (*suite).grants,
		"close":   (*suite).closeAccount,
		"decide":  (*suite).decide,
		"guide":   (*suite).guide,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(&suite{T: t, Harness: start(t)})
		})
	}
}

type suite struct {
	*testing.T
	Harness
	issued []secret.Value
}

// with is the capability of the connector, or the end of the test: a verb the
// vendor does not have is not tested.
func with[C any](s *suite) C {
	s.Helper()
	c, ok := connectors.As[C](s.Good)
	if !ok {
		s.Skipf("the connector is no %T", (*C)(nil))
	}
	return c
}

// made issues a credential, which must succeed, or has the vendor make one.
func (s *suite) made(label string) connectors.Issued {
	s.Helper()
	if s.Make != nil {
		issued := s.Make(label)
		s.issued = append(s.issued, issued.Secret)
		return issued
	}
	issued, err := with[connectors.Issuer](s).Issue(s.Context(), s.Request(label))
	s.ok("issue "+label, err)
	s.issued = append(s.issued, issued.Secret)
	return issued
}

func (s *suite) ok(what string, err error) {
	s.Helper()
	if err != nil {
		s.clean(err)
		s.Fatalf("%s: %v", what, err)
	}
}

// clean checks that an error holds none of the secrets, however it is printed.
func (s *suite) clean(err error) {
	s.Helper()
	if err == nil {
		return
	}
	text := fmt.Sprintf("%v %+v %q", err, err, err)
	for _, v := range append(s.Secrets, s.issued...) {
		if !v.Empty() && strings.Contains(text, v.Expose()) {
			s.Errorf("an error of %d bytes holds a secret", len(text))
		}
	}
}

// listed is every credential with a label; the listing must be whole.
func (s *suite) listed(label string) []connectors.Credential {
	s.Helper()
	var out []connectors.Credential
	for c, err := range with[connectors.Lister](s).Credentials(s.Context()) {
		s.ok("list", err)
		if c.Label == label {
			out = append(out, c)
		}
	}
	return out
}
