package workflow

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
)

// The ways a call between us and a system goes wrong.
const (
	wireBroken  = "500"     // nothing is done
	wireLimited = "429"     // nothing is done
	wireRefused = "refused" // nothing is done, for good
	wireCut     = "cut"     // nothing is done, and no answer comes
	wireLost    = "lost"    // it is done, and no answer comes
	wireLate    = "late"    // it is done, and the answer is a 500
)

// What a system is asked to do, whatever its paths.
const (
	wireMake   = "make"
	wireProve  = "prove"
	wireList   = "list"
	wireLook   = "look" // at one key
	wireRevoke = "revoke"
	wireOther  = "other"
)

// wire is what lies between a connector and its double. It looks at the double
// before and after every call.
type wire struct {
	verb func(*http.Request) string
	step func(where string)

	mu     sync.Mutex
	faults map[string][]string
	calls  map[string]int
}

// RoundTrip implements http.RoundTripper.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	verb := w.verb(r)
	w.mu.Lock()
	w.calls[verb]++
	fault := ""
	if left := w.faults[verb]; len(left) > 0 {
		fault, w.faults[verb] = left[0], left[1:]
	}
	w.mu.Unlock()
	w.step("before " + verb)
	defer w.step("after " + verb + " " + fault)
	switch fault {
	case wireBroken:
		return answered(r, http.StatusInternalServerError), nil
	case wireLimited:
		return answered(r, http.StatusTooManyRequests), nil
	case wireRefused:
		return answered(r, http.StatusUnprocessableEntity), nil
	case wireCut:
		return nil, context.DeadlineExceeded
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || fault == "" {
		return resp, err
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	if fault == wireLate {
		return answered(r, http.StatusInternalServerError), nil
	}
	return nil, errors.New("connection reset by peer")
}

func answered(r *http.Request, status int) *http.Response {
	h := http.Header{"Content-Type": {"application/json"}, "Retry-After": {"7"}}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(`{"message":"odd"}`)), Request: r}
}

// arm has the next calls of a verb go wrong: "make:lost".
func (w *wire) arm(faults ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range faults {
		verb, how, _ := strings.Cut(f, ":")
		w.faults[verb] = append(w.faults[verb], how)
	}
}
