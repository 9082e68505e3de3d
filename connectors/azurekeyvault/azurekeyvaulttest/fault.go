package azurekeyvaulttest

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"
)

// fault waits for a call with its method that has a token. PUT makes a version
// of a secret, GET reads one, and POST is of the authority.
type fault struct {
	method string
	first  func() // runs before the call is looked at; may be nil
	lose   bool   // the call is done, and its answer lost
}

// Down answers every call 503, until it is called with false.
func (d *Double) Down(down bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.down = down
}

// Belong makes the vault one of another directory.
func (d *Double) Belong(tenant string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tenant = tenant
}

// LoseAnswer lets the next call with the method do its work, and cuts the
// connection.
func (d *Double) LoseAnswer(method string) { d.fault(fault{method: method, lose: true}) }

// Between runs f before the next call with the method is looked at.
func (d *Double) Between(method string, f func()) { d.fault(fault{method: method, first: f}) }

func (d *Double) fault(f fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults = append(d.faults, f)
}

// ForgetTokens makes every token that was given unknown.
func (d *Double) ForgetTokens() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.tokens)
}

// RefuseNext answers the next call 403.
func (d *Double) RefuseNext() {
	d.nextIs(func(w http.ResponseWriter, _ *http.Request) { forbidden(w, "ForbiddenByFirewall") })
}

// LimitNext answers the next call 429.
func (d *Double) LimitNext(after time.Duration) {
	d.nextIs(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", strconv.Itoa(int(after/time.Second)))
		fail(w, http.StatusTooManyRequests, "Throttled", "Request was not processed because too many requests were received", "VaultRequestTypeLimitReached")
	})
}

// AnswerNext answers the next call with the status and JSON, and does nothing.
func (d *Double) AnswerNext(status int, text string) {
	d.nextIs(func(w http.ResponseWriter, _ *http.Request) { reply(w, status, json.RawMessage(text)) })
}

// ChallengeNext answers the next call 401 with the challenge.
func (d *Double) ChallengeNext(challenge string) {
	d.nextIs(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", challenge)
		fail(w, http.StatusUnauthorized, "Unauthorized", "AKV10000: Request is missing a Bearer or PoP token.", "")
	})
}

// EchoNext answers the next call with the status, quoting its body and its
// credentials wherever an answer has room for them.
func (d *Double) EchoNext(status int) {
	d.nextIs(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, maxBody))
		text := string(body) + r.Header.Get("Authorization")
		reply(w, status, map[string]any{
			"error":             map[string]any{"code": text, "message": text, "innererror": map[string]any{"code": text}},
			"error_description": text,
		})
	})
}

// EchoStatusLine answers the next call with the value it was sent as the
// status line.
func (d *Double) EchoStatusLine() {
	d.nextIs(func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Value string `json:"value"`
		}
		_ = json.NewDecoder(io.LimitReader(r.Body, maxBody)).Decode(&in)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 "+in.Value+"\r\n\r\n")
		_ = conn.Close()
	})
}

func (d *Double) nextIs(h http.HandlerFunc) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.next = append(d.next, h)
}
