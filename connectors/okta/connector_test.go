package okta_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/connectors"
	"latchkey/connectors/okta"
	"latchkey/connectors/okta/oktatest"
	"latchkey/secret"
)

func TestOpenRefusesSettings(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		change  func(*connectors.Settings)
		want    string
		missing bool
	}{
		{"no base_url", func(s *connectors.Settings) { s.BaseURL = "" }, "base_url", true},
		{"no token", func(s *connectors.Settings) { s.Token = secret.Value{} }, "token", true},
		{"no host", func(s *connectors.Settings) { s.BaseURL = "acme" }, "base_url", false},
		{"http", func(s *connectors.Settings) { s.BaseURL = "http://acme.okta.com" }, "https", false},
		{"ftp", func(s *connectors.Settings) { s.BaseURL = "ftp://acme.okta.com" }, "https", false},
		{"user", func(s *connectors.Settings) { s.BaseURL = "https://a:b@acme.okta.com" }, "user", false},
		{"query", func(s *connectors.Settings) { s.BaseURL = "https://acme.okta.com?x=1" }, "query", false},
		{"path", func(s *connectors.Settings) { s.BaseURL = "https://acme.okta.com/api/v1" }, "path", false},
		{"line break", func(s *connectors.Settings) { s.Token = secret.New("a\r\nb") }, "line break", false},
		{"long", func(s *connectors.Settings) { s.Token = secret.New(strings.Repeat("x", 5<<10)) }, "longer", false},
	}
	for _, tt := range tests {
		s := settings("https://acme.okta.com", "t")
		s.AllowPrivate = false
		tt.change(&s)
		_, err := okta.Open(s, http.DefaultTransport)
		if err == nil || !strings.Contains(err.Error(), tt.want) || errors.Is(err, connectors.ErrMissing) != tt.missing {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if _, err := okta.Open(settings("https://acme.okta.com/", "t"), nil); !errors.Is(err, connectors.ErrMissing) {
		t.Errorf("no transport: %v", err)
	}
}

func TestCheckNeedsAnAdministrator(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.AddToken(oktatest.Token{Name: "mine", Owner: b.person("Alice"), Secret: secret.New("00alice")})
	err := open(t, b.base, "00alice").Check(t.Context())
	if !errors.Is(err, connectors.ErrUnrecoverable) || !strings.Contains(err.Error(), "not allowed to read API tokens") {
		t.Errorf("check with an ordinary person's token: %v", err)
	}
	b.SetStatus(b.Admin(), "SUSPENDED")
	if err := b.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "suspended") {
		t.Errorf("check with a suspended administrator's token: %v", err)
	}
}

// The transport of production is under the connector: retries, rate limit and
// the guard of addresses.
func TestCheckOverTheRealTransport(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	s := settings(b.base, adminToken)
	c, err := okta.Open(s, connectors.NewTransport(s))
	if err != nil {
		t.Fatal(err)
	}
	ctx, witness := connectors.WithWitness(t.Context())
	if err := c.Check(ctx); err != nil {
		t.Fatal(err)
	}
	if got, want := witness.Testimony(), "GET /api/v1/users/me: 200 OK\nGET /api/v1/api-tokens: 200 OK"; got != want {
		t.Errorf("testimony = %q", got)
	}
}

