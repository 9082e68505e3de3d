package atlassiantest

import (
	"slices"
	"time"

	"latchkey/secret"
)

// Holding is one token or key as the vendor itself knows it, whatever its API
// answers. A revoked one is no holding.
type Holding struct {
	ID        string
	Sort      string // for people
	Owner     string // for people
	Label     string
	Scopes    []string // none: everything its owner may do
	ExpiresAt time.Time
	Works     bool
	Secret    secret.Value
}

// Holdings is everything that was not revoked, in the order it was made.
func (d *Double) Holdings() []Holding {
	d.mu.Lock()
	defer d.mu.Unlock()
	sorts := map[sort]string{userToken: "API token", serviceToken: "Service account token", orgKey: "Organisation API key"}
	var out []Holding
	for _, c := range d.creds {
		if !c.revoked.IsZero() {
			continue
		}
		owner := "the organisation"
		if p := d.person(c.Owner); p != nil {
			owner = p.Name
		}
		out = append(out, Holding{
			ID: c.id, Sort: sorts[c.sort], Owner: owner, Label: c.Label, Scopes: slices.Clone(c.Scopes),
			ExpiresAt: c.ExpiresAt, Works: d.bearer(c.secret) == c, Secret: secret.New(c.secret),
		})
	}
	return out
}

// PersonByEmail is the account ID of a managed account, or empty.
func (d *Double) PersonByEmail(email string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range d.people {
		if p.Email == email && !p.service {
			return p.ID
		}
	}
	return ""
}
