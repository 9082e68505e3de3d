package gateway

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// wire is a net.Conn whose other side sends fixed pieces.
type wire struct {
	net.Conn
	pieces [][]byte
}

// testHead is how large a head may be in these tests.
const testHead = 32 << 10

func (w *wire) Read(p []byte) (int, error) {
	if len(w.pieces) == 0 {
		return 0, io.EOF
	}
	n := copy(p, w.pieces[0])
	if w.pieces[0] = w.pieces[0][n:]; len(w.pieces[0]) == 0 {
		w.pieces = w.pieces[1:]
	}
	return n, nil
}

// pieces cuts text into pieces of a size.
func pieces(text string, size int) [][]byte {
	var out [][]byte
	for b := []byte(text); len(b) > 0; {
		n := min(size, len(b))
		out = append(out, b[:n:n])
		b = b[n:]
	}
	return out
}

// through reads what the guard lets through, a few bytes at a time.
func through(g *guardedConn, size int) (string, error) {
	var out strings.Builder
	p := make([]byte, size)
	for {
		n, err := g.Read(p)
		out.Write(p[:n])
		if err != nil {
			return out.String(), err
		}
	}
}

const get = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"

func TestGuardLetsThrough(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing":   "",
		"get":       get,
		"pipelined": get + get + "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello" + get,
		"http/1.0":  "GET /a HTTP/1.0\r\n\r\n",
		"empty":     "POST /a HTTP/1.1\r\nHost: h\r\ncontent-length: 0\r\n\r\n" + get,
		"chunked": "POST /a HTTP/1.1\r\nHost:h\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n00A\r\n0123456789\r\n0\r\n\r\n" + get +
			"POST /a HTTP/1.1\r\nHost: h\r\nTRANSFER-ENCODING:\tchunked \r\n\r\n000\r\n\r\n" + get,
		"a head in a body":     "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 28\r\n\r\n" + get + get,
		"odd header values":    "GET /a HTTP/1.1\r\nHost: h\r\nX-A: \tb  c \xff\r\nX-Empty:\r\nUser-Agent: a/1 (b; c)\r\n\r\n",
		"line feeds in a body": "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n\n\r\n\n" + get,
		"HTTP/2":               preface + "whatever\n\x00" + get,
		"like HTTP/2":          "PRI /a HTTP/1.1\r\nHost: h\r\n\r\n" + get,
		"a large head":         "GET /a HTTP/1.1\r\nHost: h\r\nX-A: " + strings.Repeat("x", 20<<10) + "\r\n\r\n" + get,
	} {
		for _, size := range []int{1, 7, 1 << 20} {
			for _, read := range []int{1, 5, 4096} {
				g := &guardedConn{maxHead: testHead, Conn: &wire{pieces: pieces(text, size)}}
				got, err := through(g, read)
				if got != text || err != io.EOF { //nolint:errorlint // net/http compares as well
					t.Errorf("%s, sent by %d, read by %d: %q, %v", name, size, read, got, err)
				}
			}
		}
	}
}

