package workflow

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/fake"
	"latchkey/connectors/vault"
	"latchkey/connectors/vault/vaulttest"
	"latchkey/secret"
	"latchkey/storage"
)

const ledger = "payroll/ledger"

// cellar is a house with a Vault, into which the rule for reading lets keys go.
type cellar struct {
	*house
	*vaulttest.Double
	t *testing.T

	mu   sync.Mutex
	acts map[string]func()
}

func openCellar(t *testing.T) *cellar {
	t.Helper()
	c := &cellar{t: t, acts: map[string]func(){}}
	double, base := vaulttest.Start(t, vaulttest.Config{})
	c.Double = double
	sink, err := vault.Open(connectors.Settings{Name: "vault", Kind: "vault", BaseURL: base, AllowPrivate: true, Token: double.Token()}, http.DefaultTransport)
	if err != nil {
		t.Fatal(err)
	}
	c.house = openWith(t, sinkDocument(), func(d *Deps) {
		d.Connectors["vault"] = sink
		d.Fault = c.fault
	})
	return c
}

// sinkDocument has the sinks "vault" and "attic", of which the rule for reading
// names the first.
func sinkDocument() Document {
	d := houseDocument()
	d.Connections["vault"] = ConnectionRules{Kind: "vault", Sink: true}
	d.Connections["attic"] = ConnectionRules{Kind: "vault", Sink: true}
	d.Policies[0].Sinks = []string{"vault", "acme"}
	return d
}

func (c *cellar) fault(point string) {
	c.mu.Lock()
	act := c.acts[point]
	delete(c.acts, point)
	c.mu.Unlock()
	if act != nil {
		act()
	}
}

// at does something once at a point of the outbox.
func (c *cellar) at(point string, do func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.acts[point] = do
}

// key asks for a key of a connection that goes into the Vault, and has it made
// but not delivered.
func (c *cellar) key(connection string) storage.Credential {
	c.t.Helper()
	r := c.submit(c.t, "alice", Ask{Connection: connection, Kind: APIKey, Scopes: []string{"files:read"}, Lifetime: 20 * day, Reason: "for the yearly report",
		Sink: "vault", Place: ledger})
	return c.made(c.keyOf(c.t, r.ID).ID)
}

// made has a key made, and not delivered.
func (c *cellar) made(id storage.CredentialID) storage.Credential {
	c.t.Helper()
	if err := c.Issue(context.Background(), id); err != nil {
		c.t.Fatal(err)
	}
	k := c.credential(c.t, id)
	if k.State != storage.CredentialActive || k.Sink != "vault" || k.Place != ledger || k.SinkVersion != "" {
		c.t.Fatalf("%+v", k)
	}
	return k
}

// renew rotates a key, and has the new one made but not delivered.
func (c *cellar) renew(old storage.Credential) storage.Credential {
	c.t.Helper()
	out, err := c.Rotate(context.Background(), c.people["alice"], old.ID, RotateAsk{}, fresh())
	if err != nil {
		c.t.Fatal(err)
	}
	return c.made(out.New.ID)
}

func (c *cellar) deliver(id storage.CredentialID) {
	c.t.Helper()
	if err := c.Deliver(context.Background(), id); err != nil {
		c.t.Fatalf("deliver %s: %v", id, err)
	}
}

// kept is what programs read at the place.
func (c *cellar) kept() (secret.Value, int) {
	c.t.Helper()
	data, version := c.Data("secret", ledger)
	text, _ := data["value"].(string)
	return secret.New(text), version
}

// unseen fails if anybody could see a key by any way there is.
func (c *cellar) unseen(when string, id storage.CredentialID) {
	c.t.Helper()
	if url, err := c.RevealURL(context.Background(), id); err != nil || url != "" {
		c.t.Errorf("%s: there is a link, %v", when, err)
	}
	k, err := c.DB.TicketOf(context.Background(), id)
	if err != nil {
		c.t.Fatal(err)
	}
	token := c.ticketToken(id, k.Nonce).Expose()
	if ticket, err := c.OpenTicket(context.Background(), token); err != nil || ticket.State == TicketReady {
		c.t.Errorf("%s: the page opens: %s, %v", when, ticket.State, err)
	}
	if value, _, err := c.Reveal(context.Background(), token, ""); err != nil || !value.Empty() {
		c.t.Errorf("%s: the key is shown, %v", when, err)
	}
	if again, err := c.DB.TicketOf(context.Background(), id); err != nil || (again.Sealed == nil) != (k.Sealed == nil) || !again.ExpiresAt.Equal(k.ExpiresAt) {
		c.t.Errorf("%s: looking changed the ticket, %v", when, err)
	}
}

