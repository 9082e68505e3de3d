package githubtest

import (
	"net/http"
	"slices"
)

// AddPATRequest makes a token that waits for access.
func (d *Double) AddPATRequest(p PAT) Token {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ask(d.newGrant(p))
}

// AddUpgradeRequest has a token that is there, perhaps with access, ask for
// what p says. Its name and end stay the token's.
func (d *Double) AddUpgradeRequest(t Token, p PAT) Token {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ask(d.grantOf(t.ID, p))
}

func (d *Double) ask(g *grant) Token {
	g.state = "pending"
	d.requests = append(d.requests, g)
	return d.seeded(g)
}

// Withdraw ends a request as its owner does, by its number.
func (d *Double) Withdraw(id int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.requests = slices.DeleteFunc(d.requests, func(g *grant) bool { return g.id == id })
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
			d.give(asked)
		}
	})
}

// give gives a token the access it asked for, from now on. That an access it
// has is changed, and counts as given anew, is unverified.
func (d *Double) give(asked *grant) {
	p := asked.PAT
	p.MadeAt = d.cfg.Now()
	for _, g := range d.grants {
		if g.token == asked.token {
			g.Organization, g.Repository, g.MadeAt = p.Organization, p.Repository, p.MadeAt
			return
		}
	}
	d.grants = append(d.grants, d.grantOf(asked.token, p))
}
