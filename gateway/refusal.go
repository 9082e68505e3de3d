package gateway

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// refusal is an answer of the gateway's own. Its body tells the client's
// developer what to do; it never tells more of a key than its holder knows.
type refusal struct {
	status  int
	code    string // stable, for programs
	message string // a sentence, for people
	needs   []string
	after   time.Duration // when to try again; zero says nothing
}

func refuse(status int, code, message string) *refusal {
	return &refusal{status: status, code: code, message: message}
}

// The refusals that are always the same. A key that is unknown, malformed,
// revoked, suspended or expired, or whose owner left, gets one answer: it
// can't be told which.
var (
	errKey = refuse(http.StatusUnauthorized, "invalid_key",
		"The key is missing, malformed, unknown, expired or revoked. Send it as: Authorization: Bearer <key>.")
	errStale = &refusal{status: http.StatusServiceUnavailable, code: "not_ready", after: time.Second,
		message: "The gateway can't tell at the moment which keys are alive, so it lets nothing through. Try again shortly."}
	errBusy = &refusal{status: http.StatusServiceUnavailable, code: "busy", after: time.Second,
		message: "The gateway has as many requests under way as it takes. Try again shortly."}
	errConcurrent = &refusal{status: http.StatusTooManyRequests, code: "too_many_at_once", after: time.Second,
		message: "This key has as many requests under way at once as it may."}
	errConnectionBusy = &refusal{status: http.StatusServiceUnavailable, code: "connection_busy", after: time.Second,
		message: "All keys of this connection together have as many requests under way as they may. Try again shortly."}
	errMeter = &refusal{status: http.StatusServiceUnavailable, code: "not_metered", after: time.Second,
		message: "The gateway can't keep its access log at the moment, and lets nothing through without it. Try again shortly."}
	errSlow     = refuse(http.StatusRequestTimeout, "body_too_slow", "The body stopped coming.")
	errBodySize = refuse(http.StatusRequestEntityTooLarge, "body_too_large", "The body is larger than the gateway lets through.")
	errFraming  = refuse(http.StatusBadRequest, "malformed_body", "The body's chunks are not framed as RFC 9112 asks.")
	errTimeout  = refuse(http.StatusGatewayTimeout, "upstream_timeout", "The system behind the gateway did not answer in time.")
	errUpstream = refuse(http.StatusBadGateway, "upstream_failed", "The system behind the gateway could not be reached or broke off.")
	errPanic    = refuse(http.StatusInternalServerError, "internal", "The gateway failed. The Request-Id names the failure in its log.")
	errGone     = refuse(http.StatusBadGateway, "client_gone", "The client closed its side of the connection before the answer was there.")
	errRefused  = refuse(http.StatusBadGateway, "upstream_refused_gateway",
		"The system behind the gateway refused the gateway's own credential. Your key is fine; tell the owners of this connection.")
	errGrantRefused = refuse(http.StatusBadGateway, "upstream_refused_grant",
		"The system behind the gateway refused the OAuth access that its owner gave this key. It may have been taken back there: give it again in Slack.")
)

// Error implements error, so that a refusal can end a body or a proxied
// request.
func (r *refusal) Error() string { return r.message }

type errorBody struct {
	Error errorDetail `json:"error"`
}

type errorDetail struct {
	Code    string   `json:"code"`
	Message string   `json:"message"`
	Needs   []string `json:"needs,omitempty"` // scopes, any of which would allow the request
}

// write answers with the refusal.
func (r *refusal) write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	switch r.status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer error="invalid_token"`)
	case http.StatusForbidden:
		h.Set("WWW-Authenticate", `Bearer error="insufficient_scope"`)
	case http.StatusMethodNotAllowed:
		h.Set("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE")
	}
	if r.after > 0 {
		h.Set("Retry-After", strconv.Itoa(int((r.after+time.Second-1)/time.Second)))
	}
	w.WriteHeader(r.status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(errorBody{errorDetail{r.code, r.message, r.needs}})
}
