package main

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

var listens = regexp.MustCompile(`(server|gateway) listens.*address=(127\.0\.0\.1:\d+)`)

// TestServe runs every role in a process of its own, asks whether it is well,
// and ends it as an orchestrator does.
func TestServe(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.start(t, "serve")
	if err := s.slack.Wait(p.ctx, func() bool { return s.slack.Sockets() >= 2 }); err != nil {
		t.Fatalf("the bot does not connect: %v\n%s", err, p.log)
	}
	where := p.addresses(t)
	for _, path := range []string{"/healthz", "/readyz"} {
		if got := latchkey(t.Context(), nil, "healthcheck", "--url=http://"+where["server"]+path); got != (ran{}) {
			t.Errorf("%s: %+v", path, got)
		}
	}
	p.guards(t, where["gateway"])
	p.end(t)
	if s.slack.Sockets() != 0 {
		t.Error("a socket is left open")
	}
	got := latchkey(t.Context(), nil, "healthcheck", "--url=http://"+where["server"]+"/healthz")
	if got.status != 1 || !strings.HasPrefix(got.err, "latchkey: not well: ") {
		t.Errorf("after the end: %+v", got)
	}
	s.keepsSecrets(t, p.log.String())
}

// TestServeGatewayAlone: it needs neither Slack's tokens nor Slack.
func TestServeGatewayAlone(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.env["SLACK_BOT_TOKEN"], s.env["SLACK_APP_TOKEN"] = "", ""
	p := s.start(t, "serve", "--roles", "gateway")
	where := p.addresses(t)
	if got := latchkey(t.Context(), nil, "healthcheck", "--url=http://"+where["server"]+"/healthz"); got.status != 0 {
		t.Errorf("its health: %+v", got)
	}
	if got := latchkey(t.Context(), nil, "healthcheck", "--url=http://"+where["server"]+"/reveal/x"); !strings.Contains(got.err, "404") {
		t.Errorf("it has the server's pages: %+v", got)
	}
	p.guards(t, where["gateway"])
	p.end(t)
	if calls := s.slack.Traffic(); len(calls) > 0 {
		t.Errorf("Slack was called: %+v", calls)
	}
}

// TestHealthcheckIsNotWell for an answer that is not 200.
func TestHealthcheckIsNotWell(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	got := latchkey(t.Context(), nil, "healthcheck", "--url="+s.public.URL+"/readyz")
	if got != (ran{1, "", "latchkey: not well: 404 Not Found\n"}) {
		t.Errorf("got %+v", got)
	}
}

// process is `latchkey` as a process of its own.
type process struct {
	ctx context.Context
	cmd *exec.Cmd
	log *safeBuffer
	up  chan struct{} // closed when it says that it runs
	out chan error    // how it ended
}

// start starts one and waits until it says that it runs.
func (s *site) start(t *testing.T, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	t.Cleanup(cancel)
	p := &process{ctx: ctx, log: &safeBuffer{}, up: make(chan struct{}), out: make(chan error, 1)}
	p.cmd = exec.CommandContext(ctx, "latchkey", append(args, "--config", siteConfig)...)
	p.cmd.Env = append(os.Environ(), "LATCHKEY_LOG_LEVEL=info")
	for name, value := range s.env {
		p.cmd.Env = append(p.cmd.Env, name+"="+value)
	}
	p.cmd.Stdout = p.log
	p.cmd.Stderr = &watched{safeBuffer: p.log, word: "Stop it with Ctrl-C.", seen: p.up}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.out <- p.cmd.Wait() }()
	select {
	case <-p.up:
	case err := <-p.out:
		t.Fatalf("it ended before it ran: %v\n%s", err, p.log)
	}
	return p
}

// end asks it to stop and wants it to end well.
func (p *process) end(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-p.out; err != nil {
		t.Errorf("after SIGTERM: %v\n%s", err, p.log)
	}
}

// addresses are where the roles listen.
func (p *process) addresses(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, m := range listens.FindAllStringSubmatch(p.log.String(), -1) {
		out[m[1]] = m[2]
	}
	if out["gateway"] == "" {
		t.Fatalf("the gateway does not listen:\n%s", p.log)
	}
	return out
}

// watched closes seen when a word was written.
type watched struct {
	*safeBuffer
	word string
	seen chan struct{}
	done bool
}

// Write implements io.Writer; a process has one writer for each output.
func (w *watched) Write(b []byte) (int, error) {
	n, err := w.safeBuffer.Write(b)
	if !w.done && strings.Contains(w.String(), w.word) {
		w.done = true
		close(w.seen)
	}
	return n, err
}

// guards wants the gateway to refuse who has no key. Until it has read the
// keys it answers 503.
func (p *process) guards(t *testing.T, gateway string) {
	t.Helper()
	for status := http.StatusServiceUnavailable; status != http.StatusUnauthorized; {
		r, err := http.NewRequestWithContext(p.ctx, http.MethodGet, "http://"+gateway+"/tempo/4/worklogs", nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatalf("ask the gateway: %v\n%s", err, p.log)
		}
		_ = answer.Body.Close()
		if status = answer.StatusCode; status != http.StatusServiceUnavailable && status != http.StatusUnauthorized {
			t.Fatalf("the gateway answers %d without a key", status)
		}
	}
}
