package gateway

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/connectors"
)

func TestForwardsWhatWasJudged(t *testing.T) {
	t.Parallel()
	b := start(t, nil, func(d *Deps) {
		u := d.Upstreams["tempo"]
		u.BaseURL = u.BaseURL.JoinPath("/rest/v%20x/")
		d.Upstreams["tempo"] = u
	})
	key, _ := b.issue(t, "tempo", "everything")
	tests := []struct{ target, want string }{
		{"/tempo/", "/rest/v%20x/"},
		{"/tempo/4/worklogs", "/rest/v%20x/4/worklogs"},
		{"/tempo/4/users('a')/x%20y,z:batch@v1", "/rest/v%20x/4/users('a')/x%20y,z:batch@v1"},
		{"/tempo/4/%C3%BC/%c3%bc", "/rest/v%20x/4/%C3%BC/%c3%bc"},
		{"/tempo/4/plans/?a=1&b=%2e%2E%2f;c=;d&&e=\"|", "/rest/v%20x/4/plans/?a=1&b=%2e%2E%2f;c=;d&&e=\"|"},
		{"/tempo/4/plans?", "/rest/v%20x/4/plans?"},
	}
	for _, tt := range tests {
		a := b.raw(t, "POST "+tt.target+" HTTP/1.1\r\nHost: gw\r\nAuthorization: Bearer "+key+"\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody")
		got := append([]seen{{}}, b.vendor.seen()...)
		last := got[len(got)-1]
		if !strings.HasPrefix(a, "HTTP/1.1 200 ") || last.Target != tt.want || last.Method != "POST" || last.Body != "body" {
			t.Errorf("%s: %.400q, vendor saw %s %s %q", tt.target, a, last.Method, last.Target, last.Body)
		}
	}
}

func TestSendsItsOwnCredentialAndDropsIdentities(t *testing.T) {
	t.Parallel()
	b := start(t, nil, nil)
	key, _ := b.issue(t, "tempo", "everything")
	dropped := []string{
		"Cookie", "Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-User", "X-Real-Ip", "X-Original-Url", "X-Rewrite-Url",
		"X-Remote-User", "Remote-User", "X-Auth-Request-Email", "X-User-Id", "Private-Token", "Sudo", "X-Api-Key", "Proxy-Authorization",
		"Cf-Connecting-Ip", "True-Client-Ip", "X_Forwarded_User", "X-Under_score", "Te", "Expect", "Impersonate-User", "X-Tempo-Client",
	}
	header := []string{"Accept", "application/json", "Content-Type", "text/plain", "User-Agent", "tests", "If-None-Match", `"1"`, "X-Atlassian-Token", "no-check", "Traceparent", "00-1-2-3"}
	for _, name := range dropped {
		value := "evil"
		if name == "Expect" {
			value = "100-continue"
		}
		header = append(header, name, value)
	}
	if a := b.send(t, "POST", "/tempo/4/worklogs", key, "x", header...); a.Status != http.StatusOK {
		t.Fatalf("answer %+v", a)
	}
	got := b.vendor.seen()[0].Header
	want := http.Header{
		"Authorization": {"Bearer " + vendorSecret}, "X-Tempo-Client": {"latchkey"}, "Content-Length": {"1"},
		"Accept": {"application/json"}, "Content-Type": {"text/plain"}, "User-Agent": {"tests"}, "If-None-Match": {`"1"`},
		"X-Atlassian-Token": {"no-check"}, "Traceparent": {"00-1-2-3"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("headers at the vendor (-want +got):\n%s", diff)
	}
}

func TestVendorTrouble(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	b := start(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/hang":
			<-release
		case "/unauthorized":
			w.Header().Set("Www-Authenticate", `Bearer realm="vendor"`)
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, "token expired")
		case "/broken":
			c, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_ = c.Close()
			}
		case "/forbidden":
			http.Error(w, "not yours", http.StatusForbidden)
		case "/switch":
			w.Header().Set("Connection", "upgrade")
			w.Header().Set("Upgrade", "other")
			w.WriteHeader(http.StatusSwitchingProtocols)
		}
	}, func(d *Deps) {
		down := d.Upstreams["tempo"]
		down.BaseURL = &url.URL{Scheme: "http", Host: "127.0.0.1:1"}
		d.Upstreams["down"] = down
		private := d.Upstreams["tempo"]
		private.AllowPrivate = false
		d.Upstreams["private"] = private
		d.Transport = func(u connectors.Upstream) http.RoundTripper {
			transport, _ := NewTransport(u).(*http.Transport)
			transport.ResponseHeaderTimeout = 50 * time.Millisecond
			return transport
		}
	})
	defer close(release)
	b.exec(t, `INSERT INTO connection (name, kind, brokered) VALUES ('down', 'tempo', true), ('private', 'tempo', true)`)
	key, _ := b.issue(t, "tempo", "everything")
	down, _ := b.issue(t, "down", "everything")
	private, _ := b.issue(t, "private", "everything")
	tests := []struct {
		target, key string
		status      int
		code        string
	}{
		{"/tempo/hang", key, 504, "upstream_timeout"},
		{"/tempo/unauthorized", key, 502, "upstream_refused_gateway"},
		{"/tempo/broken", key, 502, "upstream_failed"},
		{"/tempo/switch", key, 502, "upstream_failed"},
		{"/down/x", down, 502, "upstream_failed"},
		{"/private/x", private, 502, "upstream_failed"},
	}
	for _, tt := range tests {
		a := b.send(t, "POST", tt.target, tt.key, "")
		if d := a.detail(t); a.Status != tt.status || d.Code != tt.code || a.Header.Get("Www-Authenticate") != "" {
			t.Errorf("%s: %+v", tt.target, a)
		}
	}
	if a := b.send(t, "GET", "/tempo/forbidden", key, ""); a.Status != 403 || a.Body != "not yours\n" {
		t.Errorf("the vendor's own refusal: %+v", a)
	}
	if logs := b.logs.String(); !strings.Contains(logs, "loopback") {
		t.Errorf("the log does not say why an address was not dialled:\n%s", logs)
	}
}

