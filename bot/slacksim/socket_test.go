package slacksim_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack/socketmode"

	"latchkey/bot/slacksim"
)

func (b *testBundle) slash(user, text string) <-chan error {
	return async(func() error { _, err := b.sim.User(user).Slash(b.ctx, "C0GENERAL", text); return err })
}

func TestEachEnvelopeGoesToOneSocketInTurn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, second := b.connect(), b.dial()
	if hello := second.next(); hello.Type != "hello" || hello.Connections != 2 {
		t.Errorf("got %+v", hello)
	}
	turns := map[int]int{}
	for range 4 {
		before, _ := newest(b.sim)
		done := b.slash("U0ALICE", "/tokens")
		var sent slacksim.Entry
		b.waitFor("envelope", func() bool {
			sent, _ = newest(b.sim)
			return sent.Seq > before.Seq
		})
		turns[sent.Socket]++
		to := map[int]*wire{first.number: first, second.number: second}[sent.Socket]
		to.ack(to.next().EnvelopeID, nil)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if turns[first.number] != 2 || turns[second.number] != 2 {
		t.Errorf("envelopes by socket: %v", turns)
	}
}

// newest is the last envelope that went out.
func newest(s *slacksim.Sim) (slacksim.Entry, bool) {
	for _, e := range slices.Backward(s.Traffic()) {
		if e.Kind == "envelope" {
			return e, true
		}
	}
	return slacksim.Entry{}, false
}

func TestTicketWorksOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, url, err := b.api.StartSocketModeContext(b.ctx)
	if err != nil {
		t.Fatal(err)
	}
	ws, resp, err := websocket.DefaultDialer.DialContext(b.ctx, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ws.Close() }()
	_ = resp.Body.Close()
	_, resp, err = websocket.DefaultDialer.DialContext(b.ctx, url, nil)
	if err == nil || resp == nil || resp.StatusCode != 403 {
		t.Errorf("got %v, %v", resp, err)
	}
}

func TestEleventhConnectionIsTurnedAway(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 10 {
		b.connect()
	}
	if f := b.dial().next(); f.Type != "disconnect" || f.Reason != "too_many_websockets" {
		t.Errorf("got %+v", f)
	}
	if n := b.sim.Sockets(); n != 10 {
		t.Errorf("%d sockets", n)
	}
}

func TestNoSocketFailsAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.sim.User("U0ALICE").Slash(b.ctx, "C0GENERAL", "/tokens help")
	if !errors.Is(err, slacksim.ErrDidNotRespond) || !strings.Contains(err.Error(), "dispatch_failed") {
		t.Errorf("got %v", err)
	}
}

func TestMissingAckIsToldToThePerson(t *testing.T) {
	t.Parallel()
	b := setupWith(t, slacksim.Config{Timing: slacksim.Timing{AckTimeout: time.Millisecond}})
	b.connect()
	alice := b.sim.User("U0ALICE")
	_, err := alice.Slash(b.ctx, "C0GENERAL", "/tokens help")
	if !errors.Is(err, slacksim.ErrDidNotRespond) || !strings.Contains(err.Error(), "didn't respond") {
		t.Errorf("got %v", err)
	}
	if got := alice.Toasts(); !slices.Equal(got, []string{"Latchkey didn't respond in time."}) {
		t.Errorf("toasts are %q", got)
	}
}

func TestUnackedEventComesThreeTimesMore(t *testing.T) {
	t.Parallel()
	b := setupWith(t, slacksim.Config{Timing: slacksim.Timing{
		AckTimeout: time.Millisecond, Retry: []time.Duration{0, time.Millisecond, time.Millisecond},
	}})
	w := b.connect()
	b.sim.UpdateUser("U0ALICE", func(u *slacksim.WorldUser) { u.Title = "Lead" })
	eventID := func(f frame) string {
		var p struct {
			EventID string `json:"event_id"`
		}
		if err := json.Unmarshal(f.Payload, &p); err != nil {
			t.Fatal(err)
		}
		return p.EventID
	}
	first := w.next()
	if first.RetryAttempt != 0 || first.RetryReason != "" {
		t.Errorf("got %+v", first)
	}
	envelopes := map[string]bool{first.EnvelopeID: true}
	for attempt := 1; attempt <= 3; attempt++ {
		f := w.next()
		if f.RetryAttempt != attempt || f.RetryReason != "timeout" || eventID(f) != eventID(first) {
			t.Errorf("attempt %d is %+v", attempt, f)
		}
		envelopes[f.EnvelopeID] = true
	}
	if len(envelopes) != 4 {
		t.Errorf("redeliveries share envelope IDs: %v", envelopes)
	}
}