// count counts the events of a sort about a credential.
func (c *cellar) count(id storage.CredentialID, action string) int {
	c.t.Helper()
	all, err := c.DB.Events(context.Background(), storage.SubjectCredential, int64(id))
	if err != nil {
		c.t.Fatal(err)
	}
	return len(slices.DeleteFunc(all, func(e storage.Event) bool { return e.Action != action }))
}

// Acceptance: a key that is asked for a sink goes there, and nobody ever sees
// it; a rotation replaces it there, and the old one works until then.
func TestAKeyGoesIntoItsSink(t *testing.T) {
	t.Parallel()
	for _, connection := range []string{"acme", "tempo"} {
		t.Run(connection, func(t *testing.T) {
			t.Parallel()
			c := openCellar(t)
			old := c.key(connection)
			c.unseen("before it is delivered", old.ID)
			if _, version := c.kept(); version != 0 {
				t.Fatal("it is there before it was delivered")
			}
			c.settle(t) // the job is there
			c.unseen("after it is delivered", old.ID)
			first, version := c.kept()
			if got := c.credential(t, old.ID); version != 1 || got.SinkVersion != "1" || first.Empty() || connection == "acme" && !c.vendor.Works(first) {
				t.Fatalf("version %d, %q", version, got.SinkVersion)
			}
			data, _ := c.Data("secret", ledger)
			if data["latchkey_key"] != old.ID.String() || data["latchkey_system"] != connection || data["latchkey_expires"] != old.ExpiresAt.UTC().Format(time.RFC3339) {
				t.Errorf("facts: %s, %s, %s", data["latchkey_key"], data["latchkey_system"], data["latchkey_expires"])
			}
			if c.count(old.ID, "credential.delivered") != 1 || c.count(old.ID, "credential.revealed") != 0 {
				t.Error("the audit log has it otherwise")
			}

			next := c.renew(old)
			if now, _ := c.kept(); now.Expose() != first.Expose() {
				t.Error("the old one is replaced before the new one was delivered")
			}
			c.clock(t, 12*time.Hour) // half a day later it is still not there
			if err := c.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := c.credential(t, old.ID); got.State != storage.CredentialActive {
				t.Errorf("the old one is %s, and the new one is not there", got.State)
			}
			c.settle(t)
			second, version := c.kept()
			if version != 2 || second.Expose() == first.Expose() || connection == "acme" && (!c.vendor.Works(first) || !c.vendor.Works(second)) {
				t.Errorf("version %d", version)
			}
			c.clock(t, 40*time.Hour)
			c.settle(t)
			if was, is := c.credential(t, old.ID), c.credential(t, next.ID); was.State != storage.CredentialRevoked || is.State != storage.CredentialActive || is.SinkVersion != "2" {
				t.Errorf("the old one is %s, the new one %s, version %q", was.State, is.State, is.SinkVersion)
			}
			if connection == "acme" && (c.vendor.Works(first) || !c.vendor.Works(second)) {
				t.Error("the wrong one works")
			}
			c.hides(first, second)
		})
	}
}

// hides fails if a value is anywhere in clear: in the database or in the log.
func (c *cellar) hides(values ...secret.Value) {
	c.t.Helper()
	c.checkNoSecrets(c.t)
	for _, v := range values {
		if strings.Contains(c.logs.String(), v.Expose()) {
			c.t.Error("I4: the log holds a key in clear")
		}
		for _, table := range []string{"credential", "ticket", "audit_event", "river_job", "receipt", "rotation"} {
			var found int
			if err := c.DB.Pool().QueryRow(context.Background(), `SELECT count(*) FROM `+table+` x WHERE strpos(x::text, $1) > 0`, v.Expose()).Scan(&found); err != nil {
				c.t.Fatal(err)
			}
			if found > 0 {
				c.t.Errorf("I4: %s holds a key in clear", table)
			}
		}
	}
}

