package gateway

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// brokenBody ends with an error instead of its end.
type brokenBody struct {
	io.Reader
	err error
}

func (b brokenBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = b.err
	}
	return n, err
}

// TestUploads shows that bodies arrive as they are, and that their connection
// is used again.
func TestUploads(t *testing.T) {
	t.Parallel()
	type got struct {
		length int64
		te     []string
		body   string
	}
	seen := make(chan got, 1)
	v := newRawVendor(t, func(_ int32, c net.Conn, r *bufio.Reader) {
		for {
			req, body, err := readRequest(r)
			if err != nil {
				return
			}
			seen <- got{req.ContentLength, req.TransferEncoding, body}
			_, _ = io.WriteString(c, fine)
		}
	})
	large := strings.Repeat("0123456789", 10_000)
	for _, tt := range []struct {
		name, body string
		length     int64
		want       got
	}{
		{"sized", large, int64(len(large)), got{int64(len(large)), nil, large}},
		{"chunked", large, -1, got{-1, []string{"chunked"}, large}},
		{"empty, chunked", "", -1, got{-1, []string{"chunked"}, ""}},
		{"small", "x", 1, got{1, nil, "x"}},
	} {
		r := v.request(t, "POST", io.NopCloser(strings.NewReader(tt.body)))
		r.ContentLength = tt.length
		if _, body, err := v.whole(r); err != nil || body != "fine" {
			t.Fatalf("%s: %q, %v", tt.name, body, err)
		}
		if g := <-seen; g.length != tt.want.length || len(g.te) != len(tt.want.te) || g.body != tt.want.body {
			t.Errorf("%s: the vendor read %d %v and %d bytes", tt.name, g.length, g.te, len(g.body))
		}
	}
	if _, _, err := v.whole(v.request(t, "POST", nil)); err != nil {
		t.Fatal(err)
	}
	if g := <-seen; g.length != 0 || g.te != nil {
		t.Errorf("without a body: %+v", g)
	}
	eventually(t, "the connections to be kept", func() bool { return v.idling() == int(v.conns.Load()) })
}

// TestEarlyAnswers shows that an answer does not wait for the rest of a body,
// and that its connection is not used again.
func TestEarlyAnswers(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{})
	v := newRawVendor(t, func(_ int32, c net.Conn, r *bufio.Reader) {
		if _, err := http.ReadRequest(r); err != nil {
			return
		}
		_, _ = io.WriteString(c, strings.ReplaceAll(fine, "200 OK", "413 No"))
		_, _ = io.Copy(io.Discard, r)
		gone <- struct{}{}
	})
	for _, length := range []int64{-1, 1 << 20} {
		rest, more := io.Pipe() // of which nothing comes
		r := v.request(t, "POST", rest)
		r.ContentLength = length
		resp, err := v.send(r, soon())
		if err != nil || resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Fatalf("%v, %v", resp, err)
		}
		if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "fine" {
			t.Errorf("%q, %v", body, err)
		}
		_ = resp.Body.Close()
		_ = more.CloseWithError(io.ErrUnexpectedEOF)
		<-gone
	}
	if n := v.idling(); n != 0 || v.conns.Load() != 2 {
		t.Errorf("%d of %d connections are kept", n, v.conns.Load())
	}
}

// TestBrokenUploads shows that a vendor never takes a part of a body for the
// whole, and that the reason is the body's.
func TestBrokenUploads(t *testing.T) {
	t.Parallel()
	errBroken := errors.New("broken")
	ended := make(chan error, 1)
	v := newRawVendor(t, func(_ int32, c net.Conn, r *bufio.Reader) {
		_, _, err := readRequest(r)
		ended <- err
		if err == nil {
			_, _ = io.WriteString(c, fine)
		}
	})
	for _, tt := range []struct {
		name   string
		body   io.Reader
		length int64
		want   error
	}{
		{"chunked", brokenBody{strings.NewReader("half"), errBroken}, -1, errBroken},
		{"sized", brokenBody{strings.NewReader("half"), errBroken}, 10, errBroken},
		{"too short", strings.NewReader("half"), 10, errShorterBody},
		{"too long", strings.NewReader("more than half"), 5, errLongerBody},
	} {
		r := v.request(t, "POST", io.NopCloser(tt.body))
		r.ContentLength = tt.length
		if _, _, err := v.whole(r); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if err := <-ended; err == nil {
			t.Errorf("%s: the vendor read a whole request", tt.name)
		}
	}
}

// TestRequestsThatCantBeSent shows that nothing ends a line of a request
// before its time, even where it does not come from a client.
func TestRequestsThatCantBeSent(t *testing.T) {
	t.Parallel()
	v := newRawVendor(t, func(_ int32, c net.Conn, r *bufio.Reader) {
		if _, _, err := readRequest(r); err == nil {
			_, _ = io.WriteString(c, fine)
		}
	})
	for name, change := range map[string]func(*http.Request){
		"method":     func(r *http.Request) { r.Method = "GET /y HTTP/1.1\r\nX:" },
		"target":     func(r *http.Request) { r.URL.Opaque = "/x HTTP/1.1\r\nX: y" },
		"query":      func(r *http.Request) { r.URL.RawQuery = "a b" },
		"value":      func(r *http.Request) { r.Header.Set("X", "y\r\nX: z") },
		"line feed":  func(r *http.Request) { r.Header.Set("X", "y\nX: z") },
		"name":       func(r *http.Request) { r.Header["X: y\r\nX"] = []string{"z"} },
		"empty name": func(r *http.Request) { r.Header[""] = []string{"z"} },
		"host":       func(r *http.Request) { r.URL.Host = "h\r\nX: y" },
	} {
		r := v.request(t, "GET", nil)
		change(r)
		if _, _, err := v.whole(r); !errors.Is(err, errUnsendable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	r := v.request(t, "GET", nil)
	r.Header = http.Header{"X": {"ü\ty"}, "User-Agent": {""}, "Content-Length": {"7"}, "Transfer-Encoding": {"chunked"}, "Host": {"evil"}}
	if _, body, err := v.whole(r); err != nil || body != "fine" {
		t.Errorf("%q, %v", body, err)
	}
}