func TestGuardRefusesHeads(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{
		"malformed_request": {
			"\r\n" + get, "\n", "GET /a HTTP/1.1\nHost: h\n\n", "GET /a HTTP/1.1\r\nHost: h\n\r\n", "GET /a HTTP/1.1\r\nHost: h\r\n\n",
			"GET /a HTTP/1.1\r\nHost: h\rX: y\r\n\r\n", "GET /a HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n", "GET /a HTTP/1.1\r\nHost: h\r\nX: a\r\n\tb\r\n\r\n",
			"GET /a HTTP/1.1\r\n Host: h\r\n\r\n", "GET /a HTTP/1.1\r\nHost : h\r\n\r\n", "GET /a HTTP/1.1\r\nHost: h\r\nnocolon\r\n\r\n",
			"GET /a HTTP/1.1\r\nHost: h\r\n: v\r\n\r\n", "GET /a HTTP/1.1\r\nHost: h\r\nX(: v\r\n\r\n", "GET /a HTTP/1.1\r\nHost: h\r\nX: a\x00\r\n\r\n",
			"GET /a HTTP/1.1\r\n\r\n", "GET /a HTTP/1.1\r\nHost: a b\r\n\r\n", "GET /a HTTP/1.1\r\nHost: h/x\r\n\r\n", "GET /a HTTP/1.1\r\nHost: u@h\r\n\r\n",
			"GET /a HTTP/1.1\r\nHost: h\r\nhost: i\r\n\r\n", "GET /a HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n",
			"GET /a HTTP/1.1\r\nHost: h\r\nAuthorization: a\r\nauthorization: b\r\n\r\n",
			"GET /a\r\n", "GET  /a HTTP/1.1\r\n", "GET /a  HTTP/1.1\r\n", "GET /a HTTP/1.1 \r\n", " GET /a HTTP/1.1\r\n", "GET\t/a\tHTTP/1.1\r\n", "GE(T /a HTTP/1.1\r\n",
			"GET /a HTTP/2.0\r\n", "GET /a HTTP/0.9\r\n", "GET /a http/1.1\r\n", "GET /a HTTP/1.10\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x16\x03\x01\x02\x00\x01\r\n\r\n",
			"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
			"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
			"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\n",
			"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 4, 4\r\n\r\n", "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: +4\r\n\r\n",
			"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 0x4\r\n\r\n",
			"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n", "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 9999999999999999999\r\n\r\n",
			"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length : 4\r\n\r\n",
			"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n",
			"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\n\r\n", "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\r\n\r\n",
			"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
			"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n", "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \x0bchunked\r\n\r\n",
			"POST /a HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
		},
		"malformed_path": {
			"GET * HTTP/1.1\r\n", "GET http://h/a HTTP/1.1\r\n", "CONNECT h:443 HTTP/1.1\r\n", "GET a HTTP/1.1\r\n", "GET /a%zz HTTP/1.1\r\n",
			"GET /\xff HTTP/1.1\r\n", "GET /a\x00 HTTP/1.1\r\n", "GET /a\tb HTTP/1.1\r\n",
		},
		"head_too_large": {
			"GET /" + strings.Repeat("a", testHead) + " HTTP/1.1\r\nHost: h\r\n\r\n",
			"GET /a HTTP/1.1\r\nHost: h\r\n" + strings.Repeat("X: y\r\n", maxHeaders) + "\r\n",
			"GET /a HTTP/1.1\r\nHost: h\r\n" + strings.Repeat("X: "+strings.Repeat("y", 1000)+"\r\n", 40) + "\r\n",
		},
	}
	for code, texts := range tests {
		for _, text := range texts {
			for _, size := range []int{1, 1 << 20} {
				g := &guardedConn{maxHead: testHead, Conn: &wire{pieces: pieces(get+text, size)}}
				got, err := through(g, 4096)
				refused := g.refused.Load()
				if got != get+refusedRequest || err != io.EOF || refused == nil || refused.code != code { //nolint:errorlint // net/http compares as well
					t.Errorf("%.100q sent by %d: let %.100q through, refusal %+v, want %s", text, size, got, refused, code)
				}
			}
		}
	}
}

func TestGuardRefusesChunks(t *testing.T) {
	t.Parallel()
	const post = "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
	for _, chunks := range []string{
		"\r\nhello", "5;ext=1\r\nhello\r\n", "5 \r\nhello\r\n", " 5\r\nhello\r\n", "5\nhello\n", "5\r\nhello\n", "5\r\nhello0\r\n\r\n", "5\r\nhelloX\r\n",
		"-5\r\n", "+5\r\n", "0x5\r\nhello\r\n", "g\r\n", "123456789\r\n", "5\r\r\nhello", "5\rhello",
		"0\r\nX-Trailer: a\r\n\r\n", "0\r\n\n", "0\n\n", "0\r\n\rX", "1\r\na\r\n0\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n",
	} {
		for _, size := range []int{1, 1 << 20} {
			g := &guardedConn{maxHead: testHead, Conn: &wire{pieces: pieces(post+chunks, size)}}
			got, err := through(g, 4096)
			if !errors.Is(err, errFraming) || !strings.HasPrefix(post+chunks, got) || len(got) >= len(post+chunks) {
				t.Errorf("%q sent by %d: let %q through, %v", chunks, size, got, err)
			}
		}
	}
}

// A read deadline is how net/http stops waiting for the next request; what
// came so far must not be lost by it.
func TestGuardKeepsWhatCameBeforeADeadline(t *testing.T) {
	t.Parallel()
	client, server := net.Pipe()
	defer func() { _ = client.Close() }()
	g := &guardedConn{maxHead: testHead, Conn: server}
	sent := make(chan error, 1)
	go func() {
		_, err := io.WriteString(client, get[:10])
		sent <- err
	}()
	p := make([]byte, 100)
	expired := make(chan error, 1)
	go func() {
		_, err := g.Read(p)
		expired <- err
	}()
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	if err := server.SetReadDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	var timeout net.Error
	if err := <-expired; !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Fatalf("err = %v", err)
	}
	if err := server.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	go func() {
		_, err := io.WriteString(client, get[10:])
		sent <- err
	}()
	n, err := g.Read(p)
	if err != nil || string(p[:n]) != get {
		t.Errorf("read %q, %v", p[:n], err)
	}
}

