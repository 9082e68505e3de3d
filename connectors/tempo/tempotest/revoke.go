package tempotest

import "net/http"

// revokeToken ends a token. The vendor documents the four fields; the answer
// to a success is unverified, so it is RFC 7009's: 200 without a body, for an
// unknown token too. A refresh token takes its access token along, and an
// access token dies alone: the careful reading of what RFC 7009 leaves open.
func (d *Double) revokeToken(w http.ResponseWriter, r *http.Request) {
	form, ok := readForm(w, r, []string{"token_type_hint", "client_id", "client_secret", "token"}, nil)
	if !ok {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	app, known := d.app(form.Get("client_id"), form.Get("client_secret"))
	if !known {
		oauthError(w, invalidClient, "Invalid client id")
		return
	}
	if hint := form.Get("token_type_hint"); hint != "access_token" && hint != "refresh_token" {
		oauthError(w, invalidRequest, "token_type_hint is access_token or refresh_token")
		return
	}
	text := form.Get("token")
	p, isRefresh := d.pairs[text]
	if !isRefresh {
		p, ok = d.pairByAccess(text)
	}
	switch {
	case !isRefresh && !ok:
	case p.ClientID != app.ClientID:
		oauthError(w, unauthorizedClient, "the token belongs to another app")
		return
	case isRefresh:
		delete(d.pairs, text)
	default:
		p.Access = ""
		d.pairs[p.Refresh] = p
	}
	w.WriteHeader(http.StatusOK)
}
