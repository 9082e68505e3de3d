package workflow

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"latchkey/connectors"
	"latchkey/connectors/atlassian"
	"latchkey/connectors/atlassian/atlassiantest"
	"latchkey/connectors/fake"
	"latchkey/connectors/github"
	"latchkey/connectors/github/githubtest"
	"latchkey/connectors/gitlab"
	"latchkey/connectors/gitlab/gitlabtest"
	"latchkey/connectors/google"
	"latchkey/connectors/google/googletest"
	"latchkey/connectors/okta"
	"latchkey/connectors/okta/oktatest"
	"latchkey/secret"
)

// somewhere is a system, played by its double, that people have keys at.
type somewhere struct {
	conn connectors.Connector
	make func(who, label string) (alive func() bool) // somebody makes a key there
}

// somewheres are the systems that list keys and end them.
var somewheres = map[string]func(testing.TB, http.RoundTripper) somewhere{
	"fake": atFake, "gitlab": atGitLab, "github": atGitHub, "okta": atOkta, "okta grants": atOktaGrants,
	"google": atGoogle, "google grants": atGoogleGrants, "atlassian": atAtlassian,
}

func opened[C connectors.Connector](t testing.TB) func(C, error) connectors.Connector {
	return func(c C, err error) connectors.Connector {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
}

func atFake(t testing.TB, rt http.RoundTripper) somewhere {
	v := fake.NewVendor()
	conn := opened[*fake.Connector](t)(fake.Open(v.Settings("there", v.Start(t)), rt))
	return somewhere{conn, func(who, label string) func() bool {
		k := v.Seed(fake.Key{Label: label, Owner: mailOf(who), Scopes: []string{"files:read"}})
		return func() bool { return v.Works(k.Secret) }
	}}
}

func atGitLab(t testing.TB, rt http.RoundTripper) somewhere {
	admin := secret.New("glpat-the-admins-own-token")
	d, base := gitlabtest.Start(t, gitlabtest.Config{SelfManaged: true, PerMinute: -1, Tokens: []secret.Value{admin}})
	conn := opened[*gitlab.Connector](t)(gitlab.Open(connectors.Settings{Name: "there", Kind: "gitlab", BaseURL: base, AllowPrivate: true, Token: admin,
		Group: gitlabtest.TopGroupPath}, rt))
	people := map[string]int64{}
	return somewhere{conn, func(who, label string) func() bool {
		if people[who] == 0 {
			people[who] = d.AddPerson(gitlabtest.Person{Name: who, Email: who + "@example.com"})
		}
		_, value := d.AddToken(gitlabtest.Token{User: people[who], Name: label, Scopes: []string{"read_api"}})
		return func() bool { return d.Works(value) }
	}}
}

var appKey = sync.OnceValues(githubtest.NewKey)

func atGitHub(t testing.TB, rt http.RoundTripper) somewhere {
	key, err := appKey()
	if err != nil {
		t.Fatal(err)
	}
	d, base := githubtest.Start(t, githubtest.Config{PrivateKey: key})
	conn := opened[*github.Connector](t)(github.Open(connectors.Settings{Name: "there", Kind: "github", BaseURL: base, AllowPrivate: true, OrgID: githubtest.DefaultOrg,
		AppID: githubtest.DefaultApp, InstallationID: githubtest.DefaultInstallation, PrivateKey: key}, rt))
	return somewhere{conn, func(who, label string) func() bool {
		made := d.AddPAT(githubtest.PAT{Owner: who, Name: label, Repository: map[string]string{"contents": "read"}})
		return func() bool { return d.Works(made.Secret) }
	}}
}

func openOkta(t testing.TB, rt http.RoundTripper) (*oktatest.Double, connectors.Connector, func(string) string) {
	admin := secret.New("00okta-admin-token-that-nobody-may-see")
	d, base := oktatest.Start(t, oktatest.Config{Token: admin})
	people := map[string]string{}
	return d, opened[*okta.Connector](t)(okta.Open(connectors.Settings{Name: "there", Kind: "okta", BaseURL: base, AllowPrivate: true, Token: admin}, rt)),
		func(who string) string {
			if people[who] == "" {
				people[who] = d.AddPerson(oktatest.Person{Name: who, Email: who + "@example.com"})
			}
			return people[who]
		}
}

func atOkta(t testing.TB, rt http.RoundTripper) somewhere {
	d, conn, person := openOkta(t, rt)
	return somewhere{conn, func(who, label string) func() bool {
		value := secret.New("00made-" + who + label)
		d.AddToken(oktatest.Token{Name: label, Owner: person(who), Secret: value})
		return func() bool { return d.Works(value) }
	}}
}

func atOktaGrants(t testing.TB, rt http.RoundTripper) somewhere {
	d, conn, person := openOkta(t, rt)
	return somewhere{conn, func(who, label string) func() bool {
		app := d.AddApp(oktatest.App{Label: label})
		id := d.AddGrant(oktatest.Grant{Owner: person(who), ClientID: app, App: label, Scope: "openid"})
		return func() bool { return d.GrantLives(id) }
	}}
}

var workspaceKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func openGoogle(t testing.TB, rt http.RoundTripper) (*googletest.Double, connectors.Connector, func(string) string) {
	key, err := workspaceKey()
	if err != nil {
		t.Fatal(err)
	}
	d, base := googletest.Start(t, googletest.Config{Key: key})
	file, err := d.KeyFile(base)
	if err != nil {
		t.Fatal(err)
	}
	people := map[string]string{}
	return d, opened[*google.Connector](t)(google.Open(connectors.Settings{Name: "there", Kind: "google", BaseURL: base, AllowPrivate: true, Subject: d.Admin(),
			Credentials: file}, rt)),
		func(who string) string {
			if people[who] == "" {
				people[who] = d.AddPerson(googletest.Person{Name: who, Email: who + "@example.com"})
			}
			return people[who]
		}
}

func atGoogle(t testing.TB, rt http.RoundTripper) somewhere {
	d, conn, person := openGoogle(t, rt)
	return somewhere{conn, func(who, label string) func() bool {
		_, value := d.AddPassword(person(who), googletest.Password{Name: label})
		return func() bool { return d.Works(value) }
	}}
}

func atGoogleGrants(t testing.TB, rt http.RoundTripper) somewhere {
	d, conn, person := openGoogle(t, rt)
	return somewhere{conn, func(who, label string) func() bool {
		id := person(who)
		d.AddToken(id, googletest.Token{ClientID: label, App: label, Scopes: []string{"openid"}})
		return func() bool { return d.TokenLives(id, label) }
	}}
}

func atAtlassian(t testing.TB, rt http.RoundTripper) somewhere {
	d, base := atlassiantest.Start(t, atlassiantest.Config{})
	admin := d.AddOrgKey(atlassiantest.OrgKey{Label: "Latchkey"})
	conn := opened[*atlassian.Connector](t)(atlassian.Open(connectors.Settings{Name: "there", Kind: "atlassian", BaseURL: base, AllowPrivate: true, OrgID: d.OrgID(),
		APIKey: admin.Secret}, rt))
	people := map[string]string{}
	return somewhere{conn, func(who, label string) func() bool {
		if people[who] == "" {
			people[who] = d.AddPerson(atlassiantest.Person{Name: who, Email: who + "@example.com"})
		}
		made := d.AddUserToken(atlassiantest.Token{Owner: people[who], Label: label, Scopes: []string{"read:jira-work"}})
		return func() bool { return d.Works(made.Secret) }
	}}
}

// accountsOf are a system's own names for the accounts of people, as a people
// entry of the configuration has them.
func accountsOf(t testing.TB, conn connectors.Connector, people ...string) []PersonEntry {
	t.Helper()
	found := map[string][]string{}
	see := func(o connectors.AccountRef) {
		for _, who := range people {
			if strings.Contains(strings.ToLower(o.ID+o.Email+o.Name), who) && !slices.Contains(found[who], o.ID) {
				found[who] = append(found[who], o.ID)
			}
		}
	}
	if l, ok := connectors.As[connectors.Lister](conn); ok {
		for c, err := range l.Credentials(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			see(c.Owner)
		}
	}
	if l, ok := connectors.As[connectors.GrantLister](conn); ok {
		for g, err := range l.Grants(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			see(g.Ref.Owner)
		}
	}
	var out []PersonEntry
	for _, who := range people {
		if len(found[who]) == 0 {
			t.Fatalf("the system lists nothing of %s", who)
		}
		out = append(out, PersonEntry{Email: who + "@example.com", Accounts: map[string][]string{"there": found[who]}})
	}
	return out
}

// wrong is a way to a system on which things go wrong.
type wrong struct {
	next http.RoundTripper

	mu    sync.Mutex
	fault string
	hits  int
}

// The faults. Down are those that every call meets, the others only calls that
// end something.
const (
	faultServer  = "500s"
	faultTimeout = "timeout"
	faultLimit   = "429"
	faultGone    = "404 that is not gone"
	faultLying   = "200 but still live"
	faultLost    = "answer lost"
)

var errTimeout = errors.New("i/o timeout")

func (w *wrong) goes(fault string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault, w.hits = fault, 0
}

// RoundTrip implements http.RoundTripper.
func (w *wrong) RoundTrip(r *http.Request) (*http.Response, error) {
	ends := r.Method == http.MethodDelete || r.Method == http.MethodPatch || r.Method == http.MethodPost && (strings.Contains(r.URL.Path, "personal-access-tokens") || strings.Contains(r.URL.Path, "revoke"))
	w.mu.Lock()
	fault := w.fault
	down := fault == faultServer || fault == faultTimeout || fault == faultLimit
	if fault != "" && (ends || down) {
		w.hits++
	}
	w.mu.Unlock()
	switch {
	case fault == faultServer:
		return answerOf(r, http.StatusInternalServerError, nil), nil
	case fault == faultTimeout:
		return nil, errTimeout
	case fault == faultLimit:
		return answerOf(r, http.StatusTooManyRequests, http.Header{"Retry-After": {"30"}}), nil
	case fault == faultGone && ends:
		return answerOf(r, http.StatusNotFound, nil), nil
	case fault == faultLying && ends:
		return answerOf(r, http.StatusNoContent, nil), nil
	case fault == faultLost && ends:
		resp, err := w.next.RoundTrip(r)
		if err == nil {
			_ = resp.Body.Close()
		}
		return nil, errTimeout
	}
	return w.next.RoundTrip(r)
}

func answerOf(r *http.Request, status int, h http.Header) *http.Response {
	if h == nil {
		h = http.Header{}
	}
	h.Set("Content-Type", "application/json")
	body := `{"message":"no"}`
	if status == http.StatusNoContent {
		body = ""
	}
	return &http.Response{StatusCode: status, Status: fmt.Sprint(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h, Request: r,
		ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body))}
}
