// Package personiotest is a strict double of a Personio company, for tests and
// the demo: it delivers webhook events, and serves what is asked of the API,
// version 2, with faults to inject.
//
// It does not own a schedule: it delivers when it is told to. What the
// vendor's pages do not say is marked "unverified".
package personiotest

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"

	"latchkey/connectors/double"
	"latchkey/secret"
)

// Config says what a double starts with. All of it is required.
type Config struct {
	ClientID     string
	ClientSecret secret.Value
}

// Person is one of the company.
type Person struct {
	ID          string
	Email       string
	FirstName   string
	LastName    string
	Status      string // ACTIVE, INACTIVE
	Employments []Employment
}

// Employment is a contract of a person. Dates are written 2026-11-21.
type Employment struct {
	Status          string // ACTIVE, INACTIVE, LEAVE, ONBOARDING
	Start           string
	TerminationDate string
	LastWorkingDate string
}

// Fault is an answer given instead of the right one.
type Fault struct {
	Path       string // pattern of path.Match
	Status     int
	Body       string // JSON
	RetryAfter string
}

// Double is one Personio company. It is safe for concurrent use.
type Double struct {
	double.Gate

	cfg Config

	mu     sync.Mutex
	people map[string]Person
	tokens map[string]bool
	faults []Fault
	calls  []string
}

// New makes a company without people.
func New(cfg Config) *Double {
	return &Double{cfg: cfg, people: map[string]Person{}, tokens: map[string]bool{}}
}

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

// Remove deletes a person.
func (d *Double) Remove(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.people, id)
}

// Inject has the next call of its path answered by the fault.
func (d *Double) Inject(f Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults = append(d.faults, f)
}

// Calls is every call since the start: "GET /v2/persons/7".
func (d *Double) Calls() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.calls)
}

// Handler serves the API below "/".
func (d *Double) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v2/auth/token", d.giveToken)
	mux.HandleFunc("GET /v2/persons", d.authorized("limit", d.listPersons))
	mux.HandleFunc("GET /v2/persons/{id}", d.authorized("", d.getPerson))
	mux.HandleFunc("GET /v2/persons/{id}/employments", d.authorized("limit", d.listEmployments))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		d.calls = append(d.calls, r.Method+" "+r.URL.Path)
		d.mu.Unlock()
		if !d.Pass(r.Context()) || d.fault(w, r) {
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (d *Double) fault(w http.ResponseWriter, r *http.Request) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := slices.IndexFunc(d.faults, func(f Fault) bool {
		matches, _ := path.Match(f.Path, r.URL.Path)
		return matches
	})
	if i < 0 {
		return false
	}
	f := d.faults[i]
	d.faults = slices.Delete(d.faults, i, i+1)
	if f.RetryAfter != "" {
		w.Header().Set("Retry-After", f.RetryAfter)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(f.Status)
	_, _ = w.Write([]byte(f.Body))
	return true
}

func (d *Double) giveToken(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || r.ParseForm() != nil ||
		r.PostForm.Get("grant_type") != "client_credentials" || len(r.PostForm) != 3 || r.URL.RawQuery != "" {
		fail(w, http.StatusBadRequest)
		return
	}
	if r.PostForm.Get("client_id") != d.cfg.ClientID || r.PostForm.Get("client_secret") != d.cfg.ClientSecret.Expose() {
		fail(w, http.StatusUnauthorized)
		return
	}
	token := "papi-" + rand.Text()
	d.mu.Lock()
	d.tokens[token] = true
	d.mu.Unlock()
	reply(w, map[string]any{"access_token": token, "expires_in": 86400, "token_type": "Bearer", "scope": "personio:persons:read"})
}

// authorized lets a call through that has an access token, and no query key
// but the one named.
func (d *Double) authorized(key string, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		d.mu.Lock()
		ok = ok && d.tokens[token]
		d.mu.Unlock()
		if !ok {
			fail(w, http.StatusUnauthorized)
			return
		}
		for k, values := range r.URL.Query() {
			if k != key || len(values) != 1 {
				fail(w, http.StatusBadRequest)
				return
			}
		}
		next(w, r)
	}
}

func (d *Double) listPersons(w http.ResponseWriter, _ *http.Request) {
	reply(w, map[string]any{"_data": []any{}, "_meta": map[string]any{"links": map[string]any{}}})
}

func (d *Double) getPerson(w http.ResponseWriter, r *http.Request) {
	p, ok := d.person(r)
	if !ok {
		fail(w, http.StatusNotFound)
		return
	}
	reply(w, map[string]any{
		"id": p.ID, "email": p.Email, "first_name": p.FirstName, "last_name": p.LastName, "preferred_name": p.FirstName,
		"status": p.Status, "custom_attributes": []any{}, "_meta": map[string]any{},
	})
}

func (d *Double) listEmployments(w http.ResponseWriter, r *http.Request) {
	p, ok := d.person(r)
	if !ok {
		fail(w, http.StatusNotFound)
		return
	}
	rows := []any{}
	for _, e := range p.Employments {
		row := map[string]any{"id": "e-" + p.ID, "person": map[string]any{"id": p.ID}, "status": e.Status, "employment_start_date": e.Start}
		if e.TerminationDate != "" || e.LastWorkingDate != "" {
			row["termination"] = map[string]any{
				"termination_date": orNil(e.TerminationDate), "last_working_date": orNil(e.LastWorkingDate),
				"terminated_at": nil, "type": "QUIT", "reason": "",
			}
		}
		rows = append(rows, row)
	}
	reply(w, map[string]any{"_data": rows, "_meta": map[string]any{"links": map[string]any{"self": map[string]any{"href": r.URL.Path}}}})
}

func (d *Double) person(r *http.Request) (Person, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p, ok := d.people[r.PathValue("id")]
	return p, ok
}

func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func reply(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}

func fail(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []any{map[string]any{"title": http.StatusText(status)}}})
}
