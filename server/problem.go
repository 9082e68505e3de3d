package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"time"

	"github.com/rs/zerolog"

	"latchkey/storage"
	"latchkey/workflow"
)

// problem is what went wrong, for a program (RFC 9457). Whatever is refused
// with a status below 500 changed nothing.
type problem struct {
	Type     string `json:"type" doc:"Always about:blank: the code says more." example:"about:blank"`
	Title    string `json:"title" doc:"The status in words." example:"Unprocessable Entity"`
	Status   int    `json:"status" doc:"The HTTP status." example:"422"`
	Detail   string `json:"detail" doc:"What is wrong, in a sentence for people." example:"Say why: the owner of the key will read it."`
	Instance string `json:"instance,omitempty" doc:"The reference under which Latchkey's log knows the request." example:"urn:latchkey:request:K7ZQ3M5TPA"`
	Code     string `json:"code" doc:"Stable, for programs to tell problems apart." example:"reason_needed"`
	Field    string `json:"field,omitempty" doc:"The member of the body, or the parameter, it is about." example:"reason"`

	challenge string        // WWW-Authenticate
	after     time.Duration // Retry-After
}

// Error implements error.
func (p problem) Error() string { return p.Detail }

func refuse(status int, code, format string, args ...any) problem {
	return problem{Status: status, Code: code, Detail: fmt.Sprintf(format, args...)}
}

func (p problem) on(field string) problem {
	p.Field = field
	return p
}

// giveUp answers a request to the API that failed, once for all of them.
func (s *Server) giveUp(w http.ResponseWriter, r *http.Request, err error) {
	s.writeProblem(w, r, s.noted(r, err))
}

// noted is the problem of an error, which is logged if it is our own fault.
func (s *Server) noted(r *http.Request, err error) problem {
	p := problemOf(err)
	if p.Status >= http.StatusInternalServerError {
		level := zerolog.ErrorLevel
		if r.Context().Err() != nil {
			level = zerolog.DebugLevel // the client went away, and that is the error
		}
		s.log.WithLevel(level).Err(err).Str("ref", refOf(r)).Str("route", route(r)).Str("code", p.Code).Msg("request failed")
	}
	return p.about(refOf(r))
}

func (s *Server) writeProblem(w http.ResponseWriter, r *http.Request, p problem) {
	p = p.about(refOf(r))
	maps.Copy(w.Header(), p.GetHeaders())
	writeJSON(w, p.Status, problemType, p)
}

const problemType = "application/problem+json"

// about fills in what every problem has.
func (p problem) about(ref string) problem {
	p.Type, p.Title, p.Instance = "about:blank", http.StatusText(p.Status), "urn:latchkey:request:"+ref
	return p
}

// GetStatus implements huma.StatusError.
func (p problem) GetStatus() int { return p.Status }

// ContentType implements huma.ContentTypeFilter.
func (problem) ContentType(string) string { return problemType }

// GetHeaders implements huma.HeadersError.
func (p problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.challenge != "" {
		h.Set("WWW-Authenticate", p.challenge)
	}
	if p.after > 0 {
		h.Set("Retry-After", seconds(p.after))
	}
	return h
}

func writeJSON(w http.ResponseWriter, status int, kind string, body any) {
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that went away needs no answer
}

// seconds rounds up: whoever comes back then is not early.
func seconds(d time.Duration) string { return strconv.Itoa(int((d + time.Second - 1) / time.Second)) }

// problemOf maps an error to what programs are told.
func problemOf(err error) problem {
	if p, ok := errors.AsType[problem](err); ok {
		return p
	}
	if refusal, ok := workflow.AsRefusal(err); ok {
		p := refuse(statusOf(refusal), refusal.Rule, "%s", refusal.Reason).on(refusal.Field)
		switch {
		case p.Status == http.StatusServiceUnavailable:
			p.after = time.Minute
		case refusal.Rule == workflow.RuleInProgress:
			p.after = time.Second
		}
		return p
	}
	if storage.IsUnavailable(err) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		p := refuse(http.StatusServiceUnavailable, "unavailable", "Latchkey is busy or restarting. Send the same request again in a moment.")
		p.after = 5 * time.Second
		return p
	}
	return refuse(http.StatusInternalServerError, "internal", "Something went wrong here. Tell an admin the reference under instance.")
}

// statusOf maps the rule that stands in the way to a status.
func statusOf(r workflow.Refusal) int {
	switch r.Rule {
	case workflow.RuleLiveKey:
		return http.StatusUnauthorized
	case workflow.RuleUnknown:
		if r.Field == "" {
			return http.StatusNotFound
		}
		return http.StatusUnprocessableEntity
	case workflow.RuleNotPossible:
		if r.Field == "" {
			return http.StatusConflict
		}
		return http.StatusUnprocessableEntity
	case workflow.RuleDecided, workflow.RuleLapsed, workflow.RuleNotYourTurn, workflow.RuleSecondVote, workflow.RuleQuota, workflow.RuleGroupEmpty:
		return http.StatusConflict
	case workflow.RuleCeiling, workflow.RuleReason, workflow.RuleReplay, workflow.RuleNoPolicy, workflow.RuleSpan, workflow.RuleLeak:
		return http.StatusUnprocessableEntity
	case workflow.RuleInactive, workflow.RuleUnlinked:
		if r.Field != "" { // not who asks, but whom it is for
			return http.StatusUnprocessableEntity
		}
	case workflow.RuleChanged:
		return http.StatusPreconditionFailed
	case workflow.RuleInProgress:
		return http.StatusConflict
	case workflow.RuleGroupUnknown, workflow.RuleQuarantine:
		return http.StatusServiceUnavailable
	}
	return http.StatusForbidden // who asks may not
}
