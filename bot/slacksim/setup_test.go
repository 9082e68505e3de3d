package slacksim_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/rs/zerolog"
	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"latchkey/bot/slacksim"
)

// patience bounds every wait; nothing takes that long when all is well, on a busy
// machine neither.
const patience = time.Minute

// clock is a time that only the test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// testBundle is a workspace, an API client of the app, and a clock.
type testBundle struct {
	t     *testing.T
	ctx   context.Context
	sim   *slacksim.Sim
	api   *slack.Client
	clock *clock

	dialled int         // connections opened by the test itself
	replies chan string // response URLs, once collectReplies runs
}

// setup starts a workspace whose acks have all the time they need.
func setup(t *testing.T) *testBundle {
	t.Helper()
	return setupWith(t, slacksim.Config{})
}

func setupWith(t *testing.T, c slacksim.Config) *testBundle {
	t.Helper()
	return setupFor(t, c, patience)
}

// setupFor is setupWith for a test that may take longer.
func setupFor(t *testing.T, c slacksim.Config, limit time.Duration) *testBundle {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	now := &clock{now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
	c.Now, c.Logger = now.Now, zerolog.Nop()
	if c.Timing.AckTimeout == 0 {
		c.Timing.AckTimeout = patience
	}
	if c.Timing.PingEvery == 0 {
		c.Timing.PingEvery = time.Second
	}
	sim, err := slacksim.Start(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
	})
	api := slack.New(sim.BotToken(), slack.OptionAPIURL(sim.APIURL()), slack.OptionAppLevelToken(sim.AppToken()))
	return &testBundle{t: t, ctx: ctx, sim: sim, api: api, clock: now}
}

// waitFor fails the test when the workspace never gets there.
func (b *testBundle) waitFor(what string, cond func() bool) {
	b.t.Helper()
	if err := b.sim.Wait(b.ctx, cond); err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
}

// noProblems fails the test when the app broke a rule.
func (b *testBundle) noProblems() {
	b.t.Helper()
	for _, p := range b.sim.Problems() {
		b.t.Errorf("problem: %s", p)
	}
}

// handler answers one envelope; false leaves it without an ack.
type handler func(socketmode.Event) (payload any, ack bool)

// ackAll acks without a payload.
func ackAll(socketmode.Event) (any, bool) { return nil, true }

// app runs slack-go's Socket Mode client until the test ends. A nil payload is
// an empty ack. Handlers run one at a time.
func (b *testBundle) app(handle handler) {
	b.t.Helper()
	b.runApp(handle)
}

// runApp is app with a way to stop it earlier.
func (b *testBundle) runApp(handle handler) (stop func()) {
	b.t.Helper()
	client := socketmode.New(b.api)
	ctx, cancel := context.WithCancel(b.ctx)
	before := b.sim.Sockets()
	var work sync.WaitGroup
	work.Go(func() {
		if err := client.RunContext(ctx); err != nil && !errors.Is(err, context.Canceled) && ctx.Err() == nil {
			b.t.Errorf("socket mode client: %v", err)
		}
	})
	work.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case evt := <-client.Events:
				b.answer(ctx, client, evt, handle)
			}
		}
	})
	stop = func() {
		cancel()
		work.Wait()
	}
	b.t.Cleanup(stop)
	b.waitFor("socket", func() bool { return b.sim.Sockets() > before })
	return stop
}

func (b *testBundle) answer(ctx context.Context, client *socketmode.Client, evt socketmode.Event, handle handler) {
	switch evt.Type {
	case socketmode.EventTypeErrorBadMessage:
		b.t.Errorf("slack-go cannot read an envelope: %v", evt.Data)
	case socketmode.EventTypeSlashCommand, socketmode.EventTypeInteractive, socketmode.EventTypeEventsAPI:
		payload, ok := handle(evt)
		if !ok {
			return
		}
		if err := client.AckCtx(ctx, evt.Request.EnvelopeID, payload); err != nil && ctx.Err() == nil {
			b.t.Errorf("ack: %v", err)
		}
	}
}

