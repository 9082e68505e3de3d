package gateway

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/secret"
)

func (a answer) detail(t testing.TB) errorDetail {
	t.Helper()
	var body errorBody
	if err := json.Unmarshal([]byte(a.Body), &body); err != nil {
		t.Fatalf("%d %q: %v", a.Status, a.Body, err)
	}
	return body.Error
}

func TestDeadKeysGetOneAnswer(t *testing.T) {
	t.Parallel()
	b := start(t, nil, nil)
	stopped := func(sql string) string {
		key, id := b.issue(t, "tempo", "worklogs:view")
		b.exec(t, sql, id)
		hash := b.box.Hash(key)
		eventually(t, "the key to stop", func() bool { return !b.keeper.snapshot.Load().find(hash).lives(time.Now()) })
		return "Bearer " + key
	}
	good, _ := b.issue(t, "tempo", "worklogs:view")
	other := byte('x')
	if good[20] == other {
		other = 'y'
	}
	headers := map[string]string{
		"none":         "",
		"no scheme":    good,
		"basic":        "Basic " + good,
		"two spaces":   "Bearer  " + good,
		"trailing":     "Bearer " + good + " x",
		"malformed":    "Bearer abc",
		"mistyped":     "Bearer " + good[:20] + string(other) + good[21:],
		"unknown":      "Bearer " + secret.NewKey().Expose(),
		"unknown test": "Bearer " + secret.NewTestKey().Expose(),
		"vendor's own": "Bearer " + vendorSecret,
		"revoked":      stopped(changes["revoked"].stop),
		"suspended":    stopped(changes["suspended"].stop),
		"expired":      stopped(changes["expiry moved"].stop),
		"nobody's":     stopped(changes["owner lost"].stop),
		"issuing":      stopped(`UPDATE credential SET state = 'issuing' WHERE id = $1`),
		"gone person":  stopped(changes["owner left"].stop),
	}
	var want answer
	for name, value := range headers {
		for _, target := range []string{"/tempo/4/worklogs", "/nowhere/x"} {
			var header []string
			if value != "" {
				header = []string{"Authorization", value}
			}
			got := b.send(t, "GET", target, "", "", header...)
			got.Header.Del("Request-Id")
			got.Header.Del("Date")
			if want.Status == 0 {
				want = got
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s on %s (-want +got):\n%s", name, target, diff)
			}
		}
	}
	if want.Status != http.StatusUnauthorized || want.detail(t).Code != "invalid_key" || want.Header.Get("Www-Authenticate") != `Bearer error="invalid_token"` {
		t.Errorf("answer %+v", want)
	}
	if got := b.vendor.seen(); len(got) > 0 {
		t.Errorf("the vendor saw %v", got)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	b := start(t, nil, func(d *Deps) {
		d.Limits.Body = 10
		d.Command = "/keys"
		d.Upstreams["jira"] = d.Upstreams["tempo"]
	})
	key, _ := b.issue(t, "tempo", "plans:view", "worklogs:view")
	foreign, _ := b.issue(t, "elsewhere-tempo"[10:], "everything")
	b.exec(t, `INSERT INTO connection (name, kind, brokered) VALUES ('gone', 'tempo', true)`)
	gone, _ := b.issue(t, "gone", "everything")
	tests := []struct {
		name, method, target, key, body string
		header                          []string
		status                          int
		code                            string
		needs                           []string
		says                            string
	}{
		{"write with a read key", "POST", "/tempo/4/worklogs/7", key, "{}", nil, 403, "out_of_scope", []string{"worklogs:manage", "everything"},
			"do not allow POST /4/worklogs/**. A scope listed under needs would: ask for it in Slack with /keys request."},
		{"denied to all but none", "GET", "/tempo/4/audit/x", key, "", nil, 403, "out_of_scope", nil, "No scope of tempo allows this method on this path."},
		{"unknown connection", "GET", "/nowhere/4/worklogs", key, "", nil, 404, "unknown_connection", nil, "no connection of this name"},
		{"left the configuration", "GET", "/gone/4/worklogs", gone, "", nil, 404, "unknown_connection", nil, "no connection of this name"},
		{"another connection", "GET", "/jira/4/worklogs", foreign, "", nil, 403, "wrong_connection", nil, "This key is for tempo. Ask for one for jira in Slack with /keys request."},
		{"trace", "TRACE", "/tempo/4/worklogs", key, "", nil, 405, "method_not_allowed", nil, "GET, HEAD"},
		{"options", "OPTIONS", "/tempo/4/worklogs", key, "", nil, 405, "method_not_allowed", nil, "GET, HEAD"},
		{"lower case", "get", "/tempo/4/worklogs", key, "", nil, 405, "method_not_allowed", nil, "GET, HEAD"},
		{"unknown method", "PURGE", "/tempo/4/worklogs", key, "", nil, 405, "method_not_allowed", nil, "GET, HEAD"},
		{"dots", "GET", "/tempo/4/worklogs/../audit", key, "", nil, 400, "malformed_path", nil, "dot segment"},
		{"key in the address", "GET", "/tempo/4/worklogs?key=" + key, "", "", nil, 400, "key_in_url", nil, "Authorization: Bearer <key>"},
		{"method override", "GET", "/tempo/4/worklogs", key, "", []string{"X-HTTP-Method-Override", "DELETE"}, 400, "override", nil, "another method"},
		{"method override 2", "GET", "/tempo/4/worklogs", key, "", []string{"X-Method-Override", "DELETE"}, 400, "override", nil, "another method"},
		{"method override 3", "GET", "/tempo/4/worklogs", key, "", []string{"X-Http-Method", "DELETE"}, 400, "override", nil, "another method"},
		{"method override 4", "GET", "/tempo/4/worklogs", key, "", []string{"X_HTTP_METHOD_OVERRIDE", "DELETE"}, 400, "override", nil, "another method"},
		{"method in the query", "GET", "/tempo/4/worklogs?_method=DELETE", key, "", nil, 400, "override", nil, "another method"},
		{"upgrade", "GET", "/tempo/4/worklogs", key, "", []string{"Connection", "upgrade", "Upgrade", "websocket"}, 400, "upgrade", nil, "protocols"},
		{"drop a header", "GET", "/tempo/4/worklogs", key, "", []string{"Connection", "close, Authorization"}, 400, "connection_header", nil, "close or keep-alive"},
		{"large body", "POST", "/tempo/4/worklogs", foreign, "12345678901", nil, 413, "body_too_large", nil, "larger"},
	}
	for _, tt := range tests {
		before := len(b.vendor.seen())
		got := b.send(t, tt.method, tt.target, tt.key, tt.body, tt.header...)
		if got.Status != tt.status || got.Header.Get("Request-Id") == "" || got.Header.Get("Content-Type") != "application/json; charset=utf-8" {
			t.Errorf("%s: %+v", tt.name, got)
			continue
		}
		d := got.detail(t)
		if d.Code != tt.code || !strings.Contains(d.Message, tt.says) {
			t.Errorf("%s: %+v", tt.name, d)
		}
		if diff := cmp.Diff(tt.needs, d.Needs); diff != "" {
			t.Errorf("%s: needs (-want +got):\n%s", tt.name, diff)
		}
		if got := b.vendor.seen()[before:]; len(got) > 0 {
			t.Errorf("%s: the vendor saw %v", tt.name, got)
		}
	}
	metrics, err := b.prom.Gather()
	if err != nil {
		t.Fatal(err)
	}
	refused := map[string]float64{}
	for _, family := range metrics {
		if family.GetName() != "latchkey_gateway_refused_total" {
			continue
		}
		for _, m := range family.GetMetric() {
			refused[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
		}
	}
	want := map[string]float64{"out_of_scope": 2, "unknown_connection": 2, "wrong_connection": 1, "method_not_allowed": 4, "malformed_path": 1,
		"key_in_url": 1, "override": 5, "upgrade": 1, "connection_header": 1, "body_too_large": 1}
	if diff := cmp.Diff(want, refused); diff != "" {
		t.Errorf("refused_total (-want +got):\n%s", diff)
	}
}

func TestBodyLimitHoldsWithoutALength(t *testing.T) {
	t.Parallel()
	b := start(t, nil, func(d *Deps) { d.Limits.Body = 10 })
	key, _ := b.issue(t, "tempo", "everything")
	for body, want := range map[string]string{"a\r\n1234567890\r\n0\r\n\r\n": "HTTP/1.1 200 ", "b\r\n12345678901\r\n0\r\n\r\n": "HTTP/1.1 413 "} {
		got := b.raw(t, "POST /tempo/4/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nAuthorization: Bearer "+key+"\r\n\r\n"+body)
		if !strings.HasPrefix(got, want) {
			t.Errorf("%q: %.200q, want %s", body, got, want)
		}
	}
}

func TestRateIsPerKey(t *testing.T) {
	t.Parallel()
	clock := &testClock{}
	b := start(t, nil, func(d *Deps) {
		d.Now = clock.now
		d.MaxStale = 24 * time.Hour
		d.Limits.PerSecond, d.Limits.Burst = 1, 3
	})
	one, _ := b.issue(t, "tempo", "worklogs:view")
	two, _ := b.issue(t, "tempo", "worklogs:view")
	statuses := func(key string, n int) (out []int) {
		for range n {
			out = append(out, b.send(t, "GET", "/tempo/4/worklogs", key, "").Status)
		}
		return out
	}
	if diff := cmp.Diff([]int{200, 200, 200, 429}, statuses(one, 4)); diff != "" {
		t.Errorf("first key (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{200}, statuses(two, 1)); diff != "" {
		t.Errorf("second key (-want +got):\n%s", diff)
	}
	a := b.send(t, "GET", "/tempo/4/worklogs", one, "")
	if a.Header.Get("Retry-After") != "1" || a.detail(t).Code != "too_fast" {
		t.Errorf("answer %+v", a)
	}
	clock.forward(10 * time.Second)
	if diff := cmp.Diff([]int{200, 200, 200, 429}, statuses(one, 4)); diff != "" {
		t.Errorf("first key after a rest (-want +got):\n%s", diff)
	}
}

func TestConcurrencyIsBounded(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}, 10), make(chan struct{})
	b := start(t, func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-release
	}, func(d *Deps) { d.Limits.Concurrent, d.Limits.AllConcurrent = 2, 3 })
	one, _ := b.issue(t, "tempo", "worklogs:view")
	two, _ := b.issue(t, "tempo", "worklogs:view")
	got := make(chan answer, 10)
	send := func(key string) { got <- b.send(t, "GET", "/tempo/4/worklogs", key, "") }
	go send(one)
	go send(one)
	<-arrived
	<-arrived
	send(one)
	if a := <-got; a.Status != http.StatusTooManyRequests || a.detail(t).Code != "too_many_at_once" {
		t.Errorf("third of a key: %+v", a)
	}
	go send(two)
	<-arrived
	send(two)
	if a := <-got; a.Status != http.StatusServiceUnavailable || a.detail(t).Code != "busy" {
		t.Errorf("fourth of all: %+v", a)
	}
	close(release)
	for range 3 {
		if a := <-got; a.Status != http.StatusOK {
			t.Errorf("let through: %+v", a)
		}
	}
}
