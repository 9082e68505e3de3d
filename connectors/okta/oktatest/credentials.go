package oktatest

import (
	"net/http"
	"slices"
)

func (t *token) row() object {
	used := t.expiresAt().Add(-tokenWindow)
	return object{
		"id": t.id, "name": t.Name, "userId": t.Owner, "clientName": "Okta API", "tokenWindow": "P30D",
		"network": object{"connection": "ANYWHERE"},
		"created": stamp(t.CreatedAt), "lastUpdated": stamp(used), "expiresAt": stamp(t.expiresAt()),
		"_links": object{"self": object{"href": "https://double.example/api/v1/api-tokens/" + t.id}},
	}
}

// liveTokens is what the vendor lists: tokens that expired, or whose owner was
// deactivated, are gone.
func (d *Double) liveTokens() []*token {
	return slices.DeleteFunc(slices.Clone(d.tokens), func(t *token) bool {
		p := d.person(t.Owner)
		return !t.expiresAt().After(d.now()) || p == nil || p.Status == deprovisioned
	})
}

// listTokens has no parameters and no pages.
func (d *Double) listTokens(w http.ResponseWriter, _ *http.Request) {
	rows := []object{}
	for _, t := range d.liveTokens() {
		rows = append(rows, t.row())
	}
	d.replyAll(w, rows)
}

// token is the one a path names, or a 404.
func (d *Double) token(w http.ResponseWriter, r *http.Request) *token {
	for _, t := range d.liveTokens() {
		if t.id == r.PathValue("token") {
			return t
		}
	}
	notFound(w, r.PathValue("token"), "ApiToken")
	return nil
}

func (d *Double) getToken(w http.ResponseWriter, r *http.Request) {
	if t := d.token(w, r); t != nil {
		reply(w, t.row())
	}
}

// revokeToken also knows the word "current", which ends the caller's own
// token.
func (d *Double) revokeToken(w http.ResponseWriter, r *http.Request) {
	var t *token
	if r.PathValue("token") == "current" {
		t = d.caller(r)
	} else if t = d.token(w, r); t == nil {
		return
	}
	d.tokens = slices.DeleteFunc(d.tokens, func(o *token) bool { return o == t })
	w.WriteHeader(http.StatusNoContent)
}

func (a *app) row() object {
	row := object{
		"id": a.id, "name": "oidc_client", "label": a.Label, "status": a.Status, "signOnMode": a.SignOnMode,
		"credentials": object{"signing": object{"kid": "double"}},
	}
	if a.SignOnMode == "OPENID_CONNECT" {
		row["settings"] = object{"oauthClient": object{"application_type": "web", "grant_types": []string{"authorization_code"}}}
		row["credentials"] = object{"oauthClient": object{"client_id": a.id, "token_endpoint_auth_method": a.AuthMethod}}
	}
	return row
}

// listApps leaves out inactive apps unless asked for all that are not deleted.
func (d *Double) listApps(w http.ResponseWriter, r *http.Request) {
	rows := []object{}
	for _, a := range d.apps {
		if a.Status == active || r.URL.Query().Get("includeNonDeleted") == "true" {
			rows = append(rows, a.row())
		}
	}
	d.replyPage(w, r, rows)
}

// client is the app a path names, or a 404.
func (d *Double) client(w http.ResponseWriter, r *http.Request) *app {
	a := d.app(r.PathValue("app"))
	if a == nil {
		notFound(w, r.PathValue("app"), "AppInstance")
	}
	return a
}

func (d *Double) getApp(w http.ResponseWriter, r *http.Request) {
	if a := d.client(w, r); a != nil {
		reply(w, a.row())
	}
}

// row holds the secret itself: the vendor sends it with every listing.
func (s *appSecret) row() object {
	return object{
		"id": s.id, "status": s.status, "client_secret": s.secret.Expose(), "secret_hash": "double",
		"created": stamp(s.created), "lastUpdated": stamp(s.created),
	}
}

func (d *Double) listSecrets(w http.ResponseWriter, r *http.Request) {
	a := d.client(w, r)
	if a == nil {
		return
	}
	rows := []object{}
	for _, s := range a.secrets {
		rows = append(rows, s.row())
	}
	d.replyAll(w, rows)
}

// secret is the one a path names, or a 404.
func (d *Double) secret(w http.ResponseWriter, r *http.Request) (*app, *appSecret) {
	a := d.client(w, r)
	if a == nil {
		return nil, nil
	}
	for _, s := range a.secrets {
		if s.id == r.PathValue("secret") {
			return a, s
		}
	}
	notFound(w, r.PathValue("secret"), "OAuth2ClientSecretMediated")
	return nil, nil
}

func (d *Double) getSecret(w http.ResponseWriter, r *http.Request) {
	if _, s := d.secret(w, r); s != nil {
		reply(w, s.row())
	}
}

func (d *Double) deleteSecret(w http.ResponseWriter, r *http.Request) {
	a, s := d.secret(w, r)
	if s == nil {
		return
	}
	if s.status == active {
		invalid(w, "OAuth2ClientSecretMediated", "You can't delete an active client secret. Deactivate the secret before deleting it.")
		return
	}
	a.secrets = slices.DeleteFunc(a.secrets, func(o *appSecret) bool { return o == s })
	w.WriteHeader(http.StatusNoContent)
}

// activateSecret of an active one is refused; unverified.
func (d *Double) activateSecret(w http.ResponseWriter, r *http.Request) {
	_, s := d.secret(w, r)
	if s == nil {
		return
	}
	if s.status == active {
		invalid(w, "OAuth2ClientSecretMediated", "The client secret is active.")
		return
	}
	s.status = active
	reply(w, s.row())
}

// deactivateSecret of an inactive one is refused; unverified.
func (d *Double) deactivateSecret(w http.ResponseWriter, r *http.Request) {
	a, s := d.secret(w, r)
	if s == nil {
		return
	}
	if s.status != active {
		invalid(w, "OAuth2ClientSecretMediated", "The client secret is not active.")
		return
	}
	others := slices.ContainsFunc(a.secrets, func(o *appSecret) bool { return o != s && o.status == active })
	if !others {
		invalid(w, "OAuth2ClientSecretMediated", "You can't deactivate the only active client secret.")
		return
	}
	s.status = inactive
	reply(w, s.row())
}
