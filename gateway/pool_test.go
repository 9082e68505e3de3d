package gateway

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/connectors"
)

// served is a wire to a server of net/http's that counts its connections.
type served struct {
	*vendorWire
	*httptest.Server

	mu   sync.Mutex
	open map[net.Conn]http.ConnState
}

func newServed(t *testing.T, answer http.HandlerFunc) *served {
	t.Helper()
	s := &served{Server: httptest.NewUnstartedServer(answer), open: map[net.Conn]http.ConnState{}}
	s.Config.ConnState = func(c net.Conn, state http.ConnState) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.open[c] = state; state == http.StateClosed {
			delete(s.open, c)
		}
	}
	s.Start()
	t.Cleanup(s.Server.Close)
	base, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	s.vendorWire = newWire(connectors.Upstream{BaseURL: base, AllowPrivate: true})
	t.Cleanup(s.pool.clear)
	return s
}

// conns is how many connections the server has, and how many of them idle.
func (s *served) conns() (all, idle int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, state := range s.open {
		if state == http.StateIdle {
			idle++
		}
	}
	return len(s.open), idle
}

func (s *served) get(ctx context.Context, path string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+path, http.NoBody)
	if err != nil {
		return "", err
	}
	resp, err := s.send(r, soon())
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

// TestPoolKeepsWhatItMay shows that idle connections are bounded in number
// and age, and that the one used last is taken first.
func TestPoolKeepsWhatItMay(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}), make(chan struct{})
	s := newServed(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			arrived <- struct{}{}
			<-release
		}
	})
	s.pool.most = 3
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			if _, err := s.get(t.Context(), "/wait"); err != nil {
				t.Error(err)
			}
		})
	}
	for range 5 {
		<-arrived
	}
	close(release)
	all.Wait()
	eventually(t, "two of five connections to be closed", func() bool { n, idle := s.conns(); return n == 3 && idle == 3 })
	last := s.pool.idle[2]
	for range 3 {
		if _, err := s.get(t.Context(), "/"); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.pool.idle); n != 3 || s.pool.idle[2] != last {
		t.Errorf("%d connections are idle, or another one was used", n)
	}

	// Those that were not used since are old now.
	s.pool.mu.Lock()
	for _, c := range s.pool.idle[:2] {
		c.since = c.since.Add(-idleExpiry)
	}
	s.pool.mu.Unlock()
	s.pool.expire()
	eventually(t, "two old connections to be closed", func() bool { n, _ := s.conns(); return n == 1 })
	if n := len(s.pool.idle); n != 1 || s.pool.idle[0] != last || s.pool.sweep == nil {
		t.Errorf("%d connections are idle, or not the one used last", n)
	}
	s.pool.clear()
	eventually(t, "the last connection to be closed", func() bool { n, _ := s.conns(); return n == 0 })
}

// TestPoolSweepsAlone shows that connections grow old without a request.
func TestPoolSweepsAlone(t *testing.T) {
	t.Parallel()
	s := newServed(t, func(http.ResponseWriter, *http.Request) {})
	s.pool.expiry = 10 * time.Millisecond
	for range 2 {
		if _, err := s.get(t.Context(), "/"); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the connection to be closed", func() bool { n, _ := s.conns(); return n == 0 })
	}
}

// TestPoolNoticesTheEnd shows that a connection that its vendor closed is not
// taken, even for what may not be sent twice.
func TestPoolNoticesTheEnd(t *testing.T) {
	t.Parallel()
	s := newServed(t, func(http.ResponseWriter, *http.Request) {})
	if _, err := s.get(t.Context(), "/"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the answer's connection to be idle", func() bool { _, idle := s.conns(); return idle == 1 })
	s.CloseClientConnections()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := s.send(r, soon())
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
}

// TestAnswersKeepToTheirRequests sends many requests at once, gives some of
// them up at any moment, and checks that nobody gets an answer of another's,
// and that neither connections nor goroutines stay.
func TestAnswersKeepToTheirRequests(t *testing.T) {
	t.Parallel()
	label := t.Name()
	pprof.SetGoroutineLabels(pprof.WithLabels(context.Background(), pprof.Labels("test", label)))
	s := newServed(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.HasSuffix(r.URL.Path, "7") { // in pieces
			_, _ = io.WriteString(w, "path ")
			_ = http.NewResponseController(w).Flush()
		}
		_, _ = fmt.Fprintf(w, "%s %s %s", r.URL.Path, body, strings.Repeat("x", 20_000))
	})
	const senders, each = 8, 100
	var all sync.WaitGroup
	for n := range senders {
		all.Go(func() {
			for i := range each {
				path := fmt.Sprintf("/%d/%d", n, i)
				ctx, cancel := context.WithCancel(t.Context())
				r, err := http.NewRequestWithContext(ctx, http.MethodPut, s.URL+path, strings.NewReader(path))
				if err != nil {
					t.Error(err)
				}
				if i%2 == 0 {
					r.Body, r.Method = nil, http.MethodGet
				}
				switch i % 5 {
				case 3:
					go cancel()
				case 4:
					time.AfterFunc(time.Duration(i)*10*time.Microsecond, cancel)
				}
				resp, err := s.send(r, soon())
				if err == nil {
					var body []byte
					if i%7 != 0 { // else it is closed unread
						body, err = io.ReadAll(resp.Body)
					}
					_ = resp.Body.Close()
					if len(body) > 40 && !strings.Contains(string(body[:40]), path+" ") {
						t.Errorf("%s was answered with %.40q", path, body)
					}
				}
				if err != nil && ctx.Err() == nil {
					t.Errorf("%s: %v", path, err)
				}
				cancel()
			}
		})
	}
	all.Wait()
	s.pool.clear()
	eventually(t, "every connection to be closed", func() bool { n, _ := s.conns(); return n == 0 })
	s.Server.Close()
	var left string
	eventually(t, "every goroutine to end", func() bool {
		left = labelled(t, label)
		return !strings.Contains(left, "vendorWire") && !strings.Contains(left, "wireExchange")
	})
}

