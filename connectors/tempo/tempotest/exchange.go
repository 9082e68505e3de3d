package tempotest

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// token exchanges a code or a refresh token for a pair.
func (d *Double) token(w http.ResponseWriter, r *http.Request) {
	form, ok := readForm(w, r, []string{"grant_type", "client_id", "client_secret"},
		[]string{"redirect_uri", "code", "code_verifier", "refresh_token"})
	if !ok {
		return
	}
	d.mu.Lock()
	app, known := d.app(form.Get("client_id"), form.Get("client_secret"))
	d.mu.Unlock()
	if !known {
		oauthError(w, invalidClient, "Invalid client id")
		return
	}
	switch form.Get("grant_type") {
	case "authorization_code":
		d.exchangeCode(w, app, form)
	case "refresh_token":
		d.refresh(w, app, form)
	default:
		oauthError(w, unsupportedGrantType, "grant_type is authorization_code or refresh_token")
	}
}

// exchangeCode uses a code up, whatever comes of it.
func (d *Double) exchangeCode(w http.ResponseWriter, app App, form url.Values) {
	problem := fieldProblem(form, []string{"grant_type", "client_id", "client_secret", "redirect_uri", "code"}, []string{"code_verifier"})
	if problem != "" {
		oauthError(w, invalidRequest, problem)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	c, ok := d.codes[form.Get("code")]
	delete(d.codes, form.Get("code"))
	switch {
	case !ok, c.clientID != app.ClientID, !d.now().Before(c.until):
		oauthError(w, invalidGrant, "the code is unknown, used or expired")
	case c.redirectURL != form.Get("redirect_uri"):
		oauthError(w, invalidGrant, "redirect_uri is not the one the code was given to")
	case c.challenge != "" && c.challenge != challengeOf(form.Get("code_verifier")):
		oauthError(w, invalidGrant, "code_verifier is not the one of the challenge")
	default:
		replyPair(w, d.newPair(app.ClientID, c.person, c.scopes))
	}
}

// refresh replaces a pair: both old tokens are dead when it answers, and when
// its answer is lost. The vendor documents redirect_uri here too, which RFC
// 6749 does not have.
func (d *Double) refresh(w http.ResponseWriter, app App, form url.Values) {
	d.mu.Lock()
	defer d.mu.Unlock()
	required := []string{"grant_type", "client_id", "client_secret", "refresh_token", "redirect_uri"}
	if d.knobs.RefreshWithoutRedirect {
		required = required[:len(required)-1]
	}
	if problem := fieldProblem(form, required, []string{"redirect_uri"}); problem != "" {
		oauthError(w, invalidRequest, problem)
		return
	}
	if redirect := form.Get("redirect_uri"); redirect != "" && !slices.Contains(app.RedirectURLs, redirect) {
		oauthError(w, invalidGrant, "redirect_uri is not one of the app's")
		return
	}
	old, ok := d.pairs[form.Get("refresh_token")]
	if !ok || old.ClientID != app.ClientID {
		oauthError(w, invalidGrant, "the refresh token is unknown, used or revoked")
		return
	}
	delete(d.pairs, old.Refresh)
	fresh := d.newPair(old.ClientID, old.Person, old.Scopes)
	if d.loseRefresh {
		d.loseRefresh = false
		hangUp(w)
		return
	}
	replyPair(w, fresh)
}

// LoseNextRefresh makes the next refresh do its work and its answer get lost.
func (d *Double) LoseNextRefresh() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.loseRefresh = true
}

// hangUp ends the connection without an answer.
func hangUp(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		htmlError(w, http.StatusBadGateway) // a connection that can't be taken over: no answer of use either
		return
	}
	_ = conn.Close()
}

func replyPair(w http.ResponseWriter, p pair) {
	w.Header().Set("Cache-Control", "no-store")
	reply(w, http.StatusOK, struct {
		AccessToken  string `json:"access_token"`
		ExpiresIn    int    `json:"expires_in"`
		TokenType    string `json:"token_type"`
		Scope        string `json:"scope"`
		RefreshToken string `json:"refresh_token"`
	}{p.Access, int(accessLife.Seconds()), "Bearer", strings.Join(p.Scopes, " "), p.Refresh})
}

// challengeOf is PKCE's S256 (RFC 7636).
func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
