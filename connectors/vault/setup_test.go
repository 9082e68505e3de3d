package vault_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/conformance"
	"latchkey/connectors/vault"
	"latchkey/connectors/vault/vaulttest"
	"latchkey/secret"
)

const (
	place  = "payroll/tempo"
	canary = "hunter2-a-key-nobody-may-see"
)

type bundle struct {
	*vaulttest.Double
	*vault.Connector
	settings connectors.Settings
	clock    *clock
}

// clock is the double's, moved by hand.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func setup(t *testing.T, change ...func(*connectors.Settings)) bundle {
	t.Helper()
	ticks := &clock{at: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	s := connectors.Settings{Name: "keys", Kind: "vault", AllowPrivate: true}
	for _, c := range change {
		c(&s)
	}
	d, base := vaulttest.Start(t, vaulttest.Config{Now: ticks.now, Mount: s.Mount, Namespace: s.Namespace})
	s.BaseURL, s.Token = base, d.Token()
	return bundle{d, open(t, s), s, ticks}
}

// open uses a plain transport: retries would hide injected faults.
func open(t *testing.T, s connectors.Settings) *vault.Connector {
	t.Helper()
	wire := &http.Transport{}
	t.Cleanup(wire.CloseIdleConnections)
	c, err := vault.Open(s, wire)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// as opens the connection with another token.
func (b bundle) as(t *testing.T, token secret.Value) *vault.Connector {
	t.Helper()
	s := b.settings
	s.Token = token
	return open(t, s)
}

// delivery is the one of label K1 to an empty place.
func delivery(change ...func(*connectors.Delivery)) connectors.Delivery {
	d := connectors.Delivery{
		Place: place, Secret: secret.New(canary), Label: "K1", Facts: map[string]string{"owner": "alice@example.com"},
	}
	for _, c := range change {
		c(&d)
	}
	return d
}

// rotated is the delivery of K2 over a version of K1.
func rotated(version string) connectors.Delivery {
	return delivery(func(d *connectors.Delivery) { d.Label, d.Secret, d.Replaces = "K2", secret.New(canary+"-2"), version })
}

// clean fails when an error holds a secret, however it is printed.
func clean(t *testing.T, err error, secrets ...secret.Value) {
	t.Helper()
	for _, v := range append(secrets, secret.New(canary)) {
		if text := fmt.Sprintf("%v %+v %q %#v", err, err, err, err); strings.Contains(text, v.Expose()) {
			t.Errorf("an error of %d bytes holds a secret", len(text))
		}
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	conformance.RunTests(t, func(t *testing.T) conformance.Harness {
		b := setup(t)
		bad := secret.New("hvs.nobody-gave-this-out")
		return conformance.Harness{
			Good: b.Connector, Bad: b.as(t, bad),
			Secrets: []secret.Value{b.settings.Token, bad},
			RateLimit: func() time.Duration {
				b.Inject(vaulttest.Fault{Status: http.StatusTooManyRequests, Error: "request path \"x\": rate limit quota exceeded", Header: http.Header{"Retry-After": {"42"}}})
				return 42 * time.Second
			},
			Refuse: func() { b.Inject(vaulttest.Fault{Status: http.StatusForbidden, Error: "permission denied"}) },
			Hold:   b.Hold,
		}
	})
}

func TestOpenRefusesSettings(t *testing.T) {
	t.Parallel()
	good := connectors.Settings{Name: "keys", BaseURL: "https://vault.example", Token: secret.New("hvs.hunter2")}
	for want, change := range map[string]func(*connectors.Settings){
		"":                       func(*connectors.Settings) {},
		"missing setting: base":  func(s *connectors.Settings) { s.BaseURL = "" },
		"missing setting: token": func(s *connectors.Settings) { s.Token = secret.Value{} },
		"token holds":            func(s *connectors.Settings) { s.Token = secret.New("hvs.hunter2\n") },
		"base_url must be https": func(s *connectors.Settings) { s.BaseURL = "http://vault.example" },
		"base_url is not a URL":  func(s *connectors.Settings) { s.BaseURL = "hunter2" },
		"mount is not a path":    func(s *connectors.Settings) { s.Mount = "secret/" },
		"namespace is not":       func(s *connectors.Settings) { s.Namespace = "a//b" },
	} {
		s := good
		change(&s)
		_, err := vault.Open(s, http.DefaultTransport)
		if want == "" {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) || errors.Is(err, connectors.ErrMissing) != strings.HasPrefix(want, "missing") {
			t.Errorf("%s: %v", want, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error quotes the setting: %v", err)
		}
	}
	if _, err := vault.Open(good, nil); !errors.Is(err, connectors.ErrMissing) {
		t.Errorf("no transport: %v", err)
	}
}

// The transport of production is under the connector: the guard of addresses,
// the testimony.
func TestOverTheRealTransport(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c, err := vault.Open(b.settings, connectors.NewTransport(b.settings))
	if err != nil {
		t.Fatal(err)
	}
	ctx, witness := connectors.WithWitness(t.Context())
	if _, err := c.Deliver(ctx, delivery()); err != nil {
		t.Fatal(err)
	}
	want := "GET /v1/auth/token/lookup-self: 200 OK\nGET /v1/sys/internal/ui/mounts/secret: 200 OK\nPUT /v1/secret/data/payroll/tempo: 200 OK"
	if got := witness.Testimony(); got != want {
		t.Errorf("testimony:\n%s\nwant:\n%s", got, want)
	}
	guarded, err := vault.Open(b.settings, connectors.NewTransport(connectors.Settings{}))
	if err != nil {
		t.Fatal(err)
	}
	if err := guarded.Check(t.Context()); !errors.Is(err, connectors.ErrPrivateAddress) || !strings.Contains(err.Error(), "loopback") {
		t.Errorf("check of a private address: %v", err)
	}
}

// What Vault's client reads from the environment is not in force. Not
// parallel: the environment is the process's.
func TestTheEnvironmentIsNotRead(t *testing.T) {
	for name, value := range map[string]string{
		"VAULT_ADDR": "http://192.0.2.1", "VAULT_TOKEN": "hvs.other", "VAULT_NAMESPACE": "other", "VAULT_HEADERS": `{"Authorization":"x"}`,
		"VAULT_WRAP_TTL": "60s", "VAULT_MAX_RETRIES": "9", "VAULT_HTTP_PROXY": "http://192.0.2.1", "VAULT_AGENT_ADDR": "http://192.0.2.1",
	} {
		t.Setenv(name, value)
	}
	b := setup(t)
	if err := b.Check(context.Background()); err != nil {
		t.Error(err)
	}
	t.Setenv("VAULT_CLIENT_TIMEOUT", canary)
	_, err := vault.Open(b.settings, http.DefaultTransport)
	if err == nil || !strings.Contains(err.Error(), "VAULT_") {
		t.Errorf("an environment that can't be read: %v", err)
	}
	clean(t, err)
}

func TestCheckSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.AddMount("old", "1")
	with := func(change func(*connectors.Settings)) *vault.Connector {
		s := b.settings
		s.Token = b.Token()
		change(&s)
		return open(t, s)
	}
	for want, c := range map[string]*vault.Connector{
		"no KV engine of version 2":               with(func(s *connectors.Settings) { s.Mount = "old" }),
		"the mount secret/deeper":                 with(func(s *connectors.Settings) { s.Mount = "secret/deeper" }),
		"preflight capability check returned 403": with(func(s *connectors.Settings) { s.Mount = "none" }),
		"namespace not found":                     with(func(s *connectors.Settings) { s.Namespace = "nobodys" }),
		"permission denied":                       b.as(t, b.AddToken(vaulttest.Token{NoDefault: true})),
	} {
		err := c.Check(t.Context())
		if !errors.Is(err, connectors.ErrUnrecoverable) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	ended := b.AddToken(vaulttest.Token{})
	b.RevokeToken(ended)
	if err := b.as(t, ended).Check(t.Context()); !errors.Is(err, connectors.ErrUnrecoverable) {
		t.Errorf("a revoked token: %v", err)
	}
}

func TestNamespaceAndMount(t *testing.T) {
	t.Parallel()
	b := setup(t, func(s *connectors.Settings) { s.Namespace, s.Mount = "teams/pay", "kv/two" })
	got, err := b.Deliver(t.Context(), delivery())
	if err != nil {
		t.Fatal(err)
	}
	if want := "kv/two/data/payroll/tempo, version 1, in the namespace teams/pay"; got.Where != want {
		t.Errorf("where = %q, want %q", got.Where, want)
	}
}
