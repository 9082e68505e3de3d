package gcpsecretstest

import (
	"cmp"
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
	keyBits     = 2048
	keyID       = "double-key-1"
	clientEmail = "latchkey@double.iam.gserviceaccount.com"
	tokenPath   = "/token"
)

// Config says what a double starts with. The zero value is a whole one.
type Config struct {
	Key     *rsa.PrivateKey // of the service account; nil makes one, which takes a moment
	Project string          // empty means acme-prod
}

// Double is one project. It is safe for concurrent use.
type Double struct {
	double.Gate

	key     *rsa.PrivateKey
	project string

	mu      sync.Mutex
	serial  int
	secrets map[string]*entry
	denied  map[string]bool // permissions the service account has not
	bearers map[string]time.Time
	faults  []*Fault
	calls   map[string]int
}

// New makes an empty project whose service account may do everything.
func New(cfg Config) (*Double, error) {
	d := &Double{
		key: cfg.Key, project: cmp.Or(cfg.Project, "acme-prod"),
		secrets: map[string]*entry{}, denied: map[string]bool{}, bearers: map[string]time.Time{}, calls: map[string]int{},
	}
	if d.key == nil {
		key, err := rsa.GenerateKey(rand.Reader, keyBits)
		if err != nil {
			return nil, fmt.Errorf("make the service account's key: %w", err)
		}
		d.key = key
	}
	return d, nil
}

// Project is the ID of the one the double plays.
func (d *Double) Project() string { return d.project }

// Deny takes permissions away, such as "secretmanager.versions.access".
func (d *Double) Deny(permissions ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range permissions {
		d.denied[p] = true
	}
}

// KeyFile is the service account's key file. It names the double, served at
// baseURL, as where to sign in.
func (d *Double) KeyFile(baseURL string) (secret.Value, error) {
	der, err := x509.MarshalPKCS8PrivateKey(d.key)
	if err != nil {
		return secret.Value{}, fmt.Errorf("encode the service account's key: %w", err)
	}
	file, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": d.project, "client_email": clientEmail, "private_key_id": keyID,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		"token_uri":   baseURL + tokenPath,
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
		t.Fatalf("make the Secret Manager double: %v", err)
	}
	return d, double.Serve(t, d.Handler())
}

// Handler serves the API and the token endpoint below "/".
func (d *Double) Handler() http.Handler { return http.HandlerFunc(d.serve) }

func (d *Double) serve(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	d.calls[r.Method+" "+r.URL.EscapedPath()]++
	d.mu.Unlock()
	if !d.Pass(r.Context()) {
		return
	}
	body, ok := readBody(r)
	if !ok {
		return
	}
	f := d.fault(r)
	if f == nil {
		d.answer(r, body).write(w)
		return
	}
	if f.After {
		d.answer(r, body)
	}
	f.write(w, body)
}