// TestReadsAfterTheEnd shows that who keeps an answer's body for longer than
// it lasts does not read from the next one.
func TestReadsAfterTheEnd(t *testing.T) {
	t.Parallel()
	s := newServed(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("x", 100)) })
	open := func() io.ReadCloser {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := s.send(r, soon())
		if err != nil {
			t.Fatal(err)
		}
		return resp.Body
	}
	ended := open()
	if _, err := io.ReadAll(ended); err != nil {
		t.Fatal(err)
	}
	next := open()
	defer func() { _ = next.Close() }()
	if n, err := ended.Read(make([]byte, 10)); n != 0 || !errors.Is(err, io.EOF) || ended.Close() != nil {
		t.Errorf("read %d bytes, %v", n, err)
	}
	closed := open()
	_ = closed.Close()
	if n, err := closed.Read(make([]byte, 10)); n != 0 || !errors.Is(err, errBodyClosed) {
		t.Errorf("read %d bytes, %v", n, err)
	}
	if body, err := io.ReadAll(next); err != nil || len(body) != 100 {
		t.Errorf("the next answer has %d bytes, %v", len(body), err)
	}
}

// FuzzAnswer checks that an answer that passes is the one that net/http reads,
// with the same bytes behind it.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		fine, "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\nx", "HTTP/1.1 200 OK\r\nConnection: close, x\r\nContent-Length: 1\r\n\r\nxy",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a\r\nhi\r\n0\r\nX: y\r\n\r\nrest", "HTTP/1.1 103 x\r\nLink: y\r\n\r\n" + fine,
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi", "HTTP/1.1 200 OK\r\nx:y\r\nX: z\r\nContent-Length: 0\r\n\r\n",
	} {
		f.Add([]byte(seed), uint8(10), false)
	}
	f.Fuzz(func(t *testing.T, text []byte, cut uint8, head bool) {
		method := http.MethodGet
		if head {
			method = http.MethodHead
		}
		line := &wire{pieces: pieces(string(text), int(cut)+1)}
		c := &wireConn{Conn: line, r: bufio.NewReaderSize(line, readerSize)}
		raw, err := c.readHead()
		if err != nil {
			return
		}
		a, err := parseAnswer(raw)
		if err != nil || a.status < http.StatusOK {
			return
		}
		ours := a.body(head, c.r)
		body, bodyErr := io.ReadAll(readerFunc(ours.read))

		r := bufio.NewReader(strings.NewReader(string(text)))
		resp, err := http.ReadResponse(r, &http.Request{Method: method})
		if err != nil {
			t.Fatalf("net/http does not understand %q: %v", raw, err)
		}
		defer func() { _ = resp.Body.Close() }()
		theirs, theirErr := io.ReadAll(resp.Body)
		if resp.StatusCode != a.status || resp.Close && !a.closes && ours.kind != endlessBody {
			t.Fatalf("%q: %d, closes %t; net/http reads %d, %t", raw, a.status, a.closes, resp.StatusCode, resp.Close)
		}
		if bodyErr != nil {
			return // ours is refused, whatever net/http makes of it
		}
		if theirErr != nil || string(theirs) != string(body) {
			t.Fatalf("%q: body %q; net/http reads %q, %v", raw, body, theirs, theirErr)
		}
		if a.closes || ours.kind == endlessBody {
			return
		}
		for name, values := range resp.Header {
			if name != "Content-Length" && strings.Join(a.header[name], "\n") != strings.Join(values, "\n") {
				t.Fatalf("%q: header %s is %q; net/http reads %q", raw, name, a.header[name], values)
			}
		}
		rest, _ := io.ReadAll(c.r)
		theirRest, _ := io.ReadAll(r)
		if string(rest) != string(theirRest) {
			t.Fatalf("%q leaves %q; net/http leaves %q", raw, rest, theirRest)
		}
	})
}

// readerFunc is a function as an io.Reader.
type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
