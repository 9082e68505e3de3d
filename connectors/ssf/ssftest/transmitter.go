// Package ssftest is a transmitter of the Shared Signals Framework, for tests
// and the demo: it shows its configuration and keys, and makes and delivers
// security event tokens, right ones and wrong ones.
//
// It does not own a stream's management. It signs with the standard library
// alone, so that it and a receiver can't be wrong in the same way.
package ssftest

import (
	"encoding/json"
	"maps"
	"net/http"
	"path"
	"slices"
	"strconv"
	"sync"
	"time"

	"latchkey/connectors/double"
)

// Config says what a transmitter starts with.
type Config struct {
	Issuer   string           // Start makes one
	Audience string           // the stream's
	Now      func() time.Time // nil means time.Now
}

// Fault is an answer given instead of the right one.
type Fault struct {
	Path   string // pattern of path.Match
	Status int
	Body   string // JSON
}

// Transmitter is safe for concurrent use.
type Transmitter struct {
	double.Gate

	cfg Config

	mu     sync.Mutex
	keys   map[string]key
	serial int
	faults []Fault
	calls  map[string]int
}

// New makes a transmitter without keys.
func New(cfg Config) *Transmitter {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Transmitter{cfg: cfg, keys: map[string]key{}, calls: map[string]int{}}
}

// Start serves a new transmitter on a free port of localhost until the test
// ends. Its issuer is its address and the path.
func Start(t double.Test, cfg Config, path string) *Transmitter {
	t.Helper()
	tr := New(cfg)
	base := double.Serve(t, tr.Handler())
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.cfg.Issuer = base + path
	return tr
}

// Issuer is what the tokens name the transmitter.
func (tr *Transmitter) Issuer() string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.cfg.Issuer
}

// AddKey makes a key for an algorithm: RS256, PS256 or ES256.
func (tr *Transmitter) AddKey(alg string) (kid string) {
	k := newKey(alg)
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.serial++
	kid = alg + "-" + strconv.Itoa(tr.serial)
	tr.keys[kid] = k
	return kid
}

// Withdraw shows a key no longer. It signs as before.
func (tr *Transmitter) Withdraw(kid string) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	k := tr.keys[kid]
	k.withdrawn = true
	tr.keys[kid] = k
}

// Inject has the next call of its path answered by the fault.
func (tr *Transmitter) Inject(f Fault) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.faults = append(tr.faults, f)
}

// Calls counts the calls by path.
func (tr *Transmitter) Calls() map[string]int {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return maps.Clone(tr.calls)
}

// Handler serves the configuration and the keys.
func (tr *Transmitter) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/ssf-configuration", tr.configuration)
	mux.HandleFunc("GET /.well-known/ssf-configuration/tenant/7", tr.configuration)
	mux.HandleFunc("GET /keys", tr.jwks)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tr.mu.Lock()
		tr.calls[r.URL.Path]++
		tr.mu.Unlock()
		if !tr.Pass(r.Context()) || tr.fault(w, r) {
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (tr *Transmitter) fault(w http.ResponseWriter, r *http.Request) bool {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	i := slices.IndexFunc(tr.faults, func(f Fault) bool {
		matches, _ := path.Match(f.Path, r.URL.Path)
		return matches
	})
	if i < 0 {
		return false
	}
	f := tr.faults[i]
	tr.faults = slices.Delete(tr.faults, i, i+1)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(f.Status)
	_, _ = w.Write([]byte(f.Body))
	return true
}

func (tr *Transmitter) configuration(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"spec_version": "1_0", "issuer": tr.Issuer(), "jwks_uri": "http://" + r.Host + "/keys?v=1",
		"delivery_methods_supported": []string{"urn:ietf:rfc:8935"},
	})
}

// jwks shows the keys, beside ones that are nobody's to use for events.
func (tr *Transmitter) jwks(w http.ResponseWriter, _ *http.Request) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	shown := []any{map[string]any{"kty": "OKP", "kid": "okp", "crv": "Ed25519", "x": "AA"}, map[string]any{"kty": "oct", "kid": "oct", "k": "AA"}}
	for kid, k := range tr.keys {
		if !k.withdrawn {
			shown = append(shown, k.jwk(kid))
		}
	}
	w.Header().Set("Content-Type", "application/jwk-set+json")
	_ = json.NewEncoder(w).Encode(map[string]any{"keys": shown})
}
