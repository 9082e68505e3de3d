package slacksim

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// keptEnvelopes bounds what Redeliver can find in a long demo.
const keptEnvelopes = 2_000

// envelope is something the app has to ack.
type envelope struct {
	id      string
	kind    string // "slash_commands", "interactive", "events_api"
	payload json.RawMessage
	accepts bool                        // the ack may carry a payload
	apply   func(json.RawMessage) error // what the ack's payload does; nil for nothing
	failed  func(error)                 // what the person sees when no ack came
	attempt int                         // redeliveries of an event, from 0
	reason  string                      // why it is a redelivery

	on    map[*socket]bool // connections it went out on
	timer *time.Timer      // ack deadline
	acked bool

	done   chan struct{} // closed when the outcome below is set
	answer json.RawMessage
	err    error
}

func (s *Sim) newEnvelope(kind string, payload doc, accepts bool) *envelope {
	return &envelope{
		id: uuid(), kind: kind, payload: s.encode(payload), accepts: accepts,
		on: map[*socket]bool{}, done: make(chan struct{}),
	}
}

func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, says its documentation
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// deliver sends an envelope, or keeps it back while the Hold knob is on.
func (s *Sim) deliver(e *envelope) {
	if s.faults.hold {
		s.faults.held = append(s.faults.held, e)
		s.touch()
		return
	}
	s.sent = append(s.sent, e)
	if len(s.sent) > keptEnvelopes {
		s.sent = slices.Delete(s.sent, 0, len(s.sent)-keptEnvelopes)
	}
	if len(s.sockets) == 0 {
		s.record(Entry{Kind: "envelope", Name: e.kind, ID: e.id, Attempt: e.attempt, Response: e.payload, Note: "no socket is open"})
		s.fail(e, fmt.Errorf("dispatch_failed: %w", ErrDidNotRespond))
		return
	}
	s.inflight[e.id] = e
	e.timer = time.AfterFunc(s.timing.AckTimeout, func() { s.expire(e) })
	s.transmit(e)
	if s.faults.duplicates > 0 {
		s.faults.duplicates--
		s.transmit(e)
	}
}

// transmit puts the envelope on the next connection, one it was not on yet if
// there is one.
func (s *Sim) transmit(e *envelope) {
	so := s.nextSocket(e)
	if so == nil {
		return
	}
	e.on[so] = true
	frame := doc{
		"envelope_id": e.id, "type": e.kind, "payload": e.payload, "accepts_response_payload": e.accepts,
	}
	if e.kind == "events_api" {
		frame["retry_attempt"], frame["retry_reason"] = e.attempt, e.reason
	}
	s.record(Entry{Kind: "envelope", Name: e.kind, ID: e.id, Socket: so.n, Attempt: e.attempt, Response: e.payload, Note: e.reason})
	so.send(s.encode(frame))
}

func (s *Sim) nextSocket(e *envelope) *socket {
	for range s.sockets {
		s.turn++
		if so := s.sockets[s.turn%len(s.sockets)]; !e.on[so] {
			return so
		}
	}
	if len(s.sockets) == 0 {
		return nil
	}
	s.turn++
	return s.sockets[s.turn%len(s.sockets)]
}

