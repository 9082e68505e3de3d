package gateway

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"

	"latchkey/connectors"
	"latchkey/secret"
)

// socketRule lets a WebSocket be opened at a path.
func socketRule(path string) connectors.Rule {
	return connectors.Rule{Methods: []string{"GET"}, Path: path, Upgrade: connectors.WebSocket}
}

// socketVendor has a WebSocket that echoes, at every path that is not /plain.
// What a client says first may be a word: leave, or leak and a secret.
func socketVendor(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/plain" {
		_, _ = io.WriteString(w, "no socket here")
		return
	}
	up := websocket.Upgrader{Subprotocols: []string{"v2"}, EnableCompression: true}
	c, err := up.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer func() { _ = c.Close() }()
	for {
		kind, text, err := c.ReadMessage()
		if err != nil || string(text) == "leave" {
			_ = c.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, "bye"))
			return
		}
		if string(text) == "leak" {
			text = []byte(r.Header.Get("Authorization"))
		}
		if err := c.WriteMessage(kind, text); err != nil {
			return
		}
	}
}

func startSockets(t *testing.T, answer http.HandlerFunc, change func(*Deps)) *bundle {
	t.Helper()
	return start(t, answer, func(d *Deps) {
		u := d.Upstreams["tempo"]
		u.Scopes = []connectors.Scope{{Name: "live", Access: connectors.Write, Rules: []connectors.Rule{
			socketRule("/socket"), socketRule("/plain"), socketRule("/rooms/**"), allow("GET", "/both"), socketRule("/both"), allow("GET", "/page"),
			deny("", "/rooms/closed/**"), {Methods: []string{"GET"}, Path: "/both/deaf", Upgrade: connectors.WebSocket, Deny: true}, allow("GET", "/both/deaf"),
		}}}
		d.Upstreams["tempo"] = u
		if change != nil {
			change(d)
		}
	})
}

// socket opens a WebSocket through the gateway.
func (b *bundle) socket(t testing.TB, path, key string) (*websocket.Conn, *http.Response, error) {
	t.Helper()
	dialer := websocket.Dialer{HandshakeTimeout: 20 * time.Second, EnableCompression: true, Subprotocols: []string{"v1", "v2"}}
	c, resp, err := dialer.DialContext(t.Context(), "ws://"+b.addr+"/tempo"+path, http.Header{"Authorization": {"Bearer " + key}, "Cookie": {"a=b"}})
	if err == nil {
		t.Cleanup(func() { _ = c.Close() })
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	}
	if resp != nil {
		_ = resp.Body.Close()
	}
	return c, resp, err
}

func (b *bundle) openSocket(t testing.TB, key string) *websocket.Conn {
	t.Helper()
	c, _, err := b.socket(t, "/socket", key)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// say says something and wants an answer.
func say(t testing.TB, c *websocket.Conn, text string) string {
	t.Helper()
	if err := c.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		t.Fatal(err)
	}
	_, got, err := c.ReadMessage()
	if err != nil {
		t.Fatal(err)
	}
	return string(got)
}

func TestTunnel(t *testing.T) {
	t.Parallel()
	b := startSockets(t, socketVendor, func(d *Deps) { d.Metering.Every = 10 * time.Millisecond })
	key, id := b.issue(t, "tempo", "live")
	c, resp, err := b.socket(t, "/socket", key)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Header.Get("Sec-Websocket-Protocol") != "v2" || resp.Header.Get("Request-Id") == "" || resp.Header.Get("Sec-Websocket-Extensions") != "" {
		t.Errorf("agreed on %v", resp.Header)
	}
	for _, text := range []string{"a", "v", strings.Repeat("long ", 50_000)} {
		if got := say(t, c, text); got != text {
			t.Errorf("%d bytes came back as %d", len(text), len(got))
		}
	}
	if got := say(t, c, "leak"); got != "Bearer "+strings.Repeat("*", len(vendorSecret)) {
		t.Errorf("the vendor's credential came out: %q", got)
	}
	if n := b.crowd.size(); n != 1 {
		t.Errorf("%d clients are counted, want the tunnel's", n)
	}
	if err := c.WriteMessage(websocket.TextMessage, []byte("leave")); err != nil {
		t.Fatal(err)
	}
	var closed *websocket.CloseError
	if _, _, err := c.ReadMessage(); !errors.As(err, &closed) || closed.Code != websocket.CloseNormalClosure || closed.Text != "bye" {
		t.Errorf("the end: %v", err)
	}
	got := b.vendor.seen()[0]
	if got.Header.Get("Authorization") != "Bearer "+vendorSecret || got.Header.Get("Cookie") != "" || got.Header.Get("Sec-Websocket-Extensions") != "" {
		t.Errorf("the vendor got %v", got.Header)
	}
	eventually(t, "the tunnel to be over", func() bool { return b.flying.Load() == 0 && b.crowd.size() == 0 })
	eventually(t, "its line in the log", func() bool {
		lines := b.strings(t, `SELECT method || ' ' || route || ' ' || status || ' ' || (bytes_in > 250000) || ' ' || (bytes_out > 250000)
			FROM access_log WHERE credential_id = $1`, id)
		return cmp.Equal(lines, []string{"GET /socket 101 true true"})
	})
}

