package tempotest

import (
	"cmp"
	"slices"
	"time"

	"latchkey/secret"
)

// Holding is what one app may do for one person: a living pair of tokens.
type Holding struct {
	ID        string // for people: the end of the refresh token
	Sort      string // for people
	Owner     string // for people
	Label     string // the app
	Scopes    []string
	ExpiresAt time.Time // of the access token
	Works     bool
	Secret    secret.Value // the access token
}

// Holdings is every grant that lives, in no order that means anything but
// always the same one.
func (d *Double) Holdings() []Holding {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []Holding
	for _, p := range d.pairs {
		owner := p.Person
		for _, who := range people() {
			if who.ID == p.Person {
				owner = who.Name
			}
		}
		out = append(out, Holding{
			ID: p.Refresh[max(0, len(p.Refresh)-6):], Sort: "OAuth grant", Owner: owner, Label: cmp.Or(d.apps[p.ClientID].Name, p.ClientID),
			Scopes: slices.Clone(p.Scopes), ExpiresAt: p.Until, Works: p.Access != "" && d.now().Before(p.Until), Secret: secret.New(p.Access),
		})
	}
	slices.SortFunc(out, func(a, b Holding) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// Remove ends a Holding as its person does in Tempo's own pages. It is
// false where there is none of that ID.
func (d *Double) Remove(holding string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for refresh := range d.pairs {
		if refresh[max(0, len(refresh)-6):] == holding {
			delete(d.pairs, refresh)
			return true
		}
	}
	return false
}
