package workflow

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/tempo"
	"latchkey/connectors/tempo/tempotest"
	"latchkey/secret"
	"latchkey/storage"
)

// appHouse is a house whose tempo is Tempo, with our OAuth app registered
// there. Calls to it go through the vendor, so that a test can stand between.
type appHouse struct {
	*house
	double   *tempotest.Double
	app      connectors.Settings
	document Document
}

const tempoCallback = "https://latchkey.example.com/oauth/tempo/callback"

// openApp opens one; change adjusts the settings and the policy.
func openApp(t testing.TB, change func(*connectors.Settings, *Document)) *appHouse {
	t.Helper()
	clientSecret := secret.Token(20)
	double, base := tempotest.Start(t, tempotest.Config{PerSecond: -1, Apps: []tempotest.App{
		{Name: "Latchkey", ClientID: "latchkey", ClientSecret: clientSecret, RedirectURLs: []string{tempoCallback}},
	}})
	s := connectors.Settings{Name: "tempo", Kind: "tempo", BaseURL: base, AllowPrivate: true, Token: secret.New("t"), OAuth: connectors.OAuthSettings{
		ClientID: "latchkey", ClientSecret: clientSecret, Params: map[string]string{"jira_url": "https://example.atlassian.net"},
	}}
	d := houseDocument()
	d.Connections["tempo"] = ConnectionRules{Kind: "tempo", Scopes: []ScopeRule{{Name: "worklogs:view", Access: Read}, {Name: "worklogs:manage", Access: Write}}}
	d.Policies = append([]Policy{{Name: "apps", Connections: []string{"tempo"}, Kinds: []string{OAuthGrant}, Scopes: []string{"worklogs:*"}, Requesters: []string{Everyone},
		Approval: Approval{Steps: []StepRule{{Group: "it-admins"}}}, MaxLifetime: 90 * day}}, d.Policies...)
	if change != nil {
		change(&s, &d)
	}
	a := &appHouse{double: double, app: s, document: d}
	a.house = openWith(t, d, a.connect(t))
	return a
}

func (a *appHouse) connect(t testing.TB) func(*Deps) {
	return func(deps *Deps) {
		c, err := tempo.Open(a.app, connectors.NewTransport(a.app))
		if err != nil {
			t.Fatal(err)
		}
		deps.Connectors["tempo"] = c
	}
}

// replica is one more process on the same database.
func (a *appHouse) replica(t testing.TB) *Service {
	t.Helper()
	return a.service(t, a.document, a.connect(t))
}

func appAsk() Ask {
	return Ask{Connection: "tempo", Kind: OAuthGrant, Scopes: []string{"worklogs:view"}, Lifetime: 30 * day, Reason: "the monthly export"}
}

// linked asks, approves, and brings the token of the connect link.
func (a *appHouse) linked(t testing.TB) (storage.Request, storage.Credential, string) {
	t.Helper()
	r := a.submit(t, "alice", appAsk())
	r = a.mustVote(t, "carol", r.ID, Vote{Decision: storage.Approve})
	c := a.keyOf(t, r.ID)
	if err := a.Issue(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	v, err := a.LookAtCredential(t.Context(), c.ID)
	token, ok := strings.CutPrefix(v.ConnectURL, a.PublicURL+"/oauth/tempo/start/")
	if err != nil || !ok || v.Credential.State != storage.CredentialIssuing {
		t.Fatalf("%s, link %q, %v", v.Credential.State, v.ConnectURL, err)
	}
	return r, v.Credential, token
}

// begin starts the round trip, and answers the vendor's question.
func (a *appHouse) begin(t testing.TB, token, decision string) Return {
	t.Helper()
	location, browser, err := a.BeginConnect(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	return a.consent(t, location, browser, decision)
}

// consent is the person at the vendor's page.
func (a *appHouse) consent(t testing.TB, location string, browser secret.Value, decision string) Return {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.PostForm(location, url.Values{"person": {tempotest.Frank}, "decision": {decision}})
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	back, err := resp.Location()
	if err != nil || !strings.HasPrefix(back.String(), tempoCallback+"?") {
		t.Fatalf("the vendor answered %d: %v", resp.StatusCode, err)
	}
	q := back.Query()
	return Return{Connection: "tempo", State: q.Get("state"), Browser: browser.Expose(), Code: secret.New(q.Get("code")), Error: q.Get("error"), Ref: "http:1"}
}

// connected is an OAuth grant that works.
func (a *appHouse) connected(t testing.TB) storage.Credential {
	t.Helper()
	r, _, token := a.linked(t)
	reveal, err := a.FinishConnect(t.Context(), a.begin(t, token, "allow"))
	if err != nil || !strings.HasPrefix(reveal, a.PublicURL+"/reveal/") {
		t.Fatalf("%q, %v", reveal, err)
	}
	c := a.keyOf(t, r.ID)
	if c.State != storage.CredentialActive || !a.double.GrantAlive(tempotest.Frank) {
		t.Fatalf("%s, alive %v", c.State, a.double.GrantAlive(tempotest.Frank))
	}
	return c
}

// grant opens what is stored of a grant.
func (a *appHouse) grant(t testing.TB, id storage.CredentialID) (g storage.OAuthGrant, access, refresh secret.Value) {
	t.Helper()
	a.in(t, func(ctx context.Context, tx storage.Tx) (err error) {
		g, err = tx.LockGrant(ctx, id)
		return err
	})
	open := func(sealed []byte, column string) secret.Value {
		if sealed == nil {
			return secret.Value{}
		}
		v, err := a.Keys.Box.Open(sealed, grantPlace(id, column))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	return g, open(g.Access, "access"), open(g.Refresh, "refresh")
}

// refreshIsDue makes a grant due.
func (a *appHouse) refreshIsDue(t testing.TB) {
	t.Helper()
	a.exec(t, `UPDATE oauth_grant SET refresh_at = latchkey_now() - interval '1 second', lease_until = NULL WHERE access IS NOT NULL`)
}

const appLife = 60 * 24 * time.Hour
