package kubernetestest

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Down answers every call 500, until it is called with false.
func (d *Double) Down(down bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.down = down
}

// LoseAnswer lets the next write do its work, and cuts the connection.
func (d *Double) LoseAnswer() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lose = true
}

// Between runs f before the next write is looked at: what others do after a
// client read. Several are for several writes.
func (d *Double) Between(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.between = append(d.between, f)
}

// RefuseNext answers the next call 403.
func (d *Double) RefuseNext() {
	d.nextIs(func(w http.ResponseWriter, _ *http.Request) {
		fail(w, http.StatusForbidden, "Forbidden", "forbidden: not now")
	})
}

// LimitNext answers the next call 429, as priority and fairness does.
func (d *Double) LimitNext(after time.Duration) {
	d.nextIs(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", strconv.Itoa(int(after/time.Second)))
		fail(w, http.StatusTooManyRequests, "TooManyRequests", "The server is currently unable to handle the request")
	})
}

// EchoNext answers the next write with the status, quoting the data sent as
// a server that can't read one does.
func (d *Double) EchoNext(status int) {
	d.Between(func() {
		d.nextIs(func(w http.ResponseWriter, r *http.Request) {
			var in struct {
				Data map[string]string `json:"data"`
			}
			_ = json.NewDecoder(io.LimitReader(r.Body, maxBody)).Decode(&in)
			message := "Secret in version \"v1\" cannot be handled as a Secret: error found near ..."
			for _, value := range in.Data {
				message += " " + value + " ..."
			}
			fail(w, status, "BadRequest", message)
		})
	})
}

func (d *Double) nextIs(h http.HandlerFunc) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.next = append(d.next, h)
}

// AnswerNext answers the next call with the status and JSON, and does nothing.
func (d *Double) AnswerNext(status int, text string) {
	d.nextIs(func(w http.ResponseWriter, _ *http.Request) { reply(w, status, json.RawMessage(text)) })
}