// FuzzGuard checks that whatever the guard lets through net/http reads as the
// guard did: the same number of requests, none malformed, with the same
// bodies, and nothing else before the refusal.
func FuzzGuard(f *testing.F) {
	for _, seed := range []string{
		get, get + get, "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello" + get,
		"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" + get,
		"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "GET /a HTTP/1.1\nHost: h\n\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if bytes.HasPrefix(text, []byte(preface)) {
			t.Skip("HTTP/2")
		}
		g := &guardedConn{maxHead: testHead, Conn: &wire{pieces: [][]byte{bytes.Clone(text)}}}
		got, err := through(g, 512)
		why := g.refused.Load()
		before, wasRefused := got, why != nil && why != errFraming
		if wasRefused {
			before = strings.TrimSuffix(got, refusedRequest)
			if before == got {
				t.Fatalf("refused without the request that says so: %q", got)
			}
		}
		if !bytes.HasPrefix(text, []byte(before)) {
			t.Fatalf("let %q through of %q", before, text)
		}
		r := bufio.NewReader(strings.NewReader(before))
		for {
			_, peek := r.Peek(1)
			if peek == io.EOF {
				break
			}
			req, readErr := http.ReadRequest(r)
			if readErr != nil {
				t.Fatalf("net/http does not understand %q: %v", before, readErr)
			}
			_, bodyErr := io.Copy(io.Discard, req.Body)
			if bodyErr != nil && (wasRefused || err == io.EOF && !g.body.open()) { //nolint:errorlint // net/http compares as well
				t.Fatalf("net/http reads another body in %q: %v", before, bodyErr)
			}
			if bodyErr != nil {
				break
			}
		}
	})
}

func TestFramingOnTheWire(t *testing.T) {
	t.Parallel()
	b := start(t, nil, nil)
	key, _ := b.issue(t, "tempo", "everything")
	auth := "Host: h\r\nAuthorization: Bearer " + key + "\r\n"
	ok := "GET /tempo/4/ok HTTP/1.1\r\n" + auth + "\r\n"
	smuggled := "GET /tempo/4/smuggled HTTP/1.1\r\n" + auth + "\r\n"
	tests := []struct {
		name, send string
		status     []string
		targets    []string
	}{
		{"pipelined", ok + "POST /tempo/4/b HTTP/1.1\r\n" + auth + "Content-Length: 2\r\n\r\nhi" + ok + "GET /tempo/4/c HTTP/1.1\r\nConnection: close\r\n" + auth + "\r\n",
			[]string{"200", "200", "200", "200"}, []string{"GET /4/ok", "POST /4/b", "GET /4/ok", "GET /4/c"}},
		{"CL and TE", ok + "POST /tempo/4/b HTTP/1.1\r\n" + auth + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG" + smuggled,
			[]string{"200", "400"}, []string{"GET /4/ok"}},
		{"chunk extension", "POST /tempo/4/b HTTP/1.1\r\n" + auth + "Transfer-Encoding: chunked\r\n\r\n2;\n0\r\nhi\r\n0\r\n\r\n" + smuggled,
			[]string{"400"}, nil},
		{"LF only", strings.ReplaceAll(smuggled, "\r\n", "\n"), []string{"400"}, nil},
		{"folded", "GET /tempo/4/x HTTP/1.1\r\n" + auth + "X: a\r\n b\r\n\r\n", []string{"400"}, nil},
		{"TE in HTTP/1.0", "POST /tempo/4/x HTTP/1.0\r\n" + auth + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled, []string{"400"}, nil},
		{"large after refusal", "GET /tempo/4/x HTTP/9\r\n" + strings.Repeat("x", 100<<10), []string{"400"}, nil},
		{"the guard's own method", "REFUSED / HTTP/1.1\r\nConnection: close\r\n" + auth + "\r\n", []string{"400"}, nil},
	}
	for _, tt := range tests {
		before := len(b.vendor.seen())
		answer := b.raw(t, tt.send)
		var status []string
		for r := bufio.NewReader(strings.NewReader(answer)); ; {
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				break
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			status = append(status, resp.Status[:3])
			if resp.StatusCode != http.StatusOK && (!strings.Contains(string(body), `{"error":{"code":"`) || resp.Header.Get("Request-Id") == "" || !resp.Close) {
				t.Errorf("%s: refused with %+v %s", tt.name, resp.Header, body)
			}
		}
		var targets []string
		for _, s := range b.vendor.seen()[before:] {
			if s.Method != "POST" || s.Target != "/4/b" || s.Body == "hi" {
				targets = append(targets, s.Method+" "+s.Target)
			}
		}
		if diff := cmp.Diff(tt.status, status); diff != "" {
			t.Errorf("%s: answers (-want +got):\n%s\n%q", tt.name, diff, answer)
		}
		if diff := cmp.Diff(tt.targets, targets); diff != "" {
			t.Errorf("%s: at the vendor (-want +got):\n%s", tt.name, diff)
		}
	}
}
