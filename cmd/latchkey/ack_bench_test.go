package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"latchkey/storage"
	"latchkey/workflow"
)

// inFlight is how many interactions Slack sends at the same moment.
const inFlight = 200

// BenchmarkSlackAck measures how long Slack waits for an ack when 200
// interactions arrive at once: half of them votes, each a transaction that is
// acked after its commit, half of them commands. It is a bot's process with
// the background work elsewhere. Slack is a bare socket here, because the
// simulator's own checks would be measured too; Postgres shares the machine.
func BenchmarkSlackAck(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent)) // as the service runs
	w := newWorldWith(b, stormWorld())
	wire := newWire(b)
	m, err := w.service("127.0.0.1:0", "127.0.0.1:0", w.main.Logger)
	w.must(err)
	m.AckWithin = 0
	m.Roles, m.SlackAPIURL = []Role{RoleBot}, wire.URL+"/api/"
	w.eventually("the directory to be read", func() bool { return strings.Contains(w.log.String(), "directory loaded") })
	w.must(w.main.Stop(w.ctx))
	w.must(m.Start(w.ctx))
	b.Cleanup(func() { _ = m.Stop(w.ctx) })
	w.main = m
	wire.connected(b)

	w.burst(wire, 0) // connections open, statements prepared
	var acks []time.Duration
	b.ResetTimer()
	for i := range b.N {
		b.StopTimer()
		acks = append(acks, w.burst(wire, i+1)...)
		b.StartTimer()
	}
	b.StopTimer()
	slices.Sort(acks)
	b.ReportMetric(0, "ns/op") // the rounds are not the measure
	b.ReportMetric(float64(acks[len(acks)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(acks[len(acks)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(acks[len(acks)-1].Microseconds())/1000, "max-ms")
}

// burst sends everything at once and returns how long each waited for its ack.
func (w *world) burst(wire *wire, round int) []time.Duration {
	w.t.Helper()
	ids := w.fileMany(round)
	var envelopes []map[string]any
	for i, id := range ids {
		envelopes = append(envelopes, wire.vote(round, i, id), wire.command(round, i))
	}
	acks := wire.send(w.t, envelopes)
	for _, id := range ids {
		if _, _, reviews, err := w.main.db.Request(w.ctx, id); err != nil || len(reviews) != 1 {
			w.t.Fatalf("an acked vote on %s is not stored: %v", id, err)
		}
		_, err := w.main.workflow.Cancel(w.ctx, w.actor("U0ERIN"), id) // room in everybody's quota
		w.must(err)
	}
	return acks
}

// fileMany files a request for every vote.
func (w *world) fileMany(round int) []storage.RequestID {
	w.t.Helper()
	var ids []storage.RequestID
	for i := range inFlight / 2 {
		asker := fmt.Sprintf("U0STORM%02d", 5+i%(storm-5))
		r, err := w.main.workflow.Submit(w.ctx, w.actor(asker), workflow.Ask{Connection: "tempo", Kind: workflow.APIKey, Scopes: []string{"worklogs:manage"},
			Lifetime: workflow.Duration(24 * time.Hour), Reason: "round after round"}, fmt.Sprintf("ack %d %d", round, i))
		w.must(err)
		ids = append(ids, r.ID)
	}
	return ids
}

// wire is a Slack that sends envelopes over sockets and notes the acks.
type wire struct {
	*httptest.Server
	mu      sync.Mutex
	sockets []*websocket.Conn
	opened  chan struct{}
	acked   chan string
}

func newWire(b *testing.B) *wire {
	b.Helper()
	w := &wire{opened: make(chan struct{}, 8), acked: make(chan string, 4*inFlight)}
	mux := http.NewServeMux()
	answer := func(doc map[string]any) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(rw).Encode(doc) }
	}
	mux.HandleFunc("/", answer(map[string]any{"ok": true}))
	mux.HandleFunc("/api/auth.test", answer(map[string]any{"ok": true, "team_id": "T0LATCH", "user_id": "U0LATCHBOT"}))
	mux.HandleFunc("/api/users.list", answer(map[string]any{"ok": true, "members": []any{}}))
	mux.HandleFunc("/api/usergroups.users.list", func(rw http.ResponseWriter, r *http.Request) {
		users := map[string][]string{}
		for _, g := range stormWorld().Groups {
			users[g.ID] = g.Users
		}
		answer(map[string]any{"ok": true, "users": users[r.FormValue("usergroup")]})(rw, r)
	})
	mux.HandleFunc("/api/apps.connections.open", func(rw http.ResponseWriter, r *http.Request) {
		answer(map[string]any{"ok": true, "url": strings.Replace(w.URL, "http", "ws", 1) + "/link"})(rw, r)
	})
	mux.HandleFunc("/link", w.link)
	w.Server = httptest.NewServer(mux)
	b.Cleanup(w.Close)
	return w
}

func (w *wire) link(rw http.ResponseWriter, r *http.Request) {
	conn, err := (&websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}).Upgrade(rw, r, nil)
	if err != nil {
		return
	}
	_ = conn.WriteJSON(map[string]any{"type": "hello", "num_connections": 1})
	w.mu.Lock()
	w.sockets = append(w.sockets, conn)
	w.mu.Unlock()
	w.opened <- struct{}{}
	for {
		var ack struct {
			EnvelopeID string `json:"envelope_id"`
		}
		if conn.ReadJSON(&ack) != nil {
			return
		}
		w.acked <- ack.EnvelopeID
	}
}

// connected waits for both of the bot's sockets.
func (w *wire) connected(b *testing.B) {
	b.Helper()
	for range 2 {
		select {
		case <-w.opened:
		case <-time.After(patience):
			b.Fatal("the bot did not connect")
		}
	}
}

func (w *wire) send(t testing.TB, envelopes []map[string]any) []time.Duration {
	t.Helper()
	began := time.Now()
	for i, e := range envelopes {
		if err := w.sockets[i%len(w.sockets)].WriteJSON(e); err != nil {
			t.Fatal(err)
		}
	}
	out := make([]time.Duration, 0, len(envelopes))
	for range envelopes {
		select {
		case <-w.acked:
			out = append(out, time.Since(began))
		case <-time.After(patience):
			t.Fatal("an ack is missing")
		}
	}
	return out
}

func (w *wire) vote(round, i int, id storage.RequestID) map[string]any {
	stamp := fmt.Sprintf("%d.%06d", 1_800_000_000+round, i)
	return map[string]any{"envelope_id": fmt.Sprintf("vote-%d-%d", round, i), "type": "interactive", "payload": map[string]any{
		"type": "block_actions", "user": map[string]any{"id": "U0BOB", "team_id": "T0LATCH"}, "team": map[string]any{"id": "T0LATCH"},
		"trigger_id": "v" + stamp, "response_url": w.URL + "/response", "container": map[string]any{"type": "message"},
		"actions": []any{map[string]any{"type": "button", "action_id": "approve/" + id.String(), "block_id": "b", "action_ts": stamp}},
	}}
}

func (w *wire) command(round, i int) map[string]any {
	return map[string]any{"envelope_id": fmt.Sprintf("command-%d-%d", round, i), "type": "slash_commands", "accepts_response_payload": true, "payload": map[string]any{
		"command": "/tokens", "text": "mine", "user_id": fmt.Sprintf("U0STORM%02d", i%storm), "team_id": "T0LATCH", "channel_id": "C0GENERAL",
		"trigger_id": fmt.Sprintf("c%d.%d", round, i), "response_url": w.URL + "/response",
	}}
}
