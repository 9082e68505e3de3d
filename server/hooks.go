package server

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"latchkey/connectors"
	"latchkey/workflow"
)

const (
	hookRoute  = "/hooks/{connection}"
	maxEvent   = 1 << 20          // bytes of one delivery
	hookWithin = 10 * time.Second // senders give up sooner, and send again
)

// hook takes what an HR or identity system tells of people, or a system of
// leaks it found. Who sends it is
// proven by the connection's own rules; the address's query may hold a secret
// and is logged nowhere. Only what can never be taken is answered with 4xx,
// because senders don't repeat that.
func (s *Server) hook(w http.ResponseWriter, r *http.Request) {
	connection := r.PathValue("connection")
	if !s.workflow.TakesEvents(connection) && !s.workflow.TakesLeaks(connection) {
		s.answerHook(w, r, http.StatusNotFound, "unknown")
		return
	}
	line := http.NewResponseController(w)
	_ = line.SetReadDeadline(time.Now().Add(hookWithin)) // nobody is known yet
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEvent))
	_ = line.SetReadDeadline(time.Time{})
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		s.answerHook(w, r, http.StatusRequestEntityTooLarge, "too_large")
		return
	}
	if err != nil {
		s.answerHook(w, r, http.StatusBadRequest, "cut_off")
		return
	}
	if a, ok := s.workflow.Handshake(connection, r, body); ok {
		w.Header().Set("Content-Type", a.ContentType)
		_, _ = w.Write(a.Body) // a sender that is gone asks again
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		s.answerHook(w, r, http.StatusMethodNotAllowed, "wrong_method")
		return
	}
	// A sender that hangs up does not undo what it told us.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), hookWithin)
	defer cancel()
	take := s.workflow.TakeEvents
	if s.workflow.TakesLeaks(connection) {
		take = s.workflow.TakeLeaks
	}
	fresh, err := take(ctx, connection, r.WithContext(ctx), body)
	status, outcome := hookStatus(err, fresh)
	if err != nil {
		s.log.Warn().Err(err).Str("ref", refOf(r)).Str("connection", connection).Str("outcome", outcome).Stringer("client", clientOf(r)).
			Msg("event refused")
	}
	s.answerHook(w, r, status, outcome)
}

// hookStatus says once for all sources what an error means to the sender.
func hookStatus(err error, fresh int) (status int, outcome string) {
	switch {
	case err == nil && fresh == 0:
		return http.StatusAccepted, "nothing_new"
	case err == nil:
		return http.StatusAccepted, "taken"
	case errors.Is(err, connectors.ErrUnverified):
		return http.StatusUnauthorized, "unverified"
	case errors.Is(err, connectors.ErrMalformed):
		return http.StatusBadRequest, "malformed"
	}
	if _, refused := workflow.AsRefusal(err); refused {
		return http.StatusNotFound, "unknown"
	}
	return http.StatusServiceUnavailable, "failed"
}

// answerHook counts an event's outcome. The answer has no body: senders look
// at the status only.
func (s *Server) answerHook(w http.ResponseWriter, r *http.Request, status int, outcome string) {
	connection := r.PathValue("connection")
	if status == http.StatusNotFound {
		connection = "unknown" // anybody can make up names
	}
	s.events.WithLabelValues(connection, outcome).Inc()
	w.WriteHeader(status)
}
