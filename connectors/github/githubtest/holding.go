package githubtest

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"latchkey/secret"
)

// Holding is one way into the organisation as the vendor itself knows it,
// whatever its API answers. What was revoked or denied is no holding.
type Holding struct {
	ID        string // for Remove
	Sort      string // for people
	Owner     string // login
	Label     string
	Scopes    []string
	ExpiresAt time.Time
	Works     bool
	Secret    secret.Value // empty: an app's, which has none here
}

// The first part of a Holding's ID.
const (
	holdingPAT           = "pat"
	holdingRequest       = "request"
	holdingAuthorization = "authorization"
	holdingInstallation  = "installation"
)

// Holdings is every access there is: tokens, authorised credentials and apps,
// and tokens that wait for theirs, each sort in the order it was made.
func (d *Double) Holdings() []Holding {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []Holding
	add := func(sort string, id int64, what, owner, label string, scopes []string, t *token) {
		h := Holding{ID: sort + "/" + strconv.FormatInt(id, 10), Sort: what, Owner: owner, Label: label, Scopes: scopes, Works: sort != holdingRequest}
		if t != nil {
			h.ExpiresAt, h.Secret = t.ends, t.value
			h.Works = h.Works && !t.killed && !t.expired(d.cfg.Now())
		}
		out = append(out, h)
	}
	for _, g := range d.grants {
		add(holdingPAT, g.id, "Fine-grained token", g.owner.login, g.Name, g.permissions(), d.tokens[g.token])
	}
	for _, g := range d.requests {
		if g.state == "pending" {
			add(holdingRequest, g.id, "Waiting token", g.owner.login, g.Name, g.permissions(), d.tokens[g.token])
		}
	}
	for _, a := range d.authorizations {
		add(holdingAuthorization, a.id, "Authorised "+a.Type, a.owner.login, a.Label, slices.Clone(a.Scopes), d.tokens[a.token])
	}
	for _, i := range d.installations {
		add(holdingInstallation, i.id, "Installed app", d.cfg.Org, i.slug, levels("", i.permissions), nil)
	}
	return out
}

func (g *grant) permissions() []string {
	return slices.Concat(levels("organisation ", g.Organization), levels("repository ", g.Repository))
}

func levels(prefix string, permissions map[string]string) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(permissions)) {
		out = append(out, prefix+name+":"+permissions[name])
	}
	return out
}

// Remove ends a Holding as its owner, or an owner of the organisation, does at
// the vendor's own pages. It is false where there is none of that ID.
func (d *Double) Remove(holding string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	before := len(d.grants) + len(d.requests) + len(d.authorizations) + len(d.installations)
	is := func(sort string, id int64) bool { return holding == sort+"/"+strconv.FormatInt(id, 10) }
	d.grants = slices.DeleteFunc(d.grants, func(g *grant) bool { return is(holdingPAT, g.id) })
	d.requests = slices.DeleteFunc(d.requests, func(g *grant) bool { return is(holdingRequest, g.id) })
	d.authorizations = slices.DeleteFunc(d.authorizations, func(a *authorization) bool { return is(holdingAuthorization, a.id) })
	d.installations = slices.DeleteFunc(d.installations, func(i *installation) bool { return is(holdingInstallation, i.id) })
	return len(d.grants)+len(d.requests)+len(d.authorizations)+len(d.installations) < before
}
