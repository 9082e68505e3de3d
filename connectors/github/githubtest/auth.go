package githubtest

import (
	"context"
	"crypto/subtle"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"latchkey/secret"
)

const (
	longestJWT = 10 * time.Minute
	tokenLives = time.Hour
)

// identity is who calls.
type identity int

const (
	nobody         identity = iota
	unknown                 // with a credential that is none
	asApp                   // with a JWT
	asInstallation          // with a token of the App's installation
	asOwner                 // with a token of an owner
)

type identityKey struct{}

func withIdentity(ctx context.Context, who identity) context.Context {
	return context.WithValue(ctx, identityKey{}, who)
}

// identify takes "Bearer" and "token" for the same, but a JWT only with the
// former, as the vendor's pages have it. Tokens and JWTs live by the machine's
// clock, because that is what signs them.
func (d *Double) identify(r *http.Request) identity {
	header := r.Header.Values("Authorization")
	if len(header) == 0 {
		return nobody
	}
	scheme, value, _ := strings.Cut(header[0], " ")
	if len(header) > 1 || scheme != "Bearer" && scheme != "token" {
		return unknown
	}
	if !d.cfg.Owner.Empty() && subtle.ConstantTimeCompare([]byte(value), []byte(d.cfg.Owner.Expose())) == 1 {
		return asOwner
	}
	d.mu.Lock()
	until, ok := d.installTokens[value]
	d.mu.Unlock()
	if ok && time.Now().Before(until) {
		return asInstallation
	}
	if scheme == "Bearer" && d.signedByApp(value) {
		return asApp
	}
	return unknown
}

// signedByApp wants RS256, the App as issuer, and an end at most ten minutes
// away.
func (d *Double) signedByApp(text string) bool {
	var claims jwt.RegisteredClaims
	_, err := jwt.ParseWithClaims(text, &claims, func(*jwt.Token) (any, error) { return d.public, nil },
		jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer(strconv.FormatInt(d.cfg.AppID, 10)),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt())
	if err != nil || claims.IssuedAt == nil {
		return false
	}
	return claims.ExpiresAt.Sub(claims.IssuedAt.Time) <= longestJWT && time.Until(claims.ExpiresAt.Time) <= longestJWT
}

// authorized answers for a caller who may not. The words are unverified.
func authorized(w http.ResponseWriter, r *http.Request, may []identity) bool {
	who, _ := r.Context().Value(identityKey{}).(identity)
	switch {
	case slices.Contains(may, who):
		return true
	case who == nobody:
		fail(w, http.StatusUnauthorized, "Requires authentication")
	case who == unknown:
		fail(w, http.StatusUnauthorized, "Bad credentials")
	case slices.Contains(may, asApp):
		fail(w, http.StatusUnauthorized, "A JSON web token could not be decoded")
	case slices.Contains(may, nobody):
		fail(w, http.StatusForbidden, "This endpoint takes no authentication")
	case who == asOwner:
		fail(w, http.StatusForbidden, "Resource not accessible by personal access token")
	default:
		notForApps(w, r)
	}
	return false
}

func notForApps(w http.ResponseWriter, _ *http.Request) {
	fail(w, http.StatusForbidden, "Resource not accessible by integration")
}

func (d *Double) exchange(w http.ResponseWriter, r *http.Request) {
	var in struct{} // repositories and permissions are not played
	if !read(w, r, &in) {
		return
	}
	id, ok := pathID(w, r)
	if !ok {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	own := slices.IndexFunc(d.installations, func(i *installation) bool { return i.id == id && i.app == d.cfg.AppID })
	if own < 0 {
		notFound(w, r)
		return
	}
	value := "ghs_" + secret.Token(36).Expose()
	until := time.Now().Add(tokenLives).UTC().Truncate(time.Second)
	d.installTokens[value] = until
	reply(w, http.StatusCreated, map[string]any{
		"token": value, "expires_at": until.Format(time.RFC3339), "repository_selection": "all",
		"permissions": d.installations[own].permissions,
	})
}

// ForgetTokens makes every token of the installation unknown, before its end.
func (d *Double) ForgetTokens() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.installTokens)
}
