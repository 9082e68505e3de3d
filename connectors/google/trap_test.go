package google_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/google/googletest"
)

func sortedKeys(m map[string]bool) []string { return slices.Sorted(maps.Keys(m)) }

// walk counts what a walk finds, and its errors.
func (b bundle) walk(t *testing.T) (passwords, grants int, errs []error) {
	t.Helper()
	for _, err := range b.Credentials(t.Context()) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		passwords++
	}
	for _, err := range b.Grants(t.Context()) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		grants++
	}
	return passwords, grants, errs
}

// A walk that fails anywhere says so once, last, and what it is.
func TestWalksFailWhole(t *testing.T) {
	t.Parallel()
	limited := func(err error) bool {
		var l *connectors.RateLimitedError
		return errors.As(err, &l) && l.After == 10*time.Second
	}
	refused := func(err error) bool { return errors.Is(err, connectors.ErrUnrecoverable) && !limited(err) }
	ambiguous := func(err error) bool { return !errors.Is(err, connectors.ErrUnrecoverable) && !limited(err) }
	const people, asps, tokens = "/admin/directory/v1/users", "/admin/directory/v1/users/*/asps", "/admin/directory/v1/users/*/tokens"
	tests := []struct {
		name  string
		fault googletest.Fault
		is    func(error) bool
	}{
		{"429 on a page of people", googletest.Fault{Path: people, Skip: 1, Status: 429, Reason: "rateLimitExceeded"}, limited},
		{"429 without JSON", googletest.Fault{Path: people, Skip: 1, Status: 429, Body: "slow down"}, limited},
		{"quota on passwords", googletest.Fault{Path: asps, Skip: 2, Status: 403, Reason: "quotaExceeded"}, limited},
		{"quota on tokens", googletest.Fault{Path: tokens, Skip: 2, Status: 403, Reason: "userRateLimitExceeded"}, limited},
		{"403 on passwords", googletest.Fault{Path: asps, Skip: 2, Status: 403, Reason: "forbidden"}, refused},
		{"500 on tokens", googletest.Fault{Path: tokens, Skip: 2, Status: 500, Reason: "backendError"}, ambiguous},
		{"a redirect", googletest.Fault{Path: people, Skip: 1, Status: 302, Header: http.Header{"Location": {"/elsewhere"}}, Body: "{}"}, ambiguous},
		{"no content for people", googletest.Fault{Path: people, Skip: 1, Status: 204}, ambiguous},
		{"no content for passwords", googletest.Fault{Path: asps, Skip: 2, Status: 204}, ambiguous},
		{"nothing for tokens", googletest.Fault{Path: tokens, Skip: 2, Status: 200, Body: "{}"}, ambiguous},
		{"null for tokens", googletest.Fault{Path: tokens, Skip: 2, Status: 200, Body: "null"}, ambiguous},
		{"HTML for passwords", googletest.Fault{Path: asps, Skip: 2, Status: 200, Body: "<html>"}, ambiguous},
		{"a person without an ID", googletest.Fault{Path: people, Skip: 1, Status: 200, Body: `{"kind":"admin#directory#users","users":[{}]}`}, ambiguous},
		{"null for a person", googletest.Fault{Path: people, Skip: 1, Status: 200, Body: `{"kind":"admin#directory#users","users":[null]}`}, ambiguous},
		{"a time that is no number", googletest.Fault{
			Path: asps, Skip: 2, Status: 200,
			Body: `{"kind":"admin#directory#aspList","items":[{"kind":"admin#directory#asp","creationTime":"hunter2"}]}`,
		}, ambiguous},
		{"a code twice", googletest.Fault{
			Path: asps, Skip: 2, Status: 200,
			Body: `{"kind":"admin#directory#aspList","items":[{"kind":"admin#directory#asp"},{"kind":"admin#directory#asp"}]}`,
		}, ambiguous},
		{"somebody else's password", googletest.Fault{
			Path: asps, Skip: 2, Status: 200,
			Body: `{"kind":"admin#directory#aspList","items":[{"kind":"admin#directory#asp","userKey":"7"}]}`,
		}, ambiguous},
		{"a token without an app", googletest.Fault{
			Path: tokens, Skip: 2, Status: 200,
			Body: `{"kind":"admin#directory#tokenList","items":[{"kind":"admin#directory#token","displayText":"x"}]}`,
		}, ambiguous},
		{"404 of somebody who is there", googletest.Fault{Path: asps, Skip: 2, Status: 404, Reason: "notFound"}, refused},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			for i := range 5 {
				owner := b.person(fmt.Sprintf("P%d", i))
				b.AddPassword(owner, googletest.Password{Name: "mail"})
				b.granted(owner, "payroll")
			}
			b.Inject(tt.fault)
			passwords, grants, errs := b.walk(t)
			if passwords+grants >= 10 || len(errs) != 1 || !tt.is(errs[0]) || strings.Contains(errs[0].Error(), "hunter2") {
				t.Errorf("%d passwords, %d grants, errors %v", passwords, grants, errs)
			}
			if passwords, grants, errs = b.walk(t); passwords != 5 || grants != 5 || len(errs) != 0 {
				t.Errorf("afterwards: %d passwords, %d grants, errors %v", passwords, grants, errs)
			}
		})
	}
}

