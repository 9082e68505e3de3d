package workflow

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/tempo/tempotest"
	"latchkey/secret"
	"latchkey/storage"
)

// From the request to the key: approve, link, consent, exchange. What is
// stored of the grant is sealed, and the key is collected once.
func TestAnOAuthAppIsConnected(t *testing.T) {
	t.Parallel()
	a := openApp(t, nil)
	_, linked, token := a.linked(t)
	k, err := a.OpenConnect(t.Context(), token)
	if err != nil || k.State != ConnectReady || len(k.Scopes) != 1 || k.Credential.ID != linked.ID || a.double.Pairs() != 0 {
		t.Fatalf("%+v, %v", k, err)
	}
	_ = a.told(t)
	reveal, err := a.FinishConnect(t.Context(), a.begin(t, token, "allow"))
	if err != nil {
		t.Fatal(err)
	}
	c := a.credential(t, linked.ID)
	if c.State != storage.CredentialActive || a.request(t, c.RequestID).State != storage.RequestFulfilled || a.told(t)[subject(c.ID)] == 0 ||
		c.ExpiresAt.Sub(c.ActivatedAt).Round(time.Minute) != 30*24*time.Hour {
		t.Errorf("%+v", c)
	}
	g, access, refresh := a.grant(t, c.ID)
	if !a.double.Works(access) || refresh.Empty() || g.RefreshAt.Sub(c.ActivatedAt).Round(time.Hour) != appLife*8/10 || g.ExpiresAt.Sub(c.ActivatedAt).Round(time.Hour) != appLife {
		t.Errorf("works %v, renewed at %s", a.double.Works(access), g.RefreshAt)
	}
	key, _, err := a.Reveal(t.Context(), strings.TrimPrefix(reveal, a.PublicURL+"/reveal/"), "")
	if err != nil || secret.CheckKey(key.Expose()) != nil {
		t.Errorf("the key: %v", err)
	}
	if k, err := a.OpenConnect(t.Context(), token); err != nil || k.State != ConnectDone {
		t.Errorf("the link afterwards: %s, %v", k.State, err)
	}
	_, _, err = a.BeginConnect(t.Context(), token)
	refused(t, "the link again", err, RuleDecided)
	if events := a.events(t, c.ID); !slices.ContainsFunc(events, func(e storage.Event) bool {
		return e.Action == "credential.connected" && e.ActorID == a.person("alice") && e.Ref == "http:1"
	}) {
		t.Errorf("%+v", events)
	}
	a.check(t)
	a.nowhere(t, access, refresh, key, a.app.OAuth.ClientSecret, secret.New(token))
}

// nowhere fails if a secret is in any table or in the log.
func (a *appHouse) nowhere(t testing.TB, secrets ...secret.Value) {
	t.Helper()
	rows, err := a.DB.Pool().Query(t.Context(), `SELECT format('%I', tablename) FROM pg_tables WHERE schemaname = current_schema()`)
	if err != nil {
		t.Fatal(err)
	}
	var tables []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		tables = append(tables, name)
	}
	if len(tables) < 10 {
		t.Fatalf("only %v", tables)
	}
	for i, s := range secrets {
		for _, table := range tables {
			var found int
			err := a.DB.Pool().QueryRow(t.Context(), fmt.Sprintf(`
				SELECT count(*) FROM %s row WHERE strpos(row::text, $1) > 0 OR strpos(row::text, encode($1::text::bytea, 'hex')) > 0`, table), s.Expose()).Scan(&found)
			if err != nil || found > 0 {
				t.Errorf("secret %d is in %d rows of %s, %v", i, found, table, err)
			}
		}
		if strings.Contains(a.logs.String(), s.Expose()) {
			t.Errorf("secret %d is in the log", i)
		}
	}
}

