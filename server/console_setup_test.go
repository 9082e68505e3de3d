package server

import (
	"context"
	"io"
	"iter"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"latchkey/bot/slacksim"
	"latchkey/connectors"
	"latchkey/connectors/brokered"
	"latchkey/secret"
	"latchkey/storage"
	"latchkey/workflow"
)

// Personas of the simulated Slack.
const (
	alicia = "U0ALICE"
	erin   = "U0ERIN" // the only admin
)

// consoleBundle is the console, with the simulated Slack to sign in with.
type consoleBundle struct {
	*testBundle

	sim    *slacksim.Sim
	wiki   *listedWiki
	people map[string]workflow.Actor // by Slack ID
}

// listedWiki is a vendor whose listing a test decides.
type listedWiki struct {
	nativeConnector

	found []connectors.Credential
}

// Credentials implements connectors.Lister.
func (w *listedWiki) Credentials(context.Context) iter.Seq2[connectors.Credential, error] {
	return func(yield func(connectors.Credential, error) bool) {
		for _, c := range w.found {
			if !yield(c, nil) {
				return
			}
		}
	}
}

func setupConsole(t *testing.T) *consoleBundle {
	t.Helper()
	b := &consoleBundle{testBundle: &testBundle{log: &logbook{}}, wiki: &listedWiki{}, people: map[string]workflow.Actor{}}
	logger := zerolog.New(b.log).Level(zerolog.TraceLevel)
	b.db = openDatabase(t, logger)
	if _, err := b.db.Pool().Exec(t.Context(), `INSERT INTO data_key (id, sealed) VALUES (1, '')`); err != nil {
		t.Fatal(err)
	}
	box, err := secret.NewBox(secret.NewDataKey())
	if err != nil {
		t.Fatal(err)
	}
	b.service = b.newService(t, logger, box, "erin@example.com")
	b.hire(t)
	if b.sim, err = slacksim.Start(t.Context(), slacksim.Config{Logger: zerolog.Nop()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.sim.Close() })
	b.open(t, logger)
	t.Cleanup(func() { b.checkCanaries(t) })
	return b
}

// open opens the doors and tells Slack where people come back to.
func (b *consoleBundle) open(t *testing.T, logger zerolog.Logger) {
	t.Helper()
	b.server = New(Deps{Workflow: b.service, Logger: logger, GatewayURL: "https://api.example.com",
		SignIn: &SignIn{ClientID: b.sim.ClientID(), ClientSecret: secret.New(b.sim.ClientSecret()), Issuer: b.sim.URL()}})
	b.http = httptest.NewServer(b.server.Handler())
	t.Cleanup(b.http.Close)
	b.service.PublicURL = b.http.URL
	b.sim.AllowRedirect(b.http.URL + returnRoute)
	b.guard(b.sim.ClientSecret())
}

