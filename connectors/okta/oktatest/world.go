package oktatest

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"latchkey/secret"
)

// The statuses of people, apps and secrets.
const (
	active        = "ACTIVE"
	inactive      = "INACTIVE"
	suspended     = "SUSPENDED"
	deprovisioned = "DEPROVISIONED"
)

// tokenWindow is how long an API token lives unused.
const tokenWindow = 30 * 24 * time.Hour

// Person is somebody to seed.
type Person struct {
	ID     string // empty for a new one
	Email  string // the login too
	Name   string
	Status string // empty means ACTIVE
	Admin  bool   // may use the Management API
}

// Token is an API token to seed.
type Token struct {
	Name      string
	Owner     string // a person's ID
	Secret    secret.Value
	CreatedAt time.Time // zero means now
	UsedAt    time.Time // zero means never
}

// App is an OIDC app to seed.
type App struct {
	Label      string
	Status     string // empty means ACTIVE
	AuthMethod string // token_endpoint_auth_method; empty means client_secret_basic
	SignOnMode string // empty means OPENID_CONNECT
}

// Grant is a scope that a person gives an app.
type Grant struct {
	Owner     string // a person's ID
	ClientID  string
	App       string // the app's title; empty leaves it out
	Scope     string
	CreatedAt time.Time // zero means now
	Status    string    // empty means ACTIVE
}

type person struct{ Person }

type token struct {
	Token
	id string
}

// expiresAt slides: a window after creation or last use.
func (t *token) expiresAt() time.Time {
	if t.UsedAt.After(t.CreatedAt) {
		return t.UsedAt.Add(tokenWindow)
	}
	return t.CreatedAt.Add(tokenWindow)
}

type app struct {
	App
	id      string
	secrets []*appSecret
}

type appSecret struct {
	id      string
	status  string
	secret  secret.Value
	created time.Time
}

type grant struct {
	Grant
	id string
}

// AddPerson seeds a person and returns their ID.
func (d *Double) AddPerson(p Person) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	p.ID = cmp.Or(p.ID, d.nextID("00u"))
	p.Status = cmp.Or(p.Status, active)
	d.people = append(d.people, &person{p})
	return p.ID
}

// SetStatus changes a person's status, as an administrator would in the
// console.
func (d *Double) SetStatus(personID, status string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p := d.person(personID); p != nil {
		p.Status = status
	}
}

// RemovePerson deletes a person, with what they hold.
func (d *Double) RemovePerson(personID string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.people = slices.DeleteFunc(d.people, func(p *person) bool { return p.ID == personID })
	d.tokens = slices.DeleteFunc(d.tokens, func(t *token) bool { return t.Owner == personID })
	d.grants = slices.DeleteFunc(d.grants, func(g *grant) bool { return g.Owner == personID })
}

// AddToken seeds an API token and returns its ID.
func (d *Double) AddToken(t Token) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if t.CreatedAt.IsZero() {
		t.CreatedAt = d.now()
	}
	if t.Secret.Empty() {
		t.Secret = secret.New(fmt.Sprintf("00double-token-%06d", d.serial+1))
	}
	added := &token{Token: t, id: d.nextID("00T")}
	d.tokens = append(d.tokens, added)
	return added.id
}

// AddApp seeds an app without secrets and returns its ID.
func (d *Double) AddApp(a App) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	a.Status = cmp.Or(a.Status, active)
	a.AuthMethod = cmp.Or(a.AuthMethod, "client_secret_basic")
	a.SignOnMode = cmp.Or(a.SignOnMode, "OPENID_CONNECT")
	added := &app{App: a, id: d.nextID("0oa")}
	d.apps = append(d.apps, added)
	return added.id
}

// RemoveApp deletes an app with its secrets.
func (d *Double) RemoveApp(appID string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.apps = slices.DeleteFunc(d.apps, func(a *app) bool { return a.id == appID })
}

// AddSecret seeds an active client secret of an app and returns its ID and
// value.
func (d *Double) AddSecret(appID string) (secretID string, value secret.Value) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := &appSecret{id: d.nextID("ocs"), status: active, created: d.now()}
	s.secret = secret.New("double-client-secret-" + s.id)
	if a := d.app(appID); a != nil {
		a.secrets = append(a.secrets, s)
	}
	return s.id, s.secret
}

// AddGrant seeds a grant and returns its ID.
func (d *Double) AddGrant(g Grant) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if g.CreatedAt.IsZero() {
		g.CreatedAt = d.now()
	}
	g.Status = cmp.Or(g.Status, active)
	added := &grant{Grant: g, id: d.nextID("oag")}
	d.grants = append(d.grants, added)
	return added.id
}

// Works is the truth about the value of an API token or client secret.
func (d *Double) Works(value secret.Value) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if t := d.bearer(value.Expose()); t != nil {
		return true
	}
	for _, a := range d.apps {
		for _, s := range a.secrets {
			if s.secret.Expose() == value.Expose() {
				return a.Status == active && s.status == active
			}
		}
	}
	return false
}

// GrantLives is the truth about a grant.
func (d *Double) GrantLives(grantID string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.ContainsFunc(d.grants, func(g *grant) bool { return g.id == grantID && g.Status == active })
}

// Status is the truth about a person: empty when there is none.
func (d *Double) Status(personID string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p := d.person(personID); p != nil {
		return p.Status
	}
	return ""
}

// SessionsEnded is how often a person's sessions and tokens were ended.
func (d *Double) SessionsEnded(personID string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.sessions[personID]
}

// nextID makes IDs that look like the vendor's: a prefix, 20 characters.
func (d *Double) nextID(prefix string) string {
	d.serial++
	return fmt.Sprintf("%sdouble%011d", prefix, d.serial)
}

func (d *Double) person(idOrLogin string) *person {
	for _, p := range d.people {
		if p.ID == idOrLogin || strings.EqualFold(p.Email, idOrLogin) {
			return p
		}
	}
	return nil
}

func (d *Double) app(id string) *app {
	for _, a := range d.apps {
		if a.id == id {
			return a
		}
	}
	return nil
}

// bearer is the token with a value that works now: not expired, and of an
// active owner.
func (d *Double) bearer(value string) *token {
	for _, t := range d.tokens {
		p := d.person(t.Owner)
		if t.Secret.Expose() == value && p != nil && p.Status == active && t.expiresAt().After(d.now()) {
			return t
		}
	}
	return nil
}

// caller is the token a call came with, or nil.
func (d *Double) caller(r *http.Request) *token {
	value, ok := strings.CutPrefix(r.Header.Get("Authorization"), "SSWS ")
	if !ok {
		return nil
	}
	return d.bearer(value)
}

// authorize knows a caller by their token, whose use moves its expiry.
func (d *Double) authorize(w http.ResponseWriter, r *http.Request) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.caller(r)
	if t == nil {
		fail(w, http.StatusUnauthorized, "E0000011", "Invalid token provided", "")
		return false
	}
	t.UsedAt = d.now()
	if p := d.person(t.Owner); !p.Admin && r.URL.Path != "/api/v1/users/me" {
		fail(w, http.StatusForbidden, "E0000006", "You do not have permission to perform the requested action", "")
		return false
	}
	return true
}
