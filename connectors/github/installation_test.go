package github_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/github/githubtest"
)

const exchangeCall = "POST /app/installations/42/access_tokens"

func TestOneTokenForManyCalls(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := b.Check(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := b.d.Calls()[exchangeCall]; n != 1 {
		t.Errorf("%d exchanges, want 1", n)
	}
}

// A token that ended early is replaced, and the call made again with its body.
func TestARefusedTokenIsReplacedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	pat := b.d.AddPAT(githubtest.PAT{Owner: "alice", Name: "x"})
	if err := b.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.d.ForgetTokens()
	if err := b.Revoke(t.Context(), patRef(pat)); err != nil || b.d.Works(pat.Secret) {
		t.Errorf("revoke: %v; works: %t", err, b.d.Works(pat.Secret))
	}
	if n := b.d.Calls()[exchangeCall]; n != 2 {
		t.Errorf("%d exchanges, want 2", n)
	}

	b.d.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, "/orgs/") {
			return false
		}
		answer(401, `{"message":"Bad credentials"}`)(w, r)
		return true
	})
	if err := b.Check(t.Context()); !errors.Is(err, connectors.ErrUnrecoverable) {
		t.Errorf("refused for ever: %v", err)
	}
	if n := b.d.Calls()[exchangeCall]; n != 3 {
		t.Errorf("%d exchanges, want 3", n)
	}
}

func TestATokenIsRenewedBeforeItsEnd(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var mu sync.Mutex
	n := 0
	b.d.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasPrefix(r.URL.Path, "/app/") {
			mu.Lock()
			n++
			mu.Unlock()
			ends := time.Now().Add(time.Minute).UTC().Format(time.RFC3339)
			answer(201, `{"token":"ghs_short","expires_at":"`+ends+`"}`)(w, r)
			return true
		}
		answer(200, "[]")(w, r)
		return true
	})
	for range 2 {
		if err := b.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if n != 2 {
		t.Errorf("%d exchanges for a token that lives a minute, want 2", n)
	}
}

// The exchange's own failure is no answer to the call: a 404 of it is not
// "gone already", and nothing it answers may crash us.
func TestAFailedExchange(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		h       http.HandlerFunc
		refused bool
	}{
		"not found":       {answer(404, `{"message":"Not Found"}`), true},
		"suspended":       {answer(403, `{"message":"This installation has been suspended"}`), true},
		"down":            {answer(502, ""), false},
		"null":            {answer(201, "null"), false},
		"empty":           {answer(201, "{}"), false},
		"a header inside": {answer(201, `{"token":"a\r\nX-Other: b","expires_at":"2099-01-01T00:00:00Z"}`), false},
		"odd time":        {answer(201, `{"token":"ghs_x","expires_at":"soon"}`), false},
		"not JSON":        {answer(201, "<html>"), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			pat := b.d.AddPAT(githubtest.PAT{Owner: "alice", Name: "x"})
			b.d.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasPrefix(r.URL.Path, "/app/") {
					return false
				}
				tt.h(w, r)
				return true
			})
			l, verifyErr := b.Verify(t.Context(), patRef(pat))
			if l != connectors.Unknown {
				t.Errorf("verify: %s", l)
			}
			for verb, err := range map[string]error{
				"verify": verifyErr, "revoke": b.Revoke(t.Context(), patRef(pat)),
				"close":  b.CloseAccount(t.Context(), connectors.AccountRef{ID: "alice"}),
				"decide": b.Decide(t.Context(), connectors.Decision{ID: "pat-request/1/2/3"}),
			} {
				if err == nil || !strings.Contains(err.Error(), "installation token") || errors.Is(err, connectors.ErrUnrecoverable) != tt.refused {
					t.Errorf("%s: %v, want refused: %t", verb, err, tt.refused)
				}
			}
			if !b.d.Works(pat.Secret) {
				t.Error("something was done")
			}
		})
	}
}

func TestALimitedExchange(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.d.ExceedPrimary(time.Minute)
	var limited *connectors.RateLimitedError
	if err := b.Check(t.Context()); !errors.As(err, &limited) || limited.After != time.Minute {
		t.Errorf("err = %v", err)
	}
}

// Whoever waits for another's exchange still ends with their own context.
func TestWaitingForATokenEnds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	arrived, release := b.d.Hold()
	done := make(chan error, 1)
	go func() { done <- b.Check(t.Context()) }()
	<-arrived
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Check(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("the second: %v", err)
	}
	release()
	if err := <-done; err != nil {
		t.Errorf("the first: %v", err)
	}
}

// The App's signature is checked by the double: another App's is refused.
func TestAnotherAppIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, change := range map[string]func(*connectors.Settings){
		"issuer":       func(s *connectors.Settings) { s.AppID++ },
		"installation": func(s *connectors.Settings) { s.InstallationID++ },
	} {
		s := b.s
		change(&s)
		if err := open(t, s).Check(t.Context()); !errors.Is(err, connectors.ErrUnrecoverable) {
			t.Errorf("another %s: %v", name, err)
		}
	}
}
