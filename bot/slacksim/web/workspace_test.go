package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"
)

// patience bounds every wait of these tests; none of them waits that long when
// all is well.
const patience = time.Minute

// document is one JSON object as the client sends or receives it.
type document = map[string]any

// workspace is a stand-in for the simulator's client doors: it serves a canned
// state, records what the client posts, and answers as the test says.
type workspace struct {
	t       *testing.T
	url     string
	acts    chan document
	answer  func(act document) document
	mu      sync.Mutex
	state   document
	changes map[chan struct{}]struct{}
}

// newWorkspace starts a workspace from testdata/state.json. The answer function
// may be nil; every act then succeeds.
func newWorkspace(t *testing.T, answer func(act document) document) *workspace {
	t.Helper()
	if answer == nil {
		answer = func(document) document { return document{"ok": true} }
	}
	ws := &workspace{
		t: t, acts: make(chan document, 256), answer: answer,
		state: readDocument(t, "testdata/state.json"), changes: map[chan struct{}]struct{}{},
	}
	files := http.FileServerFS(os.DirFS("."))
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", files)
	mux.Handle("GET /web/", http.StripPrefix("/web/", files))
	mux.HandleFunc("GET /client/state", ws.serveState)
	mux.HandleFunc("GET /client/events", ws.serveEvents)
	mux.HandleFunc("POST /client/act", ws.serveAct)
	server := httptest.NewServer(mux)
	t.Cleanup(server.CloseClientConnections)
	ws.url = server.URL
	return ws
}

func (ws *workspace) serveState(w http.ResponseWriter, r *http.Request) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for _, user := range ws.state["users"].([]any) {
		if user.(document)["id"] == r.FormValue("as") {
			ws.state["me"] = user
			respond(w, http.StatusOK, ws.state)
			return
		}
	}
	respond(w, http.StatusNotFound, document{"ok": false, "error": "Nobody here has that ID."})
}

func (ws *workspace) serveEvents(w http.ResponseWriter, r *http.Request) {
	change := make(chan struct{}, 1)
	change <- struct{}{}
	ws.mu.Lock()
	ws.changes[change] = struct{}{}
	ws.mu.Unlock()
	defer func() {
		ws.mu.Lock()
		delete(ws.changes, change)
		ws.mu.Unlock()
	}()
	w.Header().Set("Content-Type", "text/event-stream")
	for {
		select {
		case <-r.Context().Done():
			return
		case <-change:
			fmt.Fprint(w, "event: change\ndata: {\"rev\":1}\n\n")
			http.NewResponseController(w).Flush()
		}
	}
}

func (ws *workspace) serveAct(w http.ResponseWriter, r *http.Request) {
	var act document
	if err := json.NewDecoder(r.Body).Decode(&act); err != nil {
		respond(w, http.StatusBadRequest, document{"ok": false, "error": err.Error()})
		return
	}
	act["as"] = r.FormValue("as")
	ws.acts <- act
	respond(w, http.StatusOK, ws.answer(act))
}

func respond(w http.ResponseWriter, status int, body document) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// change edits the state and tells every open tab.
func (ws *workspace) change(edit func(state document)) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	edit(ws.state)
	for change := range ws.changes {
		select {
		case change <- struct{}{}:
		default:
		}
	}
}

// show makes the stack of views consist of the given ones.
func (ws *workspace) show(views ...document) {
	ws.change(func(state document) {
		stack := []any{}
		for _, view := range views {
			stack = append(stack, view)
		}
		state["views"] = stack
	})
}

// next waits for the next act of one type and skips the others.
func (ws *workspace) next(kind string) document {
	ws.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case act := <-ws.acts:
			if act["type"] == kind {
				return act
			}
		case <-deadline:
			ws.t.Fatalf("no act of type %q arrived", kind)
		}
	}
}

// none fails if an act of the type has arrived.
func (ws *workspace) none(kind string) {
	ws.t.Helper()
	for {
		select {
		case act := <-ws.acts:
			if act["type"] == kind {
				ws.t.Fatalf("unexpected act: %v", act)
			}
		default:
			return
		}
	}
}

func readDocument(t *testing.T, path string) document {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var doc document
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatalf("read %s: %v", path, err)
	}
	return doc
}
