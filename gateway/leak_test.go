package gateway

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"

	"latchkey/connectors"
	"latchkey/secret"
)

// encodings of a secret that are looked for in everything the gateway says.
func encodings(s string) []string {
	return []string{
		s, url.QueryEscape(s), base64.StdEncoding.EncodeToString([]byte(s)), base64.RawURLEncoding.EncodeToString([]byte(s)),
		hex.EncodeToString([]byte(s)), strings.ToUpper(hex.EncodeToString([]byte(s))), fmt.Sprintf("%q", s), strings.ToUpper(s),
	}
}

func leaks(text string, secrets ...string) []string {
	var found []string
	for _, s := range secrets {
		for _, e := range encodings(s) {
			if strings.Contains(text, e) {
				found = append(found, e)
			}
		}
	}
	return found
}

// echo is a vendor that gives away what it was sent in every place it has.
func echo(w http.ResponseWriter, r *http.Request) {
	auth := r.Header.Get("Authorization")
	h := w.Header()
	h.Set("X-Early", auth)
	w.WriteHeader(http.StatusEarlyHints)
	h.Set("X-Auth", auth)
	h.Set("Set-Cookie", "token="+vendorSecret)
	h.Set("Location", "https://vendor.example/login?token="+vendorSecret)
	h.Set("Trailer", "X-Late")
	switch r.URL.Path {
	case "/status":
		w.WriteHeader(http.StatusBadRequest)
	case "/unauthorized":
		w.WriteHeader(http.StatusUnauthorized)
	}
	text := fmt.Sprintf("you sent %s and %v", auth, r.Header)
	for i := range len(text) { // every boundary falls into the secret once
		_, _ = io.WriteString(w, text[i:i+1])
		if r.URL.Path == "/drip" {
			_ = http.NewResponseController(w).Flush()
		}
	}
	h.Set("X-Late", auth)
	if r.URL.Path == "/break" {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// garbage is the address of a vendor that sends what it got in place of a
// status.
func garbage(t *testing.T) *url.URL {
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
			if r, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				_, _ = io.Copy(io.Discard, r.Body) // or the gateway may fail to send it first
				_, _ = io.WriteString(c, "HTTP/1.1 "+strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")+" is no status\r\n\r\n")
			}
			_ = c.Close()
		}
	}()
	return &url.URL{Scheme: "http", Host: ln.Addr().String()}
}

func TestNoSecretLeaves(t *testing.T) {
	t.Parallel()
	b := start(t, echo, func(d *Deps) {
		broken := d.Upstreams["tempo"]
		broken.BaseURL = garbage(t)
		d.Upstreams["jira"] = broken
	})
	key, _ := b.issue(t, "tempo", "everything")
	jira, _ := b.issue(t, "jira", "everything")
	own, ownID := b.issue(t, "jira", "everything")
	b.grantToken(t, ownID, b.seal(ownID, ownToken))
	eventually(t, "the token", func() bool { return b.keeper.snapshot.Load().find(b.box.Hash(own)).token != nil })
	auth := "Host: h\r\nConnection: close\r\nAuthorization: Bearer " + key + "\r\n"
	var answers strings.Builder
	for _, request := range []string{
		"GET /tempo/plain?q=canary-in-query HTTP/1.1\r\n" + auth + "\r\n",
		"GET /tempo/drip HTTP/1.1\r\n" + auth + "Accept-Encoding: gzip\r\n\r\n",
		"GET /tempo/status HTTP/1.1\r\n" + auth + "\r\n",
		"GET /tempo/unauthorized HTTP/1.1\r\n" + auth + "\r\n",
		"HEAD /tempo/plain HTTP/1.1\r\n" + auth + "\r\n",
		"GET /tempo/break HTTP/1.1\r\n" + auth + "\r\n",
		"GET /tempo/x?key=" + key + " HTTP/1.1\r\n" + auth + "\r\n",
		"GET /tempo/" + key + "/../x HTTP/1.1\r\n" + auth + "\r\n",
		"GET /tempo/" + key + " HTTP/1.1\r\n" + auth + "\r\n",
		"GET /" + key + "/x HTTP/1.1\r\n" + auth + "\r\n",
		"GET /tempo/x HTTP/1.1\r\n" + auth + "Bad Header: " + key + "\r\n\r\n",
		"POST /tempo/x HTTP/1.1\r\n" + auth + "Transfer-Encoding: chunked\r\n\r\n" + key,
	} {
		got := b.raw(t, request)
		if strings.Contains(request, "plain") && !strings.Contains(got, "HTTP/1.1 200 ") {
			t.Errorf("%.40q: %.200q", request, got)
		}
		answers.WriteString(got)
	}
	for _, text := range []string{jira, own} {
		broken := b.send(t, "POST", "/jira/x", text, "{}")
		if broken.Status != http.StatusBadGateway {
			t.Errorf("garbage: %+v", broken)
		}
		answers.WriteString(broken.Body)
	}
	for name, change := range changes {
		dead, id := b.issue(t, "tempo", "everything")
		b.exec(t, change.stop, id)
		answers.WriteString(b.send(t, "GET", "/tempo/"+url.PathEscape(name), dead, "").Body)
	}
	if err := b.stop(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(answers.String(), "you sent Bearer "+strings.Repeat("*", len(vendorSecret))+" and") {
		t.Errorf("the vendor did not echo:\n%s", answers.String())
	}
	if found := leaks(answers.String(), vendorSecret, ownToken, key, jira, own); len(found) > 0 {
		t.Errorf("answers hold %q", found)
	}

	var rest strings.Builder
	rest.WriteString(b.logs.String())
	families, err := b.prom.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		rest.WriteString(family.String())
	}
	for _, table := range []string{"access_log", "credential", "audit_event"} {
		for _, row := range b.strings(t, `SELECT x::text FROM `+table+` x`) {
			rest.WriteString(row)
		}
	}
	if found := leaks(rest.String(), vendorSecret, ownToken, key, jira, own, "canary-in-query"); len(found) > 0 {
		t.Errorf("logs, metrics or tables hold %q", found)
	}
	if !strings.Contains(rest.String(), "upstream_failed") || strings.Count(rest.String(), "[redacted]") != 2 {
		t.Errorf("the vendor's garbage is not in the log:\n%s", b.logs.String())
	}
}