func TestAnswersAreBoundedInTime(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{})
	b := start(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "begin")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		close(gone)
	}, func(d *Deps) { d.Limits.Duration = 100 * time.Millisecond })
	key, _ := b.issue(t, "tempo", "everything")
	got := b.raw(t, "GET /tempo/x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer "+key+"\r\n\r\n")
	<-gone
	if !strings.Contains(got, "begin") || strings.HasSuffix(got, "0\r\n\r\n") {
		t.Errorf("an answer that broke off looks whole: %q", got)
	}
}

func TestClientCancelEndsTheVendorsRequest(t *testing.T) {
	t.Parallel()
	arrived, gone := make(chan struct{}), make(chan struct{})
	b := start(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/half" {
			<-r.Context().Done()
			return
		}
		close(arrived)
		<-r.Context().Done()
		close(gone)
	}, nil)
	key, id := b.issue(t, "tempo", "everything")
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+b.addr+"/tempo/x", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	done := make(chan error, 1)
	go func() {
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		done <- err
	}()
	<-arrived
	cancel()
	if err := <-done; err == nil {
		t.Error("the canceled request was answered")
	}
	select {
	case <-gone:
	case <-time.After(20 * time.Second):
		t.Fatal("the vendor's request goes on")
	}
	// One that only closes its sending side is told, rather than shown an
	// empty answer.
	half, err := net.Dial("tcp", b.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = half.Close() }()
	_, err = io.WriteString(half, "GET /tempo/half HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer "+key+"\r\n\r\n")
	if tcp, ok := half.(*net.TCPConn); err != nil || !ok || tcp.CloseWrite() != nil {
		t.Fatalf("half close: %v", err)
	}
	if got, err := io.ReadAll(half); err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 502 ") {
		t.Errorf("half closed: %q, %v", got, err)
	}
	if err := b.stop(); err != nil {
		t.Fatal(err)
	}
	rows := b.strings(t, `SELECT status::text FROM access_log WHERE credential_id = $1`, id)
	if diff := cmp.Diff([]string{"499", "499"}, rows); diff != "" {
		t.Errorf("access log (-want +got):\n%s", diff)
	}
}

