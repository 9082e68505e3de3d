package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"sync"
	"time"
)

// pacePart sends requests at a steady pace. A request is timed from the moment
// at which it was due, so that one that waits for another counts its wait.
type pacePart struct {
	URL      *url.URL
	Keys     string        `help:"File of the keys."`
	Rate     int           `default:"1000" help:"Requests a second."`
	Conns    int           `default:"16" help:"Connections."`
	Duration time.Duration `default:"5s"`
}

// Run prints the median and the 99th percentile, in milliseconds.
func (p *pacePart) Run(ctx context.Context) error {
	keys, err := readKeys(p.Keys)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var took []time.Duration
	failed := make(chan error, p.Conns)
	begin := time.Now()
	for n := range p.Conns {
		go func() {
			mine, err := p.send(ctx, begin, n, keys)
			mu.Lock()
			took = append(took, mine...)
			mu.Unlock()
			failed <- err
		}()
	}
	for range p.Conns {
		if err := <-failed; err != nil {
			return err
		}
	}
	slices.Sort(took)
	at := func(share int) float64 { return float64(took[len(took)*share/100].Microseconds()) / 1000 }
	_, err = fmt.Fprintf(os.Stdout, "%.3f %.3f\n", at(50), at(99))
	return err
}

// send is one connection: every Conns-th request.
func (p *pacePart) send(ctx context.Context, begin time.Time, n int, keys []string) ([]time.Duration, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.URL.Host)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	defer func() { _ = conn.Close() }()
	r := bufio.NewReader(conn)
	var took []time.Duration
	every := time.Second / time.Duration(p.Rate)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for i := n; ; i += p.Conns {
		due := begin.Add(time.Duration(i) * every)
		if due.Sub(begin) > p.Duration {
			return took, nil
		}
		timer.Reset(time.Until(due))
		<-timer.C
		_, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\n\r\n", p.URL.RequestURI(), keys[i%len(keys)])
		if err != nil {
			return nil, fmt.Errorf("send: %w", err)
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return nil, fmt.Errorf("read answer: %w", err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("answered with status %d", resp.StatusCode)
		}
		took = append(took, time.Since(due))
	}
}
