package gitlabtest

import "net/http"

type userRow struct {
	ID          int64   `json:"id"`
	Username    string  `json:"username"`
	Name        string  `json:"name"`
	State       string  `json:"state"`
	Bot         bool    `json:"bot"`
	Email       string  `json:"email,omitempty"`        // to administrators, of enterprise users, and one's own
	ConfirmedAt *string `json:"confirmed_at,omitempty"` // as Email
	IsAdmin     *bool   `json:"is_admin,omitempty"`     // to administrators
}

func public(u *user) userRow {
	return userRow{ID: u.id, Username: u.username, Name: u.Name, State: u.State, Bot: u.kind != human}
}

func private(u *user) userRow {
	row := public(u)
	row.Email = u.Email
	if !u.Unconfirmed {
		row.ConfirmedAt = moment(u.made)
	}
	return row
}

func (by caller) show(u *user) userRow {
	if !by.admin {
		return public(u)
	}
	row := private(u)
	row.IsAdmin = &u.Admin
	return row
}

// me says is_admin to every administrator, in Admin Mode or not (unverified).
func (d *Double) me(w http.ResponseWriter, _ *http.Request, by caller) {
	row := private(by.user)
	if d.cfg.SelfManaged && by.user.Admin {
		row.IsAdmin = &by.user.Admin
	}
	reply(w, http.StatusOK, row)
}

func (d *Double) listUsers(w http.ResponseWriter, r *http.Request, by caller) {
	page(d, w, r, sorted(d.users, func(*user) bool { return true }), by.show)
}

func (d *Double) getUser(w http.ResponseWriter, r *http.Request, by caller) {
	if u := d.userAt(w, r); u != nil {
		reply(w, http.StatusOK, by.show(u))
	}
}

func (d *Double) userAt(w http.ResponseWriter, r *http.Request) *user {
	id, ok := pathID(w, r, "id")
	if !ok {
		return nil
	}
	u := d.users[id]
	if u == nil {
		notFound(w, "User")
	}
	return u
}

// blockUser refuses a second block: the user's state machine has no such move.
func (d *Double) blockUser(w http.ResponseWriter, r *http.Request, by caller) {
	if !by.admin {
		forbidden(w)
		return
	}
	u := d.userAt(w, r)
	if u == nil {
		return
	}
	if u.State != "active" && u.State != "deactivated" || u == by.user {
		forbidden(w)
		return
	}
	u.State = "blocked"
	reply(w, http.StatusCreated, true)
}

func (d *Double) listEnterprise(w http.ResponseWriter, r *http.Request, by caller) {
	if !d.inventoryFor(w, r, by) {
		return
	}
	page(d, w, r, sorted(d.users, func(u *user) bool { return u.Enterprise }), private)
}

type serviceRow struct {
	ID       int64  `json:"id"`
	Username string `json:"username"`
	Name     string `json:"name"`
}

func showService(u *user) serviceRow { return serviceRow{u.id, u.username, u.Name} }

func (d *Double) listServices(w http.ResponseWriter, r *http.Request, by caller) {
	if !d.servicesFor(w, r, by) {
		return
	}
	page(d, w, r, sorted(d.users, func(u *user) bool { return u.kind == groupService }), showService)
}

// servicesFor checks what calls on a group's service accounts need: the
// top-level group, its owner, and a licence, without which it is 403.
func (d *Double) servicesFor(w http.ResponseWriter, r *http.Request, by caller) bool {
	g := d.groupAt(w, r)
	switch {
	case g == nil:
		return false
	case g.id != TopGroup:
		notFound(w, "Group")
	case d.cfg.NoServices || !by.owner:
		forbidden(w)
	default:
		return true
	}
	return false
}

// inventoryFor checks what the credentials inventory needs: GitLab.com, the
// top-level group, its owner, and a licence.
func (d *Double) inventoryFor(w http.ResponseWriter, r *http.Request, by caller) bool {
	g := d.groupAt(w, r)
	switch {
	case g == nil:
		return false
	case d.cfg.SelfManaged || d.cfg.NoInventory || g.id != TopGroup:
		notFound(w, "")
	case !by.owner:
		forbidden(w)
	default:
		return true
	}
	return false
}
