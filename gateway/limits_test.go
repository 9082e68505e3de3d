package gateway

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/connectors"
	"latchkey/secret"
	"latchkey/storage"
)

// limited gives the connection "tempo" limits, and makes "jira" the same
// system without them.
func limited(l connectors.Limits) func(*Deps) {
	return func(d *Deps) {
		d.Upstreams["jira"] = d.Upstreams["tempo"]
		u := d.Upstreams["tempo"]
		u.Limits = l
		d.Upstreams["tempo"] = u
	}
}

func TestConnectionsHaveLimitsOfTheirOwn(t *testing.T) {
	t.Parallel()
	clock := &testClock{}
	b := start(t, nil, func(d *Deps) {
		limited(connectors.Limits{PerSecond: 1, Burst: 2, AllPerSecond: 1, AllBurst: 3, Body: 5, Head: 600})(d)
		d.Now, d.MaxStale = clock.now, 24*time.Hour
	})
	one, _ := b.issue(t, "tempo", "everything")
	two, _ := b.issue(t, "tempo", "everything")
	other, _ := b.issue(t, "jira", "everything")
	codes := func(target string, keys ...string) (out []string) {
		for _, key := range keys {
			code := "ok"
			if a := b.send(t, "GET", target, key, ""); a.Status != http.StatusOK {
				code = a.detail(t).Code + " " + a.Header.Get("Retry-After")
			}
			out = append(out, code)
		}
		return out
	}
	want := []string{"ok", "ok", "too_fast 1", "ok", "connection_too_fast 1"}
	if diff := cmp.Diff(want, codes("/tempo/x", one, one, one, two, two)); diff != "" {
		t.Errorf("tempo (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"ok", "ok", "ok", "ok"}, codes("/jira/x", other, other, other, other)); diff != "" {
		t.Errorf("jira (-want +got):\n%s", diff)
	}
	clock.forward(time.Minute)
	long := []string{"X-Long", strings.Repeat("x", 600)}
	for _, tt := range []struct {
		target, key, body string
		header            []string
		status            int
		code              string
	}{
		{"/tempo/x", one, "12345", nil, 200, ""},
		{"/tempo/x", one, "123456", nil, 413, "body_too_large"},
		{"/tempo/x", two, "", long, 431, "head_too_large"},
		{"/jira/x", other, "123456", long, 200, ""},
		{"/jira/x", other, "", []string{"X-Long", strings.Repeat("x", 33<<10)}, 431, "head_too_large"},
	} {
		a := b.send(t, "POST", tt.target, tt.key, tt.body, tt.header...)
		if a.Status != tt.status || tt.code != "" && a.detail(t).Code != tt.code {
			t.Errorf("%s with %d bytes: %+v", tt.target, len(tt.body), a)
		}
	}
}

func TestLimitsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	base := &url.URL{Scheme: "https", Host: "api.example.com"}
	for _, l := range []connectors.Limits{{PerSecond: -1}, {AllBurst: -1}, {Body: -1}, {Duration: -1}, {Head: 1 << 20}} {
		u := connectors.Upstream{BaseURL: base, Header: "Authorization", Credential: secret.New("Bearer abcdefgh"), Limits: l}
		_, err := New(Deps{DB: &storage.DB{}, Box: &secret.Box{}, Upstreams: map[string]connectors.Upstream{"c": u}})
		if err == nil || !strings.Contains(err.Error(), "limit") {
			t.Errorf("%+v: %v", l, err)
		}
	}
}

// What hangs in one system takes no room from another.
func TestHungUpstreamLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}, 8), make(chan struct{})
	b := start(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hang" {
			arrived <- struct{}{}
			<-release
		}
	}, limited(connectors.Limits{AllConcurrent: 3, Concurrent: 2}))
	one, _ := b.issue(t, "tempo", "everything")
	two, _ := b.issue(t, "tempo", "everything")
	other, _ := b.issue(t, "jira", "everything")
	got := make(chan answer, 8)
	hang := func(key string) { got <- b.send(t, "GET", "/tempo/hang", key, "") }
	for _, key := range []string{one, one, two} {
		go hang(key)
		<-arrived
	}
	if a := b.send(t, "GET", "/tempo/x", one, ""); a.Status != http.StatusTooManyRequests || a.detail(t).Code != "too_many_at_once" {
		t.Errorf("third of a key: %+v", a)
	}
	if a := b.send(t, "GET", "/tempo/x", two, ""); a.Status != http.StatusServiceUnavailable || a.detail(t).Code != "connection_busy" || a.Header.Get("Retry-After") != "1" {
		t.Errorf("fourth of a connection: %+v", a)
	}
	if a := b.send(t, "GET", "/jira/x", other, ""); a.Status != http.StatusOK {
		t.Errorf("another connection: %+v", a)
	}
	close(release)
	for range 3 {
		if a := <-got; a.Status != http.StatusOK {
			t.Errorf("let through: %+v", a)
		}
	}
	if a := b.send(t, "GET", "/tempo/x", two, ""); a.Status != http.StatusOK {
		t.Errorf("after all came back: %+v", a)
	}
}

// A connection may take longer than the gateway's requests do.
func TestDurationIsPerConnection(t *testing.T) {
	t.Parallel()
	b := start(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, func(d *Deps) {
		limited(connectors.Limits{Duration: 50 * time.Millisecond})(d)
		d.Limits.Duration = time.Hour
	})
	key, _ := b.issue(t, "tempo", "everything")
	if a := b.send(t, "GET", "/tempo/x", key, ""); a.Status != http.StatusGatewayTimeout || a.detail(t).Code != "upstream_timeout" {
		t.Errorf("answer %+v", a)
	}
}