// takeAck handles one frame from the app.
func (s *Sim) takeAck(so *socket, frame []byte) {
	var ack struct {
		EnvelopeID string          `json:"envelope_id"`
		Payload    json.RawMessage `json:"payload"`
	}
	if err := json.Unmarshal(frame, &ack); err != nil {
		s.mu.Lock()
		s.problem("socket %d: a frame is not JSON: %v", so.n, err)
		s.mu.Unlock()
		return
	}
	if string(ack.Payload) == "null" {
		ack.Payload = nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.inflight[ack.EnvelopeID]
	note := ""
	switch {
	case e == nil:
		note = "ignored: not waiting for it"
	case !e.on[so]:
		note = "ignored: it was sent on another socket"
	case s.faults.dropAcks > 0:
		s.faults.dropAcks--
		note = "dropped by a knob"
	}
	s.record(Entry{Kind: "ack", Name: "ack", ID: ack.EnvelopeID, Socket: so.n, Request: ack.Payload, Note: note})
	if note == "" {
		s.settle(e, ack.Payload)
		return
	}
	if e != nil && e.kind != "events_api" && note == "dropped by a knob" {
		s.transmit(e)
	}
}

// settle ends an envelope that was acked in time.
func (s *Sim) settle(e *envelope, payload json.RawMessage) {
	e.timer.Stop()
	delete(s.inflight, e.id)
	e.acked, e.answer = true, payload
	if payload != nil && !e.accepts && string(payload) != "{}" {
		s.problem("ack of %s: this %s envelope takes no response payload", e.id, e.kind)
		payload = nil
	}
	if e.apply != nil {
		e.err = e.apply(payload)
	}
	close(e.done)
	s.touch()
}

// expire ends an attempt whose ack did not come.
func (s *Sim) expire(e *envelope) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inflight[e.id] != e {
		return
	}
	delete(s.inflight, e.id)
	s.record(Entry{Kind: "ack", Name: "timeout", ID: e.id, Attempt: e.attempt})
	s.fail(e, fmt.Errorf("operation_timeout: %w", ErrDidNotRespond))
}

// fail tells the person, or sends an event again when its next turn comes.
func (s *Sim) fail(e *envelope, err error) {
	if e.failed != nil {
		e.failed(err)
	}
	e.err = err
	close(e.done)
	s.touch()
	if e.kind != "events_api" || e.attempt >= len(s.timing.Retry) {
		return
	}
	next := &envelope{
		id: uuid(), kind: e.kind, payload: e.payload, attempt: e.attempt + 1, reason: "timeout",
		on: map[*socket]bool{}, done: make(chan struct{}),
	}
	time.AfterFunc(s.timing.Retry[e.attempt], func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.over() {
			s.deliver(next)
		}
	})
}

// over tells whether the workspace was closed.
func (s *Sim) over() bool {
	select {
	case <-s.gone:
		return true
	default:
		return false
	}
}

// await waits for an envelope's outcome, without the lock.
func (s *Sim) await(ctx context.Context, e *envelope) (Ack, error) {
	select {
	case <-e.done:
		return Ack{EnvelopeID: e.id, Payload: e.answer}, e.err
	case <-ctx.Done():
		return Ack{EnvelopeID: e.id}, fmt.Errorf("wait for ack: %w", ctx.Err())
	case <-s.gone:
		return Ack{EnvelopeID: e.id}, errors.New("wait for ack: the workspace was closed")
	}
}

func (e *envelope) exported() Envelope {
	return Envelope{ID: e.id, Type: e.kind, RetryAttempt: e.attempt, Payload: e.payload, Acked: e.acked}
}

// LastEnvelopes lists what was sent to the app, oldest first.
func (s *Sim) LastEnvelopes() []Envelope {
	s.mu.Lock()
	defer s.mu.Unlock()
	return each(s.sent, (*envelope).exported)
}

// Redeliver sends an envelope again under the same ID, as Slack sometimes does,
// and waits for the ack. The repeated ack has no effect in the workspace.
func (s *Sim) Redeliver(ctx context.Context, envelopeID string) (Ack, error) {
	s.mu.Lock()
	i := slices.IndexFunc(s.sent, func(e *envelope) bool { return e.id == envelopeID })
	if i < 0 {
		s.mu.Unlock()
		return Ack{}, fmt.Errorf("redeliver %s: no such envelope", envelopeID)
	}
	e := s.sent[i]
	if s.inflight[e.id] == e {
		s.transmit(e)
		s.mu.Unlock()
		return s.await(ctx, e)
	}
	again := &envelope{
		id: e.id, kind: e.kind, payload: e.payload, accepts: e.accepts, attempt: e.attempt, reason: e.reason,
		on: map[*socket]bool{}, done: make(chan struct{}),
	}
	s.deliver(again)
	s.mu.Unlock()
	return s.await(ctx, again)
}
