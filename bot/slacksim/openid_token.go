package slacksim

import (
	"cmp"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"strings"
	"time"
)

// idTokenLives is what lies between iat and exp in Slack's example.
const idTokenLives = 5 * time.Minute

// serveToken is openid.connect.token. Like every method of Slack's it says no
// with status 200 and ok false.
func (s *Sim) serveToken(w http.ResponseWriter, r *http.Request) {
	const name = "openid.connect.token"
	r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
	err := r.ParseForm()
	key, keyErr := s.openID.key()
	s.mu.Lock()
	status, answer := http.StatusOK, doc{"ok": false, "error": "invalid_form_data"}
	if s.faults.down {
		status, answer = http.StatusServiceUnavailable, doc{"ok": false, "error": "service_unavailable"}
	} else if code, ok := s.faults.failing(name); ok {
		answer["error"] = code
	} else if keyErr != nil {
		answer["error"] = "internal_error"
	} else if err == nil {
		answer = s.exchange(r, key)
	}
	raw := s.encode(answer)
	s.record(Entry{Kind: "api", Name: name, Status: status}) // what was sent and answered is secret
	s.mu.Unlock()
	s.respond(w, status, raw)
}

// exchange takes a code once, from the app that it was made for. The lock is
// held.
func (s *Sim) exchange(r *http.Request, key *rsa.PrivateKey) doc {
	no := func(code string) doc { return doc{"ok": false, "error": code} }
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	if id != s.openID.clientID {
		return no("invalid_client_id")
	}
	if subtle.ConstantTimeCompare([]byte(secret), []byte(s.openID.secret)) != 1 {
		return no("bad_client_secret")
	}
	if r.PostForm.Get("grant_type") != "authorization_code" {
		return no("invalid_grant_type")
	}
	code := r.PostForm.Get("code")
	found := s.openID.codes[code]
	delete(s.openID.codes, code)
	if found == nil || s.now().After(found.expires) {
		return no("invalid_code")
	}
	if r.PostForm.Get("redirect_uri") != found.redirect {
		return no("bad_redirect_uri")
	}
	sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	if found.challenge != "" && base64.RawURLEncoding.EncodeToString(sum[:]) != found.challenge {
		return no("invalid_grant")
	}
	access := "xoxp-" + rand.Text()
	s.openID.tokens[access] = found.user
	return doc{"ok": true, "access_token": access, "token_type": "Bearer", "id_token": s.idToken(key, s.people[found.user], found.nonce, access)}
}

// idToken makes and signs the token that says who signed in.
func (s *Sim) idToken(key *rsa.PrivateKey, p *person, nonce, access string) string {
	now := s.now().Unix()
	sum := sha256.Sum256([]byte(access))
	claims := s.claims(p)
	claims["iss"], claims["aud"], claims["nonce"] = s.base, s.openID.clientID, nonce
	claims["iat"], claims["auth_time"], claims["exp"] = now, now, now+int64(idTokenLives/time.Second)
	claims["at_hash"] = base64.RawURLEncoding.EncodeToString(sum[:16])
	header := doc{"alg": "RS256", "typ": "JWT", "kid": keyID(key)}
	if s.openID.forge != nil {
		s.openID.forge(header, claims)
	}
	text := base64.RawURLEncoding.EncodeToString(s.encode(header)) + "." + base64.RawURLEncoding.EncodeToString(s.encode(claims))
	return text + "." + base64.RawURLEncoding.EncodeToString(s.signature(key, header["alg"], text))
}

// signature signs with Slack's key, or as a forger would who has none.
func (s *Sim) signature(key *rsa.PrivateKey, alg any, text string) []byte {
	switch alg {
	case "none":
		return nil
	case "HS256": // with what everybody can read as the key
		mac := hmac.New(sha256.New, key.N.Bytes())
		mac.Write([]byte(text))
		return mac.Sum(nil)
	}
	sum := sha256.Sum256([]byte(text))
	signed, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	if err != nil {
		s.problem("sign ID token: %s", err)
	}
	return signed
}

func (s *Sim) claims(p *person) doc {
	given, family, _ := strings.Cut(p.RealName, " ")
	return doc{
		"sub": p.ID, "https://slack.com/user_id": p.ID, "https://slack.com/team_id": cmp.Or(p.TeamID, s.world.TeamID),
		"email": p.Email, "email_verified": true, "name": p.RealName, "given_name": given, "family_name": family, "locale": "en-GB",
		"https://slack.com/team_domain": s.world.TeamDomain, "https://slack.com/team_name": s.world.TeamName,
	}
}

// serveUserInfo is openid.connect.userInfo.
func (s *Sim) serveUserInfo(w http.ResponseWriter, r *http.Request) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.mu.Lock()
	answer := doc{"ok": false, "error": "invalid_auth"}
	if p := s.people[s.openID.tokens[token]]; p != nil && !p.Deleted {
		answer = s.claims(p)
		answer["ok"] = true
	}
	raw := s.encode(answer)
	s.record(Entry{Kind: "api", Name: "openid.connect.userInfo", Status: http.StatusOK})
	s.mu.Unlock()
	s.respond(w, http.StatusOK, raw)
}