// A sink that is down for hours leaves the old secret, and the old key works;
// people see it once. Then it goes on by itself.
func TestASinkIsDownForHours(t *testing.T) {
	t.Parallel()
	c := openCellar(t)
	old := c.key("acme")
	c.settle(t)
	first, _ := c.kept()
	next := c.renew(old)
	for _, f := range []vaulttest.Fault{
		{Method: http.MethodPut, Status: http.StatusServiceUnavailable, Error: "sealed"}, {Method: http.MethodPut},
		{Method: http.MethodPut, Status: http.StatusInternalServerError, Error: "broken: ", Echo: true},
		{Method: http.MethodPut, Status: http.StatusOK, Body: "<html>"}, {Method: http.MethodPut, Status: http.StatusServiceUnavailable, Error: "sealed"},
	} {
		c.Inject(f)
		err := c.Deliver(t.Context(), next.ID)
		if outcome(err) == nil || errors.Is(err, connectors.ErrUnrecoverable) {
			t.Errorf("it is not tried again: %v", err)
		}
	}
	c.clock(t, 5*time.Hour)
	if err := c.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if now, version := c.kept(); version != 1 || now.Expose() != first.Expose() || !c.vendor.Works(first) {
		t.Errorf("version %d, the old key works: %t", version, c.vendor.Works(first))
	}
	if n := c.count(next.ID, "credential.delivery_failed"); n != 1 {
		t.Errorf("people see it %d times", n)
	}
	c.unseen("while the sink is down", next.ID)
	c.deliver(next.ID)
	second, version := c.kept()
	if version != 2 || !c.vendor.Works(second) || !c.vendor.Works(first) {
		t.Errorf("version %d", version)
	}
	c.hides(first, second)
}

// What a sink refuses for good is seen once for each sort, left as it is and
// tried again; a limit is kept.
func TestASinkRefuses(t *testing.T) {
	t.Parallel()
	c := openCellar(t)
	c.Put("secret", ledger, map[string]any{"value": "somebody else's"})
	k := c.key("acme")
	again := func(want time.Duration) {
		t.Helper()
		err := c.Deliver(t.Context(), k.ID)
		var later *TryAgainError
		if !errors.As(err, &later) || later.After != want {
			t.Errorf("%v", err)
		}
	}
	for range 3 {
		again(deliverAgain)
	}
	if now, version := c.kept(); version != 1 || now.Expose() != "somebody else's" {
		t.Errorf("version %d", version)
	}
	if n := c.count(k.ID, "credential.delivery_failed"); n != 1 {
		t.Errorf("people see %d times that the place is taken", n)
	}
	c.Inject(vaulttest.Fault{Method: http.MethodPut, Status: http.StatusForbidden, Error: "permission denied", Times: 2})
	again(deliverAgain)
	again(deliverAgain)
	again(deliverAgain) // taken again
	if n := c.count(k.ID, "credential.delivery_failed"); n != 3 {
		t.Errorf("people see %d problems", n)
	}
	c.Inject(vaulttest.Fault{Status: http.StatusTooManyRequests, Error: "slow down", Header: http.Header{"Retry-After": {"42"}}, Times: 1})
	if _, limited := errors.AsType[*connectors.RateLimitedError](c.Deliver(t.Context(), k.ID)); !limited {
		t.Error("the limit is not kept")
	}
	c.DeleteMetadata("secret", ledger)
	c.deliver(k.ID)
	if value, _ := c.kept(); !c.vendor.Works(value) {
		t.Error("it is not there after somebody made room")
	}
}

