package githubtest

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"latchkey/secret"
)

// PAT is a fine-grained token that somebody made for the organisation.
type PAT struct {
	Owner        string            // login; made a member where unknown
	Name         string            // the owner's word for it
	Reason       string            // why access is asked for; of requests
	Organization map[string]string // permissions: "members" to "read"
	Repository   map[string]string
	MadeAt       time.Time // of the access or the request; zero means now
	ExpiresAt    time.Time // zero means never
	LastUsed     time.Time // zero means never
}

// Token is a seeded token. Grant is the number of its access to the
// organisation, or of the request for it; ID is the token's own.
type Token struct {
	Grant, ID int64
	MadeAt    time.Time // of the access or the request
	Secret    secret.Value
}

// token is a credential of a user, of whatever sort.
type token struct {
	id     int64
	value  secret.Value
	ends   time.Time
	killed bool
}

// grant is a token's access to the organisation, or the request for it.
type grant struct {
	PAT
	id    int64
	token int64
	owner *user
	state string // of a request
}

// AddPAT makes a token that has access.
func (d *Double) AddPAT(p PAT) Token {
	d.mu.Lock()
	defer d.mu.Unlock()
	g := d.newGrant(p)
	d.grants = append(d.grants, g)
	return d.seeded(g)
}

func (d *Double) seeded(g *grant) Token {
	return Token{Grant: g.id, ID: g.token, MadeAt: g.MadeAt, Secret: d.tokens[g.token].value}
}

func (d *Double) newGrant(p PAT) *grant {
	t := d.newToken("github_pat_"+secret.Token(22).Expose()+"_", 59, p.ExpiresAt)
	return d.grantOf(t.id, p)
}

// grantOf keeps the numbers of grants and of tokens apart.
func (d *Double) grantOf(token int64, p PAT) *grant {
	if p.MadeAt.IsZero() {
		p.MadeAt = d.cfg.Now()
	}
	d.lastID++
	return &grant{PAT: p, id: d.lastID, token: token, owner: d.user(p.Owner)}
}

func (d *Double) newToken(prefix string, random int, ends time.Time) *token {
	d.lastID++
	t := &token{id: 900_000 + d.lastID, value: secret.New(prefix + secret.Token(random).Expose()), ends: ends}
	d.tokens[t.id] = t
	return t
}

// Works tells whether a user's token reaches the organisation.
func (d *Double) Works(v secret.Value) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	id, ok := d.alive(v)
	return ok && (slices.ContainsFunc(d.grants, func(g *grant) bool { return g.token == id }) ||
		slices.ContainsFunc(d.authorizations, func(a *authorization) bool { return a.token == id }))
}

// Alive tells whether a user's token exists, wherever it reaches.
func (d *Double) Alive(v secret.Value) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, ok := d.alive(v)
	return ok
}

func (d *Double) alive(v secret.Value) (int64, bool) {
	for _, t := range d.tokens {
		if t.value.Expose() == v.Expose() {
			return t.id, !t.killed && !t.expired(d.cfg.Now())
		}
	}
	return 0, false
}

func (t *token) expired(now time.Time) bool { return !t.ends.IsZero() && !now.Before(t.ends) }

func (d *Double) listGrants(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.replyGrants(w, r, d.grants, "access_granted_at")
}

func (d *Double) replyGrants(w http.ResponseWriter, r *http.Request, rows []*grant, made string) {
	query := r.URL.Query()
	rows = slices.Clone(rows)
	if tokens := query["token_id[]"]; len(tokens) > 0 {
		rows = slices.DeleteFunc(rows, func(g *grant) bool { return !slices.Contains(tokens, strconv.FormatInt(g.token, 10)) })
	}
	if len(query["token_id[]"]) > 50 || query.Has("sort") && query.Get("sort") != "created_at" {
		invalid(w, "sort", "want created_at, and at most 50 tokens")
		return
	}
	switch cmp.Or(query.Get("direction"), "desc") {
	case "asc":
	case "desc":
		slices.Reverse(rows)
	default:
		invalid(w, "direction", "want asc or desc")
		return
	}
	rows, ok := paged(d, w, r, rows, "sort", "direction", "token_id[]")
	if !ok {
		return
	}
	out := []map[string]any{}
	for _, g := range rows {
		row := g.wire(r.Host, d.cfg.Org, d.tokens[g.token].expired(d.cfg.Now()))
		row[made] = at(g.MadeAt)
		if made == "created_at" {
			row["reason"] = g.Reason
		}
		out = append(out, row)
	}
	reply(w, http.StatusOK, out)
}

// wire has null for a token that never ends and for one that was never used.
func (g *grant) wire(host, org string, expired bool) map[string]any {
	permissions := map[string]map[string]string{}
	for name, of := range map[string]map[string]string{"organization": g.Organization, "repository": g.Repository} {
		if len(of) > 0 {
			permissions[name] = maps.Clone(of)
		}
	}
	return map[string]any{
		"id": g.id, "owner": g.owner.wire(host), "repository_selection": "all", "permissions": permissions,
		"repositories_url": fmt.Sprintf("http://%s/orgs/%s/personal-access-tokens/%d/repositories", host, org, g.id),
		"token_id":         g.token, "token_name": g.Name, "token_expired": expired,
		"token_expires_at": at(g.ExpiresAt), "token_last_used_at": at(g.LastUsed),
	}
}

func (d *Double) revokeGrant(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Action string `json:"action"`
	}
	id, ok := pathID(w, r)
	if !ok || !read(w, r, &in) {
		return
	}
	if in.Action != "revoke" {
		invalid(w, "action", "want revoke")
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.ContainsFunc(d.grants, func(g *grant) bool { return g.id == id }) {
		notFound(w, r)
		return
	}
	d.done(w, func() {
		d.grants = slices.DeleteFunc(d.grants, func(g *grant) bool { return g.id == id })
	})
}

// done answers 204 and does it, or is accepted (202) and done by Settle. The
// vendor documents 202 for many tokens in one call, and 204 for one.
func (d *Double) done(w http.ResponseWriter, do func()) {
	if d.knobs.Later {
		d.later = append(d.later, do)
		reply(w, http.StatusAccepted, map[string]any{})
		return
	}
	do()
	w.WriteHeader(http.StatusNoContent)
}
