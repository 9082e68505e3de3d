package slacksim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

const (
	socketLimit = 10     // connections per app
	frameLimit  = 20_480 // bytes in one frame from the app
	readLimit   = 1 << 20
	writeWait   = 5 * time.Second
	queued      = 256 // frames that wait for a slow reader
)

// socket is one Socket Mode connection.
type socket struct {
	n    int // from 1, for the traffic log
	ws   *websocket.Conn
	out  chan []byte
	done chan struct{}
	once sync.Once
	half atomic.Bool // looks open, swallows everything
}

func (so *socket) close() {
	so.once.Do(func() {
		close(so.done)
		_ = so.ws.Close() // the peer learns of it by the TCP reset
	})
}

// send queues a frame. A reader that is too slow loses the connection.
func (so *socket) send(frame []byte) {
	select {
	case so.out <- frame:
	default:
		so.close()
	}
}

// Sockets counts the connections that envelopes may be sent to.
func (s *Sim) Sockets() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sockets)
}

func (s *Sim) serveSocket(w http.ResponseWriter, r *http.Request) {
	ticket := r.URL.Query().Get("ticket")
	s.mu.Lock()
	ok := s.tickets[ticket] && !s.faults.down
	delete(s.tickets, ticket)
	s.mu.Unlock()
	if !ok {
		http.Error(w, "unknown ticket", http.StatusForbidden)
		return
	}
	upgrader := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		s.log.Debug().Err(err).Msg("upgrading socket")
		return
	}
	ws.SetReadLimit(readLimit)
	so := &socket{ws: ws, out: make(chan []byte, queued), done: make(chan struct{})}
	ws.SetPingHandler(func(data string) error {
		if so.half.Load() {
			return nil
		}
		return ws.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(writeWait))
	})
	s.admit(so)
}

// admit greets a new connection and makes it a target, unless there are too many.
func (s *Sim) admit(so *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.socketSeq++
	so.n = s.socketSeq
	if s.over() {
		so.close()
		return
	}
	if len(s.sockets) >= socketLimit {
		s.record(Entry{Kind: "socket", Name: "too_many_websockets", Socket: so.n})
		_ = so.ws.WriteMessage(websocket.TextMessage, s.encode(s.goodbye("too_many_websockets")))
		so.close()
		return
	}
	s.sockets = append(s.sockets, so)
	s.record(Entry{Kind: "socket", Name: "hello", Socket: so.n})
	so.send(s.encode(doc{
		"type": "hello", "num_connections": len(s.sockets), "connection_info": doc{"app_id": s.world.AppID},
		"debug_info": doc{"host": "applink-sim", "started": s.now().UTC().Format(time.RFC3339), "build_number": 1, "approximate_connection_time": 18060},
	}))
	again := s.redelivers
	s.redelivers = nil
	for _, e := range again {
		if s.inflight[e.id] == e {
			s.transmit(e)
		}
	}
	s.work.Go(func() { s.write(so) })
	s.work.Go(func() { s.read(so) })
}

func (s *Sim) goodbye(reason string) doc {
	return doc{"type": "disconnect", "reason": reason, "debug_info": doc{"host": "applink-sim"}}
}

// write is the only goroutine that sends data frames on the connection.
func (s *Sim) write(so *socket) {
	ping := time.NewTicker(s.timing.PingEvery)
	defer ping.Stop()
	defer so.close()
	for {
		var err error
		select {
		case <-so.done:
			return
		case frame := <-so.out:
			if !so.half.Load() {
				_ = so.ws.SetWriteDeadline(time.Now().Add(writeWait))
				err = so.ws.WriteMessage(websocket.TextMessage, frame)
			}
		case <-ping.C:
			if !so.half.Load() {
				err = so.ws.WriteControl(websocket.PingMessage, []byte("sim"), time.Now().Add(writeWait))
			}
		}
		if err != nil {
			return
		}
	}
}

// read takes acks until the connection ends.
func (s *Sim) read(so *socket) {
	defer s.drop(so)
	for {
		_, frame, err := so.ws.ReadMessage()
		if err != nil {
			return
		}
		if so.half.Load() {
			continue
		}
		if len(frame) > frameLimit {
			s.refuseFrame(so, frame)
			return
		}
		s.takeAck(so, frame)
	}
}

// drop forgets a connection. What it had not acked runs into its deadline.
func (s *Sim) drop(so *socket) {
	so.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(so)
	s.record(Entry{Kind: "socket", Name: "closed", Socket: so.n})
}

func (s *Sim) forget(so *socket) {
	s.sockets = slices.DeleteFunc(s.sockets, func(o *socket) bool { return o == so })
}

// refuseFrame closes with 1009. What was in flight on the connection comes again
// on the next one, which is how a too large ack becomes a loop at Slack.
func (s *Sim) refuseFrame(so *socket, frame []byte) {
	var head struct {
		EnvelopeID string `json:"envelope_id"`
	}
	_ = json.Unmarshal(frame, &head) // only for the log
	reason := fmt.Sprintf("Max frame length of %d has been exceeded", frameLimit)
	// What the app may do when it sees the close finds everything in place.
	defer func() {
		_ = so.ws.WriteControl(websocket.CloseMessage,
			websocket.FormatCloseMessage(websocket.CloseMessageTooBig, reason), time.Now().Add(writeWait))
	}()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problem("ack of %s: the frame has %d bytes, Slack closes the socket above %d", head.EnvelopeID, len(frame), frameLimit)
	s.record(Entry{Kind: "socket", Name: "1009", ID: head.EnvelopeID, Socket: so.n, Note: reason})
	s.forget(so)
	for _, e := range s.sent {
		if e.on[so] && s.inflight[e.id] == e {
			s.redelivers = append(s.redelivers, e)
		}
	}
}