// A key that could not be put into its sink in time is ended, and what the
// sink had before works on.
func TestASinkIsDownForTooLong(t *testing.T) {
	t.Parallel()
	c := openCellar(t)
	old := c.key("acme")
	c.settle(t)
	first, _ := c.kept()
	next := c.renew(old)
	c.Inject(vaulttest.Fault{Status: http.StatusServiceUnavailable, Error: "sealed", Times: -1})
	_ = c.Deliver(t.Context(), next.ID)
	c.clock(t, 24*time.Hour-30*time.Second) // not surely done in time any more: it is not begun
	before := len(c.Calls())
	if err := c.Deliver(t.Context(), next.ID); err != nil || len(c.Calls()) != before {
		t.Errorf("it is begun too late: %v", err)
	}
	c.clock(t, 25*time.Hour)
	c.settle(t)
	if got := c.credential(t, next.ID); got.State != storage.CredentialRevoked || got.StateReason != "it could not be put into vault in time" {
		t.Errorf("%s, %q", got.State, got.StateReason)
	}
	if now, version := c.kept(); version != 1 || now.Expose() != first.Expose() || !c.vendor.Works(first) || len(c.vendor.Live()) != 1 {
		t.Errorf("version %d, %d keys at the vendor", version, len(c.vendor.Live()))
	}
	if got := c.credential(t, old.ID); got.State != storage.CredentialActive || c.count(old.ID, "credential.rotation_failed") != 1 {
		t.Errorf("the old one is %s", got.State)
	}
	c.deliver(next.ID) // a job that comes late does nothing
	c.unseen("after its end", next.ID)
}

// A worker is killed when the sink has answered: the next one finds it done.
func TestAKilledDelivery(t *testing.T) {
	t.Parallel()
	c := openCellar(t)
	old := c.key("acme")
	for turn := range 2 {
		k := old
		if turn == 1 {
			k = c.renew(old)
		}
		for range 2 {
			c.at("deliver:answered", runtime.Goexit)
			died := make(chan struct{})
			go func() {
				defer close(died)
				_ = c.Deliver(context.Background(), k.ID)
				t.Error("the worker did not die")
			}()
			<-died
			c.unseen("after a worker died", k.ID)
			if got := c.credential(t, k.ID); got.SinkVersion != "" {
				t.Errorf("it is delivered: %q", got.SinkVersion)
			}
		}
		c.deliver(k.ID)
		value, version := c.kept()
		if got := c.credential(t, k.ID); version != turn+1 || got.SinkVersion != []string{"1", "2"}[turn] || !c.vendor.Works(value) || c.count(k.ID, "credential.delivered") != 1 {
			t.Errorf("version %d, %q", version, got.SinkVersion)
		}
		c.settle(t)
		c.unseen("when it is done", k.ID)
	}
}

// A lost answer is found to be done.
func TestASinkLosesItsAnswer(t *testing.T) {
	t.Parallel()
	c := openCellar(t)
	k := c.key("acme")
	c.Inject(vaulttest.Fault{Method: http.MethodPut, Path: "/v1/secret/data", After: true})
	if err := c.Deliver(t.Context(), k.ID); err == nil {
		t.Fatal("the answer was not lost")
	}
	c.deliver(k.ID)
	if value, version := c.kept(); version != 1 || !c.vendor.Works(value) {
		t.Errorf("version %d", version)
	}
}

// Any number of workers, on two replicas, deliver it once.
func TestManyDeliveriesAreOne(t *testing.T) {
	t.Parallel()
	c := openCellar(t)
	other := c.service(t, sinkDocument(), func(d *Deps) { d.Connectors = c.Connectors })
	k := c.key("acme")
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			if err := []*Service{c.Service, other}[i%2].Deliver(context.Background(), k.ID); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if _, version := c.kept(); version != 1 || c.count(k.ID, "credential.delivered") != 1 {
		t.Errorf("version %d, delivered %d times", version, c.count(k.ID, "credential.delivered"))
	}
}

// A key that is ended while its sink takes it: the next one knows that it is
// there, and replaces it.
func TestAKeyIsEndedWhileItIsDelivered(t *testing.T) {
	t.Parallel()
	c := openCellar(t)
	old := c.key("acme")
	c.settle(t)
	next := c.renew(old)
	c.at("deliver:answered", func() {
		if _, err := c.Revoke(context.Background(), c.people["erin"], next.ID, "not so fast"); err != nil {
			t.Error(err)
		}
	})
	c.deliver(next.ID)
	c.settle(t)
	if got := c.credential(t, next.ID); got.State != storage.CredentialRevoked || got.SinkVersion != "2" {
		t.Errorf("%s, %q", got.State, got.SinkVersion)
	}
	third := c.renew(old)
	c.deliver(third.ID)
	if value, version := c.kept(); version != 3 || !c.vendor.Works(value) {
		t.Errorf("version %d", version)
	}
	if got := c.credential(t, third.ID); got.SinkVersion != "3" {
		t.Errorf("%q", got.SinkVersion)
	}
}

