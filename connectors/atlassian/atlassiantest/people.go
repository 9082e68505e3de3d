package atlassiantest

import (
	"fmt"
	"net/http"
	"slices"
)

// Person is a managed account.
type Person struct {
	ID         string // made up when empty
	Name       string
	Email      string // verified
	Ineligible bool   // deactivating is answered 409
	ByIDP      bool   // deactivating is answered 403: the identity provider does that
}

// The states of an account, in the vendor's words.
const (
	Active   = "active"
	Inactive = "inactive"
)

type person struct {
	Person
	status    string
	unmanaged bool
	service   bool
}

// AddPerson adds a managed account and returns its ID.
func (d *Double) AddPerson(p Person) string { return d.addAccount(p, false) }

// AddServiceAccount adds a service account and returns its ID.
func (d *Double) AddServiceAccount(name string) string {
	return d.addAccount(Person{Name: name}, true)
}

func (d *Double) addAccount(p Person, service bool) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p.ID == "" {
		p.ID = "712020:" + d.newID()
	}
	if service && p.Email == "" {
		p.Email = fmt.Sprintf("svc-%d@serviceaccount.example.com", d.lastID)
	}
	d.people = append(d.people, &person{Person: p, status: Active, service: service})
	return p.ID
}

// Unmanage lets an account leave the organisation. Its tokens leave the
// organisation's lists with it, and go on working.
func (d *Double) Unmanage(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p := d.person(id); p != nil {
		p.unmanaged = true
	}
}

// AccountStatus is active or inactive, or empty for an unknown account.
func (d *Double) AccountStatus(id string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p := d.person(id); p != nil {
		return p.status
	}
	return ""
}

// person is the account with an ID, under the lock, or nil.
func (d *Double) person(id string) *person {
	i := slices.IndexFunc(d.people, func(p *person) bool { return p.ID == id })
	if i < 0 {
		return nil
	}
	return d.people[i]
}

// managed is the person of a user management call, or nil after its 404. The
// lock is held.
func (c call) managed() *person {
	p := c.d.person(c.arg(0))
	if p == nil || p.unmanaged || p.service {
		c.fail(http.StatusNotFound, "the account is not managed by the organisation")
		return nil
	}
	return p
}

func (c call) profile() {
	p := c.managed()
	if p == nil {
		return
	}
	c.reply(http.StatusOK, map[string]any{"account": map[string]any{
		"account_id": p.ID, "account_type": "atlassian", "account_status": p.status, "name": p.Name, "email": p.Email,
		"nickname": p.Name, "characteristics": map[string]any{}, "extended_profile": map[string]any{},
	}})
}

func (c call) disable() {
	var in struct {
		Message string `json:"message"`
	}
	if !c.read(&in) {
		return
	}
	p := c.managed()
	switch {
	case p == nil:
	case p.Ineligible:
		c.fail(http.StatusConflict, "this account isn't eligible for the requested action")
	case p.ByIDP:
		c.reply(http.StatusForbidden, map[string]any{
			"key":     "forbidden.action",
			"context": map[string]any{"allowed": false, "reason": map[string]string{"key": "externalDirectory.scim"}},
		})
	case p.status != Active && !c.knobs.Plain204:
		c.fail(http.StatusConflict, "this account isn't eligible for the requested action")
	default:
		if !c.knobs.Lie {
			p.status = Inactive
		}
		c.w.WriteHeader(http.StatusNoContent)
	}
}
