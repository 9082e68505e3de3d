package okta_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/okta/oktatest"
	"latchkey/secret"
)

// walkGrants counts grants and errors of one walk.
func (b bundle) walkGrants(t *testing.T) (grants int, errs []error) {
	t.Helper()
	for _, err := range b.Grants(t.Context()) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		grants++
	}
	return grants, errs
}

func (b bundle) walkCredentials(t *testing.T) (found int, errs []error) {
	t.Helper()
	for _, err := range b.Credentials(t.Context()) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		found++
	}
	return found, errs
}

func TestWalksBelieveTheCursorOnly(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for i := range 5 {
		b.AddGrant(oktatest.Grant{Owner: b.person(fmt.Sprintf("P%d", i)), ClientID: "0oac", Scope: "openid"})
	}
	b.SetLinks(oktatest.Links{Base: "https://elsewhere.example"})
	if n, errs := b.walkGrants(t); n != 5 || len(errs) != 0 {
		t.Errorf("links to another host: %d grants, %v", n, errs)
	}
	b.SetLinks(oktatest.Links{Stuck: true})
	if _, errs := b.walkGrants(t); len(errs) != 1 || !strings.Contains(errs[0].Error(), "again and again") {
		t.Errorf("a cursor that never advances: %v", errs)
	}
}

// A walk that fails anywhere says so once, last, and what it is.
func TestWalksFailWhole(t *testing.T) {
	t.Parallel()
	limited := func(err error) bool {
		var l *connectors.RateLimitedError
		return errors.As(err, &l) && l.After == 90*time.Second
	}
	refused := func(err error) bool { return errors.Is(err, connectors.ErrUnrecoverable) }
	ambiguous := func(err error) bool { return !refused(err) && !limited(err) }
	tests := []struct {
		name  string
		fault oktatest.Fault
		is    func(error) bool
	}{
		{"429 on the second page of people", oktatest.Fault{Path: "/api/v1/users", Skip: 1, Status: 429, Code: "E0000047", Reset: 90 * time.Second}, limited},
		{"429 on somebody's grants", oktatest.Fault{Path: "/api/v1/users/*/grants", Skip: 2, Status: 429, Code: "E0000047", Reset: 90 * time.Second}, limited},
		{"403 on somebody's grants", oktatest.Fault{Path: "/api/v1/users/*/grants", Skip: 2, Status: 403, Code: "E0000006"}, refused},
		{"500 on people", oktatest.Fault{Path: "/api/v1/users", Skip: 1, Status: 500, Code: "E0000009"}, ambiguous},
		{"null instead of a list", oktatest.Fault{Path: "/api/v1/users", Skip: 1, Status: 200, Body: "null"}, ambiguous},
		{"an object instead of a list", oktatest.Fault{Path: "/api/v1/users", Skip: 1, Status: 200, Body: "{}"}, ambiguous},
		{"a row without an ID", oktatest.Fault{Path: "/api/v1/users/*/grants", Skip: 2, Status: 200, Body: `[{"clientId":"c","scopeId":"s"}]`}, ambiguous},
		{"a row that is a path", oktatest.Fault{Path: "/api/v1/users", Skip: 1, Status: 200, Body: `[{"id":"../apps"}]`}, ambiguous},
		{"404 of somebody who is there", oktatest.Fault{Path: "/api/v1/users/*/grants", Skip: 2, Status: 404, Code: "E0000007"}, ambiguous},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			for i := range 5 {
				b.AddGrant(oktatest.Grant{Owner: b.person(fmt.Sprintf("P%d", i)), ClientID: "0oac", Scope: "openid"})
			}
			b.Inject(tt.fault)
			n, errs := b.walkGrants(t)
			if n >= 5 || len(errs) != 1 || !tt.is(errs[0]) {
				t.Errorf("%d grants, errors %v", n, errs)
			}
		})
	}
}

