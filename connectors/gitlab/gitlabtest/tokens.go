package gitlabtest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// resourceScopes are those a group's or project's token can have.
var resourceScopes = []string{
	"api", "read_api", "read_repository", "write_repository", "read_registry", "write_registry", "read_virtual_registry",
	"write_virtual_registry", "create_runner", "manage_runner", "ai_features", "k8s_proxy", "self_rotate",
}

type tokenRow struct {
	ID          int64    `json:"id"`
	Name        string   `json:"name"`
	Revoked     bool     `json:"revoked"`
	CreatedAt   *string  `json:"created_at"`
	Description string   `json:"description"`
	Scopes      []string `json:"scopes"`
	UserID      int64    `json:"user_id"`
	LastUsedAt  *string  `json:"last_used_at"`
	Active      bool     `json:"active"`
	ExpiresAt   *string  `json:"expires_at"`
	AccessLevel int      `json:"access_level,omitempty"` // of groups' and projects' tokens
	Token       string   `json:"token,omitempty"`        // when it was made
}

func (d *Double) showToken(t *token) tokenRow {
	row := tokenRow{
		ID: t.id, Name: t.home.Name, Revoked: t.revoked, CreatedAt: moment(t.home.CreatedAt), Scopes: t.home.Scopes,
		UserID: t.user, LastUsedAt: moment(t.used), Active: !t.revoked && !d.expired(t),
	}
	if !t.home.ExpiresAt.IsZero() {
		date := t.home.ExpiresAt.UTC().Format(time.DateOnly)
		row.ExpiresAt = &date
	}
	if t.home.User == 0 {
		row.AccessLevel = t.home.AccessLevel
	}
	return row
}

// home is where the tokens of a path live: which tokens those are, and what a
// new one is made from.
type home struct {
	has  func(*token) bool
	make Token
	what string
}

// finder resolves a path to its home, or answers why the caller has none.
type finder func(w http.ResponseWriter, r *http.Request, by caller) (home, bool)

func (d *Double) ofGroup(w http.ResponseWriter, r *http.Request, by caller) (home, bool) {
	g := d.groupAt(w, r)
	if g == nil {
		return home{}, false
	}
	if !by.owner {
		unauthorized(w)
		return home{}, false
	}
	return home{func(t *token) bool { return t.home.Group == g.id }, Token{Group: g.id}, "group"}, true
}

func (d *Double) ofProject(w http.ResponseWriter, r *http.Request, by caller) (home, bool) {
	id, ok := pathID(w, r, "id")
	if !ok {
		return home{}, false
	}
	p := d.projects[id]
	switch {
	case p == nil:
		notFound(w, "Project")
	case !by.owner || p.shared:
		unauthorized(w)
	default:
		return home{func(t *token) bool { return t.home.Project == id }, Token{Project: id}, "project"}, true
	}
	return home{}, false
}

func (d *Double) ofService(w http.ResponseWriter, r *http.Request, by caller) (home, bool) {
	if !d.servicesFor(w, r, by) {
		return home{}, false
	}
	uid, ok := pathID(w, r, "uid")
	if !ok {
		return home{}, false
	}
	if u := d.users[uid]; u == nil || u.kind != groupService {
		notFound(w, "User")
		return home{}, false
	}
	return home{func(t *token) bool { return t.home.User == uid }, Token{User: uid}, "personal"}, true
}

func (d *Double) ofInventory(w http.ResponseWriter, r *http.Request, by caller) (home, bool) {
	if !d.inventoryFor(w, r, by) {
		return home{}, false
	}
	return home{has: func(t *token) bool { return t.home.User != 0 && d.users[t.user].Enterprise }, what: "personal"}, true
}

func (d *Double) listOf(of finder) handler {
	return func(w http.ResponseWriter, r *http.Request, by caller) {
		if h, ok := of(w, r, by); ok {
			d.listTokens(w, r, h.has)
		}
	}
}

// listPersonal never refuses a listing without user_id: to whom is no
// administrator it shows their own tokens. Whether an administrator's includes
// the tokens of bots is unverified; here it does.
func (d *Double) listPersonal(w http.ResponseWriter, r *http.Request, by caller) {
	asked := r.URL.Query().Get("user_id")
	if asked != "" && asked != fmt.Sprint(by.user.id) && !by.admin {
		unauthorized(w)
		return
	}
	d.listTokens(w, r, func(t *token) bool {
		return (by.admin || t.user == by.user.id) && (asked == "" || asked == fmt.Sprint(t.user))
	})
}

func (d *Double) listTokens(w http.ResponseWriter, r *http.Request, has func(*token) bool) {
	q := r.URL.Query()
	state, revoked, sort := q.Get("state"), q.Get("revoked"), q.Get("sort")
	if !slices.Contains([]string{"", "active", "inactive"}, state) || !slices.Contains([]string{"", "true", "false"}, revoked) ||
		!slices.Contains([]string{"", "created_asc", "created_desc"}, sort) {
		failure(w, http.StatusBadRequest, "state, revoked or sort does not have a valid value")
		return
	}
	rows := sorted(d.tokens, func(t *token) bool {
		active := !t.revoked && !d.expired(t)
		return has(t) && strings.Contains(t.home.Name, q.Get("search")) &&
			(state == "" || (state == "active") == active) && (revoked == "" || (revoked == "true") == t.revoked)
	})
	if sort != "created_asc" {
		slices.Reverse(rows)
	}
	page(d, w, r, rows, d.showToken)
}

