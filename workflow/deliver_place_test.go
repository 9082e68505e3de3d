package workflow

import (
	"strings"
	"testing"

	"latchkey/connectors/fake"
)

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
	refused(t, "the use of an app", c.checkSink(with(func(a *Ask) { a.Kind = OAuthGrant }), c.today.Policies[0]), RuleNotPossible)
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