func TestPagesThatNeverAdvance(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.StickPages()
	_, _, errs := b.walk(t)
	if len(errs) != 2 || !strings.Contains(errs[0].Error(), "again and again") {
		t.Errorf("errors %v", errs)
	}
}

// A person deleted while a walk goes on ends nothing.
func TestWalkOutlivesADeletion(t *testing.T) {
	t.Parallel()
	b := setup(t)
	alice, bob := b.person("Alice"), b.person("Bob") // on one page
	for _, owner := range []string{alice, bob, b.person("Carol")} {
		b.AddPassword(owner, googletest.Password{Name: "mail"})
	}
	found := 0
	for c, err := range b.Credentials(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if found++; c.Owner.ID == alice {
			b.RemovePerson(bob)
		}
	}
	if found != 2 {
		t.Errorf("%d passwords, want those of the two who stayed", found)
	}
}

func TestVerifyClasses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner := b.person("Alice")
	password, grant := b.issued("mail").Ref.ID, b.granted(owner, "payroll").ID
	verify := func(id string, want connectors.Liveness) {
		t.Helper()
		if got, err := b.Verify(t.Context(), connectors.Ref{ID: id}); err != nil || got != want {
			t.Errorf("verify %s: %s, %v, want %s", id, got, err, want)
		}
	}
	for _, id := range []string{password, grant} {
		before := b.total()
		verify(id, connectors.Live)
		if n := b.total() - before; n > 2 { // the first asks for an access token, too
			t.Errorf("verify %s took %d calls", id, n)
		}
	}
	for _, id := range []string{"asp/" + owner + "/7", "asp/999/0", "token/" + owner + "/nobody", "token/999/payroll"} {
		verify(id, connectors.Dead)
		if err := b.Revoke(t.Context(), connectors.Ref{ID: id}); err != nil {
			t.Errorf("revoke %s: %v", id, err)
		}
		if err := b.RevokeGrant(t.Context(), connectors.GrantRef{ID: id}); err != nil {
			t.Errorf("revoke grant %s: %v", id, err)
		}
	}
	for _, id := range []string{"", "asp", "asp/1", "asp/1/", "asp/1/x", "asp/1/-1", "asp/1/01", "asp/1/+1", "asp/1/99999999999", "asp/../1", "asp/1/2/3", "token/1/..", "token/1/%2e", "token/1/%zz", "token/1/a b", "key/1/2"} {
		verify(id, connectors.Unknown)
	}
	if err := b.RevokeGrant(t.Context(), connectors.GrantRef{ID: password}); err != nil {
		t.Error(err)
	}
	verify(password, connectors.Live)
}

func (b bundle) total() int {
	sum := 0
	for _, n := range b.Calls() {
		sum += n
	}
	return sum
}

