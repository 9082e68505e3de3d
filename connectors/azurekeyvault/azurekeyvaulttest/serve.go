package azurekeyvaulttest

import (
	"crypto/subtle"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"latchkey/secret"
)

const (
	apiVersion = "2026-04-01" // of azsecrets v1.5.1
	resource   = "https://vault.azure.net"
	maxBody    = 1 << 20
)

func (d *Double) routes() {
	d.mux.HandleFunc("POST "+loginHost+"/{tenant}/oauth2/v2.0/token", d.token)
	d.mux.HandleFunc("GET "+vaultHost+"/secrets/{name}/{$}", d.get)
	d.mux.HandleFunc("PUT "+vaultHost+"/secrets/{name}", d.set)
	d.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fail(w, http.StatusNotFound, "NotFound", "there is nothing here", "")
	})
}

func (d *Double) serve(w http.ResponseWriter, r *http.Request) {
	d.count(r)
	if !d.Pass(r.Context()) {
		return
	}
	vault := r.Host == vaultHost
	known := vault && d.authenticated(r)
	var f fault
	if known || !vault {
		f = d.waiting(r.Method)
	}
	if f.first != nil {
		f.first()
		known = known && d.authenticated(r)
	}
	if answer := d.instead(); answer != nil {
		answer(w, r)
		return
	}
	switch {
	case vault && !known:
		d.challenge(w)
	case vault && !queried(w, r):
	case f.lose:
		d.mux.ServeHTTP(nowhere{}, r)
		panic(http.ErrAbortHandler) // net/http cuts the connection
	default:
		d.mux.ServeHTTP(w, r)
	}
}

// nowhere takes an answer that gets lost.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (nowhere) WriteHeader(int)             {}

func (d *Double) count(r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls[r.Method+" "+r.Host+r.URL.Path]++
}

// waiting is the fault that waited for a call.
func (d *Double) waiting(method string) fault {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := slices.IndexFunc(d.faults, func(f fault) bool { return f.method == method })
	if i < 0 {
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
			fail(w, http.StatusServiceUnavailable, "ServiceUnavailable", "The service is temporarily unavailable", "")
		}
	}
	return nil
}

func (d *Double) authenticated(r *http.Request) bool {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	d.mu.Lock()
	defer d.mu.Unlock()
	return ok && len(r.Header.Values("Authorization")) == 1 && d.tokens[token]
}

func (d *Double) challenge(w http.ResponseWriter) {
	d.mu.Lock()
	defer d.mu.Unlock()
	w.Header().Set("WWW-Authenticate", fmt.Sprintf("Bearer authorization=\"https://login.windows.net/%s\", resource=%q", d.tenant, resource))
	fail(w, http.StatusUnauthorized, "Unauthorized", "AKV10000: Request is missing a Bearer or PoP token.", "")
}

func queried(w http.ResponseWriter, r *http.Request) bool {
	q := r.URL.Query()
	if len(q) != 1 || len(q["api-version"]) != 1 || q.Get("api-version") != apiVersion {
		fail(w, http.StatusBadRequest, "BadParameter", "The specified version or a query parameter is not recognized", "")
		return false
	}
	return true
}

// token is OAuth 2.0 client credentials at Microsoft's authority.
func (d *Double) token(w http.ResponseWriter, r *http.Request) {
	refuse := func(status int, code, description string) {
		reply(w, status, map[string]any{"error": code, "error_description": description + " Trace ID: 0", "correlation_id": "0"})
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || r.ParseForm() != nil || len(r.URL.Query()) > 0 {
		refuse(http.StatusBadRequest, "invalid_request", "AADSTS900144: The request body must be a form.")
		return
	}
	given := subtle.ConstantTimeCompare([]byte(r.PostForm.Get("client_secret")), []byte(d.cfg.ClientSecret.Expose()))
	want := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {ClientID},
		"scope": {resource + "/.default"}, "client_secret": {r.PostForm.Get("client_secret")},
	}
	switch {
	case r.PathValue("tenant") != TenantID:
		refuse(http.StatusBadRequest, "invalid_request", "AADSTS90002: Tenant was not found.")
	case r.PostForm.Get("client_id") != ClientID:
		refuse(http.StatusBadRequest, "unauthorized_client", "AADSTS700016: The application was not found in the directory.")
	case d.cfg.ClientSecret.Empty() || given != 1:
		refuse(http.StatusUnauthorized, "invalid_client", "AADSTS7000215: Invalid client secret provided.")
	case r.PostForm.Encode() != want.Encode():
		refuse(http.StatusBadRequest, "invalid_scope", "AADSTS70011: The provided request must include only what it needs.") // unverified
	default:
		value := secret.Token(900).Expose()
		d.mu.Lock()
		d.tokens[value] = true
		d.mu.Unlock()
		reply(w, http.StatusOK, map[string]any{"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": value})
	}
}
