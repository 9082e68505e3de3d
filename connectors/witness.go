package connectors

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// maxTestimony bounds what one witness keeps: the last calls are the ones
// that say how it ended.
const maxTestimony = 8

// Witness keeps what a vendor answered, call by call, for receipts. It holds
// methods, paths and statuses: no query, no header, no body.
type Witness struct {
	mu    sync.Mutex
	lines []string
}

type witnessKey struct{}

// WithWitness makes every call of a NewTransport under the context leave its
// line with the Witness.
func WithWitness(ctx context.Context) (context.Context, *Witness) {
	w := &Witness{}
	return context.WithValue(ctx, witnessKey{}, w), w
}

// Testimony is the vendor's answers in order: "DELETE /v1/keys/7: 204 No
// Content". Empty where no call was made.
func (w *Witness) Testimony() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.lines, "\n")
}

func (w *Witness) note(line string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, line)
	if over := len(w.lines) - maxTestimony; over > 0 {
		w.lines = slices.Delete(w.lines, 0, over)
	}
}

// witnessed reports to the context's Witness, if there is one.
type witnessed struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t *witnessed) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(r)
	w, ok := r.Context().Value(witnessKey{}).(*Witness)
	if !ok {
		return resp, err
	}
	answer := "no answer"
	if err == nil {
		answer = fmt.Sprintf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	w.note(fmt.Sprintf("%s %s: %s", r.Method, r.URL.EscapedPath(), answer))
	return resp, err
}
