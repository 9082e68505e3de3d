package brokered_test

import (
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/brokered"
	"latchkey/connectors/conformance"
	"latchkey/secret"
)

// upstream is any REST API: it knows one token and answers one path, and its
// next answer can be set.
type upstream struct {
	mu      sync.Mutex
	next    func(http.ResponseWriter)
	held    chan struct{} // non-nil: calls wait until it closes
	arrived chan struct{}
}

func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u.mu.Lock()
	next, held := u.next, u.held
	u.next = nil
	u.mu.Unlock()
	if held != nil {
		u.arrived <- struct{}{}
		select {
		case <-held:
		case <-r.Context().Done():
		}
	}
	switch {
	case next != nil:
		next(w)
	case r.Header.Get("X-Api-Key") != "Token good-token":
		w.WriteHeader(http.StatusUnauthorized)
	case r.URL.Path == "/v2/ping" && r.Method == http.MethodGet:
		w.WriteHeader(http.StatusNoContent)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (u *upstream) answer(next func(http.ResponseWriter)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.next = next
}

func (u *upstream) hold() (arrived <-chan struct{}, release func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	held := make(chan struct{})
	u.held, u.arrived = held, make(chan struct{}, 16)
	return u.arrived, sync.OnceFunc(func() { close(held) })
}

func TestConformance(t *testing.T) {
	t.Parallel()
	conformance.RunTests(t, func(t *testing.T) conformance.Harness {
		t.Helper()
		u := &upstream{}
		base := serve(t, u)
		open := func(token string) connectors.Connector {
			s := settings(base + "/v2")
			s.Token = secret.New(token)
			c, err := brokered.Open(s, connectors.NewTransport(s))
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		return conformance.Harness{
			Good: open("good-token"),
			Bad:  open("wrong-token"),
			Request: func(label string) connectors.IssueRequest {
				return connectors.IssueRequest{
					Label: label, Owner: connectors.AccountRef{ID: "alice"}, Scopes: []string{"things:read"},
					ExpiresAt: time.Now().Add(24 * time.Hour),
				}
			},
			Secrets: []secret.Value{secret.New("good-token"), secret.New("wrong-token")},
			RateLimit: func() time.Duration {
				u.answer(func(w http.ResponseWriter) {
					w.Header().Set("Retry-After", strconv.Itoa(60))
					w.WriteHeader(http.StatusTooManyRequests)
				})
				return time.Minute
			},
			Refuse: func() { u.answer(func(w http.ResponseWriter) { w.WriteHeader(http.StatusForbidden) }) },
			Hold:   u.hold,
		}
	})
}