func TestEventWithoutASocketComesAsARetry(t *testing.T) {
	t.Parallel()
	b := setupWith(t, slacksim.Config{Timing: slacksim.Timing{Retry: []time.Duration{time.Hour}}})
	b.sim.UpdateUser("U0ALICE", func(u *slacksim.WorldUser) { u.Title = "Lead" })
	sent := b.sim.LastEnvelopes()
	if len(sent) != 1 || sent[0].Acked {
		t.Errorf("got %+v", sent)
	}

	b = setupWith(t, slacksim.Config{Timing: slacksim.Timing{Retry: []time.Duration{0, 0, time.Millisecond}}})
	b.sim.UpdateUser("U0ALICE", func(u *slacksim.WorldUser) { u.Title = "Lead" })
	b.waitFor("every attempt", func() bool { return len(b.sim.LastEnvelopes()) == 4 })
}

func TestDroppedAckBringsTheSameEnvelopeAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.connect()
	b.sim.Knobs().DropAcks(1)
	done := b.slash("U0ALICE", "/tokens")
	first := w.next()
	w.ack(first.EnvelopeID, nil)
	second := w.next()
	if second.EnvelopeID != first.EnvelopeID {
		t.Errorf("got %s, then %s", first.EnvelopeID, second.EnvelopeID)
	}
	w.ack(second.EnvelopeID, nil)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestDuplicateGoesToTwoSockets(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one, two := b.connect(), b.connect()
	b.sim.Knobs().Duplicate(1)
	done := b.slash("U0ALICE", "/tokens")
	first, second := one.next(), two.next()
	if first.EnvelopeID != second.EnvelopeID {
		t.Errorf("got %s and %s", first.EnvelopeID, second.EnvelopeID)
	}
	two.ack(second.EnvelopeID, map[string]any{"text": "once"})
	if err := <-done; err != nil {
		t.Error(err)
	}
	one.ack(first.EnvelopeID, map[string]any{"text": "twice"})
	b.waitFor("second ack", func() bool { return strings.Contains(notes(b.sim), "not waiting for it") })
	if got := b.sim.User("U0ALICE").Messages("C0GENERAL"); len(got) != 1 || got[0].Text != "once" {
		t.Errorf("got %+v", got)
	}
}

func notes(s *slacksim.Sim) string {
	var all strings.Builder
	for _, e := range s.Traffic() {
		all.WriteString(e.Note + "\n")
	}
	return all.String()
}

func TestAckOnAnotherSocketIsIgnored(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one := b.connect()
	done := b.slash("U0ALICE", "/tokens")
	f := one.next()
	two := b.connect()
	two.ack(f.EnvelopeID, nil)
	b.waitFor("ignored ack", func() bool { return strings.Contains(notes(b.sim), "another socket") })
	one.ack(f.EnvelopeID, nil)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestTooLargeAckClosesTheSocketAndComesBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.connect()
	done := b.slash("U0ALICE", "/tokens")
	f := w.next()
	w.ack(f.EnvelopeID, map[string]any{"text": strings.Repeat("x", 20_480)})
	closed, ok := errors.AsType[*websocket.CloseError](w.ended())
	if !ok || closed.Code != websocket.CloseMessageTooBig || !strings.Contains(closed.Text, "20480") {
		t.Errorf("got %v", closed)
	}
	again := b.connect()
	if f2 := again.next(); f2.EnvelopeID != f.EnvelopeID {
		t.Errorf("got %+v", f2)
	}
	again.ack(f.EnvelopeID, nil)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got := b.sim.Problems(); len(got) != 1 || !strings.Contains(got[0], "20480") {
		t.Errorf("problems are %q", got)
	}
}

