package slacksim

import (
	"slices"
	"time"
)

// Knobs are the faults a test can switch on.
type Knobs struct{ sim *Sim }

// Knobs are the faults.
func (s *Sim) Knobs() *Knobs { return &Knobs{sim: s} }

// turn changes the faults under the lock and wakes whoever waits.
func (k *Knobs) turn(change func(*faults)) {
	k.sim.mu.Lock()
	defer k.sim.mu.Unlock()
	change(&k.sim.faults)
	k.sim.touch()
}

// RateLimit answers the next calls of a method with HTTP 429.
func (k *Knobs) RateLimit(method string, retryAfter time.Duration, times int) {
	k.turn(func(f *faults) { f.limits[method] = &limit{wait: retryAfter, times: times} })
}

// Fail answers the next calls of a method with a Slack error. They have no
// effect. The method "response_url" stands for every response URL, "upload" for
// every upload URL.
func (k *Knobs) Fail(method, slackErr string, times int) {
	k.turn(func(f *faults) { f.fails[method] = &failure{code: slackErr, times: times} })
}

// FailAfter lets the next calls of a method take effect, then answers HTTP 500:
// the app cannot know whether they did.
func (k *Knobs) FailAfter(method string, times int) {
	k.turn(func(f *faults) { f.after[method] = times })
}

// Delay makes every call of a method wait, or every "upload"; zero ends it.
func (k *Knobs) Delay(method string, d time.Duration) {
	k.turn(func(f *faults) { f.delays[method] = d })
}

// Down takes Slack away: every call is answered 503 and all sockets drop.
func (k *Knobs) Down(down bool) {
	k.turn(func(f *faults) { f.down = down })
	if !down {
		return
	}
	k.sim.mu.Lock()
	defer k.sim.mu.Unlock()
	for _, so := range k.sim.sockets {
		so.close()
	}
	k.sim.sockets = nil
}

// RevokeTokens uninstalls the app: it is told, and then its bot token is dead.
func (k *Knobs) RevokeTokens() {
	s := k.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	s.emit("tokens_revoked", doc{"tokens": doc{"oauth": []any{}, "bot": []any{s.world.BotUser}}})
	s.emit("app_uninstalled", doc{})
	s.faults.revoked = true
	s.touch()
}

// DropAcks ignores the next n acks. An interaction is sent again at once under
// its own ID; an event after the ack timeout, under a new one.
func (k *Knobs) DropAcks(n int) { k.turn(func(f *faults) { f.dropAcks = n }) }

// Duplicate sends each of the next n envelopes twice, on two sockets when there are two.
func (k *Knobs) Duplicate(n int) { k.turn(func(f *faults) { f.duplicates = n }) }

// Disconnect asks every socket to reconnect: "warning", "refresh_requested" or
// "link_disabled". They get no more envelopes.
func (k *Knobs) Disconnect(reason string) { k.disconnect(reason, socketLimit) }

// DisconnectOne asks the oldest socket to reconnect.
func (k *Knobs) DisconnectOne(reason string) { k.disconnect(reason, 1) }

func (k *Knobs) disconnect(reason string, most int) {
	s := k.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, so := range slices.Clone(s.sockets[:min(most, len(s.sockets))]) {
		s.record(Entry{Kind: "socket", Name: "disconnect", Socket: so.n, Note: reason})
		so.send(s.encode(s.goodbye(reason)))
		s.forget(so)
		time.AfterFunc(s.timing.PingEvery, so.close)
	}
}

// HalfOpen makes every present socket swallow what goes either way, without
// closing. Slack still counts them as open.
func (k *Knobs) HalfOpen() {
	k.sim.mu.Lock()
	defer k.sim.mu.Unlock()
	for _, so := range k.sim.sockets {
		so.half.Store(true)
	}
}

// Hold keeps envelopes back until Release. Their deadlines start on release.
func (k *Knobs) Hold() { k.turn(func(f *faults) { f.hold = true }) }

// Held lists what is kept back, oldest first.
func (k *Knobs) Held() []Envelope {
	k.sim.mu.Lock()
	defer k.sim.mu.Unlock()
	return each(k.sim.faults.held, (*envelope).exported)
}

// Release sends what is kept back: first the named envelopes in this order, then the rest.
func (k *Knobs) Release(order ...string) {
	s := k.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	held := s.faults.held
	s.faults.hold, s.faults.held = false, nil
	for _, id := range order {
		if i := slices.IndexFunc(held, func(e *envelope) bool { return e.id == id }); i >= 0 {
			s.deliver(held[i])
			held = slices.Delete(held, i, i+1)
		}
	}
	for _, e := range held {
		s.deliver(e)
	}
}
