// Package hibobtest is a strict double of a HiBob company, for tests and the
// demo: it signs webhook deliveries, and serves what is asked of the people
// API, with faults to inject.
//
// It does not own a schedule: it delivers when it is told to. What the
// vendor's pages do not say is marked "unverified".
package hibobtest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"

	"latchkey/connectors/double"
	"latchkey/secret"
)

// Config says what a double starts with. All of it is required.
type Config struct {
	ServiceUser string
	Token       secret.Value // of the service user
	Secret      secret.Value // of the webhook
}

// Person is one of the company.
type Person struct {
	ID          string // a number
	Email       string
	DisplayName string
	Plain       bool // answered as fields of the person, not by their paths
}

// Fault is an answer given instead of the right one.
type Fault struct {
	Status     int
	Body       string // JSON
	RetryAfter string
}

// Double is one HiBob company. It is safe for concurrent use.
type Double struct {
	double.Gate

	cfg Config

	mu     sync.Mutex
	people map[string]Person
	faults []Fault
	calls  []string
}

// New makes a company without people.
func New(cfg Config) *Double { return &Double{cfg: cfg, people: map[string]Person{}} }

// Start serves a new double on a free port of localhost until the test ends,
// and returns the base URL of its API.
func Start(t double.Test, cfg Config) (d *Double, baseURL string) {
	t.Helper()
	d = New(cfg)
	return d, double.Serve(t, d.Handler())
}

// Set adds a person or changes one.
func (d *Double) Set(p Person) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.people[p.ID] = p
}

// Inject has the next call answered by the fault.
func (d *Double) Inject(f Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults = append(d.faults, f)
}

// Calls is every call since the start: "POST /v1/people/7".
func (d *Double) Calls() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.calls)
}

// Handler serves the API below "/".
func (d *Double) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/company/people/fields", d.listFields)
	mux.HandleFunc("POST /v1/people/{id}", d.readPerson)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		d.calls = append(d.calls, r.Method+" "+r.URL.Path)
		d.mu.Unlock()
		if !d.Pass(r.Context()) || d.fault(w) || !d.authorize(w, r) {
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (d *Double) fault(w http.ResponseWriter) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.faults) == 0 {
		return false
	}
	f := d.faults[0]
	d.faults = d.faults[1:]
	if f.RetryAfter != "" {
		w.Header().Set("Retry-After", f.RetryAfter)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(f.Status)
	_, _ = w.Write([]byte(f.Body))
	return true
}

func (d *Double) authorize(w http.ResponseWriter, r *http.Request) bool {
	user, token, ok := r.BasicAuth()
	if !ok || user != d.cfg.ServiceUser || token != d.cfg.Token.Expose() || r.URL.RawQuery != "" {
		w.WriteHeader(http.StatusUnauthorized)
		return false
	}
	return true
}

func (*Double) listFields(w http.ResponseWriter, _ *http.Request) {
	reply(w, []map[string]any{{"id": "root.email", "category": "root", "name": "Email", "type": "text", "jsonPath": "root.email"}})
}

// readPerson gives the asked fields and leaves out those it does not know.
func (d *Double) readPerson(w http.ResponseWriter, r *http.Request) {
	var ask struct {
		Fields []string `json:"fields"`
	}
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if r.Header.Get("Content-Type") != "application/json" || dec.Decode(&ask) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	d.mu.Lock()
	p, ok := d.people[r.PathValue("id")]
	d.mu.Unlock()
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	known := map[string]string{"root.id": p.ID, "root.email": p.Email, "root.displayName": p.DisplayName}
	out := map[string]any{}
	for _, f := range ask.Fields {
		text, ok := known[f]
		switch {
		case !ok || text == "":
		case p.Plain:
			out[strings.TrimPrefix(f, "root.")] = text
		default:
			out["/"+strings.ReplaceAll(f, ".", "/")] = map[string]any{"value": text}
		}
	}
	reply(w, out)
}

func reply(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}