func TestPassesAnswersOnWithoutTheVendorsSession(t *testing.T) {
	t.Parallel()
	b := start(t, func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Link", "</style>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		h.Set("Set-Cookie", "session=1")
		h.Set("Alt-Svc", `h3=":443"`)
		h.Set("Strict-Transport-Security", "max-age=1")
		h.Set("Keep-Alive", "timeout=5")
		h.Set("X-Request-Id", "vendor")
		h.Set("Location", "https://other.example/next")
		h.Set("Trailer", "X-Late")
		w.WriteHeader(http.StatusFound)
		_, _ = io.WriteString(w, "moved")
		h.Set("X-Late", "1")
	}, nil)
	key, _ := b.issue(t, "tempo", "everything")
	a := b.send(t, "GET", "/tempo/x", key, "")
	id := a.Header.Get("Request-Id")
	a.Header.Del("Date")
	want := answer{http.StatusFound, "moved", http.Header{
		"Location": {"https://other.example/next"}, "X-Request-Id": {"vendor"}, "Request-Id": {id}, "Link": {"</style>; rel=preload"},
		"Content-Type": {"text/plain; charset=utf-8"},
	}}
	if diff := cmp.Diff(want, a); diff != "" || len(id) != 16 {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	raw := b.raw(t, "GET /tempo/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTE: trailers\r\nAuthorization: Bearer "+key+"\r\n\r\n")
	if strings.Contains(raw, "103 ") || strings.Contains(raw, "X-Late") {
		t.Errorf("interim answer or trailer passed on: %q", raw)
	}
	if n := len(b.vendor.seen()); n != 2 {
		t.Errorf("the redirect was followed: %d requests", n)
	}
}

func TestStreamsAsTheVendorDoes(t *testing.T) {
	t.Parallel()
	next := make(chan struct{})
	b := start(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 3 {
			_, _ = fmt.Fprintf(w, "data: %d\n\n", i)
			_ = http.NewResponseController(w).Flush()
			<-next
		}
	}, nil)
	key, _ := b.issue(t, "tempo", "everything")
	c, err := net.Dial("tcp", b.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := io.WriteString(c, "GET /tempo/x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer "+key+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(resp.Body)
	for i := range 3 {
		line, err := r.ReadString('\n')
		if want := fmt.Sprintf("data: %d\n", i); err != nil || line != want {
			t.Fatalf("event %d: %q, %v", i, line, err)
		}
		if _, err := r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		next <- struct{}{}
	}
}

// Vendors speak HTTP/2, where a path is a pseudo-header.
func TestForwardsOverHTTP2(t *testing.T) {
	t.Parallel()
	got := make(chan *http.Request, 1)
	vendor := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got <- r
		w.Header().Set("X-Sent", r.Header.Get("Authorization"))
		_, _ = io.WriteString(w, r.Header.Get("Authorization"))
	}))
	vendor.EnableHTTP2 = true
	vendor.StartTLS()
	defer vendor.Close()
	b := start(t, nil, func(d *Deps) {
		u := d.Upstreams["tempo"]
		base, err := url.Parse(vendor.URL)
		if err != nil {
			t.Fatal(err)
		}
		u.BaseURL = base.JoinPath("v1")
		d.Upstreams["tempo"] = u
		d.Transport = func(u connectors.Upstream) http.RoundTripper {
			transport, _ := NewTransport(u).(*http.Transport)
			trusting, _ := vendor.Client().Transport.(*http.Transport)
			transport.TLSClientConfig.RootCAs = trusting.TLSClientConfig.RootCAs
			return transport
		}
	})
	key, _ := b.issue(t, "tempo", "everything")
	a := b.send(t, "GET", "/tempo/4/a%20b('c')?q=%2e&;x", key, "")
	r := <-got
	if r.ProtoMajor != 2 || r.RequestURI != "/v1/4/a%20b('c')?q=%2e&;x" || r.Host != vendor.Listener.Addr().String() {
		t.Errorf("the vendor saw %s %s of %s", r.Proto, r.RequestURI, r.Host)
	}
	if want := "Bearer " + strings.Repeat("*", len(vendorSecret)); a.Status != http.StatusOK || a.Body != want || a.Header.Get("X-Sent") != "" {
		t.Errorf("answer %+v", a)
	}
}

// A client that never ends its head is let go.
func TestSlowHeadsAreGivenUp(t *testing.T) {
	t.Parallel()
	b := start(t, nil, nil)
	if got := b.raw(t, "GET /tempo/x HTTP/1.1\r\nHost:"); got != "" {
		t.Errorf("answered %q", got)
	}
}
