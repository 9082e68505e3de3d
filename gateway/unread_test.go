package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"latchkey/connectors"
)

// startBefore runs a gateway in front of a vendor that answers as soon as it
// has the head of a request, and says when it is rid of the connection.
func startBefore(t *testing.T, says string, change func(*Deps)) (*bundle, chan struct{}) {
	t.Helper()
	gone := make(chan struct{}, 100)
	v := newRawVendor(t, func(_ int32, c net.Conn, r *bufio.Reader) {
		if _, err := http.ReadRequest(r); err != nil {
			return
		}
		_, _ = io.WriteString(c, says)
		_, _ = io.Copy(io.Discard, r)
		gone <- struct{}{}
	})
	b := start(t, nil, func(d *Deps) {
		u := d.Upstreams["tempo"]
		u.BaseURL = v.url
		d.Upstreams["tempo"] = u
		if change != nil {
			change(d)
		}
	})
	return b, gone
}

// wantEnd wants an answer, and the connection to end behind it.
func wantEnd(t *testing.T, c net.Conn, status int, code string) {
	t.Helper()
	r := bufio.NewReader(c)
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Errorf("%s: %v", code, err)
		return
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if resp.StatusCode != status || err != nil || !strings.Contains(string(body), code) {
		t.Errorf("%d %s, %v, want %d %s", resp.StatusCode, body, err, status, code)
	}
	if _, err := r.ReadByte(); err == nil || isTimeout(err) {
		t.Errorf("%s: the connection stays: %v", code, err)
	}
}

// A body that turns out to be too large while the answer is on its way must
// not touch the answer's headers, which its writer has in hand.
func TestTooLargeBesideTheAnswer(t *testing.T) {
	t.Parallel()
	b, _ := startBefore(t, fine, limited(connectors.Limits{Body: 10}))
	key, _ := b.issue(t, "tempo", "everything")
	post := "POST /tempo/x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " + key + "\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nabcdefgh\r\n"
	for range 50 {
		c := b.dial(t, post)
		_, _ = io.WriteString(c, "8\r\nabcdefgh\r\n")
		r := bufio.NewReader(c)
		resp, err := http.ReadResponse(r, nil)
		switch {
		case err == nil:
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusRequestEntityTooLarge || !resp.Close {
				t.Fatalf("answer %d, closes %v", resp.StatusCode, resp.Close)
			}
		case isTimeout(err): // else the answer was broken off
			t.Fatal(err)
		}
		if _, err := r.ReadByte(); err == nil || isTimeout(err) {
			t.Fatalf("the connection stays: %v", err)
		}
		_ = c.Close()
	}
}

// A body that is too large ends its exchange on both sides, however long the
// client takes over the rest of it.
func TestTooLargeEndsAtOnce(t *testing.T) {
	t.Parallel()
	b, gone := startBefore(t, "", limited(connectors.Limits{Body: 10}))
	key, _ := b.issue(t, "tempo", "everything")
	c := b.dial(t, "POST /tempo/x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer "+key+"\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n0123456789abcdef\r\n")
	wantEnd(t, c, http.StatusRequestEntityTooLarge, "body_too_large")
	await(t, gone, "the vendor to be rid of it")
}

// await waits for a signal.
func await(t *testing.T, signal <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-signal:
	case <-time.After(20 * time.Second):
		t.Fatalf("waited in vain for %s", what)
	}
}

// A client is told of the vendor's refusal, or failure, before it has sent the
// rest of its body, and not after.
func TestRefusalsDoNotWaitForTheBody(t *testing.T) {
	t.Parallel()
	for says, code := range map[string]string{
		strings.ReplaceAll(fine, "200 OK", "401 No"):             "upstream_refused_gateway",
		"nonsense\r\n\r\n":                                       "upstream_failed",
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n": "upstream_failed",
	} {
		b, gone := startBefore(t, says, nil)
		key, _ := b.issue(t, "tempo", "everything")
		for _, how := range []string{"Content-Length: 200000", "Transfer-Encoding: chunked"} {
			c := b.dial(t, "POST /tempo/x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer "+key+"\r\n"+how+"\r\n\r\n")
			wantEnd(t, c, http.StatusBadGateway, code)
			await(t, gone, "the vendor to be rid of it")
		}
	}
}

// Who is refused does not hold a connection by not sending what was announced.
func TestRefusedBodiesThatDoNotCome(t *testing.T) {
	t.Parallel()
	b := start(t, nil, nil)
	for _, how := range []string{"Content-Length: 200000", "Transfer-Encoding: chunked", "Content-Length: 200000\r\nExpect: 100-continue", "Content-Length: 2000000"} {
		wantEnd(t, b.dial(t, "POST /tempo/x HTTP/1.1\r\nHost: h\r\n"+how+"\r\n\r\n"), http.StatusUnauthorized, "invalid_key")
	}
	eventually(t, "all to be gone", func() bool { return b.crowd.size() == 0 })
}

// While they are waited for, they go before others.
func TestRefusedBodiesMakeRoom(t *testing.T) {
	t.Parallel()
	b := start(t, nil, func(d *Deps) { d.Limits.Clients = 4 })
	key, _ := b.issue(t, "tempo", "everything")
	for range 20 {
		b.dial(t, "POST /tempo/x HTTP/1.1\r\nHost: h\r\nContent-Length: 200000\r\n\r\n")
	}
	get := "GET /tempo/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Bearer " + key + "\r\n\r\n"
	if got := b.raw(t, get); !strings.HasPrefix(got, "HTTP/1.1 200 ") {
		t.Errorf("a whole request: %q", got)
	}
}

// A refused request whose body comes keeps its connection.
func TestRefusedBodiesThatCome(t *testing.T) {
	t.Parallel()
	b := start(t, nil, nil)
	body := strings.Repeat("x", 100_000)
	c := b.dial(t, "")
	r := bufio.NewReader(c)
	for range 3 {
		if _, err := fmt.Fprintf(c, "POST /tempo/x HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", len(body), body); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusUnauthorized || resp.Close {
			t.Errorf("answer %d, closes %v", resp.StatusCode, resp.Close)
		}
	}
}