// The vendor's answer counts once, in the browser that began, for the system
// it began with; nothing else leads to a grant.
func TestTheAnswerOfAnOAuthVendorIsChecked(t *testing.T) {
	t.Parallel()
	a := openApp(t, nil)
	_, c, token := a.linked(t)
	for what, tt := range map[string]struct {
		change func(*Return)
		rule   string
	}{
		"another browser":     {func(r *Return) { r.Browser = secret.Token(32).Expose() }, RuleUnknown},
		"no browser":          {func(r *Return) { r.Browser = "" }, RuleUnknown},
		"another state":       {func(r *Return) { r.State = secret.Token(32).Expose() }, RuleUnknown},
		"no state":            {func(r *Return) { r.State = "" }, RuleUnknown},
		"nothing":             {func(r *Return) { *r = Return{Connection: "tempo"} }, RuleUnknown},
		"another connection":  {func(r *Return) { r.Connection = "acme" }, RuleDecided},
		"no code":             {func(r *Return) { r.Code = secret.Value{} }, RuleNotPossible},
		"a code that is none": {func(r *Return) { r.Code = secret.Token(20) }, RuleNotPossible},
		"the vendor's error":  {func(r *Return) { r.Error, r.Code = "server_error", secret.Value{} }, RuleNotPossible},
	} {
		r := a.begin(t, token, "allow")
		tt.change(&r)
		_, err := a.FinishConnect(t.Context(), r)
		refused(t, what, err, tt.rule)
	}
	denied := a.begin(t, token, "deny")
	_, err := a.FinishConnect(t.Context(), denied)
	refused(t, "a denied consent", err, RuleNotPossible)
	_, err = a.FinishConnect(t.Context(), denied)
	refused(t, "the same again", err, RuleUnknown)
	older := a.begin(t, token, "allow")
	newer := a.begin(t, token, "allow")
	_, err = a.FinishConnect(t.Context(), older)
	refused(t, "a round trip that was begun anew", err, RuleUnknown)
	if got := a.credential(t, c.ID); got.State != storage.CredentialIssuing || a.double.Pairs() != 0 {
		t.Fatalf("after all that: %s, %d pairs", got.State, a.double.Pairs())
	}
	if _, err := a.FinishConnect(t.Context(), newer); err != nil {
		t.Fatal(err)
	}
	_, err = a.FinishConnect(t.Context(), newer)
	refused(t, "a replay", err, RuleUnknown)
	if n := a.double.Pairs(); n != 1 {
		t.Errorf("%d pairs", n)
	}
	for _, nonsense := range []string{"", "x", secret.Token(16).Expose(), token + "x"} {
		_, err := a.OpenConnect(t.Context(), nonsense)
		refused(t, "a link that is none", err, RuleUnknown)
	}
	a.check(t)
}

// One answer arrives many times at the same moment: one grant.
func TestAnAnswerThatArrivesManyTimesAtOnce(t *testing.T) {
	t.Parallel()
	a := openApp(t, nil)
	_, c, token := a.linked(t)
	r := a.begin(t, token, "allow")
	other := a.replica(t)
	var all sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for i := range 6 {
		s := []*Service{a.Service, other}[i%2]
		all.Go(func() {
			_, err := s.FinishConnect(context.Background(), r)
			if _, refusal := AsRefusal(err); err != nil && !refusal {
				t.Errorf("answered %v", err)
			}
			_, _ = s.OpenConnect(context.Background(), token) // and somebody looks on
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won++
			}
		})
	}
	all.Wait()
	if got := a.credential(t, c.ID); won != 1 || a.double.Pairs() != 1 || got.State != storage.CredentialActive {
		t.Errorf("%d won, %d pairs, %s", won, a.double.Pairs(), got.State)
	}
}

// What ends while its owner is at the vendor's page leaves no tokens behind.
func TestWhatEndsWhileItIsConnectedLeavesNothing(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*appHouse, storage.Request) error{
		"canceled": func(a *appHouse, r storage.Request) error {
			_, err := a.Cancel(t.Context(), a.people["alice"], r.ID)
			return err
		},
		"revoked": func(a *appHouse, r storage.Request) error {
			_, err := a.Revoke(t.Context(), a.people["erin"], a.keyOf(t, r.ID).ID, "no")
			return err
		},
		"the owner left":    func(a *appHouse, _ storage.Request) error { a.setActive(t, "alice", false); return nil },
		"the approver left": func(a *appHouse, _ storage.Request) error { a.setActive(t, "carol", false); return nil },
		"the day is over": func(a *appHouse, _ storage.Request) error {
			a.clock(t, 25*time.Hour)
			a.setGroup(t, "slack:S0IT", slackGroups["S0IT"]...)
			return nil
		},
	} {
		a := openApp(t, nil)
		r, c, token := a.linked(t)
		back := a.begin(t, token, "allow")
		if err := end(a, r); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := a.FinishConnect(t.Context(), back); err == nil {
			t.Errorf("%s: connected", name)
		}
		a.settle(t)
		if got := a.credential(t, c.ID); got.Live() || a.double.Pairs() != 0 || a.request(t, r.ID).State == storage.RequestApproved {
			t.Errorf("%s: %s, %d pairs, request %s", name, got.State, a.double.Pairs(), a.request(t, r.ID).State)
		}
		a.check(t)
	}
}