// A key that is stopped before it is delivered is delivered when it works again.
func TestASuspendedKeyWaitsForItsSink(t *testing.T) {
	t.Parallel()
	c := openCellar(t)
	k := c.key("acme")
	if _, err := c.Suspend(t.Context(), c.people["erin"], k.ID, "odd"); err != nil {
		t.Fatal(err)
	}
	c.workAll(t)
	var later *TryAgainError
	if err := c.Deliver(t.Context(), k.ID); !errors.As(err, &later) {
		t.Errorf("%v", err)
	}
	if _, version := c.kept(); version != 0 {
		t.Error("a key that does not work is delivered")
	}
	if _, err := c.Resume(t.Context(), c.people["erin"], k.ID, "all is well"); err != nil {
		t.Fatal(err)
	}
	c.workAll(t)
	c.deliver(k.ID)
	if value, _ := c.kept(); !c.vendor.Works(value) {
		t.Error("it is not there")
	}
}

// A sink that the configuration has no more keeps nobody from mending it.
func TestASinkIsGone(t *testing.T) {
	t.Parallel()
	c := openCellar(t)
	k := c.key("acme")
	sink := c.Connectors["vault"]
	delete(c.Connectors, "vault")
	var later *TryAgainError
	if err := c.Deliver(t.Context(), k.ID); !errors.As(err, &later) || c.count(k.ID, "credential.delivery_failed") != 1 {
		t.Errorf("%v", err)
	}
	c.Connectors["vault"] = sink
	c.deliver(k.ID)
}

// A key over the API that is for a sink is handed to nobody.
func TestAKeyForASinkIsNotHandedOver(t *testing.T) {
	t.Parallel()
	c := openCellar(t)
	old := c.key("tempo")
	c.settle(t)
	robot := Actor{Account: c.people["erin"].Account, Key: old.ID, Scopes: []string{ScopeRotate}}
	out, err := c.Rotate(t.Context(), robot, old.ID, RotateAsk{}, "nightly")
	if err != nil {
		t.Fatal(err)
	}
	c.made(out.New.ID)
	_, _, err = c.Hand(t.Context(), robot, out.New.ID, "nightly")
	refused(t, "before it is delivered", err, RuleDecided)
	c.settle(t)
	_, _, err = c.Hand(t.Context(), robot, out.New.ID, "nightly")
	refused(t, "after it is delivered", err, RuleDecided)
	if _, version := c.kept(); version != 2 {
		t.Errorf("version %d", version)
	}
}

