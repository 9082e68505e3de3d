package awssecrets_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/awssecrets"
	"latchkey/connectors/awssecrets/awssecretstest"
	"latchkey/connectors/conformance"
	"latchkey/secret"
)

const (
	place  = "payroll/tempo"
	canary = "hunter2-a-key-nobody-may-see"
)

type bundle struct {
	*awssecretstest.Double
	*awssecrets.Connector
	settings connectors.Settings
}

func setup(t *testing.T) bundle {
	t.Helper()
	d, base := awssecretstest.Start(t, awssecretstest.Config{})
	s := connectors.Settings{Name: "keys", Kind: "awssecrets", BaseURL: base, AllowPrivate: true, Region: d.Region()}
	s.AccessKeyID, s.SecretAccessKey = d.AddKey()
	return bundle{d, open(t, s), s}
}

// open uses a plain transport: retries would hide injected faults.
func open(t *testing.T, s connectors.Settings) *awssecrets.Connector {
	t.Helper()
	wire := &http.Transport{}
	t.Cleanup(wire.CloseIdleConnections)
	c, err := awssecrets.Open(s, wire)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// with opens the connection with other settings.
func (b bundle) with(t *testing.T, change func(*connectors.Settings)) *awssecrets.Connector {
	t.Helper()
	s := b.settings
	change(&s)
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
		bad := secret.New("a-secret-access-key-of-nobody-at-all")
		return conformance.Harness{
			Good: b.Connector, Bad: b.with(t, func(s *connectors.Settings) { s.SecretAccessKey = bad }),
			Secrets: []secret.Value{b.settings.SecretAccessKey, bad},
			RateLimit: func() time.Duration {
				b.Inject(awssecretstest.Fault{Status: 400, Code: "ThrottlingException"})
				return 10 * time.Second
			},
			Refuse: func() { b.Inject(awssecretstest.Fault{Status: 400, Code: "AccessDeniedException"}) },
			Hold:   b.Hold,
		}
	})
}