func TestOnlyRulesOpenTunnels(t *testing.T) {
	t.Parallel()
	b := startSockets(t, socketVendor, nil)
	key, _ := b.issue(t, "tempo", "live")
	for path, want := range map[string]int{
		"/socket": 101, "/rooms/a/b": 101, "/both": 101,
		"/page": 403, "/rooms/closed/a": 403, "/ROOMS/a": 403, "/both/deaf": 403, "/other": 403, "/rooms/%2e%2e/page": 400,
	} {
		_, resp, err := b.socket(t, path, key)
		if resp == nil || resp.StatusCode != want {
			t.Errorf("socket at %s: %v, %v", path, resp, err)
		}
	}
	for path, want := range map[string]string{
		"/page": "400", "/both": "400", "/both/deaf": "400", // the vendor's own answer: it is no handshake
		"/socket": "403 out_of_scope", "/rooms/a": "403 out_of_scope",
	} {
		a := b.send(t, "GET", "/tempo"+path, key, "")
		got := strconv.Itoa(a.Status)
		if code, ok := refusalCode(a.Body); ok {
			got += " " + code
		}
		if got != want {
			t.Errorf("plain %s: %+v", path, a)
		}
	}
}

const handshake = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"

// Whatever is not the one handshake does not change the protocol.
func TestHandshakesThatAreNone(t *testing.T) {
	t.Parallel()
	b := startSockets(t, socketVendor, nil)
	key, _ := b.issue(t, "tempo", "live")
	auth := "Host: h\r\nAuthorization: Bearer " + key + "\r\n"
	line := "GET /tempo/socket HTTP/1.1\r\n"
	change := func(from, to string) string { return line + auth + strings.ReplaceAll(handshake, from, to) + "\r\n" }
	for name, text := range map[string]string{
		"another protocol":   change("websocket", "h2c"),
		"two protocols":      change("Upgrade: websocket\r\n", "Upgrade: websocket, h2c\r\n"),
		"two upgrades":       change("Upgrade: websocket\r\n", "Upgrade: websocket\r\nUpgrade: websocket\r\n"),
		"no Connection":      change("Connection: Upgrade\r\n", ""),
		"more in Connection": change("Connection: Upgrade", "Connection: Upgrade, Authorization"),
		"another version":    change("13", "8"),
		"no version":         change("Sec-WebSocket-Version: 13\r\n", ""),
		"no key":             change("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n", ""),
		"short key":          change("AAAAAAAAAAAAAAAAAAAAAA==", "AAAA"),
		"odd key":            change("AAAAAAAAAAAAAAAAAAAAAA==", "AAAAAAAAAAAAAAAAAAAAAB=="),
		"a body":             change("Upgrade: websocket\r\n", "Upgrade: websocket\r\nContent-Length: 1\r\n") + "x",
		"a body in chunks":   change("Upgrade: websocket\r\n", "Upgrade: websocket\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n",
		"HTTP/1.0":           strings.Replace(change("", ""), "HTTP/1.1", "HTTP/1.0", 1),
		"POST":               strings.Replace(change("", ""), "GET", "POST", 1),
	} {
		b.refuses(t, name, text)
	}
	if seen := b.vendor.seen(); len(seen) > 0 {
		t.Errorf("the vendor got %v", seen)
	}
	for name, more := range map[string]string{"a request": "GET /tempo/page HTTP/1.1\r\n" + auth + "\r\n", "a frame": "\x81\x80abcd"} {
		if got := b.raw(t, change("", "")+more); got != "" {
			t.Errorf("%s behind a handshake: answered %q", name, got)
		}
	}
	for _, s := range b.vendor.seen() {
		if s.Target != "/socket" {
			t.Errorf("the vendor got %s behind a handshake", s.Target)
		}
	}
	eventually(t, "all clients to be gone", func() bool { return b.crowd.size() == 0 })
}

// refuses sends a request and wants 400 for it.
func (b *bundle) refuses(t *testing.T, name, text string) {
	t.Helper()
	c := b.dial(t, text)
	defer func() { _ = c.Close() }()
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	body, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), `"upgrade"`) {
		t.Errorf("%s: %d %s", name, resp.StatusCode, body)
	}
}

