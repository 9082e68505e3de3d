package githubtest

import (
	"net/http"
	"strings"
)

func (d *Double) serve(w http.ResponseWriter, r *http.Request) {
	intercept := d.arrive(r)
	if !d.Pass(r.Context()) || intercept != nil && intercept(w, r) {
		return
	}
	who := d.identify(r)
	if answer := d.before(w, r, who); answer != nil {
		answer(w, r)
		return
	}
	if problem := oddity(r); problem != nil {
		problem(w, r)
		return
	}
	d.mux.ServeHTTP(w, r.WithContext(withIdentity(r.Context(), who)))
}

func (d *Double) arrive(r *http.Request) func(http.ResponseWriter, *http.Request) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls[r.Method+" "+r.URL.Path]++
	return d.intercept
}

// before is what answers a call instead of its route, or nil.
func (d *Double) before(w http.ResponseWriter, r *http.Request, who identity) http.HandlerFunc {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.cfg.Now()
	w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
	if len(d.once) > 0 {
		answer := d.once[0]
		d.once = d.once[1:]
		return answer
	}
	counted := &d.core
	if who == nobody {
		counted = &d.leaks
	}
	if !counted.take(w, now) {
		return exceeded
	}
	if d.knobs.Down {
		return func(w http.ResponseWriter, _ *http.Request) {
			fail(w, http.StatusInternalServerError, "Server Error")
		}
	}
	if d.knobs.NoPermission && strings.Contains(r.URL.Path, "/personal-access-token") {
		return notForApps
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
	case r.Method != http.MethodPost && r.ContentLength != 0:
		return refuse(http.StatusBadRequest, "A body where none belongs")
	case r.Method == http.MethodPost && r.Header.Get("Content-Type") != "application/json":
		return refuse(http.StatusUnsupportedMediaType, "The body is not JSON")
	}
	return nil
}

func (d *Double) routes() {
	route := func(pattern string, may []identity, h http.HandlerFunc) {
		d.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if org := r.PathValue("org"); org != "" && !strings.EqualFold(org, d.cfg.Org) {
				notFound(w, r)
				return
			}
			if authorized(w, r, may) {
				h(w, r)
			}
		})
	}
	app, owner, both := []identity{asInstallation}, []identity{asOwner}, []identity{asInstallation, asOwner}
	route("POST /app/installations/{id}/access_tokens", []identity{asApp}, d.exchange)
	route("GET /orgs/{org}/personal-access-tokens", app, d.listGrants)
	route("POST /orgs/{org}/personal-access-tokens/{id}", app, d.revokeGrant)
	route("GET /orgs/{org}/personal-access-token-requests", app, d.listRequests)
	route("POST /orgs/{org}/personal-access-token-requests/{id}", app, d.reviewRequest)
	route("GET /orgs/{org}/credential-authorizations", owner, d.listAuthorizations)
	route("DELETE /orgs/{org}/credential-authorizations/{id}", owner, d.removeAuthorization)
	route("GET /orgs/{org}/installations", both, d.listInstallations)
	route("DELETE /orgs/{org}/members/{username}", both, d.removeMember)
	route("GET /orgs/{org}/memberships/{username}", both, d.getMembership)
	route("GET /users/{username}", both, d.getUser)
	route("GET /repos/{org}/{repo}/secret-scanning/alerts/{number}", app, d.getAlert)
	route("GET /meta/public_keys/secret_scanning", []identity{nobody}, d.listKeys)
	route("POST /credentials/revoke", []identity{nobody}, d.revokeLeaked)
	d.mux.HandleFunc("/", notFound)
}
