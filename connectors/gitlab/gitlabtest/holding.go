package gitlabtest

import (
	"slices"
	"strconv"
	"time"

	"latchkey/secret"
)

// Holding is one token as GitLab itself knows it, whatever its API answers. A
// revoked one is no holding.
type Holding struct {
	ID        string // for Remove
	Sort      string // for people
	Owner     string // for people
	Label     string
	Scopes    []string
	ExpiresAt time.Time
	Works     bool
	Secret    secret.Value
}

// Holdings is every token that was not revoked, in the order they were made.
func (d *Double) Holdings() []Holding {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []Holding
	for _, t := range sorted(d.tokens, func(t *token) bool { return !t.revoked }) {
		u := d.users[t.user]
		h := Holding{
			ID: strconv.FormatInt(t.id, 10), Sort: "Personal access token", Owner: u.Name, Label: t.home.Name,
			Scopes: slices.Clone(t.home.Scopes), ExpiresAt: t.home.ExpiresAt,
			Works: !d.expired(t) && u.State == "active", Secret: secret.New(t.value),
		}
		switch {
		case t.home.Group != 0:
			h.Sort, h.Owner = "Group access token", "group "+d.groups[t.home.Group].path
		case t.home.Project != 0:
			h.Sort, h.Owner = "Project access token", "project "+d.projects[t.home.Project].path
		case u.kind != human:
			h.Sort = "Service account token"
		}
		out = append(out, h)
	}
	return out
}

// Remove revokes a Holding as its owner does in the browser. It is false where
// there is none of that ID.
func (d *Double) Remove(holding string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	id, err := strconv.ParseInt(holding, 10, 64)
	t := d.tokens[id]
	if err != nil || t == nil || t.revoked {
		return false
	}
	t.revoked = true
	return true
}

// PersonByEmail is the ID of a person, or zero.
func (d *Double) PersonByEmail(email string) int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, u := range d.users {
		if u.Email == email && u.kind == human {
			return id
		}
	}
	return 0
}
