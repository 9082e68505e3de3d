package gateway

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/connectors"
)

// rawVendor speaks with each connection as serve does, which gets its number
// from 1 on, and closes it then.
type rawVendor struct {
	*vendorWire
	url   *url.URL
	conns atomic.Int32
}

func newRawVendor(t *testing.T, serve func(n int32, c net.Conn, r *bufio.Reader)) *rawVendor {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	v := &rawVendor{url: &url.URL{Scheme: "http", Host: ln.Addr().String()}}
	v.vendorWire = newWire(connectors.Upstream{BaseURL: v.url, AllowPrivate: true})
	t.Cleanup(v.pool.clear)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			n := v.conns.Add(1)
			go func() {
				defer func() { _ = c.Close() }()
				serve(n, c, bufio.NewReader(c))
			}()
		}
	}()
	return v
}

// idling is how many connections are kept.
func (w *vendorWire) idling() int {
	w.pool.mu.Lock()
	defer w.pool.mu.Unlock()
	return len(w.pool.idle)
}

// request is one to the vendor, with a body if that is not nil.
func (v *rawVendor) request(t *testing.T, method string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, v.url.JoinPath("x").String(), body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func soon() time.Time { return time.Now().Add(20 * time.Second) }

// whole sends a request and reads the whole answer.
func (v *rawVendor) whole(r *http.Request) (status int, body string, err error) {
	resp, err := v.send(r, soon())
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// readRequest reads a request off the wire, its body included.
func readRequest(r *bufio.Reader) (*http.Request, string, error) {
	req, err := http.ReadRequest(r)
	if err != nil {
		return nil, "", err
	}
	body, err := io.ReadAll(req.Body)
	return req, string(body), err
}

const fine = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"

// TestAnswersAsTheyAre shows which answers pass, and after which of them the
// connection is used again.
func TestAnswersAsTheyAre(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, method, answer string
		status               int
		body                 string
		again                bool
	}{
		{"sized", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, "hi", true},
		{"nothing", "GET", "HTTP/1.1 200 \r\ncontent-length: 0\r\n\r\n", 200, "", true},
		{"no reason", "GET", "HTTP/1.1 404\r\nContent-Length:2 \r\n\r\nhi", 404, "hi", true},
		{"chunked", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nhi\r\n1;x=y\r\n!\r\n0\r\n\r\n", 200, "hi!", true},
		{"trailers", "GET", "HTTP/1.1 200 OK\r\nTrailer: X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX: y\r\n\r\n", 200, "hi", true},
		{"HEAD", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n", 200, "", true},
		{"HEAD, chunked", "HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 200, "", true},
		{"not modified", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 2000\r\n\r\n", 304, "", true},
		{"no content", "DELETE", "HTTP/1.1 204 No Content\r\n\r\n", 204, "", true},
		{"no content, chunked", "DELETE", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 204, "", false},
		{"no content, sized", "DELETE", "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n", 204, "", false},
		{"interim", "GET", strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", maxInterim-1) + fine, 200, "fine", true},
		{"close", "GET", "HTTP/1.1 200 OK\r\nConnection: Keep-Alive, Close\r\nContent-Length: 2\r\n\r\nhi", 200, "hi", false},
		{"HTTP/1.0", "GET", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi", 200, "hi", false},
		{"to the end", "GET", "HTTP/1.1 200 OK\r\n\r\nhi", 200, "hi", false},
		{"more than declared", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi" + fine, 200, "hi", false},
		{"more than chunked", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nx", 200, "", false},
		{"more than nothing", "GET", "HTTP/1.1 304 Not Modified\r\n\r\n" + fine, 304, "", false},
	}
	for _, tt := range tests {
		v := newRawVendor(t, func(n int32, c net.Conn, r *bufio.Reader) {
			for i := 0; ; i++ {
				if _, _, err := readRequest(r); err != nil {
					return
				}
				text := fine
				if n == 1 && i == 0 {
					text = tt.answer
				}
				if _, err := io.WriteString(c, text); err != nil || tt.name == "to the end" {
					return
				}
			}
		})
		status, body, err := v.whole(v.request(t, tt.method, nil))
		if err != nil || status != tt.status || body != tt.body {
			t.Errorf("%s: %d %q, %v", tt.name, status, body, err)
			continue
		}
		if kept := v.idling() == 1; kept != tt.again {
			t.Errorf("%s: the connection is kept: %t", tt.name, kept)
		}
		if status, body, err := v.whole(v.request(t, "GET", nil)); err != nil || status != 200 || body != "fine" {
			t.Errorf("%s: the next answer is %d %q, %v", tt.name, status, body, err)
		}
		if again := v.conns.Load() == 1; again != tt.again {
			t.Errorf("%s: the connection was used again: %t", tt.name, again)
		}
	}
}

// TestHostileAnswers shows that an answer that two systems may read
// differently is none, and that its connection is not used again.
func TestHostileAnswers(t *testing.T) {
	t.Parallel()
	ok := "HTTP/1.1 200 OK\r\n"
	chunked := ok + "Transfer-Encoding: chunked\r\n\r\n"
	tests := map[string]string{
		"length and chunks":       ok + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"chunks and length":       ok + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
		"two lengths":             ok + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi!",
		"the same length twice":   ok + "Content-Length: 2\r\ncontent-length: 2\r\n\r\nhi",
		"lengths in one":          ok + "Content-Length: 2, 2\r\n\r\nhi",
		"signed length":           ok + "Content-Length: +2\r\n\r\nhi",
		"negative length":         ok + "Content-Length: -1\r\n\r\nhi",
		"hexadecimal length":      ok + "Content-Length: 0x2\r\n\r\nhi",
		"no length":               ok + "Content-Length:\r\n\r\nhi",
		"endless length":          ok + "Content-Length: 9999999999999999999\r\n\r\nhi",
		"chunked twice":           ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"two encodings":           ok + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		"unknown encoding":        ok + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
		"hidden encoding":         ok + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
		"chunks in HTTP/1.0":      "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"line feeds":              "HTTP/1.1 200 OK\nContent-Length: 2\n\nhi",
		"one line feed":           ok + "X: y\nContent-Length: 2\r\n\r\nhi",
		"carriage return":         ok + "X: y\rContent-Length: 3\r\nContent-Length: 2\r\n\r\nhi",
		"folded":                  ok + "X: y\r\n Content-Length: 3\r\nContent-Length: 2\r\n\r\nhi",
		"no colon":                ok + "X\r\nContent-Length: 2\r\n\r\nhi",
		"space before the colon":  ok + "Content-Length : 2\r\n\r\nhi",
		"no name":                 ok + ": y\r\nContent-Length: 2\r\n\r\nhi",
		"NUL":                     ok + "X: \x00\r\nContent-Length: 2\r\n\r\nhi",
		"status of two digits":    "HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nhi",
		"status of four digits":   "HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nhi",
		"signed status":           "HTTP/1.1 +20 OK\r\nContent-Length: 2\r\n\r\nhi",
		"status below 100":        "HTTP/1.1 099 OK\r\nContent-Length: 2\r\n\r\nhi",
		"HTTP/2 in text":          "HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nhi",
		"another protocol":        "ICY 200 OK\r\nContent-Length: 2\r\n\r\nhi",
		"lower case":              "http/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
		"bytes before":            "\r\n" + fine,
		"switched protocols":      "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n" + fine,
		"interim for ever":        strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", maxInterim) + fine,
		"interim with a body":     "HTTP/1.1 103 Early Hints\r\nContent-Length: 2\r\n\r\nhi" + fine,
		"large head":              ok + "X: " + strings.Repeat("x", maxAnswerHead) + "\r\n\r\n",
		"many headers":            ok + strings.Repeat("X: y\r\n", maxAnswerHead/6) + "\r\n",
		"head without end":        ok + "Content-Length: 2\r\n",
		"silence":                 "",
		"short":                   ok + "Content-Length: 3\r\n\r\nhi",
		"chunk of no size":        chunked + "\r\nhi\r\n0\r\n\r\n",
		"chunk of negative size":  chunked + "-2\r\nhi\r\n0\r\n\r\n",
		"chunk of prefixed size":  chunked + "0x2\r\nhi\r\n0\r\n\r\n",
		"chunk of a huge size":    chunked + "10000000000000002\r\nhi\r\n0\r\n\r\n",
		"chunk longer than said":  chunked + "2\r\nhi!\r\n0\r\n\r\n",
		"chunk with a line feed":  chunked + "2\nhi\r\n0\r\n\r\n",
		"chunk of large framing":  chunked + "2;" + strings.Repeat("x", readerSize) + "\r\nhi\r\n0\r\n\r\n",
		"no last chunk":           chunked + "2\r\nhi\r\n",
		"half a last chunk":       chunked + "2\r\nhi\r\n0\r\n",
		"trailer with line feeds": chunked + "2\r\nhi\r\n0\r\nX: y\n\r\n",
		"large trailers":          chunked + "2\r\nhi\r\n0\r\n" + strings.Repeat("X: y\r\n", maxTrailers/5) + "\r\n",
	}
	for name, text := range tests {
		v := newRawVendor(t, func(n int32, c net.Conn, r *bufio.Reader) {
			if _, _, err := readRequest(r); err != nil {
				return
			}
			answer := text
			if n > 1 {
				answer = fine
			}
			_, _ = io.WriteString(c, answer)
		})
		if status, body, err := v.whole(v.request(t, "GET", nil)); err == nil {
			t.Errorf("%s: passed as %d %q", name, status, body)
		}
		if n := v.conns.Load(); n != 1 {
			t.Errorf("%s: sent on %d connections", name, n)
		}
		if status, body, err := v.whole(v.request(t, "GET", nil)); err != nil || status != 200 || body != "fine" {
			t.Errorf("%s: the next answer is %d %q, %v", name, status, body, err)
		}
		if n := v.conns.Load(); n != 2 {
			t.Errorf("%s: the next was sent on the same connection", name)
		}
	}
}

// TestUnaskedAnswers shows that what a vendor sends on an idle connection is
// nobody's answer.
func TestUnaskedAnswers(t *testing.T) {
	t.Parallel()
	more, sent := make(chan struct{}), make(chan struct{})
	v := newRawVendor(t, func(n int32, c net.Conn, r *bufio.Reader) {
		for range 2 {
			if _, _, err := readRequest(r); err != nil {
				return
			}
			_, _ = io.WriteString(c, fine)
			if n == 1 {
				<-more
				_, _ = io.WriteString(c, strings.ReplaceAll(fine, "fine", "evil"))
				close(sent)
			}
		}
	})
	for range 2 {
		if _, body, err := v.whole(v.request(t, "GET", nil)); err != nil || body != "fine" {
			t.Fatalf("%q, %v", body, err)
		}
		if v.conns.Load() == 1 {
			close(more)
			<-sent
		}
	}
	if n := v.conns.Load(); n != 2 {
		t.Errorf("%d connections", n)
	}
}

// TestSendsOnceMore shows when a request is sent again: after a connection
// that was used before ends without a byte, and only if it has nothing done.
func TestSendsOnceMore(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, method, body string
		last               string // what comes back on the old connection
		conns              int32
		ok                 bool
	}{
		{"GET", "GET", "", "", 2, true},
		{"HEAD", "HEAD", "", "", 2, true},
		{"GET with a body", "GET", "x", "", 1, false},
		{"POST", "POST", "x", "", 1, false},
		{"POST without a body", "POST", "", "", 1, false},
		{"DELETE", "DELETE", "", "", 1, false},
		{"one byte came", "GET", "", "H", 1, false},
	}
	for _, tt := range tests {
		v := newRawVendor(t, func(n int32, c net.Conn, r *bufio.Reader) {
			if _, _, err := readRequest(r); err != nil {
				return
			}
			_, _ = io.WriteString(c, fine)
			if _, _, err := readRequest(r); err == nil && n == 1 {
				_, _ = io.WriteString(c, tt.last)
			}
		})
		if _, _, err := v.whole(v.request(t, "GET", nil)); err != nil {
			t.Fatal(err)
		}
		var body io.Reader
		if tt.body != "" {
			body = strings.NewReader(tt.body)
		}
		status, _, err := v.whole(v.request(t, tt.method, body))
		if ok := err == nil && status == 200; ok != tt.ok || v.conns.Load() != tt.conns {
			t.Errorf("%s: %d, %v on %d connections", tt.name, status, err, v.conns.Load())
		}
	}
	v := newRawVendor(t, func(_ int32, _ net.Conn, r *bufio.Reader) { _, _, _ = readRequest(r) })
	if _, _, err := v.whole(v.request(t, "GET", nil)); err == nil || v.conns.Load() != 1 {
		t.Errorf("a new connection that ends: %v on %d connections", err, v.conns.Load())
	}
}

// TestWireWaits shows that neither a vendor nor a client's patience is waited
// for longer than said, and that nothing stays open then.
func TestWireWaits(t *testing.T) {
	t.Parallel()
	arrived, gone := make(chan struct{}, 1), make(chan struct{}, 1)
	v := newRawVendor(t, func(_ int32, c net.Conn, r *bufio.Reader) {
		req, _, err := readRequest(r)
		if err != nil {
			return
		}
		if req.Method == "PUT" {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
		}
		arrived <- struct{}{}
		_, _ = r.ReadByte()
		gone <- struct{}{}
	})
	tests := map[string]struct {
		method   string
		wait     time.Duration // for the answer
		ends     time.Duration
		cancel   bool
		timesOut bool
	}{
		"canceled before the answer":    {"GET", time.Minute, time.Minute, true, true},
		"canceled inside the answer":    {"PUT", time.Minute, time.Minute, true, true},
		"no answer in time":             {"GET", 20 * time.Millisecond, time.Minute, false, true},
		"no answer to an upload":        {"POST", 20 * time.Millisecond, time.Minute, false, true},
		"not through in time":           {"GET", time.Minute, 20 * time.Millisecond, false, true},
		"the answer not whole in time":  {"PUT", time.Minute, 20 * time.Millisecond, false, true},
		"the upload's answer not there": {"POST", time.Minute, 20 * time.Millisecond, false, true},
	}
	for name, tt := range tests {
		v.answerWait = tt.wait
		ctx, cancel := context.WithCancel(t.Context())
		var body io.Reader
		if tt.method != "GET" {
			body = strings.NewReader("body")
		}
		r := v.request(t, tt.method, body).WithContext(ctx)
		failed := make(chan error, 1)
		go func() {
			resp, err := v.send(r, time.Now().Add(tt.ends))
			if err == nil {
				_, err = io.ReadAll(resp.Body)
				_ = resp.Body.Close()
			}
			failed <- err
		}()
		<-arrived
		if tt.cancel {
			cancel()
		}
		if err := <-failed; err == nil || isTimeout(err) != tt.timesOut {
			t.Errorf("%s: %v", name, err)
		}
		<-gone
		cancel()
	}
	if n := v.idling(); n != 0 {
		t.Errorf("%d connections are kept", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := v.send(v.request(t, "GET", nil).WithContext(ctx), soon()); err == nil {
		t.Error("a request that was canceled before was sent")
	}
}
