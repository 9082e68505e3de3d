package gitlabtest

import (
	"net/http"
	"strconv"
)

// filters are the query keys of listings of tokens, beside those of paging.
var filters = []string{"state", "revoked", "search", "sort"}

func (d *Double) routes() {
	d.handle("GET /user", d.me)
	d.handle("GET /users", d.listUsers, paging()...)
	d.handle("GET /users/{id}", d.getUser)
	d.handle("POST /users/{id}/block", d.blockUser)

	d.handle("GET /personal_access_tokens", d.listPersonal, paging(append(filters, "user_id")...)...)
	d.handle("GET /personal_access_tokens/self", d.self)
	d.handle("GET /personal_access_tokens/{tid}", d.personal(d.show))
	d.handle("DELETE /personal_access_tokens/{tid}", d.personal(d.revoke))
	d.handle("POST /personal_access_tokens/{tid}/rotate", d.personal(d.rotate))

	d.handle("GET /groups/{id}", d.getGroup, "with_projects")
	d.handle("GET /groups/{id}/descendant_groups", d.listDescendants, paging()...)
	d.handle("GET /groups/{id}/projects", d.listProjects, paging("include_subgroups", "with_shared", "simple")...)
	for _, home := range []string{"groups", "projects"} {
		of := d.ofGroup
		if home == "projects" {
			of = d.ofProject
		}
		d.handle("GET /"+home+"/{id}/access_tokens", d.listOf(of), paging(filters...)...)
		d.handle("POST /"+home+"/{id}/access_tokens", d.create(of))
		d.handle("GET /"+home+"/{id}/access_tokens/{tid}", d.oneOf(of, d.show))
		d.handle("DELETE /"+home+"/{id}/access_tokens/{tid}", d.oneOf(of, d.revoke))
		d.handle("POST /"+home+"/{id}/access_tokens/{tid}/rotate", d.oneOf(of, d.rotate))
	}
	d.handle("GET /groups/{id}/service_accounts", d.listServices, paging()...)
	const service = "/groups/{id}/service_accounts/{uid}/personal_access_tokens"
	d.handle("GET "+service, d.listOf(d.ofService), paging(filters...)...)
	d.handle("POST "+service, d.create(d.ofService))
	d.handle("DELETE "+service+"/{tid}", d.oneOf(d.ofService, d.revoke))
	d.handle("POST "+service+"/{tid}/rotate", d.oneOf(d.ofService, d.rotate))

	d.handle("GET /groups/{id}/enterprise_users", d.listEnterprise, paging()...)
	const inventory = "/groups/{id}/manage/personal_access_tokens"
	d.handle("GET "+inventory, d.listOf(d.ofInventory), paging("state", "revoked", "search")...)
	d.handle("DELETE "+inventory+"/{tid}", d.oneOf(d.ofInventory, d.revoke))

	d.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { failure(w, http.StatusNotFound, "404 Not Found") })
}

// groupAt finds a group by ID or full path.
func (d *Double) groupAt(w http.ResponseWriter, r *http.Request) *group {
	name := r.PathValue("id")
	for _, g := range d.groups {
		if g.path == name || strconv.FormatInt(g.id, 10) == name {
			return g
		}
	}
	notFound(w, "Group")
	return nil
}

type groupRow struct {
	ID       int64  `json:"id"`
	Name     string `json:"name"`
	Path     string `json:"path"`
	FullName string `json:"full_name"`
	FullPath string `json:"full_path"`
	ParentID *int64 `json:"parent_id"`
}

func showGroup(g *group) groupRow {
	row := groupRow{ID: g.id, Name: g.path, Path: g.path, FullName: g.path, FullPath: g.path}
	if g.parent != 0 {
		row.ParentID = &g.parent
	}
	return row
}

func (d *Double) getGroup(w http.ResponseWriter, r *http.Request, _ caller) {
	if g := d.groupAt(w, r); g != nil {
		reply(w, http.StatusOK, showGroup(g))
	}
}

func (d *Double) listDescendants(w http.ResponseWriter, r *http.Request, _ caller) {
	top := d.groupAt(w, r)
	if top == nil {
		return
	}
	page(d, w, r, sorted(d.groups, func(g *group) bool { return g.id != top.id && d.inside(g.id) }), showGroup)
}

type projectRow struct {
	ID                int64  `json:"id"`
	Name              string `json:"name"`
	PathWithNamespace string `json:"path_with_namespace"`
}

// listProjects of a group: those of subgroups and those shared with it are on
// request, or until told otherwise.
func (d *Double) listProjects(w http.ResponseWriter, r *http.Request, _ caller) {
	g := d.groupAt(w, r)
	if g == nil {
		return
	}
	deep, shared := r.URL.Query().Get("include_subgroups") == "true", r.URL.Query().Get("with_shared") != "false"
	rows := sorted(d.projects, func(p *project) bool {
		return p.group == g.id || deep && p.group != 0 && d.inside(p.group) || p.shared && shared
	})
	page(d, w, r, rows, func(p *project) projectRow {
		return projectRow{ID: p.id, Name: p.path, PathWithNamespace: p.path}
	})
}
