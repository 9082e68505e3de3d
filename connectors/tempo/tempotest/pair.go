package tempotest

import (
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"time"

	"latchkey/secret"
)

// accessLife is the documented 5184000 seconds. How long a refresh token lives
// is not documented; here it does not expire.
const accessLife = 60 * 24 * time.Hour

// pair is an access and a refresh token, given together to one app for one
// person. It is alive as long as it can be refreshed.
type pair struct {
	Access   string    `json:"access"` // empty once it alone was revoked
	Until    time.Time `json:"until"`  // of the access token
	Refresh  string    `json:"refresh"`
	ClientID string    `json:"clientId"`
	Person   string    `json:"person"` // Jira account id
	Scopes   []string  `json:"scopes"`
}

// newPair makes and keeps a pair. The caller holds the lock.
func (d *Double) newPair(clientID, person string, scopes []string) pair {
	p := pair{
		Access: "access-" + rand.Text(), Refresh: "refresh-" + rand.Text(), Until: d.now().Add(accessLife),
		ClientID: clientID, Person: person, Scopes: scopes,
	}
	d.pairs[p.Refresh] = p
	return p
}

// pairByAccess is the pair whose access token works. The caller holds the lock.
func (d *Double) pairByAccess(access string) (pair, bool) {
	for _, p := range d.pairs {
		if access != "" && p.Access == access && d.now().Before(p.Until) {
			return p, true
		}
	}
	return pair{}, false
}

// allows says whether the pair's scopes cover a call: a view scope GET, a
// manage scope every method. What each resource needs is documented for the
// groups of the "API integration" page only, so the rest needs no scope here.
func (p pair) allows(r *http.Request) bool {
	resource, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/4/"), "/")
	switch resource {
	case "worklogs", "plans", "accounts", "teams":
	case "papertrail":
		return slices.Contains(p.Scopes, "audit:view")
	default:
		return true
	}
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	return slices.Contains(p.Scopes, resource+":manage") || reads && slices.Contains(p.Scopes, resource+":view")
}

// Pairs is how many pairs of tokens are alive.
func (d *Double) Pairs() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.pairs)
}

// GrantAlive says whether any app can still act for a person: with an access
// token, or with a refresh token that brings another.
func (d *Double) GrantAlive(person string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range d.pairs {
		if p.Person == person {
			return true
		}
	}
	return false
}

// Works says whether the API takes a token now, be it one it was told to
// Accept or one of a pair.
func (d *Double) Works(token secret.Value) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, granted := d.pairByAccess(token.Expose())
	return granted || d.tokens[token.Expose()] != 0
}

// LastPerson is as whom the latest call of the API ran, by account id. It is
// empty for the tokens of Accept, of which the double knows no person.
func (d *Double) LastPerson() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lastPerson
}
