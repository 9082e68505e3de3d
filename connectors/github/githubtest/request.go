package githubtest

import (
	"net/http"
	"slices"
)

// AddPATRequest makes a token that waits for access.
func (d *Double) AddPATRequest(p PAT) Token {
	d.mu.Lock()
	defer d.mu.Unlock()
	g := d.newGrant(p)
	g.state = "pending"
	d.requests = append(d.requests, g)
	return Token{Grant: g.id, ID: g.token, Secret: d.tokens[g.token].value}
}

// RequestState is "pending", "approved" or "denied", by the request's number.
func (d *Double) RequestState(id int64) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, g := range d.requests {
		if g.id == id {
			return g.state
		}
	}
	return ""
}

func (d *Double) listRequests(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	waiting := slices.DeleteFunc(slices.Clone(d.requests), func(g *grant) bool { return g.state != "pending" })
	d.replyGrants(w, r, waiting, "created_at")
}

func (d *Double) reviewRequest(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Action string  `json:"action"`
		Reason *string `json:"reason"`
	}
	id, ok := pathID(w, r)
	if !ok || !read(w, r, &in) {
		return
	}
	states := map[string]string{"approve": "approved", "deny": "denied"}
	if states[in.Action] == "" || in.Reason != nil && len([]rune(*in.Reason)) > 1024 {
		invalid(w, "action", "want approve or deny, and a reason of at most 1024 characters")
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	found := slices.IndexFunc(d.requests, func(g *grant) bool { return g.id == id && g.state == "pending" })
	if found < 0 {
		notFound(w, r)
		return
	}
	asked := d.requests[found]
	d.done(w, func() {
		asked.state = states[in.Action]
		if asked.state == "approved" {
			d.lastID++
			d.grants = append(d.grants, &grant{PAT: asked.PAT, id: d.lastID, token: asked.token, owner: asked.owner})
		}
	})
}
