package gateway

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"latchkey/connectors"
)

// framings makes requests whose end two systems may see at different places,
// each with a request in its tail for a path outside the rules. %s stands for
// Host and key.
func framings() []string {
	encodings := []string{
		"", "Transfer-Encoding: chunked", "transfer-encoding: Chunked", "Transfer-Encoding:chunked", "Transfer-Encoding: chunked ", "Transfer-Encoding:\tchunked",
		"Transfer-Encoding : chunked", " Transfer-Encoding: chunked", "X: y\r\n Transfer-Encoding: chunked", "Transfer-Encoding:\r\n chunked", "Transfer-Encoding: \x0bchunked",
		"Transfer-Encoding: \x00chunked", "Transfer-Encoding: xchunked", "Transfer-Encoding: chunkedx", "Transfer-Encoding: chunked, identity", "Transfer-Encoding: identity, chunked",
		"Transfer-Encoding: identity", "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: \"chunked\"", "Transfer-Encoding: chunked;x=y", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: x", "Transfer-Encoding: x\r\nTransfer-Encoding: chunked", "Transfer_Encoding: chunked", "Transfer-Encoding\x00: chunked",
		"X: y\rTransfer-Encoding: chunked", "X: y\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\n", "Connection: close, Transfer-Encoding\r\nTransfer-Encoding: chunked",
	}
	lengths := []string{
		"", "Content-Length: 0", "content-length: 5", "Content-Length:5", "Content-Length: 5 ", "Content-Length : 5", "Content-Length: +5", "Content-Length: -5", "Content-Length: 0x5",
		"Content-Length: 5, 5", "Content-Length: 5;", "Content-Length: 5\r\nContent-Length: 5", "Content-Length: 0\r\nContent-Length: 5", "Content-Length:", "Content-Length: 05",
		"Content-Length: 5\r\n 0", "Content-Length: \x0b5", "Content-Length: 5\n", "X: y\nContent-Length: 5", "Content_Length: 5", "Content-Length: 5.0", "Content-Length: 99999999999999999999",
	}
	bodies := []string{"", "0\r\n\r\n", "0;x\r\n\r\n", "00\r\nX: y\r\n\r\n", "1\nx\r\n0\r\n\r\n"}
	var all []string
	for i, encoding := range encodings {
		for j, length := range lengths {
			for k, body := range bodies {
				version := "HTTP/1.1"
				if (i+j+k)%4 == 3 {
					version = "HTTP/1.0\r\nConnection: keep-alive"
				}
				head := "POST /tempo/pub/x " + version + "\r\n%s"
				for _, line := range []string{encoding, length} {
					if line != "" {
						head += line + "\r\n"
					}
				}
				all = append(all, head+"\r\n"+body+"GET /tempo/private HTTP/1.1\r\n%s\r\nGET /tempo/pub/end HTTP/1.1\r\nConnection: close\r\n%s\r\n")
			}
		}
	}
	return all
}

func TestNoFramingLeavesItsRules(t *testing.T) {
	t.Parallel()
	b := start(t, nil, func(d *Deps) {
		u := d.Upstreams["tempo"]
		u.Scopes = []connectors.Scope{{Name: "public", Rules: []connectors.Rule{allow("", "/pub/**")}}}
		d.Upstreams["tempo"] = u
		d.Limits.PerSecond, d.Limits.Burst = 1_000_000, 1_000_000
	})
	b.strangers = b.log // each refusal is to be found
	key, _ := b.issue(t, "tempo", "public")

	all := framings()
	next := make(chan string)
	var mu sync.Mutex
	statuses := map[int]int{}
	var senders sync.WaitGroup
	for range 8 {
		senders.Go(func() {
			for text := range next {
				got := b.raw(t, strings.ReplaceAll(text, "%s", "Host: h\r\nAuthorization: Bearer "+key+"\r\n"))
				found := answersIn(got)
				mu.Lock()
				for _, status := range found {
					statuses[status]++
					if status != http.StatusOK && status != http.StatusBadRequest && status != http.StatusForbidden {
						t.Errorf("%.200q: status %d", text, status)
					}
				}
				if len(found) == 0 {
					t.Errorf("%.200q: no answer: %q", text, got)
				}
				mu.Unlock()
			}
		})
	}
	for _, text := range all {
		next <- text
	}
	close(next)
	senders.Wait()
	for _, s := range b.vendor.seen() {
		if s.Target != "/pub/x" && s.Target != "/pub/end" || s.Header["Transfer_encoding"] != nil || s.Header["Content_length"] != nil {
			t.Errorf("the vendor saw %s %s with %v", s.Method, s.Target, s.Header)
		}
	}
	t.Logf("%d framings: %v", len(all), statuses)
	refused := statuses[http.StatusBadRequest] + statuses[http.StatusForbidden]
	eventually(t, "every refusal to be in the log", func() bool { return strings.Count(b.logs.String(), `"refused":`) == refused })
	if len(all) < 2000 || statuses[http.StatusOK] == 0 || statuses[http.StatusBadRequest] < 2000 || statuses[http.StatusForbidden] == 0 {
		t.Errorf("the corpus does not try every outcome: %d framings, %v", len(all), statuses)
	}
}

// answersIn returns the statuses of the answers in what came back.
func answersIn(text string) (found []int) {
	for r := bufio.NewReader(strings.NewReader(text)); ; {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return found
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return append(found, 0)
		}
		_ = resp.Body.Close()
		found = append(found, resp.StatusCode)
	}
}
