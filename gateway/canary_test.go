package gateway

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// scripted is the address of a vendor that answers each path with what serve
// makes of the credential that it was sent.
func scripted(t *testing.T, serve func(c net.Conn, path, credential string)) *url.URL {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				r, err := http.ReadRequest(bufio.NewReader(c))
				if err == nil {
					serve(c, r.URL.Path, r.Header.Get("Authorization"))
				}
			}()
		}
	}()
	return &url.URL{Scheme: "http", Host: ln.Addr().String()}
}

// TestNoSecretLeavesOnAnyWayToFail sends the credential back in every place in
// which an answer can be wrong, and has the gateway itself panic with it.
func TestNoSecretLeavesOnAnyWayToFail(t *testing.T) {
	t.Parallel()
	ok := "HTTP/1.1 200 OK\r\n"
	chunked := ok + "Transfer-Encoding: chunked\r\n\r\n"
	// $ stands for the credential.
	faults := map[string]string{
		"/status-line":   "HTTP/1.1 $\r\n\r\n",
		"/version":       "$ 200 OK\r\n\r\n",
		"/status-nul":    "HTTP/1.1 200 \x00$\r\n\r\n",
		"/no-colon":      ok + "$\r\n\r\n",
		"/name":          ok + "$ x: y\r\n\r\n",
		"/value":         ok + "X: \x01$\r\n\r\n",
		"/folded":        ok + "X: y\r\n $\r\n\r\n",
		"/line-feed":     ok + "X: $\n\r\n",
		"/length":        ok + "Content-Length: $\r\n\r\n",
		"/lengths":       ok + "Content-Length: 1\r\nContent-Length: 2\r\nX: $\r\n\r\n$",
		"/encoding":      ok + "Transfer-Encoding: $\r\n\r\n",
		"/head":          ok + "X: " + strings.Repeat("$", maxAnswerHead/20) + "\r\n\r\n",
		"/interim":       strings.Repeat("HTTP/1.1 103 $\r\nX: $\r\n\r\n", maxInterim),
		"/switched":      "HTTP/1.1 101 $\r\nUpgrade: $\r\n\r\n$",
		"/silence":       "",
		"/half-head":     ok + "X: $",
		"/chunk-size":    chunked + "$\r\n",
		"/chunk-end":     chunked + "2\r\nhi$\r\n0\r\n\r\n",
		"/chunk-name":    chunked + "2;$\r\nhi\r\n0\r\n\r\n",
		"/chunk-half":    chunked + "fff\r\n$",
		"/trailer":       chunked + "2\r\nhi\r\n0\r\n$",
		"/trailers":      chunked + "2\r\nhi\r\n0\r\nX: $\r\n\r\n",
		"/body-half":     ok + "Content-Length: 2000\r\n\r\n$",
		"/more":          ok + "Content-Length: 0\r\n\r\n$",
		"/unauthorized":  "HTTP/1.1 401 $\r\nWWW-Authenticate: $\r\nContent-Length: 0\r\n\r\n",
		"/reason":        "HTTP/1.1 200 $\r\nContent-Length: 0\r\n\r\n",
		"/header-name":   ok + "X-$: y\r\nContent-Length: 0\r\n\r\n",
		"/no-content":    "HTTP/1.1 204 $\r\nContent-Length: 9\r\n\r\n$",
		"/until-the-end": ok + "\r\n$",
	}
	b := start(t, nil, func(d *Deps) {
		u := d.Upstreams["tempo"]
		u.BaseURL = scripted(t, func(c net.Conn, path, credential string) {
			_, token, _ := strings.Cut(credential, " ")
			if text, known := faults[path]; known {
				_, _ = io.WriteString(c, strings.ReplaceAll(text, "$", token))
				return
			}
			_, _ = io.WriteString(c, ok+"X: "+token) // and then nothing
			_, _ = c.Read(make([]byte, 1))
		})
		d.Upstreams["tempo"] = u
		d.Upstreams["jira"] = u
		d.Limits.Duration = 300 * time.Millisecond
	})
	key, _ := b.issue(t, "tempo", "everything")
	jira, _ := b.issue(t, "jira", "everything")
	var answers strings.Builder
	for path := range faults {
		answers.WriteString(b.raw(t, "GET /tempo"+path+" HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Bearer "+key+"\r\n\r\n"))
	}
	slow := b.send(t, "GET", "/tempo/hang", key, "")
	if slow.Status != http.StatusGatewayTimeout {
		t.Errorf("hanging: %+v", slow)
	}
	b.upstreams["jira"].wire, b.upstreams["jira"].transport = nil, panicking{}
	broken := b.send(t, "POST", "/jira/x", jira, "{}")
	if broken.Status != http.StatusInternalServerError || broken.detail(t).Code != "internal" {
		t.Errorf("panic: %+v", broken)
	}
	answers.WriteString(slow.Body + broken.Body)
	if err := b.stop(); err != nil {
		t.Fatal(err)
	}
	if found := leaks(answers.String(), vendorSecret, key, jira); len(found) > 0 {
		t.Errorf("answers hold %q", found)
	}
	said := b.logs.String()
	families, err := b.prom.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		said += family.String()
	}
	said += strings.Join(b.strings(t, `SELECT x::text FROM access_log x`), "\n")
	if found := leaks(said, vendorSecret, key, jira); len(found) > 0 {
		t.Errorf("logs, metrics or the access log hold %q", found)
	}
	if !strings.Contains(said, "[redacted]") || !strings.Contains(said, "gateway request panicked") || !strings.Contains(said, "errors.errorString") {
		t.Errorf("the log does not say what went wrong:\n%s", said)
	}
}

