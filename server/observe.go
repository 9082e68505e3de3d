package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// traffic is the metrics of the doors. Routes are patterns and never paths,
// because a path may hold a ticket.
type traffic struct {
	requests *prometheus.CounterVec
	took     *prometheus.HistogramVec
}

func newTraffic(r *prometheus.Registry) traffic {
	t := traffic{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "latchkey_http_requests_total",
			Help: "Requests answered, by route pattern, method and status.",
		}, []string{"route", "method", "status"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "latchkey_http_request_duration_seconds",
			Help:    "Time to answer a request, by route pattern and method.",
			Buckets: []float64{.001, .005, .025, .1, .25, 1, 2.5, 10},
		}, []string{"route", "method"}),
	}
	r.MustRegister(t.requests, t.took)
	return t
}

// newEvents counts what HR and identity systems tell, by connection and by what
// came of it.
func newEvents(r *prometheus.Registry) *prometheus.CounterVec {
	events := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "latchkey_person_events_total",
		Help: "Deliveries of HR and identity systems, by connection and outcome.",
	}, []string{"connection", "outcome"})
	r.MustRegister(events)
	return events
}

// observe gives each request a reference, and afterwards counts it and writes
// its line in the access log. A panic becomes an answer that says the reference.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		ref := rand.Text()[:10]
		r = r.WithContext(context.WithValue(r.Context(), refKey{}, ref))
		answer := &answer{ResponseWriter: w}
		defer func() {
			cause := recover()
			if cause != nil {
				s.recovered(answer, r, cause)
			}
			s.account(r, answer, time.Since(started))
			if cause != nil && answer.broken {
				panic(http.ErrAbortHandler) // the client must not take half an answer for a whole one
			}
		}()
		next.ServeHTTP(answer, r)
	})
}

// recovered logs a panic and answers it. The panic's own words are logged only
// when the runtime wrote them: others may quote what must not be logged.
func (s *Server) recovered(w *answer, r *http.Request, cause any) {
	w.broken = w.status != 0
	if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		w.broken = true
		return
	}
	what := fmt.Sprintf("%T", cause)
	if err, ok := cause.(runtime.Error); ok {
		what = err.Error()
	}
	s.log.Error().Str("ref", refOf(r)).Str("route", route(r)).Str("panic", what).Bytes("stack", debug.Stack()).Msg("handler panicked")
	if w.broken {
		return
	}
	if isAPI(r) {
		s.writeProblem(w, r, problemOf(errPanicked))
		return
	}
	s.show(w, r, failure(http.StatusInternalServerError, refOf(r)))
}

// errPanicked stands for what was logged already.
var errPanicked = errors.New("handler panicked")

func (s *Server) account(r *http.Request, w *answer, took time.Duration) {
	status := w.status
	if status == 0 {
		status = http.StatusOK // what net/http sends for a handler that wrote nothing
	}
	s.traffic.requests.WithLabelValues(route(r), method(r), strconv.Itoa(status)).Inc()
	s.traffic.took.WithLabelValues(route(r), method(r)).Observe(took.Seconds())
	level := zerolog.InfoLevel
	switch r.Pattern {
	case "GET /healthz", "GET /readyz", "GET /metrics", "GET /assets/{file}":
		level = zerolog.DebugLevel
	}
	s.log.WithLevel(level).Str("ref", refOf(r)).Str("route", route(r)).Str("method", method(r)).Int("status", status).
		Int64("bytes", w.bytes).Dur("took", took).Stringer("client", clientOf(r)).Msg("request answered")
}

// route is the pattern that a request matched.
func route(r *http.Request) string {
	if r.Pattern == "" {
		return "none"
	}
	return r.Pattern
}

// method keeps the number of label values bounded: clients may invent methods.
func method(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return r.Method
	}
	return "other"
}

type refKey struct{}

// refOf is what a person can tell an admin, who finds it in the log.
func refOf(r *http.Request) string {
	ref, _ := r.Context().Value(refKey{}).(string)
	return ref
}

// answer remembers what was sent.
type answer struct {
	http.ResponseWriter
	status int // zero until something was sent
	bytes  int64
	broken bool // a panic cut it short
}

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	n, err := a.ResponseWriter.Write(b)
	a.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController through.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
