package googletest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"latchkey/secret"
)

// Person is somebody to seed.
type Person struct {
	ID        string // empty for a new one
	Email     string
	Name      string
	Admin     bool // a service account may act for them
	Suspended bool
	Archived  bool
}

// Password is an application-specific password to seed.
type Password struct {
	Name      string
	Secret    secret.Value // empty for a new one
	CreatedAt time.Time    // zero means now
	UsedAt    time.Time    // zero means never
	Seconds   bool         // times in seconds; else in milliseconds, as GAM reads them
}

// Token is an app's access to seed.
type Token struct {
	ClientID  string
	App       string
	Scopes    []string
	Anonymous bool
	Native    bool
}

type person struct {
	Person
	passwords []*password
	tokens    []Token
}

type password struct {
	Password
	code int64
}

// AddPerson seeds a person and returns their ID.
func (d *Double) AddPerson(p Person) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.serial++
	p.ID = cmp.Or(p.ID, fmt.Sprintf("1%020d", d.serial))
	d.people = append(d.people, &person{Person: p})
	return p.ID
}

// RemovePerson deletes a person, with what they hold.
func (d *Double) RemovePerson(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.people = slices.DeleteFunc(d.people, func(p *person) bool { return p.ID == id })
}

// AddPassword seeds a password of a person and returns its code and value.
func (d *Double) AddPassword(personID string, p Password) (code int64, value secret.Value) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.serial++
	if p.CreatedAt.IsZero() {
		p.CreatedAt = d.now()
	}
	if p.Secret.Empty() {
		p.Secret = secret.New(fmt.Sprintf("double-password-%06d", d.serial))
	}
	owner := d.person(personID)
	if owner == nil {
		return 0, secret.Value{}
	}
	added := &password{Password: p, code: int64(len(owner.passwords))}
	for slices.ContainsFunc(owner.passwords, func(o *password) bool { return o.code == added.code }) {
		added.code++
	}
	owner.passwords = append(owner.passwords, added)
	return added.code, p.Secret
}

// AddToken seeds an app's access to a person's account.
func (d *Double) AddToken(personID string, t Token) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if owner := d.person(personID); owner != nil {
		owner.tokens = append(owner.tokens, t)
	}
}

// Works is the truth about the value of an application-specific password.
func (d *Double) Works(value secret.Value) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.ContainsFunc(d.people, func(p *person) bool {
		return !p.Suspended && !p.Archived &&
			slices.ContainsFunc(p.passwords, func(o *password) bool { return o.Secret.Expose() == value.Expose() })
	})
}

// TokenLives is the truth about an app's access.
func (d *Double) TokenLives(personID, clientID string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.person(personID)
	return p != nil && !p.Suspended && slices.ContainsFunc(p.tokens, func(t Token) bool { return t.ClientID == clientID })
}

// Open is the truth about a person: they are there and can sign in.
func (d *Double) Open(personID string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.person(personID)
	return p != nil && !p.Suspended && !p.Archived
}

func (d *Double) person(idOrEmail string) *person {
	for _, p := range d.people {
		if p.ID == idOrEmail || strings.EqualFold(p.Email, idOrEmail) {
			return p
		}
	}
	return nil
}
