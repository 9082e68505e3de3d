package gateway

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHTTP2InClear(t *testing.T) {
	t.Parallel()
	b := start(t, nil, nil)
	key, _ := b.issue(t, "tempo", "everything")
	p := &http.Protocols{}
	p.SetUnencryptedHTTP2(true)
	client := &http.Client{Transport: &http.Transport{Protocols: p}}
	defer client.CloseIdleConnections()
	for _, body := range []string{"", "a body", strings.Repeat("long ", 200_000)} {
		before := len(b.vendor.seen())
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+b.addr+"/tempo/4/x?a=b&c", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+key)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.ProtoMajor != 2 || resp.StatusCode != http.StatusOK || string(text) != `{"ok":true}` || resp.Header.Get("Request-Id") == "" {
			t.Fatalf("%d bytes: %v %+v %q", len(body), err, resp, text)
		}
		got := b.vendor.seen()[before:]
		if len(got) != 1 || got[0].Target != "/4/x?a=b&c" || got[0].Body != body || got[0].Header.Get("Authorization") != "Bearer "+vendorSecret {
			t.Errorf("%d bytes: the vendor got %d requests, %.200v", len(body), len(got), got)
		}
	}
}

// What HTTP/2 can say is held to what HTTP/1.1 is held to. A status of 400 with
// no code is net/http's own, and so is a reset.
func TestHTTP2IsJudgedAsStrictly(t *testing.T) {
	t.Parallel()
	b := start(t, nil, nil)
	key, _ := b.issue(t, "tempo", "everything")
	get := func(more ...string) fields { return b.head("GET", "/tempo/4/ok", key, more...) }
	path := func(p string) fields { return b.head("GET", p, key) }
	auth := []string{"authorization", "Bearer " + key}
	head := func(f ...string) fields { return append(f, auth...) }
	const reset = "RST PROTOCOL_ERROR"
	tests := []struct {
		name   string
		header fields
		want   string // status and code
	}{
		{"plain", get(), "200"},
		{"host like :authority", get("host", "h"), "200"},
		{"host alone", head(":method", "GET", ":scheme", "http", ":path", "/tempo/4/ok", "host", "h"), "200"},
		{"te: trailers", get("te", "trailers"), "200"},
		{"content-length: 0", get("content-length", "0"), "200"},
		{"underscore", get("x_forwarded_for", "1.2.3.4"), "200"},

		{"another host", get("host", "i"), "400 malformed_request"},
		{"two hosts", get("host", "h", "host", "h"), "400 malformed_request"},
		{"no host", head(":method", "GET", ":scheme", "http", ":path", "/tempo/4/ok"), "400 malformed_request"},
		{"odd host", head(":method", "GET", ":scheme", "http", ":authority", "h/x", ":path", "/tempo/4/ok"), "400 malformed_request"},
		{"user at host", head(":method", "GET", ":scheme", "http", ":authority", "u@h", ":path", "/tempo/4/ok"), reset},
		{"two keys", get(auth...), "400 malformed_request"},
		{"space before a value", get("x-a", " b"), "400 malformed_request"},
		{"space behind a value", get("x-a", "b\t"), "400 malformed_request"},
		{"length without body", get("content-length", "5"), "400 malformed_request"},
		{"two lengths", get("content-length", "0", "content-length", "0"), "400 malformed_request"},
		{"signed length", get("content-length", "+0"), "400 malformed_request"},
		{"empty length", get("content-length", ""), "400 malformed_request"},
		{"method override", get("x-http-method-override", "DELETE"), "400 override"},
		{"101 headers", get(many(maxHeaders)...), "431 head_too_large"},
		{"large head", get("x-a", strings.Repeat("a", 33<<10)), "431 head_too_large"},
		{"larger head", get(repeat(5, "x-a", strings.Repeat("a", 14<<10))...), "431"},
		{"value larger than a head", get("x-a", strings.Repeat("a", 80<<10)), "GOAWAY COMPRESSION_ERROR"},

		{"space in the method", head(":method", "GET /x", ":scheme", "http", ":authority", "h", ":path", "/tempo/4/ok"), "400 malformed_request"},
		{"long method", b.head(strings.Repeat("G", 33), "/tempo/4/ok", key), "400 malformed_request"},
		{"method in lower case", b.head("get", "/tempo/4/ok", key), "405 method_not_allowed"},
		{"the guard's own method", b.head(refusedMethod, "/tempo/4/ok", key), "405 method_not_allowed"},
		{"the preface's method", b.head("PRI", "/tempo/4/ok", key), "400 malformed_request"},
		{"CONNECT", head(":method", "CONNECT", ":authority", "h:443"), "400 malformed_path"},
		{"extended CONNECT", head(":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":authority", "h", ":path", "/tempo/4/ok"), reset},
		{"no method", head(":scheme", "http", ":authority", "h", ":path", "/tempo/4/ok"), reset},

		{"no path", head(":method", "GET", ":scheme", "http", ":authority", "h"), reset},
		{"empty path", path(""), reset},
		{"asterisk", b.head("OPTIONS", "*", key), "400 malformed_path"},
		{"absolute path", path("http://h/tempo/4/ok"), "400 malformed_path"},
		{"no slash", path("tempo/4/ok"), reset},
		{"dots", path("/tempo/x/../4/ok"), "400 malformed_path"},
		{"space in the path", path("/tempo/4/ok HTTP/1.1"), "400 malformed_path"},
		{"fragment", path("/tempo/4/ok#x"), "400 malformed_path"},
		{"line break in the path", path("/tempo/4/ok\r\nX: y"), reset},
		{"NUL in the path", path("/tempo/4/ok\x00"), reset},
		{"high byte in the path", path("/tempo/4/ok\xff"), "400 malformed_path"},

		{"upper case", get("X-Upper", "a"), reset},
		{"no token", get("x(", "a"), reset},
		{"line break in a name", get("x\r\ny", "a"), reset},
		{"line break in a value", get("x-a", "b\r\nc: d"), reset},
		{"NUL in a value", get("x-a", "b\x00"), reset},
		{"connection", get("connection", "close"), "400"},
		{"connection: authorization", get("connection", "authorization"), "400"},
		{"keep-alive", get("keep-alive", "1"), "400"},
		{"proxy-connection", get("proxy-connection", "close"), "400"},
		{"transfer-encoding", get("transfer-encoding", "chunked"), "400"},
		{"upgrade", get("upgrade", "h2c"), "400"},
		{"te", get("te", "gzip"), "400"},
		{"late pseudo header", append(get("x-a", "b"), ":path", "/tempo/4/other"), reset},
		{"two paths", append(fields{":path", "/tempo/4/other"}, get()...), reset},
		{"unknown pseudo header", append(fields{":status", "200"}, get()...), reset},
	}
	for _, tt := range tests {
		before := len(b.vendor.seen())
		f := b.speak(t)
		status, body := f.answer(f.open(t, true, tt.header))
		if code, ok := refusalCode(body); ok {
			status += " " + code
		}
		if status != tt.want {
			t.Errorf("%s: %s, want %s: %s", tt.name, status, tt.want, body)
		}
		seen := b.vendor.seen()[before:]
		if tt.want != "200" && len(seen) > 0 || tt.want == "200" && (len(seen) != 1 || seen[0].Target != "/4/ok" || len(seen[0].Header["X_forwarded_for"]) > 0) {
			t.Errorf("%s: the vendor got %v", tt.name, seen)
		}
		_ = f.conn.Close()
	}
}

// repeat makes a field n times.
func repeat(n int, name, value string) []string {
	var out []string
	for range n {
		out = append(out, name, value)
	}
	return out
}

// many makes n header fields.
func many(n int) []string {
	var out []string
	for i := range n {
		out = append(out, "x-"+strconv.Itoa(i), "a")
	}
	return out
}

// refusalCode takes the code out of a refusal of the gateway's own.
func refusalCode(body string) (string, bool) {
	_, rest, ok := strings.Cut(body, `{"error":{"code":"`)
	code, _, _ := strings.Cut(rest, `"`)
	return code, ok
}

func TestHTTP2BodiesThatLie(t *testing.T) {
	t.Parallel()
	b := start(t, nil, nil)
	key, _ := b.issue(t, "tempo", "everything")
	for _, tt := range []struct{ name, length, want, faster string }{
		{"as said", "4", "200", ""},
		{"no length", "", "200", ""},
		{"shorter", "5", "400 malformed_body", ""},
		{"longer", "3", "RST PROTOCOL_ERROR", ""},
		{"longer than nothing", "0", "RST PROTOCOL_ERROR", "200"},
		{"no number", "4x", "RST PROTOCOL_ERROR", "400 malformed_request"},
	} {
		f := b.speak(t)
		header := b.head("POST", "/tempo/4/x", key)
		if tt.length != "" {
			header = append(header, "content-length", tt.length)
		}
		id := f.open(t, false, header)
		if err := f.WriteData(id, true, []byte("body")); err != nil {
			t.Fatal(err)
		}
		status, body := f.answer(id)
		if code, ok := refusalCode(body); ok {
			status += " " + code
		}
		// Where no body is expected the answer may be faster than the frame that
		// lies, which then goes nowhere.
		if status != tt.want && status != tt.faster {
			t.Errorf("%s: %s, want %s: %s", tt.name, status, tt.want, body)
		}
		_ = f.conn.Close()
	}
	for _, s := range b.vendor.seen() {
		if s.Body != "body" && s.Body != "" {
			t.Errorf("the vendor took %q for a whole body", s.Body)
		}
	}
}

// The guard lets nothing but HTTP/2 through behind the preface, and the
// preface only where a connection begins.
func TestPrefaceOpensNoWayAround(t *testing.T) {
	t.Parallel()
	b := start(t, nil, nil)
	key, _ := b.issue(t, "tempo", "everything")
	smuggled := "GET /tempo/4/x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " + key + "\r\n\r\n"
	for name, text := range map[string]string{
		"HTTP/1.1 behind it":       preface + smuggled,
		"HTTP/1.1 behind settings": preface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00" + smuggled,
	} {
		if got := b.raw(t, text); strings.Contains(got, "HTTP/1.1 ") {
			t.Errorf("%s: answered %q", name, got)
		}
	}
	for name, text := range map[string]string{
		"a part of it":         preface[:18] + smuggled,
		"another end":          "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n" + smuggled,
		"its line":             "PRI * HTTP/2.0\r\n\r\n" + smuggled,
		"in HTTP/1.1":          "PRI * HTTP/1.1\r\nHost: h\r\n\r\n" + smuggled,
		"behind a request":     "GET /tempo/4/x HTTP/1.1\r\nHost: h\r\n\r\n" + preface + smuggled,
		"asking for it (h2c)":  "GET /tempo/4/x HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nAuthorization: Bearer " + key + "\r\n\r\n" + preface,
		"with a space before":  " " + preface,
		"with a line before":   "\r\n" + preface,
		"in another case":      strings.ToLower(preface),
		"with bare line feeds": strings.ReplaceAll(preface, "\r\n", "\n"),
	} {
		got := b.raw(t, text)
		last := got[max(0, strings.LastIndex(got, "HTTP/1.1 ")):]
		if !strings.HasPrefix(last, "HTTP/1.1 400 ") {
			t.Errorf("%s: answered %q", name, got)
		}
	}
	if seen := b.vendor.seen(); len(seen) > 0 {
		t.Errorf("the vendor got %v", seen)
	}
}

// FuzzHTTP2Head checks that a request net/http has read from HTTP/2, and that
// is let through, has one reading once it is written as HTTP/1.1.
func FuzzHTTP2Head(f *testing.F) {
	f.Add("GET", "h", "h", "x-a", "b", "0", int64(0))
	f.Add("GE T", "h:1", "", "x_a", " b", "+1", int64(-1))
	f.Add("POST", "[::1]", "[::1]", "authorization", "b\r\n", "12", int64(12))
	g := &Gateway{limits: Limits{}.withDefaults()}
	f.Fuzz(func(t *testing.T, method, authority, host, name, value, length string, body int64) {
		r := &http.Request{Method: method, Host: authority, RequestURI: "/c/x", ContentLength: body, Header: http.Header{}}
		for k, v := range map[string]string{"Host": host, name: value, "Content-Length": length} {
			if v != "" {
				r.Header[k] = append(r.Header[k], v)
			}
		}
		if g.checkHTTP2(r) != nil {
			return
		}
		var text strings.Builder
		text.WriteString(r.Method + " " + r.RequestURI + " HTTP/1.1\r\nHost: " + r.Host + "\r\n")
		for k, values := range r.Header {
			for _, v := range values {
				if strings.ContainsAny(v, "\r\n\x00") || strings.ContainsFunc(v, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
					return // net/http refuses it before
				}
				text.WriteString(k + ": " + v + "\r\n")
			}
		}
		text.WriteString("\r\n")
		if r.Header["Transfer-Encoding"] != nil || r.Header["Connection"] != nil {
			return // as above
		}
		conn := &guardedConn{maxHead: 2 * g.limits.Head, Conn: &wire{pieces: [][]byte{[]byte(text.String())}}}
		got, err := through(conn, 512)
		if diff := cmp.Diff(text.String(), got); diff != "" || !errors.Is(err, io.EOF) {
			t.Errorf("passes by HTTP/2 and is refused by HTTP/1.1 (%v): %+v\n%s", err, conn.refused.Load(), diff)
		}
	})
}