// A request is canceled between the exchange and the storing of its pair: the
// pair is ended at the vendor.
func TestAPairThatCantBeKeptIsEnded(t *testing.T) {
	t.Parallel()
	a := openApp(t, nil)
	r, c, token := a.linked(t)
	back := a.begin(t, token, "allow")
	between := &interceptor{next: http.DefaultTransport, path: "/oauth/token/", after: func() {
		if _, err := a.Cancel(context.Background(), a.people["alice"], r.ID); err != nil {
			t.Error(err)
		}
	}}
	a.Connectors["tempo"] = a.through(t, between)
	_, err := a.FinishConnect(t.Context(), back)
	refused(t, "too late", err, RuleDecided)
	a.settle(t)
	if got := a.credential(t, c.ID); got.State != storage.CredentialRevoked || a.double.Pairs() != 0 {
		t.Errorf("%s, %d pairs", got.State, a.double.Pairs())
	}
	a.check(t)
}

// Where our app is not registered, nobody can ask for it.
func TestAnOAuthGrantWithoutAnApp(t *testing.T) {
	t.Parallel()
	a := openApp(t, func(s *connectors.Settings, _ *Document) { s.OAuth = connectors.OAuthSettings{} })
	_, err := a.Submit(t.Context(), a.people["alice"], appAsk(), fresh())
	refused(t, "an OAuth app", err, RuleNotPossible)
}

// A policy gives OAuth apps to a group, or to service accounts, only.
func TestAPolicyRestrictsOAuthApps(t *testing.T) {
	t.Parallel()
	a := openApp(t, func(_ *connectors.Settings, d *Document) { d.Policies[0].Requesters = []string{"payroll"} })
	_, err := a.Submit(t.Context(), a.people["frank"], appAsk(), fresh())
	refused(t, "who is not in the group", err, RuleNoPolicy)
	a.submit(t, "bob", appAsk())

	a = openApp(t, func(_ *connectors.Settings, d *Document) { d.Policies[0].Holders = "service_accounts" })
	_, err = a.Submit(t.Context(), a.people["alice"], appAsk(), fresh())
	refused(t, "a person", err, RuleNoPolicy)
	var ids map[string]storage.AccountID
	a.in(t, func(ctx context.Context, tx storage.Tx) (err error) {
		ids, err = tx.SaveVendorAccounts(ctx, "tempo", []storage.VendorAccount{{ExternalID: servicePrefix + "robot", Name: "robot", Service: true}, {ExternalID: "alice", Name: "alice"}})
		if err == nil {
			_, err = tx.LinkAccounts(ctx, "tempo", map[string]string{servicePrefix + "robot": "alice@example.com", "alice": "alice@example.com"})
		}
		return err
	})
	ask := appAsk()
	ask.Holder = ids[servicePrefix+"robot"]
	if r := a.submit(t, "alice", ask); r.HolderID != ask.Holder || r.PolicyName != "apps" {
		t.Errorf("%+v", r)
	}
	_, err = a.Submit(t.Context(), a.people["bob"], ask, fresh())
	refused(t, "somebody else's", err, RuleNotPossible)
	ask.Holder = ids["alice"]
	_, err = a.Submit(t.Context(), a.people["alice"], ask, fresh())
	refused(t, "an account that is a person's", err, RuleNotPossible)
}

// A link nobody used ends with its request.
func TestALinkThatNobodyUsed(t *testing.T) {
	t.Parallel()
	a := openApp(t, nil)
	r, c, token := a.linked(t)
	a.clock(t, 25*time.Hour)
	a.setGroup(t, "slack:S0IT", slackGroups["S0IT"]...)
	if k, err := a.OpenConnect(t.Context(), token); err != nil || k.State != ConnectOver {
		t.Errorf("%s, %v", k.State, err)
	}
	a.settle(t)
	if got := a.credential(t, c.ID); got.State != storage.CredentialIssueFailed || a.request(t, r.ID).State != storage.RequestFailed {
		t.Errorf("%s, %s", got.State, a.request(t, r.ID).State)
	}
	a.check(t)
}

// A process dies at any point of the way; another one goes on.
func TestConnectingAcrossARestart(t *testing.T) {
	t.Parallel()
	a := openApp(t, nil)
	_, c, token := a.linked(t)
	location, browser, err := a.BeginConnect(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	next := a.replica(t)
	if err := next.Issue(t.Context(), c.ID); err != nil && !errors.Is(err, storage.ErrConflict) { // the job comes again
		t.Fatal(err)
	}
	if url, err := next.ConnectURL(t.Context(), c.ID); err != nil || !strings.HasSuffix(url, token) {
		t.Errorf("the link is another one: %v", err)
	}
	if _, err := next.FinishConnect(t.Context(), a.consent(t, location, browser, "allow")); err != nil {
		t.Fatal(err)
	}
	if got := a.credential(t, c.ID); got.State != storage.CredentialActive || !a.double.GrantAlive(tempotest.Frank) {
		t.Errorf("%s", got.State)
	}
	a.check(t)
}
