package slacksim

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// openID is Sign in with Slack, as Slack's discovery document and the pages on
// openid.connect.token and openid.connect.userInfo have it. It has no
// passwords: the page asks who one is.
type openID struct {
	clientID string
	secret   string
	key      func() (*rsa.PrivateKey, error) // made when it is first needed

	redirects []string
	codes     map[string]*signIn // by code; gone once used
	tokens    map[string]string  // user IDs by access token
	forge     func(header, claims doc)
}

// signIn is a code that waits to be exchanged.
type signIn struct {
	user      string
	redirect  string
	nonce     string
	challenge string // PKCE, S256; empty: the app did not ask for it
	expires   time.Time
}

// codeLives is how long a code can be exchanged.
const codeLives = 10 * time.Minute

func newOpenID() openID {
	return openID{clientID: "7300." + rand.Text()[:10], secret: rand.Text(), codes: map[string]*signIn{}, tokens: map[string]string{},
		key: sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })}
}

// ClientID is the app's, for Sign in with Slack.
func (s *Sim) ClientID() string { return s.openID.clientID }

// ClientSecret is the app's, for Sign in with Slack.
func (s *Sim) ClientSecret() string { return s.openID.secret }

// AllowRedirect registers an address that Sign in with Slack may lead to, as
// the app's settings do. Slack wants https; here this machine will do.
func (s *Sim) AllowRedirect(uri string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.openID.redirects = append(s.openID.redirects, uri)
}

// ForgeIDTokens changes every ID token before it is signed; with "alg" set to
// "none" or "HS256" it is not signed with Slack's key. Nil ends it.
func (k *Knobs) ForgeIDTokens(change func(header, claims map[string]any)) {
	k.turn(func(*faults) { k.sim.openID.forge = change })
}

func (s *Sim) openIDRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /.well-known/openid-configuration", s.serveDiscovery)
	mux.HandleFunc("GET /openid/connect/keys", s.serveKeys)
	mux.HandleFunc("GET /openid/connect/authorize", s.local(s.askPersona))
	mux.HandleFunc("POST /openid/connect/authorize", s.local(s.choosePersona))
	mux.HandleFunc("POST /api/openid.connect.token", s.serveToken)
	mux.HandleFunc("/api/openid.connect.userInfo", s.serveUserInfo)
}

func (s *Sim) serveDiscovery(w http.ResponseWriter, _ *http.Request) {
	s.respond(w, http.StatusOK, s.encode(doc{
		"issuer":                 s.base,
		"authorization_endpoint": s.base + "/openid/connect/authorize", "token_endpoint": s.base + "/api/openid.connect.token",
		"userinfo_endpoint": s.base + "/api/openid.connect.userInfo", "jwks_uri": s.base + "/openid/connect/keys",
		"scopes_supported": []string{"openid", "profile", "email"}, "response_types_supported": []string{"code"},
		"response_modes_supported": []string{"query"}, "grant_types_supported": []string{"authorization_code"},
		"subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"RS256"},
		"claims_supported": []string{"sub", "auth_time", "iss"}, "claims_parameter_supported": false,
		"request_parameter_supported": false, "request_uri_parameter_supported": true,
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "client_secret_basic"},
	}))
}

func (s *Sim) serveKeys(w http.ResponseWriter, _ *http.Request) {
	key, err := s.openID.key()
	if err != nil {
		s.respond(w, http.StatusInternalServerError, s.encode(doc{"ok": false, "error": "internal_error"}))
		return
	}
	b64 := base64.RawURLEncoding.EncodeToString
	s.respond(w, http.StatusOK, s.encode(doc{"keys": []doc{{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": keyID(key), "n": b64(key.N.Bytes()), "e": b64(big.NewInt(int64(key.E)).Bytes()),
	}}}))
}

func keyID(key *rsa.PrivateKey) string {
	sum := sha256.Sum256(key.N.Bytes())
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// local keeps pages of people to this machine, as the client's own are.
func (s *Sim) local(next http.HandlerFunc) http.HandlerFunc {
	crossSite := http.NewCrossOriginProtection()
	return crossSite.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.loopback && !isLocalName(r.Host) {
			http.Error(w, "only localhost is served", http.StatusForbidden)
			return
		}
		next(w, r)
	})).ServeHTTP
}