func TestCredentialWalksFailWhole(t *testing.T) {
	t.Parallel()
	for path, body := range map[string]string{
		"/api/v1/api-tokens":                 `[{"id":"00T1","name":"x"}]`,
		"/api/v1/apps":                       `[{"label":"x"}]`,
		"/api/v1/apps/*/credentials/secrets": `[{"id":"ocs1","created":"2026-01-01T00:00:00.000Z"}]`,
		"/api/v1/users/*":                    `{"id":"00uanother","status":"ACTIVE"}`,
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			b.issuedToken("deploy")
			b.issuedSecret("shop")
			skip := strings.Count(path, "users") // the first such call is about ourselves
			b.Inject(oktatest.Fault{Path: path, Skip: skip, Status: http.StatusOK, Body: body})
			if n, errs := b.walkCredentials(t); n >= 4 || len(errs) != 1 {
				t.Errorf("a malformed row: %d credentials, %v", n, errs)
			}
			b.Inject(oktatest.Fault{Path: path, Status: http.StatusTooManyRequests, Code: "E0000047"})
			if n, errs := b.walkCredentials(t); n >= 4 || len(errs) != 1 {
				t.Errorf("a rate limit: %d credentials, %v", n, errs)
			}
			if n, errs := b.walkCredentials(t); n != 4 || len(errs) != 0 {
				t.Errorf("afterwards: %d credentials, %v", n, errs)
			}
		})
	}
}

// People and apps that are deleted while a walk goes on end nothing.
func TestWalksOutliveDeletions(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	var people, apps []string
	for i := range 3 {
		people = append(people, b.person(fmt.Sprintf("P%d", i)))
		b.AddGrant(oktatest.Grant{Owner: people[i], ClientID: "0oac", Scope: "openid"})
		apps = append(apps, b.AddApp(oktatest.App{Label: "app"}))
		b.AddSecret(apps[i])
	}
	grants := 0
	for g, err := range b.Grants(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if grants++; g.Ref.Owner.ID == people[1] {
			b.RemovePerson(people[2]) // its page was read already
		}
	}
	if grants != 2 {
		t.Errorf("%d grants, want those of the two who stayed", grants)
	}
	b.RemoveApp(apps[2])
	secrets := 0
	for c, err := range b.Credentials(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if c.Owner.ID == apps[0] {
			b.RemoveApp(apps[1])
		}
		if c.Class == "client secret" {
			secrets++
		}
	}
	if secrets != 1 {
		t.Errorf("%d secrets, want the one of the app that stayed", secrets)
	}
}

// What the vendor says about an owner that is gone is all that is said.
func TestTokenOfADeletedOwner(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.issuedToken("orphan")
	b.Inject(oktatest.Fault{Path: "/api/v1/users/*", Skip: 1, Status: 404, Code: "E0000007"})
	for c, err := range b.Credentials(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if c.Label == "orphan" && (!c.Owner.Closed || c.Owner.Email != "" || !c.Suspended) {
			t.Errorf("owner = %+v", c.Owner)
		}
	}
}

func TestVerifyClasses(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	owner := b.person("Alice")
	grantID := b.AddGrant(oktatest.Grant{Owner: owner, ClientID: "0oac", Scope: "openid"})
	grant := "grant/" + owner + "/" + grantID
	token, clientSecret := b.issuedToken("deploy").Ref.ID, b.issuedSecret("shop").Ref.ID
	app := strings.Split(clientSecret, "/")[1]
	for _, id := range []string{token, clientSecret, grant} {
		b.verify(t, id, connectors.Live)
	}
	for _, id := range []string{
		"api-token/00Tnobody", "client-secret/" + app + "/ocsnobody", "client-secret/0oanobody/ocsnobody",
		"grant/" + owner + "/oagnobody", "grant/00unobody/" + grantID,
	} {
		b.verify(t, id, connectors.Dead)
		if err := b.Revoke(t.Context(), connectors.Ref{ID: id}); err != nil {
			t.Errorf("revoke %s: %v", id, err)
		}
		if err := b.RevokeGrant(t.Context(), connectors.GrantRef{ID: id}); err != nil {
			t.Errorf("revoke grant %s: %v", id, err)
		}
	}
	// Suspended is not dead: it can come back.
	if err := b.Suspend(t.Context(), connectors.Ref{ID: clientSecret}); err != nil {
		t.Fatal(err)
	}
	b.verify(t, clientSecret, connectors.Live)
	if err := b.Revoke(t.Context(), connectors.Ref{ID: clientSecret}); err != nil {
		t.Fatal(err)
	}
	b.verify(t, clientSecret, connectors.Dead)
	for _, id := range []string{"", "00T1", "api-token", "api-token/", "api-token/a/b", "client-secret/a", "grant/a", "api-token/..", "api-token/current", "grant/me/x"} {
		b.verify(t, id, connectors.Unknown)
	}
}