// A vendor that does not agree is answered for, not tunnelled to.
func TestVendorsThatDoNotUpgrade(t *testing.T) {
	t.Parallel()
	agree := func(header string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"+header+"\r\n\r\n")
			_ = c.Close()
		}
	}
	for header, want := range map[string]int{
		"": 200, "Upgrade: h2c": 502, "Upgrade: websocket, h2c": 502, "X: y": 502,
		"Upgrade: websocket\r\nSec-WebSocket-Extensions: permessage-deflate": 502,
	} {
		answer := agree(header)
		if header == "" {
			answer = socketVendor
		}
		b := startSockets(t, answer, nil)
		key, _ := b.issue(t, "tempo", "live")
		_, resp, err := b.socket(t, "/plain", key)
		if resp == nil || resp.StatusCode != want {
			t.Errorf("%q: %v, %v", header, resp, err)
		}
	}
}

// ends wants a tunnel to end, and why to be in the log.
func (b *bundle) ends(t *testing.T, c *websocket.Conn, why error) {
	t.Helper()
	if _, _, err := c.ReadMessage(); err == nil || strings.Contains(err.Error(), "timeout") {
		t.Errorf("the client's side: %v", err)
	}
	eventually(t, "the tunnel to be over", func() bool { return b.flying.Load() == 0 })
	eventually(t, "the log to say why", func() bool { return strings.Contains(b.logs.String(), why.Error()) })
}

func TestTunnelEndsWithItsKey(t *testing.T) {
	t.Parallel()
	b := startSockets(t, socketVendor, nil)
	for name, sql := range map[string]string{
		"revoked":   changes["revoked"].stop,
		"narrowed":  `UPDATE credential SET scopes = '{}' WHERE id = $1`,
		"suspended": changes["suspended"].stop,
	} {
		key, id := b.issue(t, "tempo", "live")
		c := b.openSocket(t, key)
		if got := say(t, c, name); got != name {
			t.Errorf("%s: %q", name, got)
		}
		b.exec(t, sql, id)
		began := time.Now()
		b.ends(t, c, errTunnelKey)
		t.Logf("%s: ended after %s", name, time.Since(began))
	}
}

func TestTunnelEndsWithItsTime(t *testing.T) {
	t.Parallel()
	b := startSockets(t, socketVendor, limited(connectors.Limits{Duration: 2 * time.Second}))
	key, _ := b.issue(t, "tempo", "live")
	b.ends(t, b.openSocket(t, key), errTunnelTime)
}

func TestTunnelEndsWithTheGateway(t *testing.T) {
	t.Parallel()
	b := startSockets(t, socketVendor, nil)
	key, _ := b.issue(t, "tempo", "live")
	c := b.openSocket(t, key)
	if err := b.stop(); err != nil {
		t.Error(err)
	}
	b.ends(t, c, errTunnelStop)
}

func TestIdleTunnelEnds(t *testing.T) {
	t.Parallel()
	tun := &tunnel{opened: time.Now().Add(-tunnelIdle - time.Minute), x: &exchange{upstream: &upstream{bounds: bounds{duration: time.Hour}}}}
	if err := (&Gateway{}).mayGoOn(nil, target{}, tun); !errors.Is(err, errTunnelIdle) {
		t.Errorf("nothing ever moved: %v", err)
	}
}

