package server

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"latchkey/secret"
)

func TestGuessingIsLimitedPerClient(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, path := b.issueTempo(t)
	const guesser, other = "203.0.113.7", "198.51.100.9"
	for i := range guessBurst {
		if page := b.do(t, http.MethodGet, "/reveal/"+secret.Token(32).Expose(), "X-Forwarded-For", guesser); page.status != http.StatusNotFound {
			t.Fatalf("guess %d = %d, want 404", i+1, page.status)
		}
	}
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		page := b.do(t, method, path, "X-Forwarded-For", guesser)
		if page.status != http.StatusTooManyRequests || page.header.Get("Retry-After") == "" || page.shownKey() != "" {
			t.Errorf("%s after too many guesses = %d, Retry-After %q; want 429", method, page.status, page.header.Get("Retry-After"))
		}
	}
	for range 3 * guessBurst {
		if page := b.do(t, http.MethodGet, path, "X-Forwarded-For", other); page.status != http.StatusOK {
			t.Fatalf("another client's own ticket = %d, want 200 however often", page.status)
		}
	}
}

func TestGuessesRefill(t *testing.T) {
	t.Parallel()
	now := time.Date(2025, 11, 21, 12, 0, 0, 0, time.UTC)
	g := newGuesses(func() time.Time { return now })
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for range guessBurst {
		g.wrong(r)
	}
	if got := g.wait(r); got != guessEvery {
		t.Errorf("wait = %s, want %s", got, guessEvery)
	}
	now = now.Add(guessEvery)
	if got := g.wait(r); got != 0 {
		t.Errorf("wait after a pause = %s, want none", got)
	}
	for range 10 { // tried at the same moment: a debt
		g.wrong(r)
	}
	if got := g.wait(r); got != 10*guessEvery {
		t.Errorf("wait in debt = %s, want %s", got, 10*guessEvery)
	}
}

func TestClientsOfOneNetworkShareAnAllowance(t *testing.T) {
	t.Parallel()
	g := newGuesses(time.Now)
	from := func(addr string) *http.Request {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = addr
		return r
	}
	if g.bucket(from("[2001:db8:1:2::1]:1")) != g.bucket(from("[2001:db8:1:2:ffff::9]:2")) {
		t.Error("two addresses of one /64 have two allowances")
	}
	if g.bucket(from("192.0.2.1:1")) != g.bucket(from("[::ffff:192.0.2.1]:2")) {
		t.Error("two spellings of one address have two allowances")
	}
	used := map[any]bool{}
	for i := range 256 {
		used[g.bucket(from(fmt.Sprintf("192.0.2.%d:1", i)))] = true
	}
	if len(used) < 200 {
		t.Errorf("256 clients share %d allowances", len(used))
	}
}

func TestClientOf(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		remote, want string
		forwarded    []string
	}{
		{"203.0.113.7:1234", "203.0.113.7", nil},
		{"203.0.113.7:1234", "203.0.113.7", []string{"198.51.100.1"}}, // a stranger's word
		{"127.0.0.1:1", "127.0.0.1", nil},
		{"127.0.0.1:1", "198.51.100.1", []string{"198.51.100.1"}},
		{"[::1]:1", "2001:db8::7", []string{"2001:db8::7"}},
		{"10.0.0.2:1", "198.51.100.1", []string{"6.6.6.6, 198.51.100.1"}}, // what the client made up stands further left
		{"10.0.0.2:1", "198.51.100.1", []string{"6.6.6.6", "198.51.100.1, 10.0.0.9"}},
		{"10.0.0.2:1", "198.51.100.1", []string{"198.51.100.1:4711"}},
		{"10.0.0.2:1", "10.0.0.2", []string{"unknown"}},
		{"10.0.0.2:1", "10.0.0.2", []string{"198.51.100.1, garbage"}},
		{"10.0.0.2:1", "10.1.1.1", []string{"10.1.1.1, 10.2.2.2"}},
		{"[::ffff:127.0.0.1]:1", "198.51.100.1", []string{"::ffff:198.51.100.1"}},
		{"[fe80::1%eth0]:1", "fe80::1", nil},
		{"@", "invalid IP", nil},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = tc.remote
		r.Header["X-Forwarded-For"] = tc.forwarded
		if got := clientOf(r).String(); got != tc.want {
			t.Errorf("clientOf(%s, %q) = %s, want %s", tc.remote, tc.forwarded, got, tc.want)
		}
	}
}

func FuzzClientOf(f *testing.F) {
	f.Add("198.51.100.1, 10.0.0.1")
	f.Add(",,:,[::1]:,1.2.3.4:x,::ffff:1.2.3.4%eth0")
	f.Fuzz(func(t *testing.T, forwarded string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header["X-Forwarded-For"] = []string{forwarded}
		r.RemoteAddr = "203.0.113.7:1"
		if got := clientOf(r); got.String() != "203.0.113.7" {
			t.Errorf("a stranger passes for %s", got)
		}
		r.RemoteAddr = "127.0.0.1:1"
		got := clientOf(r)
		if !got.IsValid() || got.Is4In6() || strings.Contains(got.String(), "%") {
			t.Errorf("client = %s, want one plain address", got)
		}
	})
}
