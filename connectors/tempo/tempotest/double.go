package tempotest

import (
	"cmp"
	"context"
	"html/template"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"latchkey/connectors/double"
	"latchkey/secret"
)

// defaultPerSecond is the vendor's help page: five requests a second.
const defaultPerSecond = 5

// Config says what a double starts with. The zero value accepts no token.
type Config struct {
	Tokens    []secret.Value   // accepted with full access
	Apps      []App            // OAuth 2.0 applications of the instance
	JiraURL   string           // site the instance belongs to; empty means https://example.atlassian.net
	PerSecond int              // calls in any second before 429; zero means 5, negative no limit
	Now       func() time.Time // nil means time.Now
}

// Knobs break a double. The zero value is a healthy one.
type Knobs struct {
	Down        bool          // every call is answered 503
	WrongRegion bool          // the data lives in another region than this host
	Slow        time.Duration // every call waits this long first

	DropState              bool // the authorization's state does not come back
	RefreshWithoutRedirect bool // a refresh needs no redirect_uri, as in RFC 6749
}

// Double is one Tempo instance. It is safe for concurrent use.
type Double struct {
	double.Gate

	now       func() time.Time
	perSecond int
	jiraURL   string
	mux       *http.ServeMux // of the API
	oauth     *http.ServeMux
	pages     *template.Template

	mu     sync.Mutex
	knobs  Knobs
	tokens map[string]access
	recent []time.Time // of the calls let through within the last second
	calls  map[string]int
	last   http.Header

	worklogs table[worklog]
	plans    table[plan]
	accounts table[account]
	teams    table[team]
	issues   map[int64]int64 // issue to project

	apps        map[string]App  // by client id
	codes       map[string]code // by what the app is told
	pairs       map[string]pair // the living ones, by refresh token
	loseRefresh bool
	lastPerson  string
}

// access is what the vendor lets a token do: "View" is GET only.
type access int

const (
	full access = iota + 1
	view
)

// New makes a double with the seeded world.
func New(cfg Config) *Double {
	d := &Double{
		now: cfg.Now, perSecond: cfg.PerSecond, jiraURL: cmp.Or(cfg.JiraURL, defaultJiraURL),
		tokens: map[string]access{}, calls: map[string]int{},
		apps: map[string]App{}, codes: map[string]code{}, pairs: map[string]pair{},
	}
	if d.now == nil {
		d.now = time.Now
	}
	if d.perSecond == 0 {
		d.perSecond = defaultPerSecond
	}
	for _, t := range cfg.Tokens {
		d.tokens[t.Expose()] = full
	}
	for _, a := range cfg.Apps {
		d.RegisterApp(a)
	}
	d.seed()
	d.mux, d.oauth, d.pages = http.NewServeMux(), http.NewServeMux(), parsePages()
	d.routes()
	d.oauthRoutes()
	return d
}

// Accept lets a token do everything.
func (d *Double) Accept(token secret.Value) { d.grant(token, full) }

// AcceptView lets a token use GET only, as the vendor's "View" access does.
func (d *Double) AcceptView(token secret.Value) { d.grant(token, view) }

// Forget refuses a token from now on.
func (d *Double) Forget(token secret.Value) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.tokens, token.Expose())
}

func (d *Double) grant(token secret.Value, a access) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tokens[token.Expose()] = a
}

// Set replaces the knobs.
func (d *Double) Set(k Knobs) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.knobs = k
}

// Calls counts every call since the start, by "METHOD /path".
func (d *Double) Calls() map[string]int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.calls)
}

// LastHeader is the header of the latest call, Host included, so that a test
// can look for what should not have travelled.
func (d *Double) LastHeader() http.Header {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.last.Clone()
}

// Start serves a new double on a free port of localhost until the test ends,
// and returns its base URL.
func Start(t double.Test, cfg Config) (d *Double, baseURL string) {
	t.Helper()
	d = New(cfg)
	return d, double.Serve(t, d.Handler())
}

// Handler serves the API and the OAuth endpoints below "/".
func (d *Double) Handler() http.Handler { return http.HandlerFunc(d.serve) }

func (d *Double) serve(w http.ResponseWriter, r *http.Request) {
	knobs := d.record(r)
	if !pause(r.Context(), knobs.Slow) || !d.Pass(r.Context()) {
		return
	}
	switch {
	case knobs.Down:
		htmlError(w, http.StatusServiceUnavailable)
	case !d.withinRate():
		htmlError(w, http.StatusTooManyRequests) // no Retry-After: the vendor documents none
	case knobs.WrongRegion:
		htmlError(w, http.StatusUnauthorized) // documented as "an authorization error"; the status is assumed
	case strings.HasPrefix(r.URL.Path, "/oauth/"):
		d.oauth.ServeHTTP(w, r)
	default:
		d.authorize(w, r)
	}
}

func (d *Double) record(r *http.Request) Knobs {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls[r.Method+" "+r.URL.Path]++
	d.last = r.Header.Clone()
	d.last.Set("Host", r.Host)
	return d.knobs
}

// pause is false when the caller went away first.
func pause(ctx context.Context, slow time.Duration) bool {
	if slow <= 0 {
		return true
	}
	timer := time.NewTimer(slow)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (d *Double) withinRate() bool {
	if d.perSecond < 0 {
		return true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	for len(d.recent) > 0 && now.Sub(d.recent[0]) >= time.Second {
		d.recent = d.recent[1:]
	}
	if len(d.recent) >= d.perSecond {
		return false
	}
	d.recent = append(d.recent, now)
	return true
}

func (d *Double) authorize(w http.ResponseWriter, r *http.Request) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	d.mu.Lock()
	a := d.tokens[token]
	p, granted := d.pairByAccess(token)
	d.lastPerson = p.Person
	d.mu.Unlock()
	switch {
	case !ok || a == 0 && !granted:
		htmlError(w, http.StatusUnauthorized)
	case a == view && r.Method != http.MethodGet && r.Method != http.MethodHead, granted && !p.allows(r):
		htmlError(w, http.StatusForbidden)
	default:
		d.mux.ServeHTTP(w, r)
	}
}
