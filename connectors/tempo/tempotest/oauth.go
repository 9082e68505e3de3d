package tempotest

import (
	"mime"
	"net/http"
	"net/url"
	"slices"
)

// The errors of RFC 6749, of which the vendor's clients were seen to handle all
// but the last two. The statuses they come with are unverified.
const (
	accessDenied         = "access_denied"
	invalidClient        = "invalid_client"
	invalidGrant         = "invalid_grant"
	invalidRequest       = "invalid_request"
	unsupportedGrantType = "unsupported_grant_type"
	unauthorizedClient   = "unauthorized_client"
	unsupportedResponse  = "unsupported_response_type"
	invalidScope         = "invalid_scope"
)

// oauthRoutes are the endpoints of 3LO, which take no bearer token.
func (d *Double) oauthRoutes() {
	d.oauth.HandleFunc("GET /oauth/authorize/redirect", d.showConsent)
	d.oauth.HandleFunc("POST /oauth/authorize/redirect", d.takeConsent)
	d.oauth.HandleFunc("POST /oauth/token/{$}", d.token)
	d.oauth.HandleFunc("POST /oauth/revoke_token/{$}", d.revokeToken)
	// Clients were seen to leave the final slash out; documented is the slash.
	for _, elsewhere := range []string{"/oauth/token", "/oauth/revoke_token", "/"} {
		d.oauth.HandleFunc(elsewhere, func(w http.ResponseWriter, _ *http.Request) { htmlError(w, http.StatusNotFound) })
	}
}

// oauthError is the error of RFC 6749, section 5.2.
func oauthError(w http.ResponseWriter, code, description string) {
	status := http.StatusBadRequest
	if code == invalidClient {
		status = http.StatusUnauthorized
	}
	w.Header().Set("Cache-Control", "no-store")
	reply(w, status, struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}{code, description})
}

// readForm reads a form-encoded body with each of the required fields, none
// but those and the optional ones, and none twice; or answers and is false.
// The vendor documents fields in the body, so a query is refused. A field
// without a value counts as left out (RFC 6749, 3.2).
func readForm(w http.ResponseWriter, r *http.Request, required, optional []string) (url.Values, bool) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" || r.URL.RawQuery != "" {
		oauthError(w, invalidRequest, "send the fields as application/x-www-form-urlencoded in the body")
		return nil, false
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		oauthError(w, invalidRequest, "the body is not form-encoded")
		return nil, false
	}
	if problem := fieldProblem(r.PostForm, required, optional); problem != "" {
		oauthError(w, invalidRequest, problem)
		return nil, false
	}
	return r.PostForm, true
}

// fieldProblem says what is wrong with the names of the fields, or nothing.
func fieldProblem(fields url.Values, required, optional []string) string {
	for _, name := range required {
		if fields.Get(name) == "" {
			return name + " is required"
		}
	}
	for name, values := range fields {
		if fields.Get(name) == "" && len(values) == 1 {
			continue
		}
		if !slices.Contains(required, name) && !slices.Contains(optional, name) {
			return name + " is unknown"
		}
		if len(values) > 1 {
			return name + " is there twice"
		}
	}
	return ""
}
