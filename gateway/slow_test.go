package gateway

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"latchkey/connectors"
)

func (b *bundle) dial(t testing.TB, text string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", b.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	return c
}

// Clients that never end their heads are let go for others, who get in.
func TestSlowHeadsMakeRoom(t *testing.T) {
	t.Parallel()
	b := start(t, nil, func(d *Deps) { d.Limits.Clients = 8 })
	key, _ := b.issue(t, "tempo", "everything")
	var slow []net.Conn
	for range 30 {
		slow = append(slow, b.dial(t, "GET /tempo/x HTTP/1.1\r\nHost: h\r\nX-Slow: "))
	}
	get := "GET /tempo/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Bearer " + key + "\r\n\r\n"
	if got := b.raw(t, get); !strings.HasPrefix(got, "HTTP/1.1 200 ") {
		t.Errorf("a whole request: %q", got)
	}
	if n := b.crowd.size(); n > 8 {
		t.Errorf("%d clients, at most 8 are let in", n)
	}
	if n, err := slow[0].Read(make([]byte, 1)); err == nil {
		t.Errorf("the one that waited longest was answered with %d bytes", n)
	}
	for _, c := range slow {
		_ = c.Close()
	}
	eventually(t, "all to be gone", func() bool { return b.crowd.size() == 0 })
	if b.crowd.shed.Load() < 22 {
		t.Errorf("%d shed", b.crowd.shed.Load())
	}
}

// Who is being answered does not go for others.
func TestBusyClientsStay(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}), make(chan struct{})
	b := start(t, func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-release
	}, func(d *Deps) { d.Limits.Clients = 1 })
	key, _ := b.issue(t, "tempo", "everything")
	c := b.dial(t, "GET /tempo/x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer "+key+"\r\n\r\n")
	<-arrived
	if _, err := io.ReadAll(b.dial(t, "")); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("the second client: %v", err)
	}
	close(release)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("the first client: %v, %v", resp, err)
	}
	_ = resp.Body.Close()
}

func TestBodiesThatStopComing(t *testing.T) {
	t.Parallel()
	b := start(t, nil, func(d *Deps) { d.Limits.Stall = 30 * time.Millisecond })
	key, _ := b.issue(t, "tempo", "everything")
	post := "POST /tempo/x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " + key + "\r\n"
	for _, rest := range []string{"Content-Length: 10\r\n\r\nhalf", "Transfer-Encoding: chunked\r\n\r\n5\r\nhalf"} {
		if got := b.raw(t, post+rest); !strings.HasPrefix(got, "HTTP/1.1 408 ") || !strings.Contains(got, "body_too_slow") {
			t.Errorf("%q: %q", rest, got)
		}
	}
}

// The pause that a body may make is not one that a vendor may not.
func TestVendorsMayThinkLongerThanBodiesPause(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}), make(chan struct{})
	b := start(t, func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-release
	}, func(d *Deps) { d.Limits.Stall = time.Millisecond })
	key, _ := b.issue(t, "tempo", "everything")
	got := make(chan answer, 1)
	go func() { got <- b.send(t, "POST", "/tempo/x", key, "body") }()
	<-arrived
	timer := time.NewTimer(50 * time.Millisecond) // more than a body may pause
	defer timer.Stop()
	select {
	case a := <-got:
		t.Errorf("answered before the vendor: %+v", a)
	case <-timer.C:
	}
	close(release)
	if a := <-got; a.Status != http.StatusOK {
		t.Errorf("answer %+v", a)
	}
}

// A client that reads nothing of a large answer is given up.
func TestReadersThatStop(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{})
	b := start(t, func(w http.ResponseWriter, r *http.Request) {
		piece := make([]byte, 64<<10)
		for {
			if _, err := w.Write(piece); err != nil || r.Context().Err() != nil {
				close(gone)
				return
			}
		}
	}, func(d *Deps) { d.Limits.Stall = 50 * time.Millisecond })
	key, _ := b.issue(t, "tempo", "everything")
	b.dial(t, "GET /tempo/x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer "+key+"\r\n\r\n")
	select {
	case <-gone:
	case <-time.After(20 * time.Second):
		t.Fatal("the vendor's answer goes on")
	}
	eventually(t, "the request to end", func() bool { return b.flying.Load() == 0 })
}

