package server

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"latchkey/secret"
	"latchkey/workflow"
)

// realm is what a client that came without a key is asked for.
const realm = `Bearer realm="latchkey"`

// operation is one thing that the API does for a key. What it returns as an
// error becomes a problem.
type operation func(http.ResponseWriter, *http.Request, workflow.Actor) error

// keyed opens an operation to the keys that have its scope.
func (s *Server) keyed(scope string, do operation) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a, err := s.caller(w, r, scope)
		if err == nil {
			err = do(w, r, a)
		}
		if err != nil {
			s.giveUp(w, r, err)
		}
	}
}

// caller says for whom a request to the API is made.
func (s *Server) caller(w http.ResponseWriter, r *http.Request, scope string) (workflow.Actor, error) {
	a, err := s.authenticate(r, "http")
	if err != nil {
		return workflow.Actor{}, err
	}
	left, wait := s.paces.take(a.Key)
	sayPace(w, left, wait)
	if wait > 0 {
		p := refuse(http.StatusTooManyRequests, "too_fast", "This key calls too often: %d requests a second, %d at once.", callsEachSecond, callsAtOnce)
		p.after = wait
		return workflow.Actor{}, p
	}
	return a, within(a, scope)
}

// sayPace tells a program how fast it may go on
// (draft-ietf-httpapi-ratelimit-headers-10).
func sayPace(w http.ResponseWriter, left int, wait time.Duration) {
	again := wait
	if left == 0 && wait == 0 {
		again = time.Second / callsEachSecond
	}
	w.Header().Set("RateLimit-Policy", fmt.Sprintf(`"key";q=%d;w=%d`, callsAtOnce, callsAtOnce/callsEachSecond))
	w.Header().Set("RateLimit", fmt.Sprintf(`"key";r=%d;t=%s`, left, seconds(again)))
}

// authenticate says for whom a program calls that sent a key of Latchkey's own.
// Door names the way in for the audit log. It reads nothing of the body.
func (s *Server) authenticate(r *http.Request, door string) (workflow.Actor, error) {
	if wait := s.keyGuesses.wait(r); wait > 0 {
		p := refuse(http.StatusTooManyRequests, "too_many_wrong_keys", "Too many keys that do not work were tried from this address.")
		p.after = wait
		return workflow.Actor{}, p
	}
	key, ok := bearer(r)
	if !ok {
		p := refuse(http.StatusUnauthorized, "no_key", "Send a key of Latchkey's own as Authorization: Bearer. Ask for one in Slack.")
		p.challenge = realm
		return workflow.Actor{}, p
	}
	a, err := s.workflow.Authenticate(r.Context(), key, door+":"+refOf(r))
	if refusal, refused := workflow.AsRefusal(err); refused {
		s.keyGuesses.wrong(r)
		p := problemOf(refusal)
		p.challenge = realm + `, error="invalid_token"`
		return workflow.Actor{}, p
	}
	return a, err
}

// within refuses a key that lacks a scope.
func within(a workflow.Actor, scope string) error {
	err := a.May(scope)
	if err == nil {
		return nil
	}
	p := problemOf(err)
	p.challenge = realm + `, error="insufficient_scope", scope="` + scope + `"`
	return p
}

// bearer is the key of a request that carries exactly one.
func bearer(r *http.Request) (secret.Value, bool) {
	headers := r.Header.Values("Authorization")
	if len(headers) != 1 {
		return secret.Value{}, false
	}
	scheme, token, ok := strings.Cut(headers[0], " ")
	token = strings.TrimSpace(token)
	if !ok || !strings.EqualFold(scheme, "Bearer") || token == "" {
		return secret.Value{}, false
	}
	return secret.New(token), true
}

// wrongVerb answers a method that an address of the API does not have.
func (s *Server) wrongVerb(allowed string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", allowed)
		s.writeProblem(w, r, refuse(http.StatusMethodNotAllowed, "method", "This address takes %s only.", allowed))
	}
}

func (s *Server) unknownAddress(w http.ResponseWriter, r *http.Request) {
	s.writeProblem(w, r, refuse(http.StatusNotFound, "unknown_address", "The API has no such address."))
}

// isAPI tells whether programs come to an address, and not browsers.
func isAPI(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/v1/") }
