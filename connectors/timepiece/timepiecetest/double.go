package timepiecetest

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"latchkey/connectors/double"
	"latchkey/secret"
)

// Config says what a double starts with. The zero value is a site without
// tokens.
type Config struct {
	Key  secret.Value     // signs the tokens; empty means one that everybody knows
	Site string           // client key of the Jira site, which tokens name
	Now  func() time.Time // nil means time.Now
}

// Knobs break a double. The zero value is a healthy one.
type Knobs struct {
	Down      bool // every call is answered 503
	NoLicence bool // of the app on the site: every call is answered 401
}

// Double is one Timepiece app on one Jira site. It is safe for concurrent use.
type Double struct {
	double.Gate

	key  []byte
	site string
	now  func() time.Time
	mux  *http.ServeMux

	mu       sync.Mutex
	knobs    Knobs
	records  map[string]Record // by token
	next     []func(http.ResponseWriter)
	calls    map[string]int
	faults   []string
	lastUser string
}

// New makes a double without tokens.
func New(cfg Config) *Double {
	d := &Double{
		key:  []byte(cmp.Or(cfg.Key.Expose(), "timepiece-double-signing-key")),
		site: cmp.Or(cfg.Site, "18e5ebcc-0000-4000-8000-000000000001"),
		now:  cfg.Now, records: map[string]Record{}, calls: map[string]int{}, mux: http.NewServeMux(),
	}
	if d.now == nil {
		d.now = time.Now
	}
	d.routes()
	return d
}

// Set replaces the knobs.
func (d *Double) Set(k Knobs) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.knobs = k
}

// LimitNext has the next call answered 429. Whether the vendor ever does, and
// with which headers, is unverified.
func (d *Double) LimitNext(after time.Duration) {
	d.answerNext(func(w http.ResponseWriter) {
		w.Header().Set("Retry-After", strconv.Itoa(int(after.Seconds())))
		fail(w, http.StatusTooManyRequests, "Too many requests", "")
	})
}

// RefuseNext has the next call answered 403: an assumed answer, for a user who
// may not use the app.
func (d *Double) RefuseNext() {
	d.answerNext(func(w http.ResponseWriter) { fail(w, http.StatusForbidden, "Forbidden", "") })
}

// UnauthorizeNext has the next call answered 401, whatever its token is.
func (d *Double) UnauthorizeNext() {
	d.answerNext(func(w http.ResponseWriter) { fail(w, http.StatusUnauthorized, "Unauthorized access", "") })
}

func (d *Double) answerNext(answer func(http.ResponseWriter)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.next = append(d.next, answer)
}

// Calls counts every call since the start, by "METHOD /path".
func (d *Double) Calls() map[string]int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.calls)
}

// Faults is what callers did that works and must not be done: a token in the
// query, where it is logged. The token itself is not in it.
func (d *Double) Faults() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.faults)
}

// LastUser is as whom the latest call ran, by Atlassian account id.
func (d *Double) LastUser() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lastUser
}

// Start serves a new double on a free port of localhost until the test ends,
// and returns its base URL.
func Start(t double.Test, cfg Config) (d *Double, baseURL string) {
	t.Helper()
	d = New(cfg)
	return d, double.Serve(t, d.Handler())
}

// Handler serves the API below "/".
func (d *Double) Handler() http.Handler { return http.HandlerFunc(d.serve) }

func (d *Double) serve(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	d.calls[r.Method+" "+r.URL.Path]++
	if r.URL.Query().Has(queryToken) {
		d.faults = append(d.faults, r.Method+" "+r.URL.Path+": a token in the query")
	}
	knobs := d.knobs
	var answer func(http.ResponseWriter)
	if len(d.next) > 0 {
		answer, d.next = d.next[0], d.next[1:]
	}
	d.mu.Unlock()
	if !d.Pass(r.Context()) {
		return
	}
	switch {
	case knobs.Down:
		fail(w, http.StatusServiceUnavailable, "Service unavailable", "")
	case answer != nil:
		answer(w)
	default:
		d.authorize(w, r)
	}
}

// tokenOf is the token of a call, from the header or, as the vendor does, from
// the query. That the header wins is assumed.
func tokenOf(r *http.Request) string {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "TISJWT ")
	if !ok {
		token = r.URL.Query().Get(queryToken)
	}
	return token
}

// authorize lets calls with a working token through. The text for a missing
// one is documented; those of the other cases, and the licence's, are assumed.
func (d *Double) authorize(w http.ResponseWriter, r *http.Request) {
	token := tokenOf(r)
	d.mu.Lock()
	record, known := d.records[token]
	why := ""
	switch {
	case token == "":
		why = "tisjwt is required for authentication."
	case !known:
		why = "tisjwt is invalid."
	case !record.Active:
		why = "tisjwt is deactivated."
	case !d.now().Before(record.ExpiresAt):
		why = "tisjwt is expired."
	case d.knobs.NoLicence:
		why = "The licence is invalid."
	default:
		d.lastUser = record.User
	}
	d.mu.Unlock()
	if why != "" {
		fail(w, http.StatusUnauthorized, "Unauthorized access", why)
		return
	}
	d.mux.ServeHTTP(w, r)
}