// A flood of dead and unknown keys neither fills the log nor stops a living
// one.
func TestFloodOfDeadKeys(t *testing.T) {
	t.Parallel()
	clock := &testClock{}
	fixed := clock.now()
	b := start(t, nil, func(d *Deps) {
		d.Now = func() time.Time { return fixed }
		d.MaxStale = time.Hour
		d.Metering.Every = time.Hour
		d.Limits.PerSecond, d.Limits.Burst = 1, 5
	})
	dead, id := b.issue(t, "tempo", "everything")
	b.exec(t, `UPDATE credential SET state = 'revoked', ended_at = latchkey_now() WHERE id = $1`, id)
	b.known(t, dead, "the revocation", func(k *key) bool { return !k.alive })
	living, _ := b.issue(t, "tempo", "everything")
	for i := range 200 {
		for _, key := range []string{dead, "lk_live_unknown"} {
			if a := b.send(t, "GET", "/tempo/x", key, ""); a.Status != http.StatusUnauthorized {
				t.Fatalf("flood: %+v", a)
			}
		}
		if i%50 == 0 {
			if a := b.send(t, "GET", "/tempo/x", living, ""); a.Status != http.StatusOK {
				t.Errorf("a living key: %+v", a)
			}
		}
	}
	if n := b.meter.queued(); n != 5+4 {
		t.Errorf("%d records wait, want 5 of the dead key and 4 of the living one", n)
	}
	if n := strings.Count(b.logs.String(), `"client":`); n >= 200 {
		t.Errorf("%d lines about strangers", n)
	}
}

// Nothing that clients or vendors do leaves a goroutine behind.
func TestNoGoroutineStays(t *testing.T) {
	t.Parallel()
	label := t.Name()
	pprof.SetGoroutineLabels(pprof.WithLabels(context.Background(), pprof.Labels("test", label)))
	release := make(chan struct{})
	b := start(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/hang":
			select {
			case <-release:
			case <-r.Context().Done():
			}
		case "/break":
			_, _ = io.WriteString(w, "half")
			panic(http.ErrAbortHandler)
		}
	}, func(d *Deps) {
		limited(connectors.Limits{Duration: 100 * time.Millisecond})(d)
		d.Limits.Stall = 50 * time.Millisecond
	})
	key, _ := b.issue(t, "tempo", "everything")
	auth := "Host: h\r\nAuthorization: Bearer " + key + "\r\n"
	for range 5 {
		for _, text := range []string{
			"GET /tempo/hang HTTP/1.1\r\n" + auth + "\r\n",
			"GET /tempo/break HTTP/1.1\r\n" + auth + "\r\n",
			"GET /tempo/x HTTP/1.1\r\n" + auth + "X: ",
			"POST /tempo/x HTTP/1.1\r\n" + auth + "Content-Length: 9\r\n\r\nhalf",
			"POST /tempo/hang HTTP/1.1\r\n" + auth + "Content-Length: 4\r\n\r\nbody",
			"GET /tempo/x HTTP/1.1\r\n" + auth + "X: " + strings.Repeat("x", 40<<10) + "\r\n\r\n",
			"GET /tempo/../x HTTP/1.1\r\n" + auth + "\r\n",
		} {
			c := b.dial(t, text)
			if !strings.HasSuffix(text, "X: ") { // for which it would wait long
				_, _ = c.Read(make([]byte, 1))
			}
			_ = c.Close()
		}
	}
	close(release)
	if labelled(t, label) == "" {
		t.Fatal("goroutines do not carry the test's label")
	}
	if err := b.stop(); err != nil {
		t.Fatal(err)
	}
	b.vendor.Close()
	b.db.Close()
	var left string
	eventually(t, "every goroutine to end", func() bool {
		left = labelled(t, label)
		return left == ""
	})
}

// labelled returns the profile of the goroutines of a test but for its own.
func labelled(t *testing.T, label string) string {
	t.Helper()
	var text strings.Builder
	if err := pprof.Lookup("goroutine").WriteTo(&text, 1); err != nil {
		t.Fatal(err)
	}
	var left strings.Builder
	for block := range strings.SplitSeq(text.String(), "\n\n") {
		if !strings.Contains(block, fmt.Sprintf(`"test":%q`, label)) || strings.Contains(block, "gateway.labelled") {
			continue
		}
		left.WriteString(block)
	}
	return left.String()
}
