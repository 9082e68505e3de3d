package githubsecretstest

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// fault waits for a call with its method. PUT is a write of a secret, POST and
// PATCH are writes of variables.
type fault struct {
	method string
	first  func() // runs before the call is looked at; may be nil
	drop   bool   // the call is cut off without being done
	lose   bool   // the call is done, and its answer lost
}

// Down answers every call 500, until it is called with false.
func (d *Double) Down(down bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.down = down
}

// Stale shows secrets as they were before their latest write, until it is
// called with false.
func (d *Double) Stale(stale bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stale = stale
}

// LoseAnswer lets the next call with the method do its work, and cuts the
// connection.
func (d *Double) LoseAnswer(method string) { d.fault(fault{method: method, lose: true}) }

// Drop cuts off the next call with the method before it does anything.
func (d *Double) Drop(method string) { d.fault(fault{method: method, drop: true}) }

// Between runs f before the next call with the method is looked at.
func (d *Double) Between(method string, f func()) { d.fault(fault{method: method, first: f}) }

func (d *Double) fault(f fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults = append(d.faults, f)
}

// RefuseNext answers the next call 403.
func (d *Double) RefuseNext() {
	d.nextIs(func(w http.ResponseWriter, _ *http.Request) {
		fail(w, http.StatusForbidden, "Resource not accessible by integration")
	})
}

// AnswerNext answers the next call with the status and JSON, and does nothing.
func (d *Double) AnswerNext(status int, text string) {
	d.nextIs(func(w http.ResponseWriter, _ *http.Request) { reply(w, status, json.RawMessage(text)) })
}

// RedirectNext answers the next call as for a renamed repository.
func (d *Double) RedirectNext(to string) {
	d.nextIs(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", to)
		reply(w, http.StatusMovedPermanently, map[string]string{"message": "Moved Permanently", "url": to})
	})
}

// ExceedPrimary refuses the next call until a time from now.
func (d *Double) ExceedPrimary(until time.Duration) {
	d.nextIs(func(w http.ResponseWriter, _ *http.Request) {
		now := d.clock()
		w.Header().Set("Date", now.Format(http.TimeFormat))
		w.Header().Set("X-Ratelimit-Remaining", "0")
		w.Header().Set("X-Ratelimit-Reset", strconv.FormatInt(now.Add(until).Unix(), 10))
		fail(w, http.StatusForbidden, "API rate limit exceeded")
	})
}

// ExceedSecondary refuses the next call and says how long to wait.
func (d *Double) ExceedSecondary(after time.Duration) {
	d.nextIs(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", strconv.Itoa(int(after/time.Second)))
		fail(w, http.StatusTooManyRequests, "You have exceeded a secondary rate limit.")
	})
}

// ForgetTokens makes every token of the installation unknown, before its end.
func (d *Double) ForgetTokens() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.tokens)
}

func (d *Double) nextIs(h http.HandlerFunc) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.next = append(d.next, h)
}