func TestMaskFindsTheSecretAcrossReads(t *testing.T) {
	t.Parallel()
	tests := []struct{ credential, text, want string }{
		{"Bearer abcabcabd", "abcabcabcabd abcabcab", "abc********* abcabcab"},
		{"abcabcabd", "xabcabcabdabcabcabd", "x******************"},
		{"Basic dXNlcjpwYXNzd29yZA==", "dXNlcjpwYXNzd29yZA== password pass", "******************** ******** pass"},
		{"Bearer short", "short", "short"},
		{"Bearer aaaaaaaa", "aaaaaaaaaaaa", "********aaaa"},
		{"Bearer abcdefgh", "", ""},
	}
	for _, tt := range tests {
		m := newMask(secret.New(tt.credential))
		for name, reader := range map[string]func(io.Reader) io.Reader{
			"whole": func(r io.Reader) io.Reader { return r }, "one byte": iotest.OneByteReader, "half": iotest.HalfReader, "early EOF": iotest.DataErrReader,
		} {
			b := &maskedBody{from: reader(strings.NewReader(tt.text)), mask: &m}
			var out bytes.Buffer
			_, err := io.CopyBuffer(struct{ io.Writer }{&out}, struct{ io.Reader }{b}, make([]byte, m.longest+1))
			if out.String() != tt.want || err != nil {
				t.Errorf("%s, %s: %q, %v, want %q", tt.credential, name, out.String(), err, tt.want)
			}
		}
	}
	m := newMask(secret.New("Bearer abcdefgh"))
	small := &maskedBody{from: strings.NewReader("x"), mask: &m}
	if _, err := small.Read(make([]byte, 3)); err == nil {
		t.Error("a buffer too small for the secret was used")
	}
}

// FuzzMask checks that no way of cutting an answer lets the secret through,
// and that nothing else changes.
func FuzzMask(f *testing.F) {
	f.Add([]byte("x abcabcabd y"), uint8(3))
	f.Fuzz(func(t *testing.T, text []byte, cut uint8) {
		m := newMask(secret.New("Bearer abcabcabd"))
		b := &maskedBody{from: &wire{pieces: pieces(string(text), int(cut)+1)}, mask: &m}
		var out bytes.Buffer
		if _, err := io.CopyBuffer(struct{ io.Writer }{&out}, struct{ io.Reader }{b}, make([]byte, 64)); err != nil {
			t.Fatal(err)
		}
		if want := bytes.ReplaceAll(text, []byte("abcabcabd"), []byte("*********")); !bytes.Equal(out.Bytes(), want) {
			t.Fatalf("%q, want %q", out.Bytes(), want)
		}
	})
}

func TestExtraHeadersAreNotOfTheClient(t *testing.T) {
	t.Parallel()
	b := start(t, nil, func(d *Deps) {
		u := d.Upstreams["tempo"]
		u.Header, u.Credential = "private-token", secret.New(vendorSecret)
		u.Extra = map[string]string{"x-org": "ours"}
		d.Upstreams = map[string]connectors.Upstream{"tempo": u}
	})
	key, _ := b.issue(t, "tempo", "everything")
	b.send(t, "GET", "/tempo/x", key, "", "Private-Token", "theirs", "X-Org", "theirs")
	got := b.vendor.seen()[0].Header
	if got.Get("Private-Token") != vendorSecret || got.Get("X-Org") != "ours" || got.Get("Authorization") != "" {
		t.Errorf("the vendor saw %v", got)
	}
}
