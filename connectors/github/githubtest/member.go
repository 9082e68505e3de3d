package githubtest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// user has an account at GitHub.
type user struct {
	id     int64
	login  string
	member bool
}

// AddMember makes a user a member of the organisation.
func (d *Double) AddMember(login string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.user(login).member = true
}

// Member tells whether a login is of a member.
func (d *Double) Member(login string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	u := d.users[strings.ToLower(login)]
	return u != nil && u.member
}

// Rename gives a user another login, as they do themselves at any time. The old
// one is then nobody's, until somebody takes it.
func (d *Double) Rename(from, to string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	u := d.user(from)
	delete(d.users, strings.ToLower(from))
	u.login = to
	d.users[strings.ToLower(to)] = u
}

// user is the user of a login, who is made a member where unknown.
func (d *Double) user(login string) *user {
	u := d.users[strings.ToLower(login)]
	if u == nil {
		d.lastID++
		u = &user{id: d.lastID, login: login, member: true}
		d.users[strings.ToLower(login)] = u
	}
	return u
}

// removeMember ends, with the membership, what the member's credentials reach.
// That it is answered 404 for somebody who is no member is unverified.
func (d *Double) removeMember(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	u := d.users[strings.ToLower(r.PathValue("username"))]
	if u == nil || !u.member {
		notFound(w, r)
		return
	}
	u.member = false
	d.grants = slices.DeleteFunc(d.grants, func(g *grant) bool { return g.owner == u })
	d.requests = slices.DeleteFunc(d.requests, func(g *grant) bool { return g.owner == u })
	d.authorizations = slices.DeleteFunc(d.authorizations, func(a *authorization) bool { return a.owner == u })
	w.WriteHeader(http.StatusNoContent)
}

func (d *Double) getMembership(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	u := d.users[strings.ToLower(r.PathValue("username"))]
	if u == nil || !u.member {
		notFound(w, r)
		return
	}
	org := fmt.Sprintf("http://%s/orgs/%s", r.Host, d.cfg.Org)
	reply(w, http.StatusOK, map[string]any{
		"url": org + "/memberships/" + u.login, "state": "active", "role": "member", "organization_url": org,
		"user": u.wire(r.Host), "organization": map[string]any{
			"login": d.cfg.Org, "id": organizationID, "node_id": "O_1", "url": org, "repos_url": org + "/repos",
			"events_url": org + "/events", "hooks_url": org + "/hooks", "issues_url": org + "/issues",
			"members_url": org + "/members{/member}", "public_members_url": org + "/public_members{/member}",
			"avatar_url": "http://" + r.Host + "/avatars/o/1", "description": nil,
		},
	})
}

// getUser is what everybody may know of a user.
func (d *Double) getUser(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	u := d.users[strings.ToLower(r.PathValue("username"))]
	if u == nil {
		notFound(w, r)
		return
	}
	row := u.wire(r.Host)
	for _, unset := range []string{"name", "company", "blog", "location", "email", "hireable", "bio"} {
		row[unset] = nil
	}
	for _, count := range []string{"public_repos", "public_gists", "followers", "following"} {
		row[count] = 0
	}
	row["user_view_type"] = "public"
	row["created_at"], row["updated_at"] = "2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z"
	reply(w, http.StatusOK, row)
}

func (u *user) wire(host string) map[string]any { return account(host, u.login, u.id, "User") }

// account is the vendor's simple user, which an organisation is too.
func account(host, login string, id int64, kind string) map[string]any {
	url := "http://" + host + "/users/" + login
	return map[string]any{
		"login": login, "id": id, "node_id": fmt.Sprintf("U_%d", id), "type": kind, "site_admin": false, "gravatar_id": "",
		"avatar_url": fmt.Sprintf("http://%s/avatars/u/%d", host, id), "url": url, "html_url": "http://" + host + "/" + login,
		"followers_url": url + "/followers", "following_url": url + "/following{/other_user}",
		"gists_url": url + "/gists{/gist_id}", "starred_url": url + "/starred{/owner}{/repo}",
		"subscriptions_url": url + "/subscriptions", "organizations_url": url + "/orgs", "repos_url": url + "/repos",
		"events_url": url + "/events{/privacy}", "received_events_url": url + "/received_events",
	}
}
