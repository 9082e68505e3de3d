package atlassiantest

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"latchkey/connectors/double"
	"latchkey/secret"
)

// DefaultOrgID is the organisation of a double whose Config names none.
const DefaultOrgID = "5f0c1c0e-27f1-4a6e-9d3a-1f2b3c4d5e6f"

// Config says what a double starts with. The zero value is an organisation
// without people, tokens or keys.
type Config struct {
	OrgID     string
	PageCap   int              // most rows of a page, whatever is asked for; zero means 1000
	PerMinute int              // calls before 429; zero means no limit
	Now       func() time.Time // nil means time.Now
	// OnBulkRevoke hears of every request that would revoke all tokens of the
	// organisation or of an account. The double carries it out, as the vendor
	// would.
	OnBulkRevoke func(Request)
}

// Request is a call as it came, before any decoding or cleaning of its path.
type Request struct {
	Method string
	Path   string
	Query  string
}

// Double is one organisation. It is safe for concurrent use.
type Double struct {
	double.Gate

	cfg    Config
	routes []route

	mu       sync.Mutex
	knobs    Knobs
	once     []func(http.ResponseWriter) // answers of the next calls
	requests []Request
	bulk     []Request
	minute   time.Time
	used     int
	lastID   int
	people   []*person
	creds    []*credential
}

// NewDouble makes a double.
func NewDouble(cfg Config) *Double {
	if cfg.OrgID == "" {
		cfg.OrgID = DefaultOrgID
	}
	if cfg.PageCap == 0 {
		cfg.PageCap = maxPageSize
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	d := &Double{cfg: cfg}
	d.routes = d.table()
	return d
}

// OrgID is the organisation's ID.
func (d *Double) OrgID() string { return d.cfg.OrgID }

// Start serves a new double on a free port of localhost until the test ends,
// and returns its base URL. Unless the Config hears of it itself, a request to
// revoke all tokens at once fails the test.
func Start(t double.Test, cfg Config) (d *Double, baseURL string) {
	t.Helper()
	if cfg.OnBulkRevoke == nil {
		cfg.OnBulkRevoke = func(r Request) {
			t.Errorf("EVERYBODY'S TOKENS REVOKED by %s %s", r.Method, r.Path)
		}
	}
	d = NewDouble(cfg)
	return d, double.Serve(t, d.Handler())
}

// Handler serves the API below "/".
func (d *Double) Handler() http.Handler { return http.HandlerFunc(d.serve) }

// Requests is every call so far.
func (d *Double) Requests() []Request {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.requests)
}

// BulkRevokes is every call that revoked all tokens at once.
func (d *Double) BulkRevokes() []Request {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.bulk)
}

func (d *Double) serve(w http.ResponseWriter, r *http.Request) {
	d.record(r)
	if !d.Pass(r.Context()) {
		return
	}
	if answer := d.nextAnswer(); answer != nil {
		answer(w)
		return
	}
	if d.down() {
		d.fail(w, http.StatusServiceUnavailable, "down")
		return
	}
	if !d.withinLimit(w) {
		d.fail(w, http.StatusTooManyRequests, "rate limit exceeded")
		return
	}
	d.route(w, r)
}

// record keeps the call and tells of the one that must never be.
func (d *Double) record(r *http.Request) {
	req := Request{Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery}
	bulk := isBulkRevoke(req)
	d.mu.Lock()
	d.requests = append(d.requests, req)
	if bulk {
		d.bulk = append(d.bulk, req)
	}
	d.mu.Unlock()
	if bulk && d.cfg.OnBulkRevoke != nil {
		d.cfg.OnBulkRevoke(req)
	}
}

// newID makes an ID unlike any other, under the lock.
func (d *Double) newID() string {
	d.lastID++
	return fmt.Sprintf("7c9e6679-7425-40de-944b-%012x", d.lastID)
}

func newSecret(prefix string) secret.Value { return secret.New(prefix + secret.Token(40).Expose()) }