// newService is the rules: whoever has one of the addresses is an admin, and
// one of them has to approve what can change something.
func (b *consoleBundle) newService(t *testing.T, logger zerolog.Logger, box *secret.Box, admins ...string) *workflow.Service {
	t.Helper()
	settings := []connectors.Settings{
		{Name: "tempo", Kind: "brokered", BaseURL: "https://api.tempo.example", Token: secret.New("vendor-token"), Owners: "it-admins", Scopes: []connectors.Scope{
			{Name: "worklogs:view", Title: "Worklogs: see", Access: connectors.Read, Rules: []connectors.Rule{{Methods: []string{"GET"}, Path: "/4/worklogs/**"}}},
			{Name: "worklogs:manage", Title: "Worklogs: create, change and delete", Access: connectors.Write, Rules: []connectors.Rule{{Path: "/4/worklogs/**"}}},
		}},
		{Name: "wiki", Kind: "native"},
	}
	tempo, err := brokered.Open(settings[0], http.DefaultTransport)
	if err != nil {
		t.Fatal(err)
	}
	opened := map[string]connectors.Connector{"tempo": tempo, "wiki": b.wiki}
	reads := workflow.Policy{Name: "reading", Connections: []string{"tempo", "wiki"}, Scopes: []string{"*:view", "*:read"}, Requesters: []string{workflow.Everyone},
		Approval: workflow.Approval{Auto: true}, MaxLifetime: workflow.Duration(90 * 24 * time.Hour)}
	writes := reads
	writes.Name, writes.Scopes, writes.Approval = "writing", []string{"*"}, workflow.Approval{Steps: []workflow.StepRule{{Group: "approvers"}}}
	document := workflow.Document{Admins: []string{"it-admins"}, Policies: []workflow.Policy{reads, writes},
		Groups:      map[string]workflow.Group{"it-admins": {Members: admins}, "approvers": {Members: []string{"bob@example.com", "carol@example.com"}}},
		Enforcement: workflow.Enforcement{Unmanaged: workflow.Unmanaged{Read: "report", Write: "warn", After: workflow.Duration(7 * 24 * time.Hour), Then: "revoke"}}}
	if err := workflow.Describe(t.Context(), &document, settings, opened); err != nil {
		t.Fatal(err)
	}
	service, err := workflow.New(t.Context(), workflow.Deps{DB: b.db, Keys: storage.Keyring{ID: 1, Box: box}, Document: document, Connectors: opened,
		Capabilities: map[string][]string{"tempo": {"issue", "rotate", "revoke", "suspend"}, "wiki": {"list", "issue", "revoke"}},
		Logger:       logger, PublicURL: "https://latchkey.example.com", GatewayURL: "https://api.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	return service
}

// hire knows everybody of the simulated Slack, as the bot would.
func (b *consoleBundle) hire(t *testing.T) {
	t.Helper()
	world := slacksim.DefaultWorld()
	for _, u := range world.Users {
		team := world.TeamID
		if u.TeamID != "" {
			team = u.TeamID
		}
		account := storage.Account{System: storage.SystemSlack, Team: team, ExternalID: u.ID, Email: u.Email, Name: u.RealName, IsBot: u.IsBot,
			IsGuest: u.IsRestricted || u.IsUltraRestricted, IsOutsider: team != world.TeamID, IsDeleted: u.Deleted}
		err := b.db.InTx(t.Context(), func(ctx context.Context, tx storage.Tx) (err error) {
			account, err = tx.SaveAccount(ctx, account, "")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		b.people[u.ID] = workflow.Actor{Account: account, Ref: "test"}
	}
	b.alice = b.people[alicia]
}

// desk is a browser without a screen.
type desk struct {
	t    *testing.T
	b    *consoleBundle
	http *http.Client
}

func (b *consoleBundle) desk(t *testing.T) desk {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return desk{t, b, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// signedIn is a browser in which somebody signed in.
func (b *consoleBundle) signedIn(t *testing.T, persona string) desk {
	t.Helper()
	v := b.desk(t)
	if got := v.signIn(persona, ""); got.status != http.StatusSeeOther {
		t.Fatalf("signing in = %d: %s", got.status, got.title())
	}
	return v
}

// send sends a form, or gets a page where form is nil. It follows nothing.
func (v desk) send(address string, form url.Values, headers ...string) reply {
	v.t.Helper()
	method, body := http.MethodGet, io.Reader(http.NoBody)
	if form != nil {
		method, body = http.MethodPost, strings.NewReader(form.Encode())
	}
	if strings.HasPrefix(address, "/") {
		address = v.b.http.URL + address
	}
	r, err := http.NewRequestWithContext(v.t.Context(), method, address, body)
	if err != nil {
		v.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := v.http.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return reply{res.StatusCode, res.Header, string(text)}
}

func (v desk) get(path string) reply {
	v.t.Helper()
	return v.send(path, nil)
}

// signIn goes to Slack as somebody, or says no there for "", and brings the
// answer of our own side.
func (v desk) signIn(persona, next string) reply {
	v.t.Helper()
	return v.get(v.answerOfSlack(persona, next))
}

// answerOfSlack is the address that Slack sends the browser back to.
func (v desk) answerOfSlack(persona, next string) string {
	v.t.Helper()
	start := startRoute
	if next != "" {
		start += "?next=" + url.QueryEscape(next)
	}
	began := v.get(start)
	if began.status != http.StatusSeeOther {
		v.t.Fatalf("going to Slack = %d: %s", began.status, began.title())
	}
	chosen := v.send(began.header.Get("Location"), url.Values{"as": {persona}})
	if chosen.status != http.StatusFound {
		v.t.Fatalf("Slack answers %d: %s", chosen.status, chosen.body)
	}
	return chosen.header.Get("Location")
}

// session is what the browser proves its session with, or "".
func (v desk) session() string {
	at, err := url.Parse(v.b.http.URL)
	if err != nil {
		v.t.Fatal(err)
	}
	for _, c := range v.http.Jar.Cookies(at) {
		if c.Name == sessionCookie {
			v.b.guard(c.Value)
			return c.Value
		}
	}
	return ""
}

// fields are the hidden fields of the form of a page.
func (v desk) fields(path string) url.Values {
	v.t.Helper()
	page := v.get(path)
	if page.status != http.StatusOK {
		v.t.Fatalf("%s = %d: %s", path, page.status, page.title())
	}
	_, form, _ := strings.Cut(page.body, "<main")
	out := url.Values{}
	for _, m := range regexp.MustCompile(`<input type="hidden" name="([a-z]+)" value="([^"]*)">`).FindAllStringSubmatch(form, -1) {
		out.Set(m[1], m[2])
	}
	return out
}

// title is the heading of a page.
func (r reply) title() string {
	m := regexp.MustCompile(`<h1>(.*?)</h1>`).FindStringSubmatch(r.body)
	if m == nil {
		return ""
	}
	return m[1]
}

// events counts the events of one action.
func (b *consoleBundle) events(t *testing.T, action string) int {
	t.Helper()
	var n int
	if err := b.db.Pool().QueryRow(t.Context(), `SELECT count(*) FROM audit_event WHERE action = $1`, action).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// filled is form with other values.
func filled(form url.Values, pairs ...string) url.Values {
	out := maps.Clone(form)
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = []string{pairs[i+1]}
	}
	return out
}

// mustContain looks for texts on a page.
func mustContain(t *testing.T, page reply, wants ...string) {
	t.Helper()
	for _, want := range slices.DeleteFunc(wants, func(w string) bool { return strings.Contains(page.body, w) }) {
		t.Errorf("the page %q lacks %q", page.title(), want)
	}
}
