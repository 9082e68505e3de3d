package ssf_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/ssf/ssftest"
	"latchkey/secret"
)

const keysPath = "/keys"

func TestKeysAreAskedForOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := func(kid string) []byte { return b.Sign(kid, b.Claims(ssftest.AccountDisabled, email), nil) }
	asked := func(want int) {
		t.Helper()
		if n := b.Calls()[keysPath]; n != want {
			t.Errorf("the keys were asked for %d times, want %d", n, want)
		}
	}
	good := func(kid string) {
		t.Helper()
		if got, err := b.send(t, token(kid)); err != nil || len(got) != 1 {
			t.Errorf("%v, %v", got, err)
		}
	}
	bad := func(token []byte) {
		t.Helper()
		if got, err := b.send(t, token); !errors.Is(err, connectors.ErrUnverified) || got != nil {
			t.Errorf("%v, %v", got, err)
		}
	}
	nobodys := b.Sign(b.kid, b.Claims(ssftest.AccountDisabled, email), object{"kid": "k9"})
	good(b.kid)
	good(b.kid)
	asked(1)
	fresh := b.AddKey("ES256") // unknown to us, and lately asked
	bad(token(fresh))
	asked(1)
	b.pass(time.Minute)
	good(fresh)
	good(b.kid)
	asked(2)
	for range 5 { // a flood of unknown keys
		bad(nobodys)
	}
	asked(2)
	b.pass(time.Minute)
	for range 5 {
		bad(nobodys)
	}
	asked(3)
	b.Withdraw(b.kid)
	good(b.kid) // for an hour at most
	b.pass(time.Hour)
	bad(token(b.kid))
	good(fresh)
	asked(4)
}

// What we can't learn is the sender's to send again, and none of its fault.
func TestKeysFail(t *testing.T) {
	t.Parallel()
	const configuration = "/.well-known/ssf-configuration"
	for name, fault := range map[string]ssftest.Fault{
		"no configuration":   {Path: configuration, Status: http.StatusNotFound},
		"limited":            {Path: configuration, Status: http.StatusTooManyRequests},
		"failing":            {Path: configuration, Status: http.StatusInternalServerError},
		"a redirect":         {Path: configuration, Status: http.StatusFound},
		"garbage":            {Path: configuration, Status: http.StatusOK, Body: "<html>"},
		"of another":         {Path: configuration, Status: http.StatusOK, Body: `{"issuer":"https://evil.example","jwks_uri":"https://evil.example"}`},
		"no issuer":          {Path: configuration, Status: http.StatusOK, Body: `{}`},
		"keys are not found": {Path: keysPath, Status: http.StatusNotFound},
		"keys fail":          {Path: keysPath, Status: http.StatusBadGateway},
		"keys elsewhere":     {Path: keysPath, Status: http.StatusMovedPermanently},
		"no keys":            {Path: keysPath, Status: http.StatusOK, Body: `{"keys":[]}`},
		"keys are no list":   {Path: keysPath, Status: http.StatusOK, Body: `{"keys":{}}`},
		"no key for us":      {Path: keysPath, Status: http.StatusOK, Body: `{"keys":[{"kty":"oct","kid":"ES256-1","k":"AA"},1,null]}`},
	} {
		b := setup(t)
		token := b.Sign(b.kid, b.Claims(ssftest.AccountDisabled, email), nil)
		b.Inject(fault)
		for range 2 { // the second finds out without asking
			got, err := b.send(t, token)
			if err == nil || got != nil || errors.Is(err, connectors.ErrUnverified) || errors.Is(err, connectors.ErrMalformed) {
				t.Errorf("%s: %v, %v", name, got, err)
			}
		}
		if n := b.Calls()[configuration]; n != 1 {
			t.Errorf("%s: asked %d times", name, n)
		}
		b.pass(time.Minute)
		if got, err := b.send(t, token); err != nil || len(got) != 1 {
			t.Errorf("%s, a minute later: %v, %v", name, got, err)
		}
		b.Inject(fault) // keys that are there serve on when new ones can't be had
		b.pass(time.Minute)
		if _, err := b.send(t, b.Sign(b.AddKey("ES256"), b.Claims(ssftest.AccountDisabled, email), nil)); err == nil || errors.Is(err, connectors.ErrUnverified) {
			t.Errorf("%s, of an unknown key: %v", name, err)
		}
		if got, err := b.send(t, token); err != nil || len(got) != 1 {
			t.Errorf("%s, of a known key: %v, %v", name, got, err)
		}
	}
}

// Who goes away while the keys are asked for does not keep them from others.
func TestKeysHang(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.Sign(b.kid, b.Claims(ssftest.AccountDisabled, email), nil)
	arrived, release := b.Hold()
	defer release()
	ctx, cancel := context.WithCancel(t.Context())
	send := func(ctx context.Context) <-chan error {
		done := make(chan error, 1)
		r, _ := ssftest.Deliver(ctx, address, secret.New(bearer), token)
		go func() {
			_, err := b.Events(r, token)
			done <- err
		}()
		return done
	}
	first := send(ctx)
	<-arrived
	second := send(ctx) // waits for its turn
	cancel()
	for _, done := range []<-chan error{first, second} {
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("err = %v", err)
		}
	}
	third := send(t.Context())
	release()
	if err := <-third; err != nil {
		t.Errorf("who stays: %v", err)
	}
	if n := b.Calls()[keysPath]; n != 1 {
		t.Errorf("the keys were asked for %d times", n)
	}
}

func TestIssuerWithAPath(t *testing.T) {
	t.Parallel()
	b := setupAt(t, "/tenant/7")
	if got, err := b.send(t, b.Sign(b.kid, b.Claims(ssftest.AccountDisabled, email), nil)); err != nil || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
	if n := b.Calls()["/.well-known/ssf-configuration/tenant/7"]; n != 1 {
		t.Errorf("calls = %v", b.Calls())
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if err := b.Check(t.Context()); err != nil {
		t.Error(err)
	}
	b.Inject(ssftest.Fault{Path: keysPath, Status: http.StatusOK, Body: `{"keys":[]}`})
	if err := b.Check(t.Context()); err == nil {
		t.Error("a transmitter without keys is fine")
	}
}
