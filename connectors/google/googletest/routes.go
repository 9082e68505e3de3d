package googletest

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// routes is every operation the double knows; another path is 404 and another
// method 405.
func (d *Double) routes() {
	const users = "/admin/directory/v1/users"
	read := []string{scopeUser, scopeUserReadonly}
	write, security := []string{scopeUser}, []string{scopeSecurity}
	for _, route := range []struct {
		pattern string
		scopes  []string
		keys    []string
		serve   http.HandlerFunc
	}{
		{"GET " + users, read, []string{"customer", "domain", "maxResults", "orderBy", "pageToken", "projection"}, d.listUsers},
		{"GET " + users + "/{user}", read, []string{"projection"}, d.getUser},
		{"PATCH " + users + "/{user}", write, nil, d.patchUser},
		{"GET " + users + "/{user}/asps", security, nil, d.listPasswords},
		{"GET " + users + "/{user}/asps/{code}", security, nil, d.getPassword},
		{"DELETE " + users + "/{user}/asps/{code}", security, nil, d.deletePassword},
		{"GET " + users + "/{user}/tokens", security, nil, d.listTokens},
		{"GET " + users + "/{user}/tokens/{client}", security, nil, d.getToken},
		{"DELETE " + users + "/{user}/tokens/{client}", security, nil, d.deleteToken},
	} {
		d.mux.HandleFunc(route.pattern, func(w http.ResponseWriter, r *http.Request) {
			d.mu.Lock()
			defer d.mu.Unlock()
			if !acceptable(w, r, route.keys) || !d.authorize(w, r, route.scopes) {
				return
			}
			if r.Method != http.MethodPatch && !noBody(w, r) {
				return
			}
			route.serve(w, r)
		})
	}
	d.mux.HandleFunc("POST "+tokenPath, d.giveToken)
}

func (p *person) row() object {
	return object{
		"kind": "admin#directory#user", "id": p.ID, "etag": `"double"`, "primaryEmail": p.Email, "isAdmin": p.Admin,
		"suspended": p.Suspended, "archived": p.Archived, "name": object{"fullName": p.Name},
	}
}

// listUsers pages by the e-mail address that comes next.
func (d *Double) listUsers(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	size, err := strconv.Atoi(cmp.Or(query.Get("maxResults"), "100"))
	if err != nil || size < 1 || size > defaultMaxPage {
		invalid(w, "maxResults")
		return
	}
	if query.Get("customer") != "my_customer" && query.Get("domain") == "" {
		fail(w, http.StatusBadRequest, "badRequest", "Bad Request")
		return
	}
	sorted := slices.SortedFunc(slices.Values(d.people), func(a, b *person) int { return cmp.Compare(a.Email, b.Email) })
	start := 0
	if token := query.Get("pageToken"); token != "" {
		if start = slices.IndexFunc(sorted, func(p *person) bool { return "~!!~"+p.Email == token }); start < 0 {
			invalid(w, "pageToken")
			return
		}
	}
	answer := object{"kind": "admin#directory#users", "etag": `"double"`}
	end := min(start+min(size, d.maxPage), len(sorted))
	if end < len(sorted) {
		answer["nextPageToken"] = "~!!~" + sorted[end].Email
	}
	if d.stuck {
		answer["nextPageToken"] = "~!!~" + sorted[0].Email
	}
	rows := []object{}
	for _, p := range sorted[start:end] {
		rows = append(rows, p.row())
	}
	if d.empty {
		rows = []object{}
		delete(answer, "nextPageToken")
	}
	answer["users"] = rows
	reply(w, answer)
}

// user is the person a path names, or a 404.
func (d *Double) user(w http.ResponseWriter, r *http.Request) *person {
	p := d.person(r.PathValue("user"))
	if p == nil {
		notFound(w, "userKey")
	}
	return p
}

func (d *Double) getUser(w http.ResponseWriter, r *http.Request) {
	if p := d.user(w, r); p != nil {
		reply(w, p.row())
	}
}

