package azurekeyvaulttest

import (
	"crypto/rand"
	"encoding/hex"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"latchkey/connectors/double"
	"latchkey/secret"
)

// What a double has.
const (
	VaultURL = "https://payroll.vault.azure.net"
	TenantID = "11111111-2222-3333-4444-555555555555"
	ClientID = "66666666-7777-8888-9999-aaaaaaaaaaaa"

	vaultHost = "payroll.vault.azure.net"
	loginHost = "login.microsoftonline.com"
)

// Config says what a double starts with. The zero value accepts no secret.
type Config struct {
	ClientSecret secret.Value
	NoGet, NoSet bool             // what the application may not do with secrets
	Now          func() time.Time // of rows; nil means time.Now
}

// Double is a vault and its authority. It is safe for concurrent use.
type Double struct {
	double.Gate

	cfg Config
	mux *http.ServeMux

	mu      sync.Mutex
	down    bool
	tenant  string // that challenges name
	next    []http.HandlerFunc
	faults  []fault
	calls   map[string]int
	writes  int
	tokens  map[string]bool
	secrets map[string]*entry // by lower-case name
}

// entry is a secret with its versions, the current one last.
type entry struct {
	name     string
	versions []version
	deleted  bool // and recoverable
	busy     bool // being recovered
}

type version struct {
	id      string
	value   secret.Value
	tags    map[string]string
	made    time.Time
	enabled bool
}

// New makes a double with an empty vault.
func New(cfg Config) *Double {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	d := &Double{
		cfg: cfg, mux: http.NewServeMux(), tenant: TenantID,
		calls: map[string]int{}, tokens: map[string]bool{}, secrets: map[string]*entry{},
	}
	d.routes()
	return d
}

// Start serves a new double on a free port of localhost until the test ends,
// and returns its base URL, which is for Route: clients call it by the names
// that the vendor has.
func Start(t double.Test, cfg Config) (d *Double, baseURL string) {
	t.Helper()
	d = New(cfg)
	return d, double.Serve(t, d.Handler())
}

// Handler serves the vault and its authority, told apart by the Host header.
func (d *Double) Handler() http.Handler { return http.HandlerFunc(d.serve) }

// Route sends every https call to the double at baseURL, under the name it was
// made for, as if the names of the vendor were of this machine. Others fail.
func Route(baseURL string, next http.RoundTripper) http.RoundTripper {
	return &route{host: strings.TrimPrefix(baseURL, "http://"), next: next}
}

type route struct {
	host string
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t *route) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, http.ErrSchemeMismatch
	}
	local := r.Clone(r.Context())
	local.Host = r.URL.Host
	local.URL = &url.URL{}
	*local.URL = *r.URL
	local.URL.Scheme, local.URL.Host = "http", t.host
	return t.next.RoundTrip(local)
}

// Put makes a version of a secret as somebody else does, and returns its ID.
func (d *Double) Put(name, value string, tags map[string]string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.put(name, secret.New(value), tags).id
}

// put makes a version; mu is held.
func (d *Double) put(name string, value secret.Value, tags map[string]string) version {
	e := d.secrets[strings.ToLower(name)]
	if e == nil {
		e = &entry{name: name}
		d.secrets[strings.ToLower(name)] = e
	}
	var id [16]byte
	_, _ = rand.Read(id[:]) // crypto/rand never fails, by its contract
	v := version{id: hex.EncodeToString(id[:]), value: value, tags: maps.Clone(tags), made: d.cfg.Now(), enabled: true}
	e.versions = append(e.versions, v)
	return v
}

// Retag sets the tags of a secret's current version as somebody else does.
func (d *Double) Retag(name string, tags map[string]string) {
	d.edit(name, func(e *entry) { e.versions[len(e.versions)-1].tags = maps.Clone(tags) })
}

// Disable disables a secret's current version.
func (d *Double) Disable(name string) {
	d.edit(name, func(e *entry) { e.versions[len(e.versions)-1].enabled = false })
}

// Delete deletes a secret, which keeps its name and can be recovered.
func (d *Double) Delete(name string) { d.edit(name, func(e *entry) { e.deleted = true }) }

// Recover begins to undo Delete; Recovered ends it.
func (d *Double) Recover(name string) { d.edit(name, func(e *entry) { e.busy = true }) }

// Recovered ends Recover.
func (d *Double) Recovered(name string) {
	d.edit(name, func(e *entry) { e.deleted, e.busy = false, false })
}

// Purge ends a secret, deleted or not, for good.
func (d *Double) Purge(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.secrets, strings.ToLower(name))
}

func (d *Double) edit(name string, change func(*entry)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if e := d.secrets[strings.ToLower(name)]; e != nil {
		change(e)
	}
}

// Current is what programs read: the latest version of a secret, with its ID
// and tags.
func (d *Double) Current(name string) (v secret.Value, id string, tags map[string]string, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.secrets[strings.ToLower(name)]
	if e == nil || e.deleted {
		return v, "", nil, false
	}
	last := e.versions[len(e.versions)-1]
	return last.value, last.id, maps.Clone(last.tags), true
}

// Writes counts the versions that clients made.
func (d *Double) Writes() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.writes
}

// Calls counts every call since the start, by "METHOD host/path".
func (d *Double) Calls() map[string]int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.calls)
}
