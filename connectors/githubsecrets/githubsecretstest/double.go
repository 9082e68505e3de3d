package githubsecretstest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/crypto/nacl/box"

	"latchkey/connectors/double"
	"latchkey/secret"
)

// What a double has unless its Config says otherwise.
const (
	DefaultApp          = 7
	DefaultInstallation = 42
	DefaultRepository   = "octo-org/payroll"
)

// Config says what a double starts with. The zero value accepts nobody.
type Config struct {
	Token        secret.Value     // of a person with access to the repositories
	PrivateKey   secret.Value     // of the App, in PEM; empty for no App
	Repositories []string         // "owner/repo"; nil means DefaultRepository
	Environments []string         // of every repository
	Now          func() time.Time // of rows and limits; nil means time.Now
}

// Double is GitHub with a few repositories. It is safe for concurrent use.
type Double struct {
	double.Gate

	cfg    Config
	public *rsa.PublicKey // nil without an App
	mux    *http.ServeMux

	mu     sync.Mutex
	down   bool
	stale  bool
	next   []http.HandlerFunc
	faults []fault
	calls  map[string]int
	writes int
	tokens map[string]time.Time // of the installation, to their end
	stores map[string]*store    // by lower-case "owner/repo" or "owner/repo/environment"
}

// store is what a repository or an environment has.
type store struct {
	keyID           string
	public, private *[32]byte
	secrets         map[string]stored   // by upper-case name
	variables       map[string]variable // by upper-case name
}

type stored struct {
	name             string
	value            secret.Value
	created, updated time.Time
	before           *stored // what the latest write replaced
}

type variable struct {
	name, value      string
	created, updated time.Time
}

// New makes a double whose repositories have nothing.
func New(cfg Config) (*Double, error) {
	if cfg.Repositories == nil {
		cfg.Repositories = []string{DefaultRepository}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	d := &Double{cfg: cfg, mux: http.NewServeMux(), calls: map[string]int{}, tokens: map[string]time.Time{}, stores: map[string]*store{}}
	if !cfg.PrivateKey.Empty() {
		private, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(cfg.PrivateKey.Expose()))
		if err != nil {
			return nil, fmt.Errorf("read the App's key: %w", err)
		}
		d.public = &private.PublicKey
	}
	for _, repo := range cfg.Repositories {
		for _, environment := range append([]string{""}, cfg.Environments...) {
			public, private, err := box.GenerateKey(rand.Reader)
			if err != nil {
				return nil, fmt.Errorf("make a key pair: %w", err)
			}
			d.stores[at(repo, environment)] = &store{
				keyID: secret.Token(18).Expose(), public: public, private: private,
				secrets: map[string]stored{}, variables: map[string]variable{},
			}
		}
	}
	d.routes()
	return d, nil
}

// NewKey makes a private key as the vendor makes it for an App.
func NewKey() (secret.Value, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return secret.Value{}, fmt.Errorf("make the App's key: %w", err)
	}
	block := pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	return secret.New(string(pem.EncodeToMemory(&block))), nil
}

// Start serves a new double on a free port of localhost until the test ends,
// and returns its base URL.
func Start(t double.Test, cfg Config) (d *Double, baseURL string) {
	t.Helper()
	d, err := New(cfg)
	if err != nil {
		t.Fatalf("make the GitHub double: %v", err)
	}
	return d, double.Serve(t, d.Handler())
}

// Handler serves the API below "/".
func (d *Double) Handler() http.Handler { return http.HandlerFunc(d.serve) }

// at is where a store is kept; the vendor's names have no case.
func at(repo, environment string) string {
	return strings.ToLower(strings.TrimSuffix(repo+"/"+environment, "/"))
}

// Put sets a secret as somebody else does. Where is "owner/repo" or
// "owner/repo/environment", here and below; it must be there.
func (d *Double) Put(where, name, value string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stores[at(where, "")].put(name, secret.New(value), d.clock())
}

// PutVariable sets a variable as somebody else does.
func (d *Double) PutVariable(where, name, value string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.clock()
	d.stores[at(where, "")].variables[strings.ToUpper(name)] = variable{strings.ToUpper(name), value, now, now}
}

// Delete deletes a secret as somebody else does.
func (d *Double) Delete(where, name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.stores[at(where, "")].secrets, strings.ToUpper(name))
}

// Value is what workflows read.
func (d *Double) Value(where, name string) (v secret.Value, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, ok := d.stores[at(where, "")].secrets[strings.ToUpper(name)]
	return s.value, ok
}

// Variable is the value of a variable, or empty.
func (d *Double) Variable(where, name string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stores[at(where, "")].variables[strings.ToUpper(name)].value
}

// Writes counts the secrets that clients wrote.
func (d *Double) Writes() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.writes
}

// Calls counts every call since the start, by "METHOD /path".
func (d *Double) Calls() map[string]int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.calls)
}

// clock is the vendor's, which has seconds.
func (d *Double) clock() time.Time { return d.cfg.Now().UTC().Truncate(time.Second) }

// put is true for a new secret.
func (s *store) put(name string, value secret.Value, now time.Time) bool {
	name = strings.ToUpper(name)
	after := stored{name: name, value: value, created: now, updated: now}
	before, there := s.secrets[name]
	if there {
		before.before = nil
		after.created, after.before = before.created, &before
	}
	s.secrets[name] = after
	return !there
}
