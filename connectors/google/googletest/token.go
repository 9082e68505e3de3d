package googletest

import (
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// The scopes of the API that the double has operations for.
const (
	scopeUser         = "https://www.googleapis.com/auth/admin.directory.user"
	scopeUserReadonly = "https://www.googleapis.com/auth/admin.directory.user.readonly"
	scopeSecurity     = "https://www.googleapis.com/auth/admin.directory.user.security"
)

// tokenLife is what Google gives access tokens.
const tokenLife = 3599 * time.Second

type grantedToken struct {
	scopes []string
	until  time.Time
}

type claims struct {
	jwt.RegisteredClaims
	Scope string `json:"scope"`
}

// Delegate replaces the scopes that an administrator lets the service account
// act for others with.
func (d *Double) Delegate(scopes ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.delegated = scopes
}

// ExpireTokens ends every access token given out so far.
func (d *Double) ExpireTokens() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.bearers)
}

// giveToken is the token endpoint (RFC 7523). Its clock is the real one: the
// client's library signs with that.
func (d *Double) giveToken(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r.ParseForm() != nil || len(r.URL.RawQuery) > 0 || r.PostForm.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
		refuseToken(w, http.StatusBadRequest, "unsupported_grant_type", "Invalid grant_type: ")
		return
	}
	var c claims
	_, err := jwt.ParseWithClaims(r.PostForm.Get("assertion"), &c, func(t *jwt.Token) (any, error) {
		if t.Header["kid"] != keyID {
			return nil, jwt.ErrTokenUnverifiable
		}
		return &d.key.PublicKey, nil
	}, jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer(clientEmail), jwt.WithAudience("http://"+r.Host+tokenPath),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt())
	if err != nil || c.ExpiresAt.Sub(c.IssuedAt.Time) > time.Hour {
		refuseToken(w, http.StatusBadRequest, "invalid_grant", "Invalid JWT Signature.")
		return
	}
	subject := d.person(c.Subject)
	if subject == nil || !strings.EqualFold(subject.Email, c.Subject) {
		refuseToken(w, http.StatusBadRequest, "invalid_grant", "Invalid email or User ID")
		return
	}
	scopes := strings.Fields(c.Scope)
	undelegated := func(s string) bool { return !slices.Contains(d.delegated, s) }
	if len(scopes) == 0 || slices.ContainsFunc(scopes, undelegated) {
		refuseToken(w, http.StatusUnauthorized, "unauthorized_client", "Client is unauthorized to retrieve access tokens using this method.")
		return
	}
	if !subject.Admin {
		scopes = nil // everything is refused below
	}
	token := "ya29.double-" + rand.Text()
	d.bearers[token] = grantedToken{scopes: scopes, until: time.Now().Add(tokenLife)}
	reply(w, object{"access_token": token, "expires_in": int(tokenLife / time.Second), "token_type": "Bearer"})
}

func refuseToken(w http.ResponseWriter, status int, code, description string) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	encode(w, object{"error": code, "error_description": description})
}

// authorize checks the access token of a call, and that one of the scopes it
// takes was given.
func (d *Double) authorize(w http.ResponseWriter, r *http.Request, scopes []string) bool {
	value, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	token := d.bearers[value]
	if !ok || !time.Now().Before(token.until) {
		fail(w, http.StatusUnauthorized, "authError", "Invalid Credentials")
		return false
	}
	if !slices.ContainsFunc(scopes, func(s string) bool { return slices.Contains(token.scopes, s) }) {
		fail(w, http.StatusForbidden, "forbidden", "Not Authorized to access this resource/API")
		return false
	}
	return true
}