// panicking is a transport with a fault that shows what it has in hand.
type panicking struct{}

func (panicking) RoundTrip(r *http.Request) (*http.Response, error) {
	panic(errors.New("no transport for " + r.Header.Get("Authorization")))
}

// TestAnswersBeforeTheBodyIsThere shows that a client whose upload a vendor
// does not want hears of it at once, and that what it still sends is no
// request.
func TestAnswersBeforeTheBodyIsThere(t *testing.T) {
	t.Parallel()
	paths := make(chan string, 10)
	b := start(t, nil, func(d *Deps) {
		u := d.Upstreams["tempo"]
		u.BaseURL = scripted(t, func(c net.Conn, path, _ string) {
			paths <- path
			_, _ = io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nlarge")
			_, _ = io.Copy(io.Discard, c)
		})
		d.Upstreams["tempo"] = u
	})
	key, _ := b.issue(t, "tempo", "everything")
	auth := "Host: h\r\nAuthorization: Bearer " + key + "\r\n"
	for framing, rest := range map[string]string{
		"Content-Length: 1000\r\n\r\nhalf":            "",
		"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf": "\r\n",
	} {
		c := b.dial(t, "POST /tempo/upload HTTP/1.1\r\n"+auth+framing)
		r := bufio.NewReader(c)
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusRequestEntityTooLarge || string(body) != "large" || !resp.Close {
			t.Errorf("%q: %d %q, closes %t, %v", framing, resp.StatusCode, body, resp.Close, err)
		}
		_, _ = io.WriteString(c, rest+"GET /tempo/smuggled HTTP/1.1\r\n"+auth+"\r\n")
		if more, _ := io.ReadAll(r); len(more) > 0 {
			t.Errorf("%q: then %q", framing, more)
		}
	}
	if err := b.stop(); err != nil {
		t.Fatal(err)
	}
	close(paths)
	var got []string
	for path := range paths {
		got = append(got, path)
	}
	if diff := cmp.Diff([]string{"/upload", "/upload"}, got); diff != "" {
		t.Errorf("requests at the vendor (-want +got):\n%s", diff)
	}
}
