package gateway

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"latchkey/connectors"
)

// corpusStep takes a few hundred paths of the corpus.
const corpusStep = 41

// TestNoPathLeavesItsRulesByHTTP2 sends paths as :path, byte for byte, and
// wants what HTTP/1.1 says of them. Where net/http itself finds no path in the
// bytes it resets the stream.
func TestNoPathLeavesItsRulesByHTTP2(t *testing.T) {
	t.Parallel()
	b := start(t, nil, func(d *Deps) {
		u := d.Upstreams["tempo"]
		u.Scopes = []connectors.Scope{{Name: "public", Rules: []connectors.Rule{allow("GET", "/pub/**"), deny("", "/pub/private/**")}}}
		d.Upstreams["tempo"] = u
		d.Limits.PerSecond, d.Limits.Burst = 1_000_000, 1_000_000
	})
	key, _ := b.issue(t, "tempo", "public")
	old := &rawClient{addr: b.addr}
	defer old.close()
	f := b.speak(t)
	outcomes := map[string]int{}
	for i, p := range corpus() {
		if i%corpusStep != 0 {
			continue
		}
		before := len(b.vendor.seen())
		got, _ := f.answer(f.open(t, true, b.head("GET", "/tempo"+p, key)))
		outcomes[got]++
		seen := b.vendor.seen()[before:]
		if got == "200" && (len(seen) != 1 || seen[0].Target != p) || got != "200" && len(seen) > 0 {
			t.Errorf("%q: %s, the vendor saw %v", p, got, seen)
		}
		for _, s := range seen {
			sent, _, _ := strings.Cut(s.Target, "?")
			for name, read := range dialects {
				if r := read(sent); !inside(r, "/pub") || inside(r, "/pub/private") {
					t.Errorf("%s reached the vendor, which (%s) reads %s", p, name, r)
				}
			}
		}
		by1 := strconv.Itoa(old.get(t, "/tempo"+p, key))
		if got != by1 && (got != "RST PROTOCOL_ERROR" || by1 != strconv.Itoa(http.StatusBadRequest)) {
			t.Errorf("%q: %s by HTTP/2, %s by HTTP/1.1", p, got, by1)
		}
	}
	t.Logf("outcomes: %v", outcomes)
	if outcomes["200"] == 0 || outcomes["400"] < 100 || outcomes["403"] == 0 {
		t.Errorf("the paths do not try every outcome: %v", outcomes)
	}
}