// Success that nothing followed, and absence of what is there, are no receipt.
func TestLies(t *testing.T) {
	t.Parallel()
	b := setup(t)
	alice := b.person("Alice")
	password, grant := b.issued("mail").Ref, b.granted(alice, "payroll")
	refused := func(what string, err error) {
		t.Helper()
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	unknown := func(what, id string) {
		t.Helper()
		got, err := b.Verify(t.Context(), connectors.Ref{ID: id})
		refused(what, err)
		if got != connectors.Unknown {
			t.Errorf("%s: %s", what, got)
		}
	}
	b.Inject(googletest.Fault{Method: http.MethodDelete, Status: http.StatusNoContent})
	if err := b.Revoke(t.Context(), password); err != nil {
		t.Error(err)
	}
	if got, err := b.Verify(t.Context(), password); got != connectors.Live || err != nil {
		t.Errorf("verify after a delete that did nothing: %s, %v", got, err)
	}
	gone := googletest.Fault{Path: "/admin/directory/v1/users/*/*/*", Status: http.StatusNotFound, Reason: "notFound", Times: 4}
	b.Inject(gone)
	refused("revoke: not found and listed", b.Revoke(t.Context(), password))
	refused("revoke grant: not found and listed", b.RevokeGrant(t.Context(), grant))
	unknown("verify: not found and listed", password.ID)
	unknown("verify a grant: not found and listed", grant.ID)

	b.Inject(googletest.Fault{Path: "/admin/directory/v1/users/*/asps", Status: http.StatusServiceUnavailable, Reason: "backendError"})
	unknown("not found, and no second look", "asp/"+alice+"/9")
	b.Inject(googletest.Fault{Path: "/admin/directory/v1/users/*/asps/*", Status: http.StatusOK, Body: `{"kind":"admin#directory#asp","codeId":9}`})
	unknown("an answer about another password", password.ID)
	b.Inject(googletest.Fault{Path: "/admin/directory/v1/users/*/tokens/*", Status: http.StatusOK, Body: `{"clientId":"another"}`})
	unknown("an answer about another app", grant.ID)
	b.Inject(googletest.Fault{Status: http.StatusOK, Body: "null", Times: 2})
	unknown("null for a password", password.ID)
	unknown("null for a token", grant.ID)
	b.Inject(googletest.Fault{Status: http.StatusNotFound, Reason: "notFound", Times: 4})
	unknown("a 404 of everything", password.ID)

	b.Inject(googletest.Fault{Method: http.MethodPatch, Status: http.StatusOK, Body: `{"id":"1"}`})
	refused("a suspension that did nothing", b.CloseAccount(t.Context(), connectors.AccountRef{ID: alice}))
	b.Inject(googletest.Fault{Method: http.MethodPatch, Status: http.StatusOK, Body: "null"})
	refused("a suspension answered with null", b.CloseAccount(t.Context(), connectors.AccountRef{ID: alice}))
	b.Inject(googletest.Fault{Status: http.StatusOK, Body: "null"})
	refused("a check answered with null", b.Check(t.Context()))
	b.Inject(googletest.Fault{Method: http.MethodPatch, Status: http.StatusNotFound, Reason: "notFound"})
	refused("a suspension of nobody who is there", b.CloseAccount(t.Context(), connectors.AccountRef{ID: alice}))
	b.Inject(googletest.Fault{Status: http.StatusNotFound, Reason: "notFound", Skip: 1, Times: 3})
	refused("a suspension where everything is 404", b.CloseAccount(t.Context(), connectors.AccountRef{ID: alice}))
}

func TestCloseAccount(t *testing.T) {
	t.Parallel()
	b := setup(t)
	frank := b.person("Frank")
	_, value := b.AddPassword(frank, googletest.Password{Name: "mail"})
	b.granted(b.Admin(), "payroll")
	for _, r := range []connectors.AccountRef{{Email: "frank@example.com"}, {ID: frank}, {ID: "999"}} {
		if err := b.CloseAccount(t.Context(), r); err != nil {
			t.Errorf("close %+v: %v", r, err)
		}
	}
	// Who is not found by an ID was deleted; by an address, it may be another one now.
	for _, r := range []connectors.AccountRef{{Email: "nobody@example.com"}, {ID: "nobody@example.com"}} {
		err := b.CloseAccount(t.Context(), r)
		if !errors.Is(err, connectors.ErrUnrecoverable) || !strings.Contains(err.Error(), "no such account") {
			t.Errorf("close %+v: %v", r, err)
		}
	}
	// The administrator we act as is needed for everybody else.
	var admin string
	for g, err := range b.Grants(t.Context()) {
		if err != nil || g.Ref.Owner.Email != b.Admin() {
			t.Fatalf("grants: %+v, %v", g, err)
		}
		admin = g.Ref.Owner.ID
	}
	for _, r := range []connectors.AccountRef{{ID: admin}, {Email: strings.ToUpper(b.Admin())}} {
		err := b.CloseAccount(t.Context(), r)
		if !errors.Is(err, connectors.ErrUnrecoverable) || !b.Double.Open(admin) {
			t.Errorf("close the administrator %+v: %v, open %t", r, err, b.Double.Open(admin))
		}
	}
	if b.Double.Open(frank) || b.Works(value) {
		t.Errorf("open %t, password works %t", b.Double.Open(frank), b.Works(value))
	}
	for _, r := range []connectors.AccountRef{{}, {ID: ".."}, {ID: "a/b"}} {
		if err := b.CloseAccount(t.Context(), r); !errors.Is(err, connectors.ErrUnrecoverable) {
			t.Errorf("close %+v: %v", r, err)
		}
	}
}

// Nothing the token endpoint says is believed or quoted.
func TestTokenEndpoint(t *testing.T) {
	t.Parallel()
	const echo = "eyJhbGciOiJSUzI1NiJ9-our-own-signature"
	tests := []struct {
		name          string
		fault         googletest.Fault
		unrecoverable bool
		limited       time.Duration
	}{
		{"refused", googletest.Fault{Status: 400, Body: `{"error":"invalid_grant","error_description":"` + echo + `"}`}, true, 0},
		{"echo as code", googletest.Fault{Status: 400, Body: `{"error":"` + echo + ` ` + echo + `"}`}, true, 0},
		{"no JSON", googletest.Fault{Status: 400, Body: echo}, true, 0},
		{"down", googletest.Fault{Status: 503, Body: echo}, false, 0},
		{"limited", googletest.Fault{Status: 429, Body: echo, Header: http.Header{"Retry-After": {"7"}}}, false, 7 * time.Second},
		{"redirect", googletest.Fault{Status: 307, Body: echo, Header: http.Header{"Location": {"/elsewhere"}}}, false, 0},
		{"nothing", googletest.Fault{Status: 200, Body: `{}`}, false, 0},
		{"no end", googletest.Fault{Status: 200, Body: `{"access_token":"` + echo + `","token_type":"Bearer"}`}, false, 0},
		{"odd type", googletest.Fault{Status: 200, Body: `{"access_token":"x","token_type":"MAC","expires_in":60}`}, false, 0},
		{"odd field", googletest.Fault{Status: 200, Body: `{"access_token":"x","expires_in":"` + echo + `"}`}, false, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			tt.fault.Path = "/token"
			b.Inject(tt.fault)
			err := b.Check(t.Context())
			var limited *connectors.RateLimitedError
			if err == nil || errors.Is(err, connectors.ErrUnrecoverable) != tt.unrecoverable || strings.Contains(err.Error(), echo) {
				t.Errorf("err = %v", err)
			}
			if errors.As(err, &limited) != (tt.limited > 0) || limited != nil && limited.After != tt.limited {
				t.Errorf("err = %v, want a limit of %s", err, tt.limited)
			}
			if err := b.Check(t.Context()); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

// An answer can't fill our memory, and a server can't have our access token
// logged by sending it back.
func TestHostileAnswers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Inject(googletest.Fault{Status: http.StatusOK, Body: `{"kind":"` + strings.Repeat("x", 9<<20) + `"}`})
	if err := b.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "larger than allowed") {
		t.Errorf("a large answer: %v", err)
	}
	b.Inject(googletest.Fault{Status: http.StatusBadRequest, Body: `{"error":{"code":400,"message":"hunter2","errors":[{"reason":"hunter2 hunter2"}]}}`})
	if err := b.Check(t.Context()); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("an error that quotes: %v", err)
	}
}