func list(t *testing.T, c *okta.Connector) map[string]connectors.Credential {
	t.Helper()
	out := map[string]connectors.Credential{}
	for cred, err := range c.Credentials(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		out[cred.Ref.ID] = cred
	}
	return out
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	b := setup(t, func() time.Time { return now })
	created := now.AddDate(0, 0, -20)
	alice := b.AddPerson(oktatest.Person{Name: "Alice", Email: "alice@example.com"})
	frank := b.AddPerson(oktatest.Person{Name: "Frank", Email: "frank@example.com"})
	used := b.AddToken(oktatest.Token{Name: "deploy", Owner: alice, CreatedAt: created, UsedAt: now.Add(-time.Hour)})
	fresh := b.AddToken(oktatest.Token{Name: "backup", Owner: alice, CreatedAt: created})
	stopped := b.AddToken(oktatest.Token{Name: "old", Owner: frank, CreatedAt: created})
	b.SetStatus(frank, "SUSPENDED")
	erin := b.AddPerson(oktatest.Person{Name: "Erin", Email: "erin@example.com"})
	b.AddToken(oktatest.Token{Name: "gone", Owner: erin})
	b.SetStatus(erin, "DEPROVISIONED")
	web := b.AddApp(oktatest.App{Label: "Web shop"})
	first, _ := b.AddSecret(web)
	off := b.AddApp(oktatest.App{Label: "Off", Status: "INACTIVE"})
	offSecret, _ := b.AddSecret(off)
	for _, other := range []oktatest.App{{SignOnMode: "SAML_2_0"}, {AuthMethod: "none"}, {AuthMethod: "private_key_jwt"}} {
		b.AddSecret(b.AddApp(other))
	}

	got := list(t, b.Connector)
	for id := range got {
		if got[id].Label == "latchkey" {
			delete(got, id) // our own
		}
	}
	owner := connectors.AccountRef{ID: alice, Email: "alice@example.com", Name: "Alice"}
	leaver := connectors.AccountRef{ID: frank, Email: "frank@example.com", Name: "Frank", Closed: true}
	shop := connectors.AccountRef{ID: web, Name: "Web shop", Service: true}
	offApp := connectors.AccountRef{ID: off, Name: "Off", Service: true, Closed: true}
	token := func(id, label string, o connectors.AccountRef, lastUsed connectors.LastUsed, expires time.Time) connectors.Credential {
		return connectors.Credential{
			Ref: connectors.Ref{ID: "api-token/" + id, Owner: o}, Kind: connectors.APIKey, Class: "API token", Label: label, Owner: o,
			Scopes: []string{connectors.FullAccess}, Access: connectors.Admin, CreatedAt: created, ExpiresAt: expires,
			LastUsed: lastUsed, Suspended: o.Closed,
		}
	}
	clientSecret := func(id, label string, o connectors.AccountRef) connectors.Credential {
		return connectors.Credential{
			Ref: connectors.Ref{ID: "client-secret/" + o.ID + "/" + id, Owner: o}, Kind: connectors.APIKey, Class: "client secret",
			Label: label, Owner: o, CreatedAt: now, Suspended: o.Closed,
		}
	}
	never := connectors.LastUsed{Known: true}
	want := map[string]connectors.Credential{}
	for _, c := range []connectors.Credential{
		token(used, "deploy", owner, connectors.LastUsed{At: now.Add(-time.Hour), Known: true}, now.Add(-time.Hour).AddDate(0, 0, 30)),
		token(fresh, "backup", owner, never, created.AddDate(0, 0, 30)),
		token(stopped, "old", leaver, never, created.AddDate(0, 0, 30)),
		clientSecret(first, "Web shop", shop),
		clientSecret(offSecret, "Off", offApp),
	} {
		want[c.Ref.ID] = c
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("credentials (-want +got):\n%s", diff)
	}
	if n := b.Calls()["GET /api/v1/users/"+alice]; n != 1 {
		t.Errorf("the owner of two tokens was read %d times", n)
	}
}

func TestGrants(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	b := setup(t, func() time.Time { return now })
	want := map[string]connectors.Grant{}
	for i := range 5 { // more than a page of people, each with more than a page of grants
		name := fmt.Sprintf("P%d", i)
		owner := connectors.AccountRef{Name: name, Email: strings.ToLower(name) + "@example.com"}
		owner.ID = b.AddPerson(oktatest.Person{Name: name, Email: owner.Email})
		for scope, access := range map[string]connectors.Access{
			"okta.users.read": connectors.Read, "okta.users.manage": connectors.Admin, "openid": connectors.Read,
			"okta.myAccount.email.manage": connectors.Write, "okta.users.manage.self": connectors.Write,
			"okta.users.read.self": connectors.Read, "payroll": connectors.Write, "ssf.manage": connectors.Admin,
		} {
			id := b.AddGrant(oktatest.Grant{Owner: owner.ID, ClientID: "0oapay", App: "Payroll", Scope: scope})
			want["grant/"+owner.ID+"/"+id] = connectors.Grant{
				Ref: connectors.GrantRef{ID: "grant/" + owner.ID + "/" + id, AppID: "0oapay", Owner: owner},
				App: "Payroll", Scopes: []string{scope}, Access: access, GivenAt: now,
			}
		}
		b.AddGrant(oktatest.Grant{Owner: owner.ID, ClientID: "0oapay", Scope: "openid", Status: "REVOKED"})
	}
	untitled := b.person("Untitled")
	b.AddGrant(oktatest.Grant{Owner: untitled, ClientID: "0oanameless", Scope: "openid"})

	got := map[string]connectors.Grant{}
	for g, err := range b.Grants(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if g.Ref.Owner.ID == untitled {
			if g.App != "0oanameless" {
				t.Errorf("an app without a title is called %q", g.App)
			}
			continue
		}
		got[g.Ref.ID] = g
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("grants (-want +got):\n%s", diff)
	}
}