func (b bundle) verify(t *testing.T, id string, want connectors.Liveness) {
	t.Helper()
	if got, err := b.Verify(t.Context(), connectors.Ref{ID: id}); err != nil || got != want {
		t.Errorf("verify %s: %s, %v, want %s", id, got, err, want)
	}
}

// The word "current" would end our own token.
func TestRevokeNeverEndsOurOwnToken(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	if err := b.Revoke(t.Context(), connectors.Ref{ID: "api-token/current"}); err != nil {
		t.Error(err)
	}
	if err := b.Check(t.Context()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// Success that nothing followed, and absence of what is there, are no receipt.
func TestLies(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	token, clientSecret := b.issuedToken("deploy").Ref, b.issuedSecret("shop").Ref
	ask := func(what string, err error, want bool) {
		t.Helper()
		if (err == nil) != want {
			t.Errorf("%s: %v", what, err)
		}
	}
	b.Inject(oktatest.Fault{Method: http.MethodDelete, Status: http.StatusNoContent})
	ask("a delete that did nothing", b.Revoke(t.Context(), token), true)
	b.verify(t, token.ID, connectors.Live)

	notFound := oktatest.Fault{Path: "/api/v1/api-tokens/*", Status: http.StatusNotFound, Code: "E0000007"}
	b.Inject(notFound)
	ask("revoke: not found and listed", b.Revoke(t.Context(), token), false)
	b.Inject(notFound)
	got, err := b.Verify(t.Context(), token)
	ask("verify: not found and listed", err, false)
	if got != connectors.Unknown {
		t.Errorf("verify: not found and listed: %s", got)
	}
	b.Inject(notFound)
	b.Inject(oktatest.Fault{Path: "/api/v1/api-tokens", Status: http.StatusInternalServerError, Code: "E0000009"})
	got, err = b.Verify(t.Context(), connectors.Ref{ID: "api-token/00Tnobody"})
	ask("verify: not found, and no second look", err, false)
	if got != connectors.Unknown {
		t.Errorf("verify: not found, and no second look: %s", got)
	}
	b.Inject(oktatest.Fault{Path: "/api/v1/api-tokens/*", Status: http.StatusOK, Body: `{"id":"00Tanother"}`})
	_, err = b.Verify(t.Context(), token)
	ask("verify: an answer about another token", err, false)

	b.Inject(oktatest.Fault{Method: http.MethodPost, Status: http.StatusOK, Body: `{}`})
	ask("suspend without a state", b.Suspend(t.Context(), clientSecret), false)
	leaver := b.person("Frank")
	b.Inject(oktatest.Fault{Method: http.MethodPost, Status: http.StatusOK, Body: `{}`})
	ask("a suspension that did nothing", b.CloseAccount(t.Context(), connectors.AccountRef{ID: leaver}), false)
}

func TestTheOnlySecretOfAnAppStays(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	app := b.AddApp(oktatest.App{Label: "shop"})
	id, value := b.AddSecret(app)
	ref := connectors.Ref{ID: "client-secret/" + app + "/" + id}
	for what, err := range map[string]error{
		"suspend": b.Suspend(t.Context(), ref),
		"revoke":  b.Revoke(t.Context(), ref),
	} {
		if !errors.Is(err, connectors.ErrUnrecoverable) || !strings.Contains(err.Error(), "another one first") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if !b.Works(value) {
		t.Error("the secret is dead all the same")
	}
	if err := b.Suspend(t.Context(), b.issuedToken("deploy").Ref); !errors.Is(err, connectors.ErrUnsupported) {
		t.Errorf("suspend an API token: %v", err)
	}
	if err := b.Resume(t.Context(), connectors.Ref{ID: "client-secret/" + app + "/ocsnobody"}); !errors.Is(err, connectors.ErrUnrecoverable) {
		t.Errorf("resume what is not there: %v", err)
	}
}

func TestCloseAccount(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	frank := b.person("Frank")
	value := secret.New("00frank")
	b.AddToken(oktatest.Token{Name: "mine", Owner: frank, Secret: value})
	if err := b.CloseAccount(t.Context(), connectors.AccountRef{Email: "frank@example.com"}); err != nil {
		t.Fatal(err)
	}
	if b.Status(frank) != "SUSPENDED" || b.SessionsEnded(frank) != 1 || b.Works(value) {
		t.Errorf("status %s, sessions ended %d, token works %t", b.Status(frank), b.SessionsEnded(frank), b.Works(value))
	}
	b.SetStatus(frank, "DEPROVISIONED")
	for _, r := range []connectors.AccountRef{{ID: frank}, {ID: "00unobody"}} {
		if err := b.CloseAccount(t.Context(), r); err != nil {
			t.Errorf("close %+v: %v", r, err)
		}
	}
	// Who is not found by an ID was deleted; by a name, it may be another one now.
	for _, r := range []connectors.AccountRef{{Email: "nobody@example.com"}, {ID: "nobody@example.com"}, {ID: "nobody"}} {
		err := b.CloseAccount(t.Context(), r)
		if !errors.Is(err, connectors.ErrUnrecoverable) || !strings.Contains(err.Error(), "no such account") {
			t.Errorf("close %+v: %v", r, err)
		}
	}
	for _, r := range []connectors.AccountRef{{}, {ID: "me"}, {ID: "../apps"}, {Email: "frank"}} {
		if err := b.CloseAccount(t.Context(), r); !errors.Is(err, connectors.ErrUnrecoverable) {
			t.Errorf("close %+v: %v", r, err)
		}
	}
	if b.Status(b.Admin()) != "ACTIVE" {
		t.Error("the administrator was closed")
	}
	// Who can't be suspended loses sessions and tokens, and somebody is told.
	locked := b.AddPerson(oktatest.Person{Name: "Locked", Email: "locked@example.com", Status: "LOCKED_OUT"})
	err := b.CloseAccount(t.Context(), connectors.AccountRef{ID: locked})
	if !errors.Is(err, connectors.ErrUnrecoverable) || !strings.Contains(err.Error(), "locked_out") || b.SessionsEnded(locked) != 1 {
		t.Errorf("close a locked account: %v, sessions ended %d", err, b.SessionsEnded(locked))
	}
	// A 404 is believed only from an organisation that answers.
	b.Inject(oktatest.Fault{Path: "/api/v1/users/*", Status: http.StatusNotFound, Code: "E0000007", Times: 2})
	if err := b.CloseAccount(t.Context(), connectors.AccountRef{ID: locked}); err == nil {
		t.Error("a 404 of everything closed an account")
	}
}

// The vendor's answer to a listing of secrets holds them in clear.
func TestSecretsStayWithTheVendor(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	made := b.issuedSecret("shop")
	for c, err := range b.Credentials(t.Context()) {
		if text := fmt.Sprintf("%+v %v", c, err); strings.Contains(text, made.Secret.Expose()) {
			t.Errorf("a listing of %d bytes holds a client secret", len(text))
		}
	}
	body := `[{"id":"ocs1","status":"ACTIVE","created":"` + made.Secret.Expose() + `"}]`
	b.Inject(oktatest.Fault{Path: "/api/v1/apps/*/credentials/secrets", Status: http.StatusOK, Body: body})
	if _, errs := b.walkCredentials(t); len(errs) != 1 || strings.Contains(errs[0].Error(), made.Secret.Expose()) {
		t.Errorf("%d errors, or one that holds a secret", len(errs))
	}
}