func TestSlackGoReconnectsWhenAsked(t *testing.T) {
	t.Parallel()
	for _, reason := range []string{"warning", "refresh_requested"} {
		b := setup(t)
		b.app(ackAll)
		b.app(ackAll)
		b.sim.Knobs().Disconnect(reason)
		b.waitFor("both back", func() bool { return b.sim.Sockets() == 2 })
		b.sim.Knobs().DisconnectOne(reason)
		if _, err := b.sim.User("U0ALICE").Slash(b.ctx, "C0GENERAL", "/tokens"); err != nil {
			t.Errorf("with one of two sockets refreshed: %v", err)
		}
		b.waitFor("one back", func() bool { return b.sim.Sockets() == 2 })
	}
}

func TestHalfOpenSocketSwallowsEverything(t *testing.T) {
	t.Parallel()
	b := setupWith(t, slacksim.Config{Timing: slacksim.Timing{AckTimeout: 50 * time.Millisecond}})
	b.connect()
	b.sim.Knobs().HalfOpen()
	_, err := b.sim.User("U0ALICE").Slash(b.ctx, "C0GENERAL", "/tokens")
	if !errors.Is(err, slacksim.ErrDidNotRespond) || b.sim.Sockets() != 1 {
		t.Errorf("got %v with %d sockets", err, b.sim.Sockets())
	}
}

func TestServerPings(t *testing.T) {
	t.Parallel()
	b := setupWith(t, slacksim.Config{Timing: slacksim.Timing{PingEvery: time.Millisecond}})
	w := b.connect()
	pinged := make(chan struct{}, 64)
	w.ws.SetPingHandler(func(string) error {
		pinged <- struct{}{}
		return nil
	})
	go func() { _ = w.ended() }()
	select {
	case <-pinged:
	case <-b.ctx.Done():
		t.Error("no ping came")
	}
}

func TestHeldEnvelopesLeaveInTheOrderTheTestWants(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.connect()
	b.sim.Knobs().Hold()
	first := b.slash("U0ALICE", "/tokens one")
	b.waitFor("one held", func() bool { return len(b.sim.Knobs().Held()) == 1 })
	second := b.slash("U0ALICE", "/tokens two")
	b.waitFor("two held", func() bool { return len(b.sim.Knobs().Held()) == 2 })
	held := b.sim.Knobs().Held()
	b.sim.Knobs().Release(held[1].ID)
	var order []string
	for range 2 {
		f := w.next()
		order = append(order, f.EnvelopeID)
		w.ack(f.EnvelopeID, nil)
	}
	if want := []string{held[1].ID, held[0].ID}; !slices.Equal(order, want) {
		t.Errorf("got %v, want %v", order, want)
	}
	if err := errors.Join(<-first, <-second); err != nil {
		t.Error(err)
	}
}

func TestRedeliverHasNoSecondEffect(t *testing.T) {
	t.Parallel()
	b := setup(t)
	seen := make(chan string, 4)
	b.app(func(evt socketmode.Event) (any, bool) {
		seen <- evt.Request.EnvelopeID
		return map[string]any{"text": "answer"}, true
	})
	alice := b.sim.User("U0ALICE")
	ack, err := alice.Slash(b.ctx, "C0GENERAL", "/tokens")
	if err != nil {
		t.Fatal(err)
	}
	again, err := b.sim.Redeliver(b.ctx, ack.EnvelopeID)
	if err != nil || again.EnvelopeID != ack.EnvelopeID {
		t.Errorf("got %+v, %v", again, err)
	}
	if first, second := <-seen, <-seen; first != second {
		t.Error("the envelope came back under another ID")
	}
	if got := alice.Messages("C0GENERAL"); len(got) != 1 {
		t.Errorf("got %+v", got)
	}
	if _, err := b.sim.Redeliver(b.ctx, "nope"); err == nil {
		t.Error("an unknown envelope was sent")
	}
}

func TestSlackGoStopsForGoodOnBadTokens(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sim.Knobs().Fail("apps.connections.open", "token_revoked", 1)
	err := socketmode.New(b.api).RunContext(b.ctx)
	wantSlackError(t, err, "token_revoked")
}
