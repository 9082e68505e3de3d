package googletest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"time"

	"latchkey/connectors/double"
	"latchkey/secret"
)

const (
	defaultMaxPage = 500
	keyBits        = 2048
	keyID          = "double-key-1"
	clientEmail    = "latchkey@double.iam.gserviceaccount.com"
	adminEmail     = "google-admin@example.com"
	tokenPath      = "/token"
)

// Config says what a double starts with. The zero value is a whole one.
type Config struct {
	Key     *rsa.PrivateKey  // of the service account; nil makes one, which takes a moment
	MaxPage int              // people in any page, whatever was asked for; zero means 500
	Now     func() time.Time // of what is seeded without a time; nil means time.Now
}

// Double is one Google Workspace. It is safe for concurrent use.
type Double struct {
	double.Gate

	now     func() time.Time
	key     *rsa.PrivateKey
	maxPage int
	mux     *http.ServeMux

	mu        sync.Mutex
	serial    int
	people    []*person
	delegated []string
	bearers   map[string]grantedToken // access tokens that we gave out
	faults    []*Fault
	stuck     bool
	empty     bool // listings
	calls     map[string]int
}

// New makes a workspace with one administrator and a service account that may
// act for them.
func New(cfg Config) (*Double, error) {
	d := &Double{
		now: cfg.Now, key: cfg.Key, maxPage: cfg.MaxPage, bearers: map[string]grantedToken{}, calls: map[string]int{},
		delegated: []string{scopeUser, scopeSecurity},
	}
	if d.now == nil {
		d.now = time.Now
	}
	if d.maxPage == 0 {
		d.maxPage = defaultMaxPage
	}
	if d.key == nil {
		key, err := rsa.GenerateKey(rand.Reader, keyBits)
		if err != nil {
			return nil, fmt.Errorf("make the service account's key: %w", err)
		}
		d.key = key
	}
	d.AddPerson(Person{Email: adminEmail, Name: "Google Admin", Admin: true})
	d.mux = http.NewServeMux()
	d.routes()
	return d, nil
}

// Admin is the e-mail address of the seeded administrator.
func (d *Double) Admin() string { return adminEmail }

// KeyFile is the service account's key file. It names the double, served at
// baseURL, as where to sign in.
func (d *Double) KeyFile(baseURL string) (secret.Value, error) {
	der, err := x509.MarshalPKCS8PrivateKey(d.key)
	if err != nil {
		return secret.Value{}, fmt.Errorf("encode the service account's key: %w", err)
	}
	file, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": "double", "client_email": clientEmail, "client_id": "100000000000000000001",
		"private_key_id": keyID,
		"private_key":    string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		"token_uri":      baseURL + tokenPath,
	})
	if err != nil {
		return secret.Value{}, fmt.Errorf("encode the key file: %w", err)
	}
	return secret.New(string(file)), nil
}

// Calls counts every call since the start, by "METHOD /path".
func (d *Double) Calls() map[string]int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.calls)
}

// Start serves a new double on a free port of localhost until the test ends,
// and returns its base URL.
func Start(t double.Test, cfg Config) (d *Double, baseURL string) {
	t.Helper()
	d, err := New(cfg)
	if err != nil {
		t.Fatalf("make the Google double: %v", err)
	}
	return d, double.Serve(t, d.Handler())
}

// Handler serves the API and the token endpoint below "/".
func (d *Double) Handler() http.Handler { return http.HandlerFunc(d.serve) }

func (d *Double) serve(w http.ResponseWriter, r *http.Request) {
	d.record(r)
	if !d.Pass(r.Context()) {
		return
	}
	if f := d.fault(r); f != nil {
		f.answer(w)
		return
	}
	d.mux.ServeHTTP(w, r)
}

func (d *Double) record(r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls[r.Method+" "+r.URL.EscapedPath()]++
}
