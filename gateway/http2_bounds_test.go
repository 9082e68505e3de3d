package gateway

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

func TestHTTP2BodiesThatStopComing(t *testing.T) {
	t.Parallel()
	b := start(t, nil, func(d *Deps) { d.Limits.Stall = 50 * time.Millisecond })
	key, _ := b.issue(t, "tempo", "everything")
	for _, length := range [][]string{nil, {"content-length", "5"}} {
		f := b.speak(t)
		id := f.open(t, false, append(b.head("POST", "/tempo/4/x", key), length...))
		if err := f.WriteData(id, false, []byte("half")); err != nil {
			t.Fatal(err)
		}
		status, body := f.answer(id)
		if code, _ := refusalCode(body); status != "408" || code != "body_too_slow" {
			t.Errorf("length %v: %s %s", length, status, body)
		}
		_ = f.conn.Close()
	}
}

// A vendor may answer before it has the whole body, which then is read on for
// a moment when the handler has returned.
func TestHTTP2AnswersBeforeTheBody(t *testing.T) {
	t.Parallel()
	v := vendorThatAnswersFirst(t)
	b := start(t, nil, func(d *Deps) {
		u := d.Upstreams["tempo"]
		u.BaseURL = v
		d.Upstreams["tempo"] = u
		d.Limits.PerSecond, d.Limits.Burst = 1_000_000, 1_000_000
	})
	key, _ := b.issue(t, "tempo", "everything")
	f := b.speak(t)
	for range 100 {
		id := f.open(t, false, b.head("POST", "/tempo/4/x", key))
		if err := f.WriteData(id, false, []byte("half")); err != nil {
			t.Fatal(err)
		}
		if status, body := f.answer(id); status != "200" || body != "early" {
			t.Fatalf("%s %q", status, body)
		}
		_ = f.WriteData(id, true, []byte(" and half"))
	}
}

// vendorThatAnswersFirst reads the head of a request and no more.
func vendorThatAnswersFirst(t *testing.T) *url.URL {
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
				r := bufio.NewReader(c)
				if _, err := http.ReadRequest(r); err == nil {
					_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nearly")
					_, _ = io.Copy(io.Discard, r)
				}
				_ = c.Close()
			}()
		}
	}()
	return &url.URL{Scheme: "http", Host: ln.Addr().String()}
}

func TestStreamsOfAConnectionAreBounded(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	var under, most atomic.Int64
	b := start(t, func(_ http.ResponseWriter, r *http.Request) {
		defer under.Add(-1)
		for n := under.Add(1); ; {
			if old := most.Load(); old >= n || most.CompareAndSwap(old, n) {
				break
			}
		}
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}, func(d *Deps) {
		d.Limits.Concurrent, d.Limits.PerSecond, d.Limits.Burst = 10_000, 1_000_000, 1_000_000
	})
	key, _ := b.issue(t, "tempo", "everything")
	hang := b.head("GET", "/tempo/hang", key)

	f := b.speak(t)
	for range maxStreams {
		f.open(t, true, hang)
	}
	eventually(t, "all streams to be under way", func() bool { return under.Load() == maxStreams })
	if got, _ := f.answer(f.open(t, true, hang)); got != "RST REFUSED_STREAM" && got != "RST PROTOCOL_ERROR" {
		t.Errorf("a stream too many: %s", got)
	}
	_ = f.conn.Close()
	eventually(t, "the streams to end with their connection", func() bool { return b.flying.Load() == 0 })

	// Rapid reset (CVE-2023-44487): streams that do not count any more take no
	// more of the gateway than those that do.
	f = b.speak(t)
	var err error
	for i := 0; i < 20*maxStreams && err == nil; i++ {
		id := f.open(t, true, hang)
		err = f.WriteRSTStream(id, http2.ErrCodeCancel)
	}
	_ = f.conn.Close()
	eventually(t, "the flood to be over", func() bool { return b.flying.Load() == 0 })
	if most.Load() > maxStreams {
		t.Errorf("%d requests were at the vendor at once, want at most %d", most.Load(), maxStreams)
	}
	close(release)
	if a := b.send(t, "GET", "/tempo/x", key, ""); a.Status != http.StatusOK {
		t.Errorf("another client after it: %+v", a)
	}
}

// A head that never ends (CVE-2023-45288) ends the connection when it is far
// larger than the limit.
func TestFloodOfContinuations(t *testing.T) {
	t.Parallel()
	b := start(t, nil, nil)
	f := b.speak(t)
	piece := f.encode(t, fields{"x-a", strings.Repeat("~", 10<<10)}) // its code is longer than it
	err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: f.encode(t, b.head("GET", "/tempo/x", ""))})
	sent := 0
	for ; err == nil && sent < 64<<20; sent += len(piece) {
		err = f.WriteContinuation(1, false, piece)
	}
	if err == nil {
		t.Errorf("%d bytes of one head were taken", sent)
	}
	eventually(t, "the client to be gone", func() bool { return b.crowd.size() == 0 })
	if b.flying.Load() != 0 || len(b.vendor.seen()) > 0 {
		t.Error("the head made a request")
	}
}

// A client whose connection has no request under way goes for others, in
// HTTP/2 as in HTTP/1.1.
func TestIdleHTTP2ClientsMakeRoom(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}), make(chan struct{})
	b := start(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hang" {
			arrived <- struct{}{}
			<-release
		}
	}, func(d *Deps) { d.Limits.Clients = 4 })
	key, _ := b.issue(t, "tempo", "everything")
	busy := b.speak(t)
	id := busy.open(t, true, b.head("GET", "/tempo/hang", key))
	<-arrived
	for range 20 {
		f := b.speak(t)
		if status, _ := f.answer(f.open(t, true, b.head("GET", "/tempo/x", key))); status != "200" {
			t.Errorf("one of many: %s", status)
		}
	}
	if n := b.crowd.size(); n > 4 {
		t.Errorf("%d clients, at most 4 are let in", n)
	}
	close(release)
	if status, _ := busy.answer(id); status != "200" {
		t.Errorf("the busy one: %s", status)
	}
}

// A client that opens no window for the answer is given up.
func TestHTTP2ReadersThatStop(t *testing.T) {
	t.Parallel()
	b := start(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, 1<<20))
	}, func(d *Deps) { d.Limits.Stall = 50 * time.Millisecond })
	key, _ := b.issue(t, "tempo", "everything")
	f := b.speak(t, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
	f.open(t, true, b.head("GET", "/tempo/x", key))
	eventually(t, "the answer to begin", func() bool { return len(b.vendor.seen()) == 1 })
	eventually(t, "the request to end", func() bool { return b.flying.Load() == 0 })
}

// While the vendor is silent the answer is not one that the client does not
// take.
func TestHTTP2StreamsMayPause(t *testing.T) {
	t.Parallel()
	next := make(chan struct{})
	b := start(t, func(w http.ResponseWriter, _ *http.Request) {
		for range 2 {
			_, _ = io.WriteString(w, "piece")
			_ = http.NewResponseController(w).Flush()
			<-next
		}
	}, func(d *Deps) { d.Limits.Stall = 300 * time.Millisecond })
	key, _ := b.issue(t, "tempo", "everything")
	f := b.speak(t)
	id := f.open(t, true, b.head("GET", "/tempo/x", key))
	go func() {
		for range 2 {
			pause := time.NewTimer(700 * time.Millisecond) // more than a write may take
			<-pause.C
			next <- struct{}{}
		}
	}()
	if status, body := f.answer(id); status != "200" || body != "piecepiece" {
		t.Errorf("%s %q", status, body)
	}
}
