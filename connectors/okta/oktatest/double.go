package oktatest

import (
	"context"
	"maps"
	"net"
	"net/http"
	"sync"
	"time"

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
	held     *hold
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

// Test is the part of *testing.T that Start needs; naming it keeps package
// testing out of the demo.
type Test interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// Start serves a new double on a free port of localhost until the test ends,
// and returns its base URL.
func Start(t Test, cfg Config) (d *Double, baseURL string) {
	t.Helper()
	var lc net.ListenConfig
	ln, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen for the Okta double: %v", err)
	}
	d = New(cfg)
	srv := &http.Server{Handler: d.Handler(), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = srv.Serve(ln) }()
	t.Cleanup(func() { _ = srv.Close() })
	return d, "http://" + ln.Addr().String()
}

// Handler serves the organisation below "/".
func (d *Double) Handler() http.Handler { return http.HandlerFunc(d.serve) }

func (d *Double) serve(w http.ResponseWriter, r *http.Request) {
	held := d.record(r)
	if !held.wait(r.Context()) {
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

func (d *Double) record(r *http.Request) *hold {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls[r.Method+" "+r.URL.Path]++
	return d.held
}
