package oktatest

import (
	"net/http"
	"slices"
)

// routes is every operation the double knows; another path is 404 and another
// method 405.
func (d *Double) routes() {
	const secretPath = "/api/v1/apps/{app}/credentials/secrets" //nolint:gosec // a path
	for _, route := range []struct {
		pattern string
		keys    []string
		serve   http.HandlerFunc
	}{
		{"GET /api/v1/users", []string{"after", "limit", "filter", "q", "search"}, d.listUsers},
		{"GET /api/v1/users/{user}", nil, d.getUser},
		{"POST /api/v1/users/{user}/lifecycle/suspend", nil, d.suspendUser},
		{"POST /api/v1/users/{user}/lifecycle/unsuspend", nil, d.unsuspendUser},
		{"DELETE /api/v1/users/{user}/sessions", []string{"oauthTokens", "forgetDevices"}, d.endSessions},
		{"GET /api/v1/users/{user}/grants", []string{"after", "limit", "scopeId", "expand"}, d.listGrants},
		{"GET /api/v1/users/{user}/grants/{grant}", []string{"expand"}, d.getGrant},
		{"DELETE /api/v1/users/{user}/grants/{grant}", nil, d.revokeGrant},
		{"GET /api/v1/api-tokens", nil, d.listTokens},
		{"GET /api/v1/api-tokens/{token}", nil, d.getToken},
		{"DELETE /api/v1/api-tokens/{token}", nil, d.revokeToken},
		{"GET /api/v1/apps", []string{"after", "limit", "filter", "q", "includeNonDeleted"}, d.listApps},
		{"GET /api/v1/apps/{app}", nil, d.getApp},
		{"GET " + secretPath, nil, d.listSecrets},
		{"GET " + secretPath + "/{secret}", nil, d.getSecret},
		{"DELETE " + secretPath + "/{secret}", nil, d.deleteSecret},
		{"POST " + secretPath + "/{secret}/lifecycle/activate", nil, d.activateSecret},
		{"POST " + secretPath + "/{secret}/lifecycle/deactivate", nil, d.deactivateSecret},
	} {
		d.mux.HandleFunc(route.pattern, func(w http.ResponseWriter, r *http.Request) {
			if !acceptable(w, r, route.keys) {
				return
			}
			d.mu.Lock()
			defer d.mu.Unlock()
			route.serve(w, r)
		})
	}
}

func (p *person) row() object {
	return object{
		"id": p.ID, "status": p.Status,
		"profile": object{"login": p.Email, "email": p.Email, "displayName": p.Name, "firstName": p.Name, "lastName": "Double"},
	}
}

// listUsers leaves out deactivated people, as the vendor does.
func (d *Double) listUsers(w http.ResponseWriter, r *http.Request) {
	rows := []object{}
	for _, p := range d.people {
		if p.Status != deprovisioned {
			rows = append(rows, p.row())
		}
	}
	d.replyPage(w, r, rows)
}

// user is the person a path names, or a 404.
func (d *Double) user(w http.ResponseWriter, r *http.Request) *person {
	key := r.PathValue("user")
	if t := d.caller(r); t != nil && key == "me" {
		key = t.Owner
	}
	p := d.person(key)
	if p == nil {
		notFound(w, key, "User")
	}
	return p
}

func (d *Double) getUser(w http.ResponseWriter, r *http.Request) {
	if p := d.user(w, r); p != nil {
		reply(w, p.row())
	}
}

// suspendUser is for active people only; the status and words of the refusal
// are unverified.
func (d *Double) suspendUser(w http.ResponseWriter, r *http.Request) {
	d.move(w, r, active, suspended)
}

func (d *Double) unsuspendUser(w http.ResponseWriter, r *http.Request) {
	d.move(w, r, suspended, active)
}

func (d *Double) move(w http.ResponseWriter, r *http.Request, from, to string) {
	p := d.user(w, r)
	if p == nil {
		return
	}
	if p.Status != from {
		invalid(w, "status", "The user's status does not allow this.")
		return
	}
	p.Status = to
	reply(w, object{})
}

func (d *Double) endSessions(w http.ResponseWriter, r *http.Request) {
	p := d.user(w, r)
	if p == nil {
		return
	}
	if r.URL.Query().Get("oauthTokens") == "true" {
		d.sessions[p.ID]++
	}
	w.WriteHeader(http.StatusNoContent)
}

func (g *grant) row() object {
	client := object{"href": "https://double.example/oauth2/v1/clients/" + g.ClientID}
	if g.App != "" {
		client["title"] = g.App
	}
	return object{
		"id": g.id, "status": g.Status, "created": stamp(g.CreatedAt), "lastUpdated": stamp(g.CreatedAt),
		"issuer": "https://double.example", "clientId": g.ClientID, "userId": g.Owner, "scopeId": g.Scope,
		"source": "END_USER", "_links": object{"client": client},
	}
}

func (d *Double) listGrants(w http.ResponseWriter, r *http.Request) {
	p := d.user(w, r)
	if p == nil {
		return
	}
	rows := []object{}
	for _, g := range d.grants {
		if g.Owner == p.ID {
			rows = append(rows, g.row())
		}
	}
	d.replyPage(w, r, rows)
}

// grant is the one a path names, or a 404.
func (d *Double) grant(w http.ResponseWriter, r *http.Request) *grant {
	p := d.user(w, r)
	if p == nil {
		return nil
	}
	for _, g := range d.grants {
		if g.id == r.PathValue("grant") && g.Owner == p.ID {
			return g
		}
	}
	notFound(w, r.PathValue("grant"), "OAuth2ScopeConsentGrant")
	return nil
}

func (d *Double) getGrant(w http.ResponseWriter, r *http.Request) {
	if g := d.grant(w, r); g != nil {
		reply(w, g.row())
	}
}

func (d *Double) revokeGrant(w http.ResponseWriter, r *http.Request) {
	g := d.grant(w, r)
	if g == nil {
		return
	}
	d.grants = slices.DeleteFunc(d.grants, func(o *grant) bool { return o == g })
	w.WriteHeader(http.StatusNoContent)
}