// wire is a Socket Mode connection without a client library.
type wire struct {
	t      *testing.T
	ws     *websocket.Conn
	number int // as the traffic log counts it
}

// frame is what the workspace sends.
type frame struct {
	Type         string          `json:"type"`
	Reason       string          `json:"reason"`
	EnvelopeID   string          `json:"envelope_id"`
	Payload      json.RawMessage `json:"payload"`
	Accepts      bool            `json:"accepts_response_payload"`
	RetryAttempt int             `json:"retry_attempt"`
	RetryReason  string          `json:"retry_reason"`
	Connections  int             `json:"num_connections"`
}

// dial opens a connection and does not read its hello.
func (b *testBundle) dial() *wire {
	b.t.Helper()
	_, url, err := b.api.StartSocketModeContext(b.ctx)
	if err != nil {
		b.t.Fatal(err)
	}
	ws, resp, err := websocket.DefaultDialer.DialContext(b.ctx, url, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		b.t.Error(err)
	}
	b.t.Cleanup(func() { _ = ws.Close() }) // most tests end with the peer gone
	b.dialled++
	return &wire{t: b.t, ws: ws, number: b.dialled}
}

// connect opens a connection and reads its hello.
func (b *testBundle) connect() *wire {
	b.t.Helper()
	w := b.dial()
	if f := w.next(); f.Type != "hello" {
		b.t.Fatalf("first frame is %q, want hello", f.Type)
	}
	return w
}

func (w *wire) next() frame {
	w.t.Helper()
	if err := w.ws.SetReadDeadline(time.Now().Add(patience)); err != nil {
		w.t.Fatal(err)
	}
	var f frame
	if err := w.ws.ReadJSON(&f); err != nil {
		w.t.Fatalf("read frame: %v", err)
	}
	return f
}

// ended reads until the connection is over and says how.
func (w *wire) ended() error {
	for {
		_ = w.ws.SetReadDeadline(time.Now().Add(patience))
		if _, _, err := w.ws.ReadMessage(); err != nil {
			return err
		}
	}
}

func (w *wire) ack(id string, payload any) {
	w.t.Helper()
	if err := w.ws.WriteJSON(map[string]any{"envelope_id": id, "payload": payload}); err != nil {
		w.t.Fatalf("write ack: %v", err)
	}
}

// async runs something that waits for an ack, and returns its error later.
func async(f func() error) <-chan error {
	out := make(chan error, 1)
	go func() { out <- f() }()
	return out
}

// slackError is the error name in err.
func slackError(err error) string {
	if e, ok := errors.AsType[slack.SlackErrorResponse](err); ok {
		return e.Err
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func wantSlackError(t *testing.T, err error, want string) {
	t.Helper()
	if got := slackError(err); got != want {
		t.Errorf("got error %q, want %q", got, want)
	}
}

// call posts raw bytes to a Web API method.
func (b *testBundle) call(method, contentType, token, body string) (int, map[string]any) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.ctx, http.MethodPost, b.sim.APIURL()+method, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var out map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		b.t.Fatal(err)
	}
	return resp.StatusCode, out
}

func section(text string) slack.Block {
	return slack.NewSectionBlock(slack.NewTextBlockObject(slack.PlainTextType, text, false, false), nil, nil)
}

func plainText(text string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, text, false, false)
}

func option(value string) *slack.OptionBlockObject {
	return slack.NewOptionBlockObject(value, plainText(strings.ToUpper(value)), nil)
}

func worldUser(id, name string) slacksim.WorldUser {
	return slacksim.WorldUser{ID: id, Name: name, RealName: name, Email: name + "@example.com"}
}

func innerType(t *testing.T, payload json.RawMessage) string {
	t.Helper()
	var p struct {
		Event struct {
			Type string `json:"type"`
		} `json:"event"`
	}
	if err := json.Unmarshal(payload, &p); err != nil {
		t.Fatal(err)
	}
	return p.Event.Type
}
