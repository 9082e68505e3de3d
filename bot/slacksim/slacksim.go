package slacksim

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// Config says what workspace to start. Its zero value is DefaultWorld on a free
// port, with an app that may do everything and has the command /tokens.
type Config struct {
	Manifest []byte // app manifest as JSON; its commands, shortcuts, events and scopes are enforced
	World    World  // zero means DefaultWorld
	Saved    []byte // what Save returned: go on from there, World is then only checked to be the same team
	Listen   string // default 127.0.0.1:0
	Logger   zerolog.Logger
	Timing   Timing
	Now      func() time.Time // default time.Now; dates messages, ages triggers and response URLs
}

// Timing holds Slack's deadlines. Zero fields mean Slack's own; tests shorten them.
type Timing struct {
	TriggerTTL time.Duration   // 3s, measured on Config.Now
	AckTimeout time.Duration   // 3s
	PingEvery  time.Duration   // 10s
	Retry      []time.Duration // waits before each redelivery of an event: 0, 1m, 5m
}

func (t Timing) orSlacks() Timing {
	if t.TriggerTTL == 0 {
		t.TriggerTTL = 3 * time.Second
	}
	if t.AckTimeout == 0 {
		t.AckTimeout = 3 * time.Second
	}
	if t.PingEvery == 0 {
		t.PingEvery = 10 * time.Second
	}
	if t.Retry == nil {
		t.Retry = []time.Duration{0, time.Minute, 5 * time.Minute}
	}
	return t
}

// Sim is a running workspace.
type Sim struct {
	log      zerolog.Logger
	now      func() time.Time
	timing   Timing
	world    World
	manifest manifest
	base     string // http://host:port
	loopback bool   // the listener is reachable from this machine only
	botToken string
	appToken string

	server *http.Server
	stop   context.CancelFunc
	gone   <-chan struct{} // closed when the workspace ends
	work   sync.WaitGroup

	mu      sync.Mutex // guards everything below
	changed chan struct{}
	rev     int // counts changes that people can see

	people   map[string]*person
	order    []string // user IDs in the World's order
	channels map[string]*channel
	listed   []string // channel IDs in the World's order
	groups   []*WorldGroup
	views    map[string]*view // open modals and published homes
	triggers map[string]*trigger
	replies  map[string]*replyURL
	uploads  map[string]*upload // not completed yet
	files    map[string]File    // completed

	lastTS  int64 // microseconds; timestamps never repeat or go back
	lastID  int
	tickets map[string]bool

	sockets    []*socket
	socketSeq  int
	turn       int // round robin over sockets
	inflight   map[string]*envelope
	sent       []*envelope
	redelivers []*envelope // to send again on the next connection

	openID   openID
	faults   faults
	traffic  []Entry
	entrySeq int
	problems []string
}

// Start opens the workspace. It ends with ctx or Close.
func Start(ctx context.Context, c Config) (*Sim, error) {
	m, err := parseManifest(c.Manifest)
	if err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	world, before, err := c.begin()
	if err != nil {
		return nil, fmt.Errorf("read saved workspace: %w", err)
	}
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", c.Listen, err)
	}
	ctx, stop := context.WithCancel(ctx)
	s := &Sim{
		log: c.Logger, now: c.Now, timing: c.Timing.orSlacks(), world: world, manifest: m,
		base:     "http://" + reachable(listener.Addr()),
		loopback: isLoopback(listener.Addr()),
		botToken: "xoxb-" + rand.Text(), appToken: "xapp-1-" + world.AppID + "-" + rand.Text(),
		stop: stop, gone: ctx.Done(),
		changed: make(chan struct{}),
		people:  map[string]*person{}, channels: map[string]*channel{}, views: map[string]*view{},
		triggers: map[string]*trigger{}, replies: map[string]*replyURL{}, uploads: map[string]*upload{}, files: map[string]File{},
		tickets: map[string]bool{}, inflight: map[string]*envelope{},
		faults: newFaults(), openID: newOpenID(),
	}
	if before != nil {
		s.restore(before)
	} else {
		s.populate(world)
	}
	s.server = &http.Server{Handler: s.routes(), ReadHeaderTimeout: 10 * time.Second}
	s.work.Go(func() {
		if err := s.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error().Err(err).Msg("simulated slack stopped serving")
		}
	})
	s.work.Go(func() {
		<-ctx.Done()
		s.shutdown()
	})
	return s, nil
}

// Close drops every connection and stops the server.
func (s *Sim) Close() error {
	s.stop()
	s.work.Wait()
	return nil
}

func (s *Sim) shutdown() {
	if err := s.server.Close(); err != nil {
		s.log.Warn().Err(err).Msg("closing simulated slack")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, so := range s.sockets {
		so.close()
	}
	for _, e := range s.inflight {
		e.timer.Stop()
	}
}

// URL is the browser client's address, without a trailing slash.
func (s *Sim) URL() string { return s.base }

// APIURL is what slack.OptionAPIURL wants: it ends in /api/.
func (s *Sim) APIURL() string { return s.base + "/api/" }

// BotToken is the app's xoxb- token.
func (s *Sim) BotToken() string { return s.botToken }

// AppToken is the app's xapp- token.
func (s *Sim) AppToken() string { return s.appToken }

// User acts as a person. With an unknown id every act fails.
func (s *Sim) User(id string) *User { return &User{sim: s, id: id} }

// Wait returns nil as soon as cond holds; it looks again after every change.
func (s *Sim) Wait(ctx context.Context, cond func() bool) error {
	for {
		s.mu.Lock()
		next := s.changed
		s.mu.Unlock()
		if cond() {
			return nil
		}
		select {
		case <-next:
		case <-ctx.Done():
			return fmt.Errorf("wait for the workspace: %w", ctx.Err())
		case <-s.gone:
			return errors.New("wait for the workspace: it was closed")
		}
	}
}

// touch wakes everybody who waits for a change. The lock is held.
func (s *Sim) touch() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// show is touch for a change that people can see. The lock is held.
func (s *Sim) show() {
	s.rev++
	s.touch()
}

func (s *Sim) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/api/{method}", s.serveAPI)
	mux.HandleFunc("POST /response/{id}", s.serveReply)
	mux.HandleFunc("POST /upload/v1/{id}/{key}", s.serveUpload)
	mux.HandleFunc("GET /link/", s.serveSocket)
	mux.HandleFunc("GET /traffic.json", s.serveTraffic)
	s.openIDRoutes(mux)
	s.clientRoutes(mux)
	return mux
}

// reachable turns the listener's address into one that can be dialled.
func reachable(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

func isLoopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
