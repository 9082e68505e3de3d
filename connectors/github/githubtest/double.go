package githubtest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"latchkey/connectors/double"
	"latchkey/secret"
)

// What a double has unless its Config says otherwise.
const (
	DefaultOrg          = "octo-org"
	DefaultApp          = 7
	DefaultInstallation = 42
)

// Config says what a double starts with. In the zero value no owner's token is
// accepted.
type Config struct {
	Org            string           // login of the organisation
	AppID          int64            // of the GitHub App
	InstallationID int64            // of the App in the organisation
	PrivateKey     secret.Value     // of the App, in PEM; empty for a new one
	Owner          secret.Value     // token of an owner of the organisation
	PerHour        int              // calls before the primary limit; zero means 5000, negative none
	Now            func() time.Time // of rows and limits; nil means time.Now
}

// Knobs break a double. The zero value is a healthy one.
type Knobs struct {
	Down         bool // every call is answered 500
	NoPermission bool // the App has no permission on tokens and their requests
	Later        bool // what is revoked or decided is done by Settle
	EmptyLists   bool // listings answer as if there were nothing on them
}

// Double is GitHub with one organisation. It is safe for concurrent use.
type Double struct {
	double.Gate

	cfg    Config
	public *rsa.PublicKey
	mux    *http.ServeMux

	mu        sync.Mutex
	knobs     Knobs
	intercept func(http.ResponseWriter, *http.Request) bool
	once      []http.HandlerFunc
	calls     map[string]int
	core      limit
	leaks     limit

	lastID         int64
	later          []func()
	installTokens  map[string]time.Time // to their end
	users          map[string]*user     // by lower-case login
	tokens         map[int64]*token
	grants         []*grant // in the order they were made, as all rows
	requests       []*grant
	authorizations []*authorization
	installations  []*installation
	scanners       []scanner
	alerts         []alert // by number, from 1
}

// New makes a double whose organisation has the App and nothing else.
func New(cfg Config) (*Double, error) {
	if cfg.Org == "" {
		cfg.Org = DefaultOrg
	}
	if cfg.AppID == 0 {
		cfg.AppID = DefaultApp
	}
	if cfg.InstallationID == 0 {
		cfg.InstallationID = DefaultInstallation
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.PerHour == 0 {
		cfg.PerHour = corePerHour
	}
	if cfg.PrivateKey.Empty() {
		key, err := NewKey()
		if err != nil {
			return nil, err
		}
		cfg.PrivateKey = key
	}
	private, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(cfg.PrivateKey.Expose()))
	if err != nil {
		return nil, fmt.Errorf("read the App's key: %w", err)
	}
	d := &Double{
		cfg: cfg, public: &private.PublicKey, calls: map[string]int{}, lastID: 1000,
		core: limit{resource: "core", max: cfg.PerHour}, leaks: limit{resource: "core", max: leaksPerHour},
		installTokens: map[string]time.Time{}, users: map[string]*user{}, tokens: map[int64]*token{},
	}
	d.installations = append(d.installations, &installation{
		id: cfg.InstallationID, app: cfg.AppID, slug: "latchkey", made: cfg.Now(),
		permissions: map[string]string{
			"members": "write", "organization_administration": "read", "secret_scanning_alerts": "read",
			"organization_personal_access_tokens": "write", "organization_personal_access_token_requests": "write",
		},
	})
	d.mux = http.NewServeMux()
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

// PrivateKey is the App's.
func (d *Double) PrivateKey() secret.Value { return d.cfg.PrivateKey }

// Set replaces the knobs.
func (d *Double) Set(k Knobs) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.knobs = k
}

// Settle does what was accepted to be done later.
func (d *Double) Settle() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, do := range d.later {
		do()
	}
	d.later = nil
}

// Intercept gives every call to f first, which tells whether it answered it.
// Nil ends that.
func (d *Double) Intercept(f func(http.ResponseWriter, *http.Request) bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.intercept = f
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
		t.Fatalf("make the GitHub double: %v", err)
	}
	return d, double.Serve(t, d.Handler())
}

// Handler serves the API below "/".
func (d *Double) Handler() http.Handler { return http.HandlerFunc(d.serve) }