// personaPage asks who signs in.
var personaPage = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in with Slack · {{.Team}}</title><link rel="stylesheet" href="/web/style.css"><link rel="stylesheet" href="/web/openid.css"></head>
<body class="openid"><main><h1>Sign in to {{.App}} with Slack</h1>
<p>This is the simulated Slack: there is no password. Who are you?</p>
<form method="post" action="/openid/connect/authorize?{{.Query}}">
{{range .People}}<button name="as" value="{{.ID}}"><strong>{{.RealName}}</strong> <span>{{.Title}}</span></button>
{{end}}<button name="as" value="">Cancel</button></form></main></body></html>
`))

// askPersona shows who could sign in, if the app asked as Slack wants it.
func (s *Sim) askPersona(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if problem := s.checkAuthorize(query); problem != "" {
		s.mu.Lock()
		s.problem("openid/connect/authorize: %s", problem)
		s.mu.Unlock()
		http.Error(w, "Slack can't sign you in: "+problem, http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	var people []WorldUser
	for _, id := range s.order {
		if p := s.people[id]; !p.IsBot && !p.Deleted {
			people = append(people, p.WorldUser)
		}
	}
	s.mu.Unlock()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	err := personaPage.Execute(w, map[string]any{"Team": s.world.TeamName, "App": s.world.AppName, "People": people, "Query": template.URL(query.Encode())})
	if err != nil {
		s.log.Debug().Err(err).Msg("writing page")
	}
}

// checkAuthorize says what is wrong with an app's question, or nothing.
func (s *Sim) checkAuthorize(q url.Values) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, values := range q {
		known := []string{"response_type", "scope", "client_id", "state", "nonce", "redirect_uri", "team", "code_challenge", "code_challenge_method"}
		if !slices.Contains(known, name) || len(values) != 1 {
			return fmt.Sprintf("%s is not known, or there more than once", name)
		}
	}
	scopes := strings.Fields(q.Get("scope"))
	unknown := slices.ContainsFunc(scopes, func(scope string) bool { return !slices.Contains([]string{"openid", "profile", "email"}, scope) })
	switch {
	case q.Get("client_id") != s.openID.clientID:
		return "invalid_client_id"
	case q.Get("response_type") != "code":
		return "response_type must be code"
	case !slices.Contains(scopes, "openid"), unknown:
		return "invalid_scope"
	case !slices.Contains(s.openID.redirects, q.Get("redirect_uri")):
		return "bad_redirect_uri: " + q.Get("redirect_uri")
	case q.Get("code_challenge") != "" && q.Get("code_challenge_method") != "S256":
		return "code_challenge_method must be S256"
	}
	return ""
}

// choosePersona sends the browser back with a code, or with the refusal.
func (s *Sim) choosePersona(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if problem := s.checkAuthorize(q); problem != "" {
		http.Error(w, "Slack can't sign you in: "+problem, http.StatusBadRequest)
		return
	}
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil {
		http.Error(w, "Slack can't sign you in: bad_redirect_uri", http.StatusBadRequest)
		return
	}
	answer := url.Values{"state": {q.Get("state")}}
	if user := r.PostFormValue("as"); user == "" {
		answer.Set("error", "access_denied")
	} else {
		code, ok := s.grantCode(user, q)
		if !ok {
			http.Error(w, "Nobody of that name can sign in.", http.StatusBadRequest)
			return
		}
		answer.Set("code", code)
	}
	back.RawQuery = answer.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

func (s *Sim) grantCode(user string, q url.Values) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.people[user]
	if p == nil || p.Deleted || p.IsBot {
		return "", false
	}
	code := rand.Text()
	s.openID.codes[code] = &signIn{user: user, redirect: q.Get("redirect_uri"), nonce: q.Get("nonce"), challenge: q.Get("code_challenge"),
		expires: s.now().Add(codeLives)}
	return code, true
}
