package githubsecretstest

import (
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
	unknown        identity = iota
	asApp                   // with a JWT
	asInstallation          // with a token of the App's installation
	asPerson                // with a person's token
)

// identify takes "Bearer" and "token" for the same, but a JWT only with the
// former. Tokens and JWTs live by the machine's clock, because that is what
// signs them.
func (d *Double) identify(r *http.Request) identity {
	header := r.Header.Values("Authorization")
	if len(header) != 1 {
		return unknown
	}
	scheme, value, _ := strings.Cut(header[0], " ")
	if scheme != "Bearer" && scheme != "token" {
		return unknown
	}
	if !d.cfg.Token.Empty() && subtle.ConstantTimeCompare([]byte(value), []byte(d.cfg.Token.Expose())) == 1 {
		return asPerson
	}
	d.mu.Lock()
	until, ok := d.tokens[value]
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
	if d.public == nil {
		return false
	}
	var claims jwt.RegisteredClaims
	_, err := jwt.ParseWithClaims(text, &claims, func(*jwt.Token) (any, error) { return d.public, nil },
		jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer(strconv.Itoa(DefaultApp)),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt())
	if err != nil || claims.IssuedAt == nil {
		return false
	}
	return claims.ExpiresAt.Sub(claims.IssuedAt.Time) <= longestJWT && time.Until(claims.ExpiresAt.Time) <= longestJWT
}

// authorized answers for a caller who may not. The words are unverified.
func (d *Double) authorized(w http.ResponseWriter, r *http.Request, may []identity) bool {
	who := d.identify(r)
	switch {
	case slices.Contains(may, who):
		return true
	case who == unknown && r.Header.Get("Authorization") == "":
		fail(w, http.StatusUnauthorized, "Requires authentication")
	case who == unknown:
		fail(w, http.StatusUnauthorized, "Bad credentials")
	case slices.Contains(may, asApp):
		fail(w, http.StatusUnauthorized, "A JSON web token could not be decoded")
	case who == asPerson:
		fail(w, http.StatusForbidden, "Resource not accessible by personal access token")
	default:
		fail(w, http.StatusForbidden, "Resource not accessible by integration")
	}
	return false
}

func (d *Double) exchange(w http.ResponseWriter, r *http.Request) {
	var in struct{} // repositories and permissions are not played
	if !read(w, r, &in) {
		return
	}
	if r.PathValue("id") != strconv.Itoa(DefaultInstallation) {
		notFound(w, r)
		return
	}
	value := "ghs_" + secret.Token(36).Expose()
	until := time.Now().Add(tokenLives).UTC().Truncate(time.Second)
	d.mu.Lock()
	d.tokens[value] = until
	d.mu.Unlock()
	reply(w, http.StatusCreated, map[string]any{
		"token": value, "expires_at": until.Format(time.RFC3339), "repository_selection": "selected",
		"permissions": map[string]string{"secrets": "write", "actions_variables": "write", "environments": "write"},
	})
}

// user is the person whose token it is, as others see a person.
func (d *Double) user(w http.ResponseWriter, _ *http.Request) {
	const login = "latchkey-bot"
	out := map[string]any{
		"login": login, "id": 1, "node_id": "MDQ6VXNlcjE=", "type": "User", "user_view_type": "public", "site_admin": false,
		"html_url": "https://github.com/" + login, "url": "https://api.github.com/users/" + login,
		"created_at": "2020-01-01T00:00:00Z", "updated_at": "2020-01-01T00:00:00Z",
	}
	for _, link := range []string{
		"avatar", "events", "followers", "following", "gists", "organizations", "received_events", "repos", "starred", "subscriptions",
	} {
		out[link+"_url"] = "https://api.github.com/users/" + login + "/" + link
	}
	for _, none := range []string{"gravatar_id", "bio", "blog", "company", "email", "hireable", "location", "name"} {
		out[none] = nil
	}
	for _, count := range []string{"followers", "following", "public_gists", "public_repos"} {
		out[count] = 0
	}
	reply(w, http.StatusOK, out)
}
