package vault_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/vault/vaulttest"
)

const renewals = "PUT /v1/auth/token/renew-self"

// writer is a token that may write to the mount.
func writer(t vaulttest.Token) vaulttest.Token {
	t.Policy = map[string][]string{"secret/data/payroll/*": {"create", "read", "update"}}
	return t
}

func TestTokenIsRenewedWhenHalfIsGone(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	tests := []struct {
		name    string
		token   vaulttest.Token
		after   time.Duration
		renewed int
		left    time.Duration
	}{
		{"young", vaulttest.Token{TTL: day, Renewable: true}, 12 * time.Hour, 0, 12 * time.Hour},
		{"half gone", vaulttest.Token{TTL: day, Renewable: true}, 12*time.Hour + time.Second, 1, day},
		{"of a period", vaulttest.Token{TTL: day, Period: 2 * day, Renewable: true}, time.Hour, 1, 2 * day},
		{"not renewable", vaulttest.Token{TTL: day}, 20 * time.Hour, 0, 4 * time.Hour},
		{"at its greatest age", vaulttest.Token{TTL: day, Max: day, Renewable: true}, 20 * time.Hour, 1, 4 * time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for verb, use := range map[string]func(bundle, connectors.Connector) error{
				"check": func(_ bundle, c connectors.Connector) error { return c.Check(t.Context()) },
				"deliver": func(_ bundle, c connectors.Connector) error {
					sink, _ := connectors.As[connectors.Sink](c)
					_, err := sink.Deliver(t.Context(), delivery())
					return err
				},
			} {
				b := setup(t)
				token := b.AddToken(writer(tt.token))
				b.clock.advance(tt.after)
				if err := use(b, b.as(t, token)); err != nil {
					t.Errorf("%s: %v", verb, err)
				}
				if got := b.Calls()[renewals]; got != tt.renewed || b.TokenLeft(token) != tt.left {
					t.Errorf("%s: %d renewals, %s left, want %d and %s", verb, got, b.TokenLeft(token), tt.renewed, tt.left)
				}
			}
		})
	}
}

func TestTokenWithoutAnEndIsLeftAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.clock.advance(10 * 365 * 24 * time.Hour)
	if err := b.Check(t.Context()); err != nil || b.Calls()[renewals] != 0 {
		t.Errorf("check: %v, calls %v", err, b.Calls())
	}
}

// While the token lives, whatever is wrong with its renewal is Check's to say.
func TestFailedRenewalIsNoFailedDelivery(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]vaulttest.Fault{
		"refused":         {Path: "/v1/auth/token/renew-self", Status: 403, Error: "permission denied"},
		"500":             {Path: "/v1/auth/token/renew-self", Status: 500},
		"cut":             {Path: "/v1/auth/token/renew-self"},
		"odd":             {Path: "/v1/auth/token/renew-self", Status: 200, Body: `{"data":{}}`},
		"lookup refused":  {Path: "/v1/auth/token/lookup-self", Status: 403, Error: "permission denied"},
		"odd lookup":      {Path: "/v1/auth/token/lookup-self", Status: 200, Body: `{"data":{"ttl":"soon"}}`},
		"lookup of much":  {Path: "/v1/auth/token/lookup-self", Status: 200, Body: `{"data":{"ttl":1e300,"creation_ttl":1}}`},
		"lookup of null":  {Path: "/v1/auth/token/lookup-self", Status: 200, Body: `null`},
		"lookup of minus": {Path: "/v1/auth/token/lookup-self", Status: 200, Body: `{"data":{"ttl":-1,"creation_ttl":1}}`},
	} {
		b := setup(t)
		token := b.AddToken(writer(vaulttest.Token{TTL: time.Hour, Renewable: true}))
		b.clock.advance(40 * time.Minute)
		fault.Times = 2
		b.Inject(fault)
		c := b.as(t, token)
		if _, err := c.Deliver(t.Context(), delivery()); err != nil {
			t.Errorf("%s: deliver: %v", name, err)
		}
		err := c.Check(t.Context())
		clean(t, err, token)
		if err == nil || !strings.Contains(err.Error(), "token") {
			t.Errorf("%s: check: %v", name, err)
		}
	}
}

func TestDeadTokenDeliversNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.AddToken(writer(vaulttest.Token{TTL: time.Hour, Renewable: true}))
	b.clock.advance(time.Hour)
	_, err := b.as(t, token).Deliver(t.Context(), delivery())
	clean(t, err, token)
	if !errors.Is(err, connectors.ErrUnrecoverable) || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("err = %v", err)
	}
	if data, _ := b.Data(mount, place); data != nil {
		t.Error("something was written")
	}
}

func TestPolicyOfTheTokenIsVaults(t *testing.T) {
	t.Parallel()
	b := setup(t)
	reader := b.AddToken(vaulttest.Token{Policy: map[string][]string{"secret/data/*": {"read"}}})
	_, err := b.as(t, reader).Deliver(t.Context(), delivery())
	if !errors.Is(err, connectors.ErrUnrecoverable) || errors.Is(err, connectors.ErrTaken) {
		t.Errorf("a token that may not write: %v", err)
	}
}

// Two deliveries at once to one place: one of them has it.
func TestDeliveriesAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.AddToken(writer(vaulttest.Token{TTL: time.Hour, Renewable: true}))
	b.clock.advance(40 * time.Minute)
	c := b.as(t, token)
	errs := make([]error, 8)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			_, errs[i] = c.Deliver(t.Context(), delivery(func(d *connectors.Delivery) { d.Label = string(rune('A' + i)) }))
		})
	}
	all.Wait()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, connectors.ErrTaken):
			t.Error(err)
		}
	}
	if _, version := b.Data(mount, place); won != 1 || version != 1 {
		t.Errorf("%d deliveries had the place, which has version %d", won, version)
	}
	if b.Calls()[renewals] < 1 || b.TokenLeft(token) != time.Hour {
		t.Errorf("%d renewals, %s left", b.Calls()[renewals], b.TokenLeft(token))
	}
}

// The double is strict in what it takes.
func TestDoubleRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := func(method, path, token, body string) int {
		req, err := http.NewRequestWithContext(t.Context(), method, b.settings.BaseURL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Vault-Token", token)
		req.Header.Set("X-Vault-Request", "true")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	good := b.settings.Token.Expose()
	for _, tt := range []struct {
		method, path, token, body string
		want                      int
	}{
		{"PUT", "/v1/secret/data/x", good, `{"data":{"value":"v"}}`, 400},
		{"PUT", "/v1/secret/data/x", good, `{"data":{"value":"v"},"options":{"cas":0},"odd":1}`, 400},
		{"PUT", "/v1/secret/data/x", good, `{"options":{"cas":0}}`, 400},
		{"PUT", "/v1/secret/data/x", "hvs.other", `{"data":{},"options":{"cas":0}}`, 403},
		{"PUT", "/v1/secret/x", good, `{"data":{},"options":{"cas":0}}`, 405},
		{"PATCH", "/v1/secret/data/x", good, `{"data":{},"options":{"cas":0}}`, 405},
		{"GET", "/v1/secret/data/x?version=1", good, "", 400},
		{"GET", "/v1/secret/data/x", good, "{}", 400},
		{"GET", "/v1/secret/data/x", good, "", 404},
		{"GET", "/v1/other/data/x", good, "", 404},
		{"GET", "/secret/data/x", good, "", 404},
		{"PUT", "/v1/auth/token/renew-self", good, `{"increment":1}`, 400},
		{"PUT", "/v1/secret/data/x", good, `{"data":{"value":"v"},"options":{"cas":0}}`, 200},
		{"PUT", "/v1/secret/data/x", good, `{"data":{"value":"v"},"options":{"cas":0}}`, 400},
	} {
		if got := call(tt.method, tt.path, tt.token, tt.body); got != tt.want {
			t.Errorf("%s %s %s: %d, want %d", tt.method, tt.path, tt.body, got, tt.want)
		}
	}
}
