package vaulttest

import (
	"cmp"
	"maps"
	"net/http"
	"sync"
	"time"

	"latchkey/connectors/double"
	"latchkey/secret"
)

// Config says what a double starts with. The zero value is a whole one.
type Config struct {
	Namespace string           // calls must name it; empty refuses every name
	Mount     string           // of the KV engine; empty means "secret"
	Now       func() time.Time // of tokens' ends and versions' times; nil means time.Now
}

// Double is one Vault. It is safe for concurrent use.
type Double struct {
	double.Gate

	now       func() time.Time
	namespace string

	mu     sync.Mutex
	serial int
	mounts map[string]*mount
	tokens map[string]*token
	faults []*Fault
	calls  map[string]int
}

// mount is a KV engine by its path.
type mount struct {
	version string // "1" or "2"
	entries map[string]*entry
}

// New makes a Vault with one KV engine of version 2.
func New(cfg Config) *Double {
	d := &Double{
		now: cfg.Now, namespace: cfg.Namespace,
		mounts: map[string]*mount{}, tokens: map[string]*token{}, calls: map[string]int{},
	}
	if d.now == nil {
		d.now = time.Now
	}
	d.AddMount(cmp.Or(cfg.Mount, "secret"), "2")
	return d
}

// AddMount mounts an empty KV engine of a version, "1" or "2".
func (d *Double) AddMount(path, version string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mounts[path] = &mount{version: version, entries: map[string]*entry{}}
}

// Start serves a new double on a free port of localhost until the test ends,
// and returns its base URL.
func Start(t double.Test, cfg Config) (d *Double, baseURL string) {
	t.Helper()
	d = New(cfg)
	return d, double.Serve(t, d.Handler())
}

// Token is the writer's: it never ends and may do what the connection needs
// in every KV engine there is now.
func (d *Double) Token() secret.Value {
	policy := map[string][]string{}
	d.mu.Lock()
	for path := range d.mounts {
		policy[path+"/data/*"] = []string{create, read, update}
	}
	d.mu.Unlock()
	return d.AddToken(Token{Policy: policy})
}

// Calls counts every call since the start, by "METHOD /path".
func (d *Double) Calls() map[string]int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.calls)
}

// Handler serves the API below "/v1/".
func (d *Double) Handler() http.Handler { return http.HandlerFunc(d.serve) }

func (d *Double) serve(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	d.calls[r.Method+" "+r.URL.EscapedPath()]++
	d.mu.Unlock()
	if !d.Pass(r.Context()) {
		return
	}
	body, ok := readBody(w, r)
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
