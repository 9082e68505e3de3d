package server

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"latchkey/storage"
	"latchkey/workflow"
)

// files are the pages and what they load.
//
//go:embed pages/*.html assets/*
var files embed.FS

// asset serves what the pages load. The type is said here and not guessed
// from the machine's tables, since browsers are told not to guess either.
func (s *Server) asset(w http.ResponseWriter, r *http.Request) {
	switch name := r.PathValue("file"); name {
	case "style.css", "case.css", "api.css", "console.css":
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		http.ServeFileFS(w, r, files, "assets/"+name)
	case "reveal.js":
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		http.ServeFileFS(w, r, files, "assets/"+name)
	default:
		s.unknownPage(w, r)
	}
}

// notice is a page of a few sentences.
type notice struct {
	Status int
	Title  string
	Says   string // what happened
	Next   string // what to do now
	Ref    string // only where an admin can find more in the log
}

func (s *Server) show(w http.ResponseWriter, r *http.Request, n notice) {
	s.write(w, r, n.Status, "notice.html", n)
}

// write renders a page whole before anything of it is sent.
func (s *Server) write(w http.ResponseWriter, r *http.Request, status int, name string, data any) {
	var page bytes.Buffer
	if err := s.pages.ExecuteTemplate(&page, name, data); err != nil {
		s.log.Error().Str("ref", refOf(r)).Str("page", name).Msg("page can't be rendered") // the error may quote the data
		http.Error(w, "Something went wrong. Tell an admin this reference: "+refOf(r), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = page.WriteTo(w) // a client that went away needs no answer
}

func (s *Server) about(w http.ResponseWriter, r *http.Request) {
	s.write(w, r, http.StatusOK, "about.html", notice{Title: "Every key has an owner and an end"})
}

func (s *Server) unknownPage(w http.ResponseWriter, r *http.Request) {
	s.show(w, r, notice{Status: http.StatusNotFound, Title: "There is no such page",
		Says: "The address may have been cut short when it was copied.",
		Next: "Open the newest message from Latchkey in Slack and use its button."})
}

// fail maps an error to its page, once for all pages.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	if refusal, ok := workflow.AsRefusal(err); ok && refusal.Rule == workflow.RuleUnknown {
		s.show(w, r, notice{Status: http.StatusNotFound, Title: "This link is not valid",
			Says: "Nothing is waiting behind it. It may have been cut short when it was copied, or a newer link has replaced it.",
			Next: "Open the newest message from Latchkey in Slack and use its button."})
		return
	}
	status := http.StatusInternalServerError
	if storage.IsUnavailable(err) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		status = http.StatusServiceUnavailable
	}
	level := zerolog.ErrorLevel
	if r.Context().Err() != nil {
		level = zerolog.DebugLevel // the client went away, and that is the error
	}
	s.log.WithLevel(level).Err(err).Str("ref", refOf(r)).Str("route", route(r)).Msg("request failed")
	s.show(w, r, failure(status, refOf(r)))
}

// failure is the page for what is our own fault.
func failure(status int, ref string) notice {
	n := notice{Status: status, Title: "Something went wrong here", Ref: ref,
		Says: "It is not your fault, and nothing was shown.",
		Next: "Open the link from Slack again in a minute. If this page comes back, tell an admin the reference below."}
	if status == http.StatusServiceUnavailable {
		n.Title = "Latchkey is busy or restarting"
	}
	return n
}

// moment is a point in time for people and for scripts, which show it in the
// reader's own time zone.
type moment struct{ ISO, Words string }

func momentOf(t time.Time) moment {
	t = t.UTC()
	return moment{ISO: t.Format(time.RFC3339), Words: t.Format("2 January 2006, 15:04 UTC")}
}
