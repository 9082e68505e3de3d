package oktatest

import (
	"maps"
	"net/http"
	"sync"
	"time"

	"latchkey/connectors/double"
	"latchkey/secret"
)

// defaultMaxPage is the most rows the vendor puts into a page.
const defaultMaxPage = 200

// Config says what a double starts with. Token is required.
type Config struct {
	Token   secret.Value     // an API token of the seeded administrator
	MaxPage int              // rows in any page, whatever the limit asks for; zero means 200
	Now     func() time.Time // nil means time.Now
}

// Double is one Okta organisation. It is safe for concurrent use.
type Double struct {
	double.Gate

	now     func() time.Time
	maxPage int
	mux     *http.ServeMux

	mu       sync.Mutex
	serial   int
	people   []*person
	tokens   []*token
	apps     []*app
	grants   []*grant
	faults   []*Fault
	links    Links
	empty    bool // listings
	calls    map[string]int
	sessions map[string]int // times a user's sessions and tokens were ended
	admin    string         // ID of the seeded administrator
}

// New makes an organisation with one administrator and their API token.
func New(cfg Config) *Double {
	d := &Double{now: cfg.Now, maxPage: cfg.MaxPage, calls: map[string]int{}, sessions: map[string]int{}}
	if d.now == nil {
		d.now = time.Now
	}
	if d.maxPage == 0 {
		d.maxPage = defaultMaxPage
	}
	d.admin = d.AddPerson(Person{Email: "okta-admin@example.com", Name: "Okta Admin", Admin: true})
	d.AddToken(Token{Name: "latchkey", Owner: d.admin, Secret: cfg.Token})
	d.mux = http.NewServeMux()
	d.routes()
	return d
}

// Admin is the ID of the seeded administrator.
func (d *Double) Admin() string { return d.admin }

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
	d = New(cfg)
	return d, double.Serve(t, d.Handler())
}

// Handler serves the organisation below "/".
func (d *Double) Handler() http.Handler { return http.HandlerFunc(d.serve) }

func (d *Double) serve(w http.ResponseWriter, r *http.Request) {
	d.record(r)
	if !d.Pass(r.Context()) {
		return
	}
	w.Header().Set("Date", d.now().UTC().Format(http.TimeFormat))
	if f := d.fault(r); f != nil {
		f.answer(w, d.now())
		return
	}
	if !d.authorize(w, r) {
		return
	}
	d.mux.ServeHTTP(w, r)
}

func (d *Double) record(r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls[r.Method+" "+r.URL.Path]++
}
