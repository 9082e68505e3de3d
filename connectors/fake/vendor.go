package fake

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"latchkey/connectors"
	"latchkey/secret"
)

// State is what the vendor thinks of a key.
type State string

// The states of a key.
const (
	StateActive    State = "active"
	StateSuspended State = "suspended"
	StateRevoked   State = "revoked"
	StateExpired   State = "expired"
)

// Key is one row of the ledger: the truth, whatever the vendor answers.
type Key struct {
	ID        string
	Label     string
	Owner     connectors.AccountRef
	Scopes    []string
	State     State
	CreatedAt time.Time
	ExpiresAt time.Time
	LastUsed  connectors.LastUsed
	Secret    secret.Value
	Match     string // of the Request it came from

	number int // the order of creation
}

// Vendor is the vendor's side: an http.Handler over a ledger of keys. It is
// safe for concurrent use.
type Vendor struct {
	mux *http.ServeMux

	mu     sync.Mutex
	token  secret.Value
	now    func() time.Time
	keys   map[string]*Key
	last   int
	page   int // keys in one page of the listing
	asked  []*Request
	faults map[Verb]*injected
	gates  map[gateAt]*Gate
	calls  map[Verb]int
}

// NewVendor makes a healthy vendor without keys and with a token of its own.
func NewVendor() *Vendor {
	v := &Vendor{
		token: secret.Token(24), now: time.Now, mux: http.NewServeMux(), page: pageSize,
		keys: map[string]*Key{}, faults: map[Verb]*injected{}, gates: map[gateAt]*Gate{}, calls: map[Verb]int{},
	}
	v.routes()
	return v
}

// Token is the admin token the vendor accepts.
func (v *Vendor) Token() secret.Value {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.token
}

// Settings are those of a connection to this vendor at a base URL.
func (v *Vendor) Settings(name, baseURL string) connectors.Settings {
	return connectors.Settings{Name: name, Kind: "fake", BaseURL: baseURL, AllowPrivate: true, Token: v.Token()}
}

// SetClock replaces the vendor's clock, by which keys expire.
func (v *Vendor) SetClock(now func() time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.now = now
}

// SetPage changes how many keys one page of the listing has.
func (v *Vendor) SetPage(keys int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.page = keys
}

// Forget takes a key out of the ledger altogether, as a vendor does that keeps
// no trace of what its people delete.
func (v *Vendor) Forget(id string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.keys, id)
}

// SetState is what somebody does to a key at the vendor itself.
func (v *Vendor) SetState(id string, s State) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if k, ok := v.keys[id]; ok {
		k.State = s
	}
}

// Seed puts a key into the ledger, as somebody making one at the vendor would.
// What it needs and lacks is filled in; the result has all of it.
func (v *Vendor) Seed(k Key) Key {
	v.mu.Lock()
	defer v.mu.Unlock()
	return *v.add(k)
}

func (v *Vendor) add(k Key) *Key {
	v.last++
	k.number = v.last
	if k.ID == "" {
		k.ID = fmt.Sprintf("key-%d", v.last)
	}
	if k.Secret.Empty() {
		k.Secret = newSecret()
	}
	if k.State == "" {
		k.State = StateActive
	}
	if k.CreatedAt.IsZero() {
		k.CreatedAt = v.now().UTC()
	}
	v.keys[k.ID] = &k
	return &k
}

func newSecret() secret.Value { return secret.New("fake_" + secret.Token(32).Expose()) }

// Keys is the whole ledger in order of creation, the dead included.
func (v *Vendor) Keys() []Key {
	v.mu.Lock()
	defer v.mu.Unlock()
	var out []Key
	for _, k := range v.ordered() {
		out = append(out, *k)
	}
	return out
}

// Live is every key that works or could work again: neither revoked nor
// expired.
func (v *Vendor) Live() []Key {
	return slices.DeleteFunc(v.Keys(), func(k Key) bool { return k.State != StateActive && k.State != StateSuspended })
}

// Works says whether the vendor lets the holder of a secret in right now.
func (v *Vendor) Works(s secret.Value) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.working(s.Expose()) != nil
}

func (v *Vendor) working(text string) *Key {
	if text == "" {
		return nil
	}
	for _, k := range v.ordered() {
		if k.State == StateActive && k.Secret.Expose() == text {
			return k
		}
	}
	return nil
}

// ordered also lets time pass: a key whose end has come is expired.
func (v *Vendor) ordered() []*Key {
	now := v.now()
	for _, k := range v.keys {
		if k.State != StateRevoked && !k.ExpiresAt.IsZero() && !now.Before(k.ExpiresAt) {
			k.State = StateExpired
		}
	}
	return slices.SortedFunc(maps.Values(v.keys), func(a, b *Key) int { return a.number - b.number })
}

// Calls counts the calls since the start by verb.
func (v *Vendor) Calls() map[Verb]int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return maps.Clone(v.calls)
}

// Test is the part of *testing.T that Start needs; naming it keeps package
// testing out of the demo.
type Test interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// Start serves the vendor on a free port of localhost until the test ends, and
// returns its base URL.
func (v *Vendor) Start(t Test) string {
	t.Helper()
	var lc net.ListenConfig
	ln, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen for the fake vendor: %v", err)
	}
	srv := &http.Server{Handler: v, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = srv.Serve(ln) }()
	t.Cleanup(func() { _ = srv.Close() })
	return "http://" + ln.Addr().String()
}
