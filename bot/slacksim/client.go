package slacksim

import (
	"cmp"
	"embed"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

//go:embed web/*.html web/*.js web/*.css
var web embed.FS

// clientRoutes serve the browser client: its files, what is on one person's
// screen, a stream that says when to look again, and what the person does.
func (s *Sim) clientRoutes(mux *http.ServeMux) {
	files := http.FileServerFS(web)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, web, "web/index.html")
	})
	mux.Handle("GET /web/", files)
	mux.HandleFunc("GET /client/state", s.asPerson(s.serveState))
	mux.HandleFunc("GET /client/events", s.asPerson(s.serveEvents))
	mux.HandleFunc("POST /client/act", s.asPerson(s.serveAct))
	mux.HandleFunc("GET /client/files/{id}", s.asPerson(s.serveFile))
}

// asPerson checks that the request comes from the client's own page, and for
// whom it acts. There are no passwords here: everybody on this machine may be
// anybody, but a page from elsewhere may not.
func (s *Sim) asPerson(next func(http.ResponseWriter, *http.Request, string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if origin := r.Header.Get("Origin"); origin != "" {
			if u, err := url.Parse(origin); err != nil || u.Host != r.Host {
				http.Error(w, "only the simulator's own page may do this", http.StatusForbidden)
				return
			}
		}
		if s.loopback && !isLocalName(r.Host) {
			http.Error(w, "only localhost is served", http.StatusForbidden)
			return
		}
		user := r.URL.Query().Get("as")
		s.mu.Lock()
		known := s.people[user] != nil
		s.mu.Unlock()
		if !known {
			http.Error(w, "unknown person in ?as=", http.StatusBadRequest)
			return
		}
		next(w, r, user)
	}
}

// isLocalName refuses names that a foreign DNS server could point here.
func isLocalName(host string) bool {
	name, _, err := net.SplitHostPort(host)
	name = cmp.Or(name, host)
	if err == nil && name == "localhost" {
		return true
	}
	ip := net.ParseIP(name)
	return ip != nil && ip.IsLoopback()
}

func (s *Sim) serveState(w http.ResponseWriter, _ *http.Request, user string) {
	s.mu.Lock()
	state := s.encode(s.screen(s.people[user]))
	s.mu.Unlock()
	s.respond(w, http.StatusOK, state)
}

// reconnectAfter is when a browser that lost the stream tries again. The usual
// three seconds would keep people waiting after a restart.
const reconnectAfter = 500 * time.Millisecond

// serveEvents tells the browser the revision now and after every change.
func (s *Sim) serveEvents(w http.ResponseWriter, r *http.Request, _ string) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	if _, err := fmt.Fprintf(w, "retry: %d\n\n", reconnectAfter.Milliseconds()); err != nil {
		return
	}
	told := -1
	for {
		s.mu.Lock()
		rev, next := s.rev, s.changed
		s.mu.Unlock()
		if rev != told {
			told = rev
			if _, err := fmt.Fprintf(w, "event: change\ndata: {\"rev\":%d}\n\n", rev); err != nil {
				return
			}
			if err := out.Flush(); err != nil {
				return
			}
		}
		select {
		case <-next:
		case <-r.Context().Done():
			return
		case <-s.gone:
			return
		}
	}
}