// patchUser changes nothing but the suspension: more is not needed here.
func (d *Double) patchUser(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Suspended *bool `json:"suspended"`
	}
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil || r.Header.Get("Content-Type") != "application/json" {
		invalid(w, "body")
		return
	}
	p := d.user(w, r)
	if p == nil {
		return
	}
	if in.Suspended != nil {
		p.Suspended = *in.Suspended
	}
	reply(w, p.row())
}

// stamp is an int64 in a string; zero is never.
func (p *password) stamp(t time.Time) string {
	switch {
	case t.IsZero():
		return "0"
	case p.Seconds:
		return strconv.FormatInt(t.Unix(), 10)
	}
	return strconv.FormatInt(t.UnixMilli(), 10)
}

func (p *password) row(owner string) object {
	return object{
		"kind": "admin#directory#asp", "etag": `"double"`, "codeId": p.code, "name": p.Name, "userKey": owner,
		"creationTime": p.stamp(p.CreatedAt), "lastTimeUsed": p.stamp(p.UsedAt),
	}
}

// listPasswords leaves items out when there are none.
func (d *Double) listPasswords(w http.ResponseWriter, r *http.Request) {
	p := d.user(w, r)
	if p == nil {
		return
	}
	answer := object{"kind": "admin#directory#aspList", "etag": `"double"`}
	var rows []object
	for _, o := range p.passwords {
		rows = append(rows, o.row(p.ID))
	}
	if len(rows) > 0 && !d.empty {
		answer["items"] = rows
	}
	reply(w, answer)
}

// password is the one a path names, or a 404.
func (d *Double) password(w http.ResponseWriter, r *http.Request) (*person, *password) {
	p := d.user(w, r)
	if p == nil {
		return nil, nil
	}
	code, err := strconv.ParseInt(r.PathValue("code"), 10, 32)
	if err != nil {
		invalid(w, "codeId")
		return nil, nil
	}
	for _, o := range p.passwords {
		if o.code == code {
			return p, o
		}
	}
	notFound(w, "codeId")
	return nil, nil
}

func (d *Double) getPassword(w http.ResponseWriter, r *http.Request) {
	if p, o := d.password(w, r); o != nil {
		reply(w, o.row(p.ID))
	}
}

func (d *Double) deletePassword(w http.ResponseWriter, r *http.Request) {
	p, o := d.password(w, r)
	if o == nil {
		return
	}
	p.passwords = slices.DeleteFunc(p.passwords, func(x *password) bool { return x == o })
	w.WriteHeader(http.StatusNoContent)
}

func (t Token) row(owner string) object {
	return object{
		"kind": "admin#directory#token", "etag": `"double"`, "clientId": t.ClientID, "displayText": t.App, "anonymous": t.Anonymous,
		"nativeApp": t.Native, "userKey": owner, "scopes": t.Scopes,
	}
}

// listTokens has no times: the vendor tells none.
func (d *Double) listTokens(w http.ResponseWriter, r *http.Request) {
	p := d.user(w, r)
	if p == nil {
		return
	}
	answer := object{"kind": "admin#directory#tokenList", "etag": `"double"`}
	var rows []object
	for _, t := range p.tokens {
		rows = append(rows, t.row(p.ID))
	}
	if len(rows) > 0 && !d.empty {
		answer["items"] = rows
	}
	reply(w, answer)
}

func (d *Double) getToken(w http.ResponseWriter, r *http.Request) {
	p := d.user(w, r)
	if p == nil {
		return
	}
	for _, t := range p.tokens {
		if t.ClientID == r.PathValue("client") {
			reply(w, t.row(p.ID))
			return
		}
	}
	notFound(w, "clientId")
}

// deleteToken ends all of an app's access. That an app the person never gave
// any is 404 is unverified.
func (d *Double) deleteToken(w http.ResponseWriter, r *http.Request) {
	p := d.user(w, r)
	if p == nil {
		return
	}
	before := len(p.tokens)
	p.tokens = slices.DeleteFunc(p.tokens, func(t Token) bool { return t.ClientID == r.PathValue("client") })
	if len(p.tokens) == before {
		notFound(w, "clientId")
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