func TestTunnelsCount(t *testing.T) {
	t.Parallel()
	b := startSockets(t, socketVendor, func(d *Deps) { d.Limits.Concurrent = 1 })
	key, _ := b.issue(t, "tempo", "live")
	c := b.openSocket(t, key)
	if a := b.send(t, "GET", "/tempo/page", key, ""); a.Status != http.StatusTooManyRequests || a.detail(t).Code != "too_many_at_once" {
		t.Errorf("beside a tunnel: %+v", a)
	}
	_ = c.Close()
	eventually(t, "the tunnel to be over", func() bool { return b.flying.Load() == 0 })
	if _, _, err := b.socket(t, "/socket", key); err != nil {
		t.Errorf("after it: %v", err)
	}
}

// frame makes a vendor's frame.
func frame(first, second byte, rest string) string { return string([]byte{first, second}) + rest }

func TestFrames(t *testing.T) {
	t.Parallel()
	secrets := newMask(secret.New("Bearer " + vendorSecret))
	size := byte(len(vendorSecret))
	stars := strings.Repeat("*", len(vendorSecret))
	long := strings.Repeat("x", 300)
	for name, tt := range map[string]struct {
		in, out string
		err     error
	}{
		"nothing":       {"", "", io.EOF},
		"empty":         {frame(0x81, 0, ""), frame(0x81, 0, ""), io.EOF},
		"two":           {frame(0x81, 1, "v") + frame(0x89, 2, "ve"), frame(0x81, 1, "v") + frame(0x89, 2, "ve"), io.EOF},
		"secret":        {frame(0x81, size, vendorSecret), frame(0x81, size, stars), io.EOF},
		"16 bits":       {frame(0x82, 126, "\x01\x2c"+long), frame(0x82, 126, "\x01\x2c"+long), io.EOF},
		"64 bits":       {frame(0x82, 127, "\x00\x00\x00\x00\x00\x00\x01\x2c"+long), frame(0x82, 127, "\x00\x00\x00\x00\x00\x00\x01\x2c"+long), io.EOF},
		"masked":        {frame(0x81, 0x81, "abcde"), "", errFrame},
		"compressed":    {frame(0xc1, 1, "a"), "", errFrame},
		"negative":      {frame(0x82, 127, "\xff\xff\xff\xff\xff\xff\xff\xff"), "", errFrame},
		"half a head":   {frame(0x82, 126, "\x01"), "", io.EOF},
		"half a frame":  {frame(0x81, 5, "ab"), frame(0x81, 5, "ab"), io.ErrUnexpectedEOF},
		"after a frame": {frame(0x81, 1, "a") + frame(0xf1, 1, "a"), frame(0x81, 1, "a"), errFrame},
	} {
		for _, by := range []int{1, 3, 1 << 10} {
			var got bytes.Buffer
			to := bufio.NewWriter(&got)
			err := passFrames(to, bufio.NewReaderSize(&wire{pieces: pieces(tt.in, by)}, bufferSize), &secrets)
			_ = to.Flush()
			if !errors.Is(err, tt.err) || got.String() != tt.out {
				t.Errorf("%s by %d: %v, %q", name, by, err, got.String())
			}
		}
	}
}

// FuzzFrames checks that frames come out as they went in but for the secret,
// which never does.
func FuzzFrames(f *testing.F) {
	f.Add([]byte(frame(0x81, 1, "v")+frame(0x82, 30, vendorSecret)), 7)
	f.Add([]byte(frame(0x82, 127, "\x00\x00\x00\x00\x00\x00\x00\x02ab")), 1)
	secrets := newMask(secret.New("Bearer " + vendorSecret))
	f.Fuzz(func(t *testing.T, text []byte, by int) {
		if by < 1 {
			return
		}
		var got bytes.Buffer
		to := bufio.NewWriter(&got)
		_ = passFrames(to, bufio.NewReaderSize(&wire{pieces: pieces(string(text), by)}, bufferSize), &secrets)
		_ = to.Flush()
		if bytes.Contains(got.Bytes(), []byte(vendorSecret)) {
			t.Errorf("the secret is in %q", got.Bytes())
		}
		want := bytes.Clone(text[:min(len(text), got.Len())])
		for i, b := range got.Bytes() {
			if b != want[i] && b != '*' {
				t.Fatalf("byte %d of %q came out as %q", i, want, b)
			}
		}
	})
}