// act does something to one token.
type act func(w http.ResponseWriter, r *http.Request, t *token)

func (d *Double) oneOf(of finder, do act) handler {
	return func(w http.ResponseWriter, r *http.Request, by caller) {
		h, ok := of(w, r, by)
		if !ok {
			return
		}
		id, ok := pathID(w, r, "tid")
		if !ok {
			return
		}
		t := d.tokens[id]
		if t == nil || !h.has(t) {
			notFound(w, h.what+" Access Token")
			return
		}
		do(w, r, t)
	}
}

// personal finds a personal token: an administrator any, others their own.
func (d *Double) personal(do act) handler {
	return func(w http.ResponseWriter, r *http.Request, by caller) {
		id, ok := pathID(w, r, "tid")
		if !ok {
			return
		}
		t := d.tokens[id]
		switch {
		case t == nil && by.admin:
			notFound(w, "")
		case t == nil || t.user != by.user.id && !by.admin:
			unauthorized(w) // only administrators are told that it does not exist
		default:
			do(w, r, t)
		}
	}
}

func (d *Double) self(w http.ResponseWriter, _ *http.Request, by caller) {
	reply(w, http.StatusOK, d.showToken(by.token))
}

func (d *Double) show(w http.ResponseWriter, _ *http.Request, t *token) {
	reply(w, http.StatusOK, d.showToken(t))
}

func (d *Double) revoke(w http.ResponseWriter, _ *http.Request, t *token) {
	t.revoked = true
	w.WriteHeader(http.StatusNoContent)
}

// rotate of a token that is revoked already revokes its whole family.
func (d *Double) rotate(w http.ResponseWriter, r *http.Request, t *token) {
	var in struct {
		ExpiresAt *string `json:"expires_at"`
	}
	if r.ContentLength != 0 && !read(w, r, &in) {
		return
	}
	if t.revoked {
		d.killFamily(t)
		badRequest(w, "Token already revoked")
		return
	}
	ends := dateOf(d.now()).AddDate(0, 0, 7)
	if in.ExpiresAt != nil {
		var ok bool
		if ends, ok = d.endDate(w, *in.ExpiresAt); !ok {
			return
		}
	}
	fresh := d.succeed(t, ends)
	row := d.showToken(fresh)
	row.Token = fresh.value
	reply(w, http.StatusOK, row)
}

func (d *Double) create(of finder) handler {
	return func(w http.ResponseWriter, r *http.Request, by caller) {
		h, ok := of(w, r, by)
		if !ok {
			return
		}
		var in struct {
			Name        string   `json:"name"`
			Description string   `json:"description"`
			Scopes      []string `json:"scopes"`
			AccessLevel int      `json:"access_level"`
			ExpiresAt   string   `json:"expires_at"`
		}
		if !read(w, r, &in) {
			return
		}
		resource := h.make.User == 0
		switch {
		case in.Name == "":
			failure(w, http.StatusBadRequest, "name is missing")
			return
		case len(in.Scopes) == 0:
			failure(w, http.StatusBadRequest, "scopes is missing")
			return
		case in.ExpiresAt == "":
			failure(w, http.StatusBadRequest, "expires_at is missing")
			return
		case resource && slices.ContainsFunc(in.Scopes, func(s string) bool { return !slices.Contains(resourceScopes, s) }):
			failure(w, http.StatusBadRequest, "scopes does not have a valid value")
			return
		case resource && !slices.Contains([]int{0, 10, 15, 20, 30, 40, 50}, in.AccessLevel):
			failure(w, http.StatusBadRequest, "access_level does not have a valid value")
			return
		}
		ends, ok := d.endDate(w, in.ExpiresAt)
		if !ok {
			return
		}
		made := h.make
		made.Name, made.Scopes, made.AccessLevel, made.ExpiresAt = in.Name, in.Scopes, in.AccessLevel, ends
		t := d.addToken(made)
		row := d.showToken(t)
		row.Token = t.value
		reply(w, http.StatusCreated, row)
	}
}

// endDate reads a last date: in the future (that GitLab asks for this is
// unverified) and within a year.
func (d *Double) endDate(w http.ResponseWriter, text string) (time.Time, bool) {
	date, err := time.Parse(time.DateOnly, text)
	today := dateOf(d.now())
	latest := today.AddDate(0, 0, 365)
	switch {
	case err != nil:
		failure(w, http.StatusBadRequest, "expires_at is invalid")
	case !date.After(today):
		badRequest(w, "Expiration date must be in the future")
	case date.After(latest):
		badRequest(w, "Expiration date must be before "+latest.Format(time.DateOnly))
	default:
		return date, true
	}
	return time.Time{}, false
}
