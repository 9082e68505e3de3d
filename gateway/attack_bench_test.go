package gateway

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"latchkey/connectors"
)

const (
	slowClients = 1000
	pacedEvery  = 5 * time.Millisecond
	pacedCount  = 1000
)

// BenchmarkUnderAttack measures the answers to one key's steady requests, alone
// and beside slow heads, huge heads, a hung system and a flood of dead keys,
// and reports what a slow client takes in memory.
func BenchmarkUnderAttack(b *testing.B) {
	release := make(chan struct{})
	x := start(b, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hang" {
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}
	}, func(d *Deps) {
		limited(connectors.Limits{})(d)
		d.Logger = zerolog.Nop()
		d.Limits.PerSecond, d.Limits.Clients = 1_000_000, 2*slowClients
	})
	b.Cleanup(func() { close(release) })
	key, _ := x.issue(b, "jira", "everything")
	hung, _ := x.issue(b, "tempo", "everything")
	dead, id := x.issue(b, "tempo", "everything")
	x.exec(b, `UPDATE credential SET state = 'revoked', ended_at = latchkey_now() WHERE id = $1`, id)
	for b.Loop() {
		alone := x.paced(b, key)
		ctx, stop := context.WithCancel(b.Context())
		var attackers sync.WaitGroup
		perClient := x.attack(ctx, b, &attackers, hung, dead)
		attacked := x.paced(b, key)
		stop()
		attackers.Wait()
		b.ReportMetric(ms(alone[len(alone)*99/100]), "alone-p99-ms")
		b.ReportMetric(ms(attacked[len(attacked)*99/100]), "attacked-p99-ms")
		b.ReportMetric(ms(alone[len(alone)/2]), "alone-p50-ms")
		b.ReportMetric(ms(attacked[len(attacked)/2]), "attacked-p50-ms")
		b.ReportMetric(perClient, "B/slow-client")
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// paced sends requests at a steady pace and returns how long each took, from
// least to most.
func (b *bundle) paced(t *testing.B, key string) []time.Duration {
	t.Helper()
	c := b.dial(t, "")
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	tick := time.NewTicker(pacedEvery)
	defer tick.Stop()
	var took []time.Duration
	for range pacedCount {
		<-tick.C
		begin := time.Now()
		if _, err := io.WriteString(c, "GET /jira/x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer "+key+"\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("status %d", resp.StatusCode)
		}
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	return took
}

// attack begins until ctx ends, and returns the bytes of memory that a client
// takes which does not end its head.
func (b *bundle) attack(ctx context.Context, t *testing.B, done *sync.WaitGroup, hung, dead string) float64 {
	t.Helper()
	begin := func(text string) net.Conn {
		c, err := net.Dial("tcp", b.addr)
		if err != nil {
			return nil
		}
		_, _ = io.WriteString(c, text)
		return c
	}
	before := heap()
	slow := make([]net.Conn, slowClients)
	for i := range slow {
		slow[i] = begin("GET /jira/x HTTP/1.1\r\nHost: h\r\nX-Slow: ")
	}
	eventually(t, "the slow clients", func() bool { return b.crowd.size() >= slowClients })
	perClient := float64(heap()-before) / slowClients
	done.Go(func() { // each again when it is let go
		again := time.NewTicker(time.Second / slowClients * 5)
		defer again.Stop()
		for i := 0; ; i++ {
			if c := slow[i%slowClients]; c != nil {
				_ = c.Close()
			}
			slow[i%slowClients] = begin("GET /jira/x HTTP/1.1\r\nHost: h\r\nX-Slow: ")
			select {
			case <-again.C:
			case <-ctx.Done():
				for _, c := range slow {
					if c != nil {
						_ = c.Close()
					}
				}
				return
			}
		}
	})
	for range 64 {
		c := begin("GET /tempo/hang HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " + hung + "\r\n\r\n")
		t.Cleanup(func() {
			if c != nil {
				_ = c.Close()
			}
		})
	}
	for every, text := range map[time.Duration]string{
		5 * time.Millisecond:  "GET /tempo/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Bearer " + dead + "\r\n\r\n",
		20 * time.Millisecond: "GET /tempo/x HTTP/1.1\r\nHost: h\r\nX-Huge: " + strings.Repeat("x", 40<<10) + "\r\n\r\n",
	} {
		done.Go(func() {
			tick := time.NewTicker(every)
			defer tick.Stop()
			for {
				select {
				case <-tick.C:
				case <-ctx.Done():
					return
				}
				if c := begin(text); c != nil {
					_, _ = c.Read(make([]byte, 512))
					_ = c.Close()
				}
			}
		})
	}
	return perClient
}
