package server

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"
)

// readyTime bounds the checks of one /readyz.
const readyTime = 2 * time.Second

// health says that the process is alive, whatever else is wrong.
func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "ok\n") // a client that went away needs no answer
}

type readyAnswer struct {
	Ready  bool         `json:"ready"`
	Checks []readyCheck `json:"checks"`
}

type readyCheck struct {
	Name  string `json:"name"`
	OK    bool   `json:"ok"`
	About string `json:"about"` // a sentence; the cause is in the log
}

// readiness says whether requests should be sent here. Causes go to the log,
// because anybody may ask.
func (s *Server) readiness(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTime)
	defer cancel()
	out := readyAnswer{Ready: true, Checks: []readyCheck{}}
	for _, c := range s.ready(ctx) {
		row := readyCheck{Name: c.Name, OK: c.Err == nil, About: "It works."}
		if c.Err != nil {
			out.Ready = out.Ready && c.Minor
			row.About = "It does not work; the log says why under the reference " + refOf(r) + "."
			s.log.Warn().Err(c.Err).Str("ref", refOf(r)).Str("check", c.Name).Bool("minor", c.Minor).Msg("not ready")
		}
		out.Checks = append(out.Checks, row)
	}
	if ctx.Err() != nil {
		out.Ready = false
		out.Checks = append(out.Checks, readyCheck{Name: "time", About: "The checks took longer than " + readyTime.String() + "."})
	}
	w.Header().Set("Content-Type", "application/json")
	if !out.Ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(out) // a client that went away needs no answer
}