// Which sinks and places can be asked for. Nothing hostile gets near a sink.
func TestRefusedSinks(t *testing.T) {
	t.Parallel()
	c := openCellar(t)
	k := c.seed(fake.Key{Label: "alice's", Owner: mailOf("alice"), Scopes: []string{"files:read"}})
	c.sync(t)
	there := c.reads(t, "tempo")
	base := Ask{Connection: "acme", Kind: APIKey, Scopes: []string{"files:read"}, Lifetime: day, Reason: "for the yearly report", Sink: "vault", Place: ledger}
	with := func(change func(*Ask)) Ask {
		a := base
		change(&a)
		return a
	}
	type refusal struct {
		ask   Ask
		field string
	}
	all := map[string]refusal{
		"a place without a sink":        {with(func(a *Ask) { a.Sink = "" }), "sink"},
		"a sink the rule does not name": {with(func(a *Ask) { a.Sink = "attic" }), "sink"},
		"what is no sink":               {with(func(a *Ask) { a.Sink = "acme" }), "sink"},
		"what is not there":             {with(func(a *Ask) { a.Sink = "cellar" }), "sink"},
		"a pattern":                     {with(func(a *Ask) { a.Sink = "*" }), "sink"},
		"a key that is there already": {with(func(a *Ask) {
			a.Adopts, a.Scopes = c.found(t, k.ID).ID, []string{"files:read"}
		}), "sink"},
		"more time": {with(func(a *Ask) { a.Connection, a.Extends, a.Lifetime = "tempo", there.ID, 60*day }), "sink"},
		"a fresh key in place of another": {with(func(a *Ask) {
			a.Connection, a.Rotates, a.Lifetime = "tempo", there.ID, 60*day
		}), "sink"},
		"the use of an app": {with(func(a *Ask) { a.Kind = OAuthGrant }), "sink"},
	}
	for _, place := range []string{
		"", "/", "//", "/a", "a/", "a//b", ".", "..", "../a", "a/..", "a/../b", "a/./b", ".a", "a/.b", "-a", "a/-b", "a b", "a\x00b", "\x00", "a\n", "a\nb", "\ta",
		"a\\b", "a%2fb", "a%00", "a?b", "a#b", "a;b", "a:b", "a*", "${a}", "{{a}}", "$(a)", "`a`", "a'b", "a\"b", "<a>", "a|b", "a&b", "ä", "payroll/\u202eledger", "a\u200bb",
		"а/b", "a\u2215b", "\uff0e\uff0e/a", "\xff", "a/\xc0\xae\xc0\xae", strings.Repeat("a", maxPlace+1), strings.Repeat("a/", maxPlace/2) + "aa",
	} {
		all["the place "+place] = refusal{with(func(a *Ask) { a.Place = place }), "place"}
	}
	before := len(c.Calls())
	for name, tt := range all {
		_, err := c.Submit(t.Context(), c.people["alice"], tt.ask, fresh())
		refused(t, name, err, RuleNotPossible)
		if r, _ := AsRefusal(err); r.Field != tt.field || !strings.HasSuffix(r.Reason, ".") {
			t.Errorf("%q: field %q, %q", name, r.Field, r.Reason)
		}
	}
	if len(c.Calls()) != before {
		t.Error("the sink was asked about a place")
	}
	for _, place := range []string{"a", "A_1/b-c.d/e", "_x", "a..b", "9", strings.Repeat("a", maxPlace)} {
		if _, err := c.Preview(t.Context(), c.people["alice"], with(func(a *Ask) { a.Place = place })); err != nil {
			t.Errorf("%q: %v", place, err)
		}
	}
	write := with(func(a *Ask) { a.Scopes = []string{"files:read", "files:write"} })
	_, err := c.Submit(t.Context(), c.people["alice"], write, fresh())
	refused(t, "by a rule that has no sinks", err, RuleNotPossible)
}

// The configuration can keep keys to some places of a sink.
func TestPlacesOfASink(t *testing.T) {
	t.Parallel()
	d := sinkDocument()
	d.Connections["vault"] = ConnectionRules{Kind: "vault", Sink: true, Places: []string{"payroll/*", "shared"}}
	h := openWith(t, d, nil)
	for place, ok := range map[string]bool{"payroll/ledger": true, "payroll/a/b": true, "shared": true, "payroll": false, "shared/a": false, "payrolls/a": false, "x/payroll/a": false} {
		ask := Ask{Connection: "acme", Kind: APIKey, Scopes: []string{"files:read"}, Lifetime: day, Reason: "for the yearly report", Sink: "vault", Place: place}
		_, err := h.Preview(t.Context(), h.people["alice"], ask)
		if r, refused := AsRefusal(err); refused == ok || refused && (r.Field != "place" || !strings.Contains(r.Reason, "payroll/*")) {
			t.Errorf("%s: %v", place, err)
		}
	}
}

// A key that a person makes can't go into a sink: Latchkey never sees it.
func TestAHandmadeKeyHasNoSink(t *testing.T) {
	t.Parallel()
	h := guidedHouse(t, sinkDocument())
	ask := asking("files:read")
	ask.Sink, ask.Place = "vault", ledger
	_, err := h.Submit(t.Context(), h.people["alice"], ask, fresh())
	refused(t, "a handmade key", err, RuleNotPossible)
}
