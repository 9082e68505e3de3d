package google_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/connectors"
	"latchkey/connectors/google"
	"latchkey/connectors/google/googletest"
	"latchkey/secret"
)

// changed is a key file with a field set.
func changed(t *testing.T, file secret.Value, field, value string) secret.Value {
	t.Helper()
	var fields map[string]string
	if err := json.Unmarshal([]byte(file.Expose()), &fields); err != nil {
		t.Fatal(err)
	}
	fields[field] = value
	text, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return secret.New(string(text))
}

func TestOpenRefusesSettings(t *testing.T) {
	t.Parallel()
	b := setup(t)
	good := b.settings
	good.BaseURL, good.AllowPrivate = "", false
	good.Credentials = changed(t, good.Credentials, "token_uri", "https://oauth2.googleapis.com/token")
	with := func(field, value string) func(*connectors.Settings) {
		return func(s *connectors.Settings) { s.Credentials = changed(t, s.Credentials, field, value) }
	}
	tests := []struct {
		name    string
		change  func(*connectors.Settings)
		want    string // in the error; empty for none
		missing bool
	}{
		{"good", func(*connectors.Settings) {}, "", false},
		{"no subject", func(s *connectors.Settings) { s.Subject = "" }, "subject", true},
		{"no credentials", func(s *connectors.Settings) { s.Credentials = secret.Value{} }, "credentials", true},
		{"subject", func(s *connectors.Settings) { s.Subject = "admin" }, "subject", false},
		{"subject that is a path", func(s *connectors.Settings) { s.Subject = "a@b/../c" }, "subject", false},
		{"no JSON", func(s *connectors.Settings) { s.Credentials = secret.New("hunter2") }, "JSON key file", false},
		{"a user's file", with("type", "authorized_user"), "JSON key file", false},
		{"no e-mail", with("client_email", ""), "client_email", false},
		{"no key", with("private_key", "hunter2"), "private_key in PEM", false},
		{"an odd key", with("private_key", "-----BEGIN PRIVATE KEY-----\naHVudGVyMg==\n-----END PRIVATE KEY-----"), "no RSA key", false},
		{"token_uri in clear", with("token_uri", "http://127.0.0.1/token"), "token_uri", false},
		{"token_uri of nowhere", with("token_uri", "token"), "token_uri", false},
		{"base_url in clear", func(s *connectors.Settings) { s.BaseURL = "http://127.0.0.1" }, "base_url must be https", false},
		{"base_url with a user", func(s *connectors.Settings) { s.BaseURL = "https://hunter2@x.example" }, "base_url holds a user", false},
		{"base_url of nowhere", func(s *connectors.Settings) { s.BaseURL = "hunter2" }, "base_url is not a URL", false},
		{"base_url by mail", func(s *connectors.Settings) { s.BaseURL = "mailto://x.example" }, "neither", false},
	}
	for _, tt := range tests {
		s := good
		tt.change(&s)
		_, err := google.Open(s, http.DefaultTransport)
		if tt.want == "" {
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) || errors.Is(err, connectors.ErrMissing) != tt.missing {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error quotes the setting: %v", tt.name, err)
		}
	}
	if _, err := google.Open(good, nil); !errors.Is(err, connectors.ErrMissing) {
		t.Errorf("no transport: %v", err)
	}
}

// The transport of production is under the connector, for the token endpoint
// too: the guard of addresses refuses both.
func TestOverTheRealTransport(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c, err := google.Open(b.settings, connectors.NewTransport(b.settings))
	if err != nil {
		t.Fatal(err)
	}
	ctx, witness := connectors.WithWitness(t.Context())
	if err := c.Check(ctx); err != nil {
		t.Fatal(err)
	}
	want := "POST /token: 200 OK\nGET /admin/directory/v1/users/google-admin@example.com: 200 OK\n" +
		"GET /admin/directory/v1/users: 200 OK\nGET /admin/directory/v1/users/google-admin@example.com/tokens: 200 OK"
	if diff := cmp.Diff(strings.ReplaceAll(want, "@", "%40"), strings.ReplaceAll(witness.Testimony(), "@", "%40")); diff != "" {
		t.Errorf("testimony (-want +got):\n%s", diff)
	}
	guarded, err := google.Open(b.settings, connectors.NewTransport(connectors.Settings{}))
	if err != nil {
		t.Fatal(err)
	}
	if err := guarded.Check(t.Context()); !errors.Is(err, connectors.ErrPrivateAddress) || !strings.Contains(err.Error(), "loopback") {
		t.Errorf("check of a private address: %v", err)
	}
}

func TestCheckSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.person("Alice")
	as := func(subject string) connectors.Connector {
		s := b.settings
		s.Subject = subject
		return open(t, s)
	}
	for subject, want := range map[string]string{"nobody@example.com": "the subject is no user", "alice@example.com": "forbidden"} {
		err := as(subject).Check(t.Context())
		if !errors.Is(err, connectors.ErrUnrecoverable) || !strings.Contains(err.Error(), want) {
			t.Errorf("as %s: %v", subject, err)
		}
	}
	b.Delegate("https://www.googleapis.com/auth/admin.directory.user")
	err := b.Check(t.Context())
	if !errors.Is(err, connectors.ErrUnrecoverable) || !strings.Contains(err.Error(), "admin.directory.user.security") {
		t.Errorf("a scope is not delegated: %v", err)
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	b := setup(t)
	created := time.Date(2025, 3, 1, 9, 0, 0, 0, time.UTC)
	used := created.AddDate(0, 6, 0)
	alice, frank, olga := b.person("Alice"), b.AddPerson(googletest.Person{Email: "frank@example.com", Suspended: true}),
		b.AddPerson(googletest.Person{Name: "Olga", Email: "olga@example.com", Archived: true})
	for owner, p := range map[string]googletest.Password{
		alice: {Name: "mail", CreatedAt: created, UsedAt: used},
		frank: {Name: "printer", CreatedAt: created},
		olga:  {Name: "old phone", CreatedAt: created, UsedAt: used, Seconds: true},
	} {
		b.AddPassword(owner, p)
	}
	b.AddPassword(alice, googletest.Password{Name: "calendar", CreatedAt: created})
	people := map[string]connectors.AccountRef{
		alice: {ID: alice, Email: "alice@example.com", Name: "Alice"},
		frank: {ID: frank, Email: "frank@example.com", Name: "frank@example.com", Closed: true},
		olga:  {ID: olga, Email: "olga@example.com", Name: "Olga", Closed: true},
	}
	want := map[string]connectors.Credential{}
	add := func(owner, code, label string, lastUsed connectors.LastUsed) {
		id := "asp/" + owner + "/" + code
		want[id] = connectors.Credential{
			Ref: connectors.Ref{ID: id, Owner: people[owner]}, Kind: connectors.APIKey, Class: "application-specific password",
			Label: label, Owner: people[owner], Scopes: []string{connectors.FullAccess}, Access: connectors.Admin,
			CreatedAt: created, LastUsed: lastUsed, Suspended: people[owner].Closed,
		}
	}
	add(alice, "0", "mail", connectors.LastUsed{At: used, Known: true})
	add(alice, "1", "calendar", connectors.LastUsed{Known: true})
	add(frank, "0", "printer", connectors.LastUsed{Known: true})
	add(olga, "0", "old phone", connectors.LastUsed{At: used, Known: true})
	got := map[string]connectors.Credential{}
	for c, err := range b.Credentials(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got[c.Ref.ID] = c
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("credentials (-want +got):\n%s", diff)
	}
}

