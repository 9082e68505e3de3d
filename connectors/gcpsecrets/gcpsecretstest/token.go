package gcpsecretstest

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	scope     = "https://www.googleapis.com/auth/cloud-platform"
	tokenLife = 3599 * time.Second // what Google gives access tokens
)

type claims struct {
	jwt.RegisteredClaims
	Scope string `json:"scope"`
}

// ExpireTokens ends every access token given out so far.
func (d *Double) ExpireTokens() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.bearers)
}

// giveToken is the token endpoint (RFC 7523). Its clock is the real one: so is
// that of who signs.
func (d *Double) giveToken(r *http.Request, body []byte) reply {
	form, err := url.ParseQuery(string(body))
	if err != nil || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || r.URL.RawQuery != "" ||
		form.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
		return tokenRefusal(http.StatusBadRequest, "unsupported_grant_type")
	}
	var c claims
	_, err = jwt.ParseWithClaims(form.Get("assertion"), &c, func(t *jwt.Token) (any, error) {
		if t.Header["kid"] != keyID {
			return nil, jwt.ErrTokenUnverifiable
		}
		return &d.key.PublicKey, nil
	}, jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer(clientEmail), jwt.WithAudience("http://"+r.Host+tokenPath),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt())
	if err != nil || c.Subject != "" || c.ExpiresAt.Sub(c.IssuedAt.Time) > time.Hour {
		return tokenRefusal(http.StatusBadRequest, "invalid_grant")
	}
	if c.Scope != scope {
		return tokenRefusal(http.StatusBadRequest, "invalid_scope")
	}
	token := "ya29.double-" + rand.Text()
	d.bearers[token] = time.Now().Add(tokenLife)
	return ok(object{"access_token": token, "expires_in": int(tokenLife / time.Second), "token_type": "Bearer"})
}

func tokenRefusal(status int, code string) reply {
	return reply{status: status, body: object{"error": code, "error_description": "Invalid JWT Signature."}}
}

// signedIn says whether a call has an access token that lives.
func (d *Double) signedIn(r *http.Request) bool {
	token, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return found && time.Now().Before(d.bearers[token])
}
