package githubsecrets_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/githubsecrets"
	"latchkey/connectors/githubsecrets/githubsecretstest"
	"latchkey/secret"
)

const repo = githubsecretstest.DefaultRepository

// appKey is made once: keys of this size take a while.
var appKey = sync.OnceValues(githubsecretstest.NewKey)

func key(t *testing.T) secret.Value {
	t.Helper()
	k, err := appKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// clock is the vendor's. It ticks a second whenever somebody looks.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time { return c.Advance(time.Second) }

func (c *clock) Advance(by time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(by)
	return c.now
}

// bundle is a connector with a person's token, its double and the vendor's
// clock.
type bundle struct {
	*githubsecrets.Connector
	d     *githubsecretstest.Double
	clock *clock
	base  string
	token secret.Value
}

func setup(t *testing.T) bundle {
	t.Helper()
	b := bundle{clock: newClock(), token: secret.New("github_pat_" + secret.Token(60).Expose())}
	b.d, b.base = githubsecretstest.Start(t, githubsecretstest.Config{Token: b.token, Environments: []string{"production"}, Now: b.clock.Now})
	b.Connector = open(t, connectors.Settings{Token: b.token}, b.base)
	return b
}

// open uses a transport without a rate limit of its own.
func open(t *testing.T, s connectors.Settings, base string) *githubsecrets.Connector {
	t.Helper()
	s.Name, s.Kind, s.BaseURL, s.AllowPrivate = "actions", "githubsecrets", base, true
	c, err := githubsecrets.Open(s, http.DefaultTransport)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func delivery(label, replaces string) connectors.Delivery {
	return connectors.Delivery{
		Place: repo + "/TEMPO_TOKEN", Secret: secret.NewKey(), Label: label, Replaces: replaces,
		Facts: map[string]string{"owner": "alice@example.com"},
	}
}

// deliver must succeed.
func (b bundle) deliver(t *testing.T, d connectors.Delivery) connectors.Delivered {
	t.Helper()
	got, err := b.Deliver(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	b.holds(t, d.Secret)
	if got.Version == "" {
		t.Error("no version")
	}
	return got
}

// holds checks what workflows read.
func (b bundle) holds(t *testing.T, want secret.Value) {
	t.Helper()
	got, ok := b.d.Value(repo, "TEMPO_TOKEN")
	if !ok || got.Expose() != want.Expose() {
		t.Errorf("there is another value in the place, or none (%t)", ok)
	}
}

// marked is the label of the marker.
func (b bundle) marked(t *testing.T) string {
	t.Helper()
	var m struct {
		Label string            `json:"latchkey_label"`
		Facts map[string]string `json:"facts"`
	}
	if err := json.Unmarshal([]byte(b.d.Variable(repo, "TEMPO_TOKEN_LATCHKEY")), &m); err != nil {
		t.Fatal(err)
	}
	if m.Facts["owner"] != "alice@example.com" {
		t.Errorf("facts = %v", m.Facts)
	}
	return m.Label
}

// clean checks that an error holds none of the secrets.
func clean(t *testing.T, err error, secrets ...secret.Value) {
	t.Helper()
	text := fmt.Sprintf("%v %+v %q", err, err, err)
	for _, v := range secrets {
		if strings.Contains(text, v.Expose()) {
			t.Errorf("an error of %d bytes holds a secret", len(text))
		}
	}
}

// ambiguous checks for an error that is worth a retry.
func ambiguous(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil || isFinal(err) {
		t.Errorf("%s: err = %v, want one that is worth a retry", what, err)
	}
}

func isFinal(err error) bool { return errors.Is(err, connectors.ErrUnrecoverable) }
