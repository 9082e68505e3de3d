package gcpsecrets_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/conformance"
	"latchkey/connectors/gcpsecrets"
	"latchkey/connectors/gcpsecrets/gcpsecretstest"
	"latchkey/secret"
)

const (
	place  = "payroll-tempo"
	canary = "hunter2-a-key-nobody-may-see"
)

// key is one for all tests: making one takes a while.
var key = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

type bundle struct {
	*gcpsecretstest.Double
	*gcpsecrets.Connector
	settings connectors.Settings
}

func setup(t *testing.T) bundle {
	t.Helper()
	k, err := key()
	if err != nil {
		t.Fatal(err)
	}
	d, base := gcpsecretstest.Start(t, gcpsecretstest.Config{Key: k})
	file, err := d.KeyFile(base)
	if err != nil {
		t.Fatal(err)
	}
	s := connectors.Settings{
		Name: "keys", Kind: "gcpsecrets", BaseURL: base, AllowPrivate: true, Project: d.Project(), Credentials: file,
	}
	return bundle{d, open(t, s), s}
}

// open uses a plain transport: retries would hide injected faults.
func open(t *testing.T, s connectors.Settings) *gcpsecrets.Connector {
	t.Helper()
	wire := &http.Transport{}
	t.Cleanup(wire.CloseIdleConnections)
	c, err := gcpsecrets.Open(s, wire)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// changed is a key file with a field set.
func changed(t *testing.T, file secret.Value, field, value string) secret.Value {
	t.Helper()
	var fields map[string]string
	if err := json.Unmarshal([]byte(file.Expose()), &fields); err != nil {
		t.Fatal(err)
	}
	fields[field] = value
	text, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return secret.New(string(text))
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
	return delivery(func(d *connectors.Delivery) {
		d.Label, d.Secret, d.Replaces, d.Facts = "K2", secret.New(canary+"-2"), version, map[string]string{"reason": "rotation"}
	})
}

// deliver does one that must succeed.
func (b bundle) deliver(t *testing.T, d connectors.Delivery) connectors.Delivered {
	t.Helper()
	got, err := b.Deliver(t.Context(), d)
	clean(t, err)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// clean fails when an error holds a secret, however it is printed.
func clean(t *testing.T, err error, secrets ...secret.Value) {
	t.Helper()
	for _, v := range append(secrets, secret.New(canary), secret.New("ya29.double")) {
		if text := fmt.Sprintf("%v %+v %q %#v", err, err, err, err); strings.Contains(text, v.Expose()) {
			t.Errorf("an error of %d bytes holds a secret", len(text))
		}
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	conformance.RunTests(t, func(t *testing.T) conformance.Harness {
		b := setup(t)
		bad := b.settings
		bad.Credentials = changed(t, bad.Credentials, "private_key_id", "another")
		return conformance.Harness{
			Good: b.Connector, Bad: open(t, bad),
			Secrets: []secret.Value{b.settings.Credentials, bad.Credentials},
			RateLimit: func() time.Duration {
				b.Inject(gcpsecretstest.Fault{Status: 429, Code: "RESOURCE_EXHAUSTED", Header: http.Header{"Retry-After": {"42"}}})
				return 42 * time.Second
			},
			Refuse: func() { b.Inject(gcpsecretstest.Fault{Status: 403, Code: "PERMISSION_DENIED"}) },
			Hold:   b.Hold,
		}
	})
}

func TestOpenRefusesSettings(t *testing.T) {
	t.Parallel()
	good := setup(t).settings
	good.BaseURL, good.AllowPrivate = "", false
	good.Credentials = changed(t, good.Credentials, "token_uri", "https://oauth2.googleapis.com/token")
	with := func(field, value string) func(*connectors.Settings) {
		return func(s *connectors.Settings) { s.Credentials = changed(t, s.Credentials, field, value) }
	}
	tests := []struct {
		want   string // in the error; empty for none
		change func(*connectors.Settings)
	}{
		{"", func(*connectors.Settings) {}},
		{"missing setting: project", func(s *connectors.Settings) { s.Project = "" }},
		{"missing setting: credentials", func(s *connectors.Settings) { s.Credentials = secret.Value{} }},
		{"project is not", func(s *connectors.Settings) { s.Project = "../hunter2" }},
		{"project is not", func(s *connectors.Settings) { s.Project = "a/b" }},
		{"JSON key file", func(s *connectors.Settings) { s.Credentials = secret.New("hunter2") }},
		{"JSON key file", with("type", "authorized_user")},
		{"JSON key file", with("client_email", "")},
		{"private_key", with("private_key", "hunter2")},
		{"token_uri", with("token_uri", "http://127.0.0.1/token")},
		{"token_uri", with("token_uri", "hunter2")},
		{"base_url must be https", func(s *connectors.Settings) { s.BaseURL = "http://127.0.0.1" }},
		{"base_url is not a URL", func(s *connectors.Settings) { s.BaseURL = "hunter2" }},
	}
	for _, tt := range tests {
		s := good
		tt.change(&s)
		_, err := gcpsecrets.Open(s, http.DefaultTransport)
		if tt.want == "" {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) || errors.Is(err, connectors.ErrMissing) != strings.HasPrefix(tt.want, "missing") {
			t.Errorf("%s: %v", tt.want, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error quotes the setting: %v", err)
		}
	}
	if _, err := gcpsecrets.Open(good, nil); !errors.Is(err, connectors.ErrMissing) {
		t.Errorf("no transport: %v", err)
	}
}

// The transport of production is under the connector, for the token endpoint
// too.
func TestOverTheRealTransport(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c, err := gcpsecrets.Open(b.settings, connectors.NewTransport(b.settings))
	if err != nil {
		t.Fatal(err)
	}
	ctx, witness := connectors.WithWitness(t.Context())
	if _, err := c.Deliver(ctx, delivery()); err != nil {
		t.Fatal(err)
	}
	want := "POST /token: 200 OK\nPOST /v1/projects/acme-prod/secrets: 200 OK\n" +
		"POST /v1/projects/acme-prod/secrets/payroll-tempo:addVersion: 200 OK\nPATCH /v1/projects/acme-prod/secrets/payroll-tempo: 200 OK"
	if got := witness.Testimony(); got != want {
		t.Errorf("testimony:\n%s\nwant:\n%s", got, want)
	}
	guarded, err := gcpsecrets.Open(b.settings, connectors.NewTransport(connectors.Settings{}))
	if err != nil {
		t.Fatal(err)
	}
	if err := guarded.Check(t.Context()); !errors.Is(err, connectors.ErrPrivateAddress) || !strings.Contains(err.Error(), "loopback") {
		t.Errorf("check of a private address: %v", err)
	}
}

// What Google's client reads from the environment is not in force, its log of
// requests above all. Not parallel: the environment is the process's.
func TestTheEnvironmentIsNotRead(t *testing.T) { //nolint:paralleltest // it sets the environment
	for name, value := range map[string]string{
		"GOOGLE_SDK_GO_LOGGING_LEVEL": "debug", "GOOGLE_CLOUD_UNIVERSE_DOMAIN": "universe.example", "GOOGLE_API_USE_MTLS_ENDPOINT": "always",
		"GOOGLE_APPLICATION_CREDENTIALS": "/nowhere", "HTTPS_PROXY": "http://192.0.2.1",
	} {
		t.Setenv(name, value)
	}
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	stderr, stdout := os.Stderr, os.Stdout
	os.Stderr, os.Stdout = log, log
	t.Cleanup(func() { os.Stderr, os.Stdout = stderr, stdout })
	b := setup(t)
	b.deliver(t, delivery())
	if printed, err := os.ReadFile(log.Name()); err != nil || len(printed) != 0 {
		t.Errorf("%d bytes were printed, %v", len(printed), err)
	}
}

func TestCheckSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	b := setup(t)
	elsewhere := b.settings
	elsewhere.Project = "another"
	if err := open(t, elsewhere).Check(t.Context()); !errors.Is(err, connectors.ErrUnrecoverable) || !strings.Contains(err.Error(), "PERMISSION_DENIED") {
		t.Errorf("another project: %v", err)
	}
	stranger := b.settings
	stranger.Credentials = changed(t, stranger.Credentials, "client_email", "stranger@double.iam.gserviceaccount.com")
	err := open(t, stranger).Check(t.Context())
	clean(t, err)
	if !errors.Is(err, connectors.ErrUnrecoverable) || !strings.Contains(err.Error(), "ask for an access token: ") || !strings.Contains(err.Error(), "invalid_grant") {
		t.Errorf("a key of nobody: %v", err)
	}
	b.Make("payroll-latchkey", nil)
	within := b.settings
	within.Places = []string{"a b*", "payroll-*"}
	if err := open(t, within).Check(t.Context()); err != nil || b.Calls()["GET /v1/projects/acme-prod/secrets/payroll-latchkey"] != 1 {
		t.Errorf("a probe that is there: %v, %v", err, b.Calls())
	}
	b.Deny("secretmanager.secrets.get")
	if err := b.Check(t.Context()); !errors.Is(err, connectors.ErrUnrecoverable) || !strings.Contains(err.Error(), "PERMISSION_DENIED") {
		t.Errorf("without permission: %v", err)
	}
}

// Access tokens are asked for once, renewed when Google stops taking one, and
// by nobody who gave up.
func TestAccessTokens(t *testing.T) {
	t.Parallel()
	b := setup(t)
	asked := func() int { return b.Calls()["POST /token"] }
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if err := b.Check(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if asked() != 1 {
		t.Errorf("%d tokens for 4 checks", asked())
	}
	b.ExpireTokens()
	if b.deliver(t, delivery()); asked() != 2 {
		t.Errorf("a dead token in a call with a body: %d tokens", asked())
	}
	b.Inject(gcpsecretstest.Fault{Status: 401, Code: "UNAUTHENTICATED", Times: -1})
	if err := b.Check(t.Context()); !errors.Is(err, connectors.ErrUnrecoverable) || asked() != 3 {
		t.Errorf("no token is taken: %v, %d tokens", err, asked())
	}
	for name, fault := range map[string]gcpsecretstest.Fault{
		"cut": {}, "500": {Status: 500, Body: `{"error":"` + canary + `"}`}, "odd": {Status: 200, Body: canary},
		"none":              {Status: 200, Body: `{"access_token":"","token_type":"Bearer","expires_in":1}`},
		"with a line break": {Status: 200, Body: `{"access_token":"a\nb","token_type":"Bearer","expires_in":1}`},
		"redirect":          {Status: 302, Header: http.Header{"Location": {"/elsewhere"}}}, "429": {Status: 429},
	} {
		fresh := setup(t)
		fault.Suffix = "/token"
		fresh.Inject(fault)
		err := fresh.Check(t.Context())
		clean(t, err)
		if err == nil || errors.Is(err, connectors.ErrUnrecoverable) || !strings.Contains(err.Error(), "ask for an access token: ") {
			t.Errorf("%s: %v", name, err)
		}
		if _, limited := errors.AsType[*connectors.RateLimitedError](err); limited != (name == "429") {
			t.Errorf("%s: %v", name, err)
		}
		if err := fresh.Check(t.Context()); err != nil {
			t.Errorf("%s: the next try: %v", name, err)
		}
	}
}

func TestDeliverEndsWithItsContext(t *testing.T) {
	t.Parallel()
	b := setup(t)
	arrived, release := b.Hold()
	defer release()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := b.Deliver(ctx, delivery())
		done <- err
	}()
	<-arrived // at the token endpoint
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("canceled half-way: %v", err)
	}
	_, err := b.Deliver(ctx, delivery())
	if !errors.Is(err, context.Canceled) {
		t.Errorf("canceled before: %v", err)
	}
	release()
	b.deliver(t, delivery())
}
