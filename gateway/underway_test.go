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

// A key that ends takes what is under way with it: a long answer, a long
// upload, and a vendor that thinks.
func TestEndedKeysBreakOff(t *testing.T) {
	t.Parallel()
	arrived := make(chan string, 1)
	gone := make(chan struct{}, 1)
	v := newRawVendor(t, func(_ int32, c net.Conn, r *bufio.Reader) {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		if req.URL.Path == "/stream" {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
		}
		arrived <- req.URL.Path
		_, _ = io.Copy(io.Discard, r)
		gone <- struct{}{}
	})
	b := start(t, nil, func(d *Deps) {
		u := d.Upstreams["tempo"]
		u.BaseURL = v.url
		d.Upstreams["tempo"] = u
	})
	for how, sql := range map[string]string{
		"revoked":  changes["revoked"].stop,
		"narrowed": `UPDATE credential SET scopes = '{}' WHERE id = $1`,
	} {
		want := http.StatusUnauthorized
		if how == "narrowed" {
			want = http.StatusForbidden
		}
		for _, line := range []string{"GET /tempo/stream HTTP/1.1", "GET /tempo/thinks HTTP/1.1", "POST /tempo/upload HTTP/1.1\r\nContent-Length: 100000"} {
			key, id := b.issue(t, "tempo", "everything")
			c := b.dial(t, line+"\r\nHost: h\r\nAuthorization: Bearer "+key+"\r\n\r\n")
			streams := <-arrived == "/stream"
			r := bufio.NewReader(c)
			var resp *http.Response
			var err error
			if streams {
				if resp, err = http.ReadResponse(r, nil); err != nil {
					t.Fatal(err)
				}
				first := make([]byte, 3)
				if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != "one" {
					t.Fatalf("%s: %q, %v", how, first, err)
				}
			}
			b.exec(t, sql, id)
			if !streams {
				if resp, err = http.ReadResponse(r, nil); err != nil {
					t.Fatal(err)
				}
				if resp.StatusCode != want {
					t.Errorf("%s, %s: answer %d, want %d", how, line, resp.StatusCode, want)
				}
			}
			_, err = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			if broken := errors.Is(err, io.ErrUnexpectedEOF); broken != streams {
				t.Errorf("%s, %s: the answer ends with %v", how, line, err)
			}
			await(t, gone, "the vendor to be rid of it")
			_ = c.Close()
		}
	}
	eventually(t, "all to be over", func() bool { return b.flying.Load() == 0 && len(b.underWay.since(soon())) == 0 })
	if n := strings.Count(b.logs.String(), `"refused":"invalid_key"`); n != 3 {
		t.Errorf("the log says of %d that their key ended, want 3", n)
	}
}

// Over HTTP/2 the others of the connection go on.
func TestEndedKeysBreakOffStreams(t *testing.T) {
	t.Parallel()
	b := start(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "one")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}, nil)
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	open := func(key string) *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+b.addr+"/tempo/stream", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+key)
		resp, err := transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = resp.Body.Close() })
		if _, err := io.ReadFull(resp.Body, make([]byte, 3)); err != nil {
			t.Fatal(err)
		}
		return resp
	}
	ends, id := b.issue(t, "tempo", "everything")
	stays, _ := b.issue(t, "tempo", "everything")
	first := open(ends)
	_ = open(stays)
	b.exec(t, changes["revoked"].stop, id)
	if _, err := io.Copy(io.Discard, first.Body); err == nil {
		t.Error("the stream of the ended key is whole")
	}
	eventually(t, "the other key's alone to go on", func() bool { return b.flying.Load() == 1 })
}