func TestOpenRefusesSettings(t *testing.T) {
	t.Parallel()
	good := connectors.Settings{Name: "keys", Region: "eu-central-1", AccessKeyID: "AKIA", SecretAccessKey: secret.New("hunter2")}
	for want, change := range map[string]func(*connectors.Settings){
		"":                           func(*connectors.Settings) {},
		"missing setting: region":    func(s *connectors.Settings) { s.Region = "" },
		"missing setting: secret_ac": func(s *connectors.Settings) { s.SecretAccessKey = secret.Value{} },
		"missing setting: access_ke": func(s *connectors.Settings) { s.AccessKeyID = "" },
		"region is not":              func(s *connectors.Settings) { s.Region = "evil.example/hunter2" },
		"base_url must be https":     func(s *connectors.Settings) { s.BaseURL = "http://aws.example" },
		"base_url is not a URL":      func(s *connectors.Settings) { s.BaseURL = "hunter2" },
	} {
		s := good
		change(&s)
		_, err := awssecrets.Open(s, http.DefaultTransport)
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
	if _, err := awssecrets.Open(good, nil); !errors.Is(err, connectors.ErrMissing) {
		t.Errorf("no transport: %v", err)
	}
}

// seen keeps the hosts that calls go to, and makes none.
type seen struct{ hosts chan string }

func (s seen) RoundTrip(r *http.Request) (*http.Response, error) {
	s.hosts <- r.URL.Scheme + "://" + r.URL.Host
	return nil, errors.New(canary)
}

func TestCallsGoToTheRegion(t *testing.T) {
	t.Parallel()
	s := seen{make(chan string, 8)}
	c, err := awssecrets.Open(connectors.Settings{
		Name: "keys", Region: "eu-central-1", AccessKeyID: "AKIA", SecretAccessKey: secret.New("x"),
	}, s)
	if err != nil {
		t.Fatal(err)
	}
	err = c.Check(t.Context())
	clean(t, err)
	if host := <-s.hosts; err == nil || host != "https://secretsmanager.eu-central-1.amazonaws.com" || len(s.hosts) != 0 {
		t.Errorf("the call went to %s, %d more: %v", host, len(s.hosts), err)
	}
}

// The transport of production is under the connector: the guard of addresses,
// the testimony.
func TestOverTheRealTransport(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c, err := awssecrets.Open(b.settings, connectors.NewTransport(b.settings))
	if err != nil {
		t.Fatal(err)
	}
	ctx, witness := connectors.WithWitness(t.Context())
	if _, err := c.Deliver(ctx, delivery()); err != nil {
		t.Fatal(err)
	}
	if got := witness.Testimony(); got != "POST /: 200 OK\nPOST /: 200 OK" {
		t.Errorf("testimony:\n%s", got)
	}
	guarded, err := awssecrets.Open(b.settings, connectors.NewTransport(connectors.Settings{}))
	if err != nil {
		t.Fatal(err)
	}
	if err := guarded.Check(t.Context()); !errors.Is(err, connectors.ErrPrivateAddress) || !strings.Contains(err.Error(), "loopback") {
		t.Errorf("check of a private address: %v", err)
	}
}

func TestCheckSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for want, change := range map[string]func(*connectors.Settings){
		"UnrecognizedClientException": func(s *connectors.Settings) { s.AccessKeyID = "AKIANOBODY" },
		"InvalidSignatureException":   func(s *connectors.Settings) { s.Region = "us-east-1" },
		"AccessDeniedException":       func(s *connectors.Settings) { s.AccessKeyID, s.SecretAccessKey = b.AddKey("DescribeSecret") },
	} {
		err := b.with(t, change).Check(t.Context())
		clean(t, err, b.settings.SecretAccessKey)
		if !errors.Is(err, connectors.ErrUnrecoverable) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	b.Put("payroll/latchkey", "theirs")
	within := b.with(t, func(s *connectors.Settings) { s.Places = []string{"a b*", "payroll/*"} })
	if err := within.Check(t.Context()); err != nil {
		t.Errorf("a probe that is there: %v", err)
	}
}

// What the machine is given is used where the settings leave it to the
// machine, and nothing else of the environment ever is. Not parallel: the
// environment is the process's.
func TestTheEnvironmentGivesCredentialsOnly(t *testing.T) {
	b := setup(t)
	empty := filepath.Join(t.TempDir(), "none")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": "http://192.0.2.1", "AWS_MAX_ATTEMPTS": "9", "AWS_USE_FIPS_ENDPOINT": "true",
		"AWS_CONFIG_FILE": empty, "AWS_SHARED_CREDENTIALS_FILE": empty, "AWS_PROFILE": "", "AWS_CA_BUNDLE": "",
		"AWS_ACCESS_KEY_ID": "AKIANOBODY", "AWS_SECRET_ACCESS_KEY": canary, "AWS_SESSION_TOKEN": "",
	} {
		t.Setenv(name, value)
	}
	if err := open(t, b.settings).Check(t.Context()); err != nil {
		t.Errorf("configured keys: %v", err)
	}
	given := b.settings
	given.AccessKeyID, given.SecretAccessKey = "", secret.Value{}
	err := open(t, given).Check(t.Context())
	clean(t, err)
	if err == nil || !strings.Contains(err.Error(), "UnrecognizedClientException") {
		t.Errorf("the machine's keys of nobody: %v", err)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", b.settings.AccessKeyID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", b.settings.SecretAccessKey.Expose())
	if err := open(t, given).Check(t.Context()); err != nil {
		t.Errorf("the machine's keys: %v", err)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	err = open(t, given).Check(t.Context())
	if err == nil || !strings.Contains(err.Error(), "this machine has no working AWS credentials") || errors.Is(err, connectors.ErrUnrecoverable) {
		t.Errorf("no keys: %v", err)
	}
	t.Setenv("AWS_CA_BUNDLE", filepath.Join(t.TempDir(), canary))
	_, err = awssecrets.Open(given, http.DefaultTransport)
	clean(t, err)
	if err == nil || !strings.Contains(err.Error(), "AWS_CA_BUNDLE") {
		t.Errorf("an environment that can't be used: %v", err)
	}
}