func TestGrants(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const auth = "https://www.googleapis.com/auth/"
	tests := []struct {
		client string
		tokens []googletest.Token
		app    string
		access connectors.Access
	}{
		{"reader", []googletest.Token{{App: "Reader", Scopes: []string{"openid", auth + "drive.readonly"}}}, "Reader", connectors.Read},
		{"people", []googletest.Token{{App: "People", Scopes: []string{auth + "user.birthday.read", auth + "calendar.freebusy"}}}, "People", connectors.Read},
		{"mail", []googletest.Token{{App: "Mail", Scopes: []string{"https://mail.google.com/", auth + "userinfo.email"}}}, "Mail", connectors.Write},
		{"files", []googletest.Token{{App: "Files", Scopes: []string{auth + "drive.metadata"}}}, "Files", connectors.Write},
		{"directory", []googletest.Token{{App: "Directory", Scopes: []string{auth + "drive", auth + "admin.directory.user", "email"}}}, "Directory", connectors.Admin},
		{"watcher", []googletest.Token{{App: "Watcher", Scopes: []string{auth + "admin.reports.audit.readonly"}}}, "Watcher", connectors.Read},
		{"cloud", []googletest.Token{{App: "Cloud", Scopes: []string{"openid", auth + "cloud-platform"}}}, "Cloud", connectors.Admin},
		{"auditor", []googletest.Token{{App: "Auditor", Scopes: []string{auth + "cloud-platform.read-only"}}}, "Auditor", connectors.Read},
		{"nameless", []googletest.Token{{Anonymous: true}}, "nameless", ""},
		{"https://odd.example/a?b", []googletest.Token{{App: "Odd", Scopes: []string{"profile"}}}, "Odd", connectors.Read},
		{"twice", []googletest.Token{{App: "Twice", Scopes: []string{"openid"}}, {App: "Twice", Scopes: []string{auth + "drive", "openid"}}}, "Twice", connectors.Write},
	}
	want := map[string]connectors.Grant{}
	for _, name := range []string{"Alice", "Bob", "Carol"} {
		owner := connectors.AccountRef{ID: b.person(name), Email: strings.ToLower(name) + "@example.com", Name: name}
		for _, tt := range tests {
			scopes := map[string]bool{}
			for _, token := range tt.tokens {
				token.ClientID = tt.client
				b.AddToken(owner.ID, token)
				for _, s := range token.Scopes {
					scopes[s] = true
				}
			}
			id := "token/" + owner.ID + "/" + strings.NewReplacer("/", "%2F", "?", "%3F").Replace(tt.client)
			want[id] = connectors.Grant{
				Ref: connectors.GrantRef{ID: id, AppID: tt.client, Owner: owner},
				App: tt.app, Access: tt.access, Scopes: sortedKeys(scopes),
			}
		}
	}
	got := map[string]connectors.Grant{}
	for g, err := range b.Grants(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got[g.Ref.ID] = g
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("grants (-want +got):\n%s", diff)
	}
	for id, g := range want {
		if err := b.RevokeGrant(t.Context(), connectors.GrantRef{ID: id}); err != nil || b.TokenLives(g.Ref.Owner.ID, g.Ref.AppID) {
			t.Errorf("revoke %s: %v, lives %t", id, err, b.TokenLives(g.Ref.Owner.ID, g.Ref.AppID))
		}
	}
}

// Access tokens are asked for once, renewed when Google stops taking one, and
// by nobody who gave up.
func TestAccessTokens(t *testing.T) {
	t.Parallel()
	b := setup(t)
	alice := b.person("Alice")
	asked := func() int { return b.Calls()["POST /token"] }
	for range 3 {
		if err := b.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if asked() != 1 {
		t.Errorf("%d tokens for 3 checks", asked())
	}
	b.ExpireTokens()
	if err := b.Check(t.Context()); err != nil || asked() != 2 {
		t.Errorf("a dead token: %v, %d tokens", err, asked())
	}
	b.Inject(googletest.Fault{Method: http.MethodPatch, Status: http.StatusUnauthorized, Reason: "authError"})
	if err := b.CloseAccount(t.Context(), connectors.AccountRef{ID: alice}); err != nil || b.Double.Open(alice) || asked() != 3 {
		t.Errorf("a call with a body and a dead token: %v, open %t, %d tokens", err, b.Double.Open(alice), asked())
	}
	b.Inject(googletest.Fault{Status: http.StatusUnauthorized, Reason: "authError", Times: -1})
	if err := b.Check(t.Context()); !errors.Is(err, connectors.ErrUnrecoverable) || asked() != 4 {
		t.Errorf("no token is taken: %v, %d tokens", err, asked())
	}
	fresh := open(t, b.settings)
	arrived, release := b.Hold()
	defer release()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- fresh.Check(ctx) }()
	<-arrived // at the token endpoint
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("canceled while asking for a token: %v", err)
	}
}
