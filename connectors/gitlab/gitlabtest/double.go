package gitlabtest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"latchkey/connectors/double"
	"latchkey/secret"
)

const (
	defaultPerMinute = 2000 // of GitLab.com, from memory: unverified
	mostPerPage      = 100
)

// Config says what a double is. The zero value is GitLab.com with everything
// licensed.
type Config struct {
	SelfManaged bool // an instance with administrators, and without a credentials inventory
	NoInventory bool // GitLab.com without Ultimate: no credentials inventory
	NoServices  bool // without Premium: no service accounts
	AdminMode   bool // administrators need the scope admin_mode to act as such
	PerPage     int  // most rows on a page; zero means 100
	PerMinute   int  // calls a minute before 429; zero means 2000, negative no limit
	// Tokens are personal access tokens with the scope api of somebody who
	// owns the top-level group and, on an instance, administers it.
	Tokens []secret.Value
	Now    func() time.Time // nil means time.Now
}

// Double is one GitLab. It is safe for concurrent use.
type Double struct {
	double.Gate

	cfg Config
	now func() time.Time
	mux *http.ServeMux

	mu       sync.Mutex
	lastID   int64
	groups   map[int64]*group
	projects map[int64]*project
	users    map[int64]*user
	tokens   map[int64]*token
	byValue  map[string]*token
	calls    []string
	used     map[string]int // calls by token value
	window   int64          // the minute that recent counts
	recent   int
	lose     bool
	empty    bool // listings
	hook     func(http.ResponseWriter, *http.Request) bool
}

// New makes a double with a top-level group, its owner, and no tokens but
// those of the Config.
func New(cfg Config) *Double {
	d := &Double{
		cfg: cfg, now: cfg.Now, lastID: 100,
		groups: map[int64]*group{TopGroup: {id: TopGroup, path: TopGroupPath}}, projects: map[int64]*project{},
		users: map[int64]*user{}, tokens: map[int64]*token{}, byValue: map[string]*token{}, used: map[string]int{},
	}
	if d.now == nil {
		d.now = time.Now
	}
	if d.cfg.PerPage == 0 {
		d.cfg.PerPage = mostPerPage
	}
	if d.cfg.PerMinute == 0 {
		d.cfg.PerMinute = defaultPerMinute
	}
	owner := d.AddPerson(Person{Name: "Olivia Owner", Email: "olivia@acme.example", Owner: true, Admin: cfg.SelfManaged})
	for i, v := range cfg.Tokens {
		d.AddToken(Token{User: owner, Name: fmt.Sprintf("latchkey %d", i+1), Scopes: []string{"api"}, Value: v})
	}
	d.mux = http.NewServeMux()
	d.routes()
	return d
}

// Start serves a new double on a free port of localhost until the test ends,
// and returns its base URL.
func Start(t double.Test, cfg Config) (d *Double, baseURL string) {
	t.Helper()
	d = New(cfg)
	return d, double.Serve(t, d.Handler())
}

// Handler serves the API below "/api/v4".
func (d *Double) Handler() http.Handler { return http.HandlerFunc(d.serve) }

// Calls lists every call since the start as "METHOD /path?query".
func (d *Double) Calls() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.calls)
}

// Used counts the calls that were made with a token's value.
func (d *Double) Used(v secret.Value) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.used[v.Expose()]
}

// LoseAnswer lets the next POST do its work and cuts the connection instead
// of answering.
func (d *Double) LoseAnswer() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lose = true
}

// Intercept sends every call through a func first; when it answers true, it
// has answered the call itself. Nil ends it.
func (d *Double) Intercept(f func(http.ResponseWriter, *http.Request) bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hook = f
}

// EmptyListings has every listing answer no rows from now on. What is asked for
// by itself is answered as before.
func (d *Double) EmptyListings() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.empty = true
}

// RateLimit answers the next call with 429 and when to come back.
func (d *Double) RateLimit(after time.Duration) {
	d.Intercept(once(func(w http.ResponseWriter) { d.tooMany(w, after) }))
}

// Refuse answers the next call with 403.
func (d *Double) Refuse() {
	d.Intercept(once(func(w http.ResponseWriter) { message(w, http.StatusForbidden, "403 Forbidden") }))
}

func once(answer func(http.ResponseWriter)) func(http.ResponseWriter, *http.Request) bool {
	var o sync.Once
	return func(w http.ResponseWriter, _ *http.Request) (mine bool) {
		o.Do(func() {
			mine = true
			answer(w)
		})
		return mine
	}
}

func (d *Double) serve(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	d.calls = append(d.calls, r.Method+" "+r.URL.RequestURI())
	hook := d.hook
	lose := d.lose && r.Method == http.MethodPost
	d.lose = d.lose && !lose
	d.mu.Unlock()
	if !d.Pass(r.Context()) {
		return
	}
	if hook != nil && hook(w, r) {
		return
	}
	if lose {
		d.within(discard{}, r)
		panic(http.ErrAbortHandler) // net/http cuts the connection
	}
	d.within(w, r)
}

// within applies the rate limit, which GitLab counts by the minute.
func (d *Double) within(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	now := d.now()
	if minute := now.Unix() / 60; minute != d.window {
		d.window, d.recent = minute, 0
	}
	d.recent++
	over, left := d.cfg.PerMinute >= 0 && d.recent > d.cfg.PerMinute, max(d.cfg.PerMinute-d.recent, 0)
	reset := time.Unix((d.window+1)*60, 0)
	d.mu.Unlock()
	if d.cfg.PerMinute >= 0 {
		w.Header().Set("RateLimit-Limit", strconv.Itoa(d.cfg.PerMinute))
		w.Header().Set("RateLimit-Remaining", strconv.Itoa(left))
		w.Header().Set("RateLimit-Reset", strconv.FormatInt(reset.Unix(), 10))
	}
	if over {
		d.tooMany(w, reset.Sub(now))
		return
	}
	d.mux.ServeHTTP(w, r)
}

// tooMany is plain text, as GitLab's throttle answers before its API.
func (d *Double) tooMany(w http.ResponseWriter, after time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(int(after.Seconds())))
	w.Header().Set("Content-Type", "text/plain")
	w.WriteHeader(http.StatusTooManyRequests)
	_, _ = w.Write([]byte("Retry later\n"))
}

// discard is the answer nobody gets.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}
