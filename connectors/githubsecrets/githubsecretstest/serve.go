package githubsecretstest

import (
	"net/http"
	"slices"
	"strings"
)

func (d *Double) routes() {
	route := func(pattern string, may []identity, h http.HandlerFunc) {
		d.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if d.authorized(w, r, may) {
				h(w, r)
			}
		})
	}
	route("POST /app/installations/{id}/access_tokens", []identity{asApp}, d.exchange)
	route("GET /user", []identity{asPerson}, queried(d.user))
	route("GET /installation/repositories", []identity{asInstallation}, queried(func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, map[string]any{"total_count": len(d.cfg.Repositories), "repositories": []any{}})
	}))
	both := []identity{asPerson, asInstallation}
	for _, base := range []string{"/repos/{owner}/{repo}/actions/", "/repos/{owner}/{repo}/environments/{environment}/"} {
		route("GET "+base+"secrets", both, queried(d.listSecrets, "per_page", "page"))
		route("GET "+base+"secrets/public-key", both, queried(d.publicKey))
		route("GET "+base+"secrets/{name}", both, queried(d.getSecret))
		route("PUT "+base+"secrets/{name}", both, queried(d.putSecret))
		route("GET "+base+"variables", both, queried(d.listVariables, "per_page", "page"))
		route("POST "+base+"variables", both, queried(d.createVariable))
		route("GET "+base+"variables/{name}", both, queried(d.getVariable))
		route("PATCH "+base+"variables/{name}", both, queried(d.updateVariable))
	}
	d.mux.HandleFunc("/", notFound)
}

func (d *Double) serve(w http.ResponseWriter, r *http.Request) {
	f := d.arrive(r)
	if !d.Pass(r.Context()) {
		return
	}
	if f.first != nil {
		f.first()
	}
	if f.drop {
		panic(http.ErrAbortHandler) // net/http cuts the connection
	}
	if answer := d.instead(); answer != nil {
		answer(w, r)
		return
	}
	if problem := oddity(r); problem != nil {
		problem(w, r)
		return
	}
	if f.lose {
		d.mux.ServeHTTP(nowhere{}, r)
		panic(http.ErrAbortHandler)
	}
	d.mux.ServeHTTP(w, r)
}

// nowhere takes an answer that gets lost.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (nowhere) WriteHeader(int)             {}

// arrive counts a call, and returns the fault that waited for it. The App's
// exchange of tokens meets none.
func (d *Double) arrive(r *http.Request) fault {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls[r.Method+" "+r.URL.Path]++
	i := slices.IndexFunc(d.faults, func(f fault) bool { return f.method == r.Method })
	if i < 0 || strings.HasPrefix(r.URL.Path, "/app/") {
		return fault{}
	}
	f := d.faults[i]
	d.faults = slices.Delete(d.faults, i, i+1)
	return f
}

// instead is what answers a call instead of its route, or nil.
func (d *Double) instead() http.HandlerFunc {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.next) > 0 {
		answer := d.next[0]
		d.next = d.next[1:]
		return answer
	}
	if d.down {
		return func(w http.ResponseWriter, _ *http.Request) {
			fail(w, http.StatusInternalServerError, "Server Error")
		}
	}
	return nil
}

// oddity finds what no client of the vendor's sends. All of it is unverified
// but the media types and the version.
func oddity(r *http.Request) http.HandlerFunc {
	refuse := func(status int, message string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { fail(w, status, message) }
	}
	accept := strings.Join(r.Header.Values("Accept"), ",")
	switch {
	case r.UserAgent() == "":
		return refuse(http.StatusForbidden, "Request forbidden by administrative rules.")
	case !strings.Contains(accept, "application/vnd.github") && !strings.Contains(accept, "application/json"):
		return refuse(http.StatusUnsupportedMediaType, "Must accept 'application/json'")
	case r.Header.Get("X-Github-Api-Version") != "2022-11-28":
		return refuse(http.StatusBadRequest, "Not a supported version")
	case r.Method == http.MethodGet && r.ContentLength != 0:
		return refuse(http.StatusBadRequest, "A body where none belongs")
	case r.Method != http.MethodGet && r.Header.Get("Content-Type") != "application/json":
		return refuse(http.StatusUnsupportedMediaType, "The body is not JSON")
	}
	return nil
}

// queried refuses parameters other than the allowed ones; unverified.
func queried(h http.HandlerFunc, allowed ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for key, values := range r.URL.Query() {
			if !slices.Contains(allowed, key) || len(values) != 1 {
				invalid(w, key, "is no parameter of this call")
				return
			}
		}
		h(w, r)
	}
}
