package timepiecetest

import (
	"maps"
	"slices"
	"strings"
	"time"

	"latchkey/secret"
)

// Holding is one token as the app's API Settings page knows it. A deleted one
// is no holding.
type Holding struct {
	ID        string // for people and Remove: the end of the token, as far as the page shows it
	Sort      string // for people
	Owner     string // Atlassian account id
	Label     string // the notes
	Scopes    []string
	ExpiresAt time.Time
	Works     bool
	Secret    secret.Value
}

// Holdings is every token there is, in the order they were made.
func (d *Double) Holdings() []Holding {
	d.mu.Lock()
	defer d.mu.Unlock()
	tokens := slices.SortedFunc(maps.Keys(d.records), func(a, b string) int {
		if byTime := d.records[a].CreatedAt.Compare(d.records[b].CreatedAt); byTime != 0 {
			return byTime
		}
		return strings.Compare(a, b)
	})
	var out []Holding
	for _, text := range tokens {
		r := d.records[text]
		out = append(out, Holding{
			ID: ending(text), Sort: "API token", Owner: r.User, Label: r.Notes, ExpiresAt: r.ExpiresAt,
			Works: r.Active && d.now().Before(r.ExpiresAt) && !d.knobs.NoLicence, Secret: secret.New(text),
		})
	}
	return out
}

// Remove deletes a Holding as an administrator does on the page. It is false
// where there is none of that ID.
func (d *Double) Remove(holding string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for text := range d.records {
		if ending(text) == holding {
			delete(d.records, text)
			return true
		}
	}
	return false
}

// ending tells tokens apart and gives none of them away.
func ending(text string) string { return text[max(0, len(text)-8):] }
