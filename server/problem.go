package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	Type     string `json:"type"`
	Title    string `json:"title"`
	Status   int    `json:"status"`
	Detail   string `json:"detail"`
	Instance string `json:"instance,omitempty"` // the reference under which the log knows the request
	Code     string `json:"code"`               // stable, for programs to tell problems apart
	Field    string `json:"field,omitempty"`    // the member of the body it is about

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
	p := problemOf(err)
	if p.Status >= http.StatusInternalServerError {
		level := zerolog.ErrorLevel
		if r.Context().Err() != nil {
			level = zerolog.DebugLevel // the client went away, and that is the error
		}
		s.log.WithLevel(level).Err(err).Str("ref", refOf(r)).Str("route", route(r)).Str("code", p.Code).Msg("request failed")
	}
	s.writeProblem(w, r, p)
}

func (s *Server) writeProblem(w http.ResponseWriter, r *http.Request, p problem) {
	p.Type, p.Title, p.Instance = "about:blank", http.StatusText(p.Status), "urn:latchkey:request:"+refOf(r)
	h := w.Header()
	if p.challenge != "" {
		h.Set("WWW-Authenticate", p.challenge)
	}
	if p.after > 0 {
		h.Set("Retry-After", seconds(p.after))
	}
	writeJSON(w, p.Status, "application/problem+json", p)
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
		p := refuse(statusOf(refusal), refusal.Rule, "%s", refusal.Reason).on(bodyField(refusal.Field))
		if p.Status == http.StatusServiceUnavailable {
			p.after = time.Minute
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
	case workflow.RuleCeiling, workflow.RuleReason, workflow.RuleReplay:
		return http.StatusUnprocessableEntity
	case workflow.RuleGroupUnknown:
		return http.StatusServiceUnavailable
	}
	return http.StatusForbidden // who asks may not
}

// bodyField is the name that the body has for a field of the rules.
func bodyField(field string) string {
	switch field {
	case "ends":
		return "newKeyExpiresAt"
	case "old_ends":
		return "oldKeyExpiresAt"
	case "reason":
		return "rotateReason"
	case "contacts":
		return "notifyContacts"
	}
	return field
}
