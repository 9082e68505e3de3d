// Package bamboohrtest is a strict double of a BambooHR account, for tests and
// the demo: it signs webhook deliveries, and serves what is asked of the
// employee API, with faults to inject.
//
// It does not own a schedule: it delivers when it is told to. What the
// vendor's pages do not say is marked "unverified".
package bamboohrtest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"latchkey/connectors/double"
	"latchkey/secret"
)

// Config says what a double starts with. All but Now are required.
type Config struct {
	APIKey     secret.Value
	PrivateKey secret.Value     // of the webhook
	Now        func() time.Time // nil means time.Now
}

// Employee is one of the account.
type Employee struct {
	ID              string // a number
	FirstName       string
	LastName        string
	WorkEmail       string
	Status          string // Active, Inactive; another to play a key that can't read it
	HireDate        string // 2026-11-21; empty for none
	TerminationDate string // may be to come
}

// Double is one BambooHR account. It is safe for concurrent use.
type Double struct {
	double.Gate

	cfg Config

	mu        sync.Mutex
	employees map[string]Employee
	faults    []Fault
	calls     []string
}

// Fault is an answer given instead of the right one.
type Fault struct {
	Status     int
	Body       string // JSON
	RetryAfter string
}

// New makes an account without employees.
func New(cfg Config) *Double {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Double{cfg: cfg, employees: map[string]Employee{}}
}

// Start serves a new double on a free port of localhost until the test ends,
// and returns the base URL of its API.
func Start(t double.Test, cfg Config) (d *Double, baseURL string) {
	t.Helper()
	d = New(cfg)
	return d, double.Serve(t, d.Handler()) + "/api"
}

// Set adds an employee or changes one.
func (d *Double) Set(e Employee) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.employees[e.ID] = e
}

// Remove deletes an employee's record.
func (d *Double) Remove(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.employees, id)
}

// Inject has the next call answered by the fault.
func (d *Double) Inject(f Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults = append(d.faults, f)
}

// Calls is every call since the start: "GET /api/v1/employees/7".
func (d *Double) Calls() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.calls)
}

// Handler serves the API below "/api".
func (d *Double) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/meta/fields", d.listFields)
	mux.HandleFunc("GET /api/v1/employees/{id}", d.getEmployee)
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

// authorize knows the key as the user of basic authentication, whatever the
// password. Without Accept the vendor answers in XML, which nobody here reads.
func (d *Double) authorize(w http.ResponseWriter, r *http.Request) bool {
	user, _, ok := r.BasicAuth()
	switch {
	case !ok || user != d.cfg.APIKey.Expose():
		w.WriteHeader(http.StatusUnauthorized)
	case r.Header.Get("Accept") != "application/json":
		w.WriteHeader(http.StatusNotAcceptable)
	default:
		return true
	}
	return false
}

func (*Double) listFields(w http.ResponseWriter, _ *http.Request) {
	reply(w, []map[string]any{{"id": 1, "name": "First Name", "type": "text", "alias": "firstName"}})
}

// getEmployee gives the asked fields and leaves out those it does not know.
// A date to come is only there when asked for (unverified).
func (d *Double) getEmployee(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	for key, values := range query {
		if len(values) != 1 || key != "fields" && key != "onlyCurrent" {
			http.Error(w, "unknown parameter", http.StatusBadRequest)
			return
		}
	}
	d.mu.Lock()
	e, ok := d.employees[r.PathValue("id")]
	d.mu.Unlock()
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if query.Get("onlyCurrent") != "false" && e.TerminationDate > d.cfg.Now().UTC().Format(time.DateOnly) {
		e.TerminationDate = ""
	}
	known := map[string]string{
		"firstName": e.FirstName, "lastName": e.LastName, "workEmail": e.WorkEmail, "hireDate": date(e.HireDate),
		"terminationDate": date(e.TerminationDate), "status": e.Status,
	}
	out := map[string]any{"id": e.ID}
	for f := range strings.SplitSeq(query.Get("fields"), ",") {
		switch value, ok := known[f]; {
		case ok && value != "":
			out[f] = value
		case ok && f != "status":
			out[f] = nil
		}
	}
	reply(w, out)
}

func date(s string) string {
	if s == "" {
		return "0000-00-00"
	}
	return s
}

func reply(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}
