package atlassiantest

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"latchkey/connectors/double"
)

// savedFormat and savedVersion head every saved double.
const (
	savedFormat  = "atlassian-double"
	savedVersion = 1
)

// savedDouble is a double at rest, with its tokens and keys in clear: it is for
// a demo's own directory only.
type savedDouble struct {
	Format      string            `json:"format"`
	Version     int               `json:"version"`
	OrgID       string            `json:"orgId"`
	Last        int               `json:"last"` // the counter behind IDs
	People      []savedPerson     `json:"people"`
	Credentials []savedCredential `json:"credentials"`
}

type savedPerson struct {
	Person
	Status    string `json:"status"`
	Unmanaged bool   `json:"unmanaged,omitempty"`
	Service   bool   `json:"service,omitempty"`
}

type savedCredential struct {
	Token
	ID      string    `json:"id"`
	Sort    sort      `json:"sort"`
	Secret  string    `json:"secret"`
	Revoked time.Time `json:"revoked,omitzero"`
}

// Save is the accounts, tokens and keys as JSON, for Restore. Knobs, holds,
// limits and the calls so far are not in it. The result holds secrets in clear.
func (d *Double) Save() ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := savedDouble{
		Format: savedFormat, Version: savedVersion, OrgID: d.cfg.OrgID, Last: d.lastID,
		People: []savedPerson{}, Credentials: []savedCredential{},
	}
	for _, p := range d.people {
		out.People = append(out.People, savedPerson{p.Person, p.status, p.unmanaged, p.service})
	}
	for _, c := range d.creds {
		out.Credentials = append(out.Credentials, savedCredential{c.Token, c.id, c.sort, c.secret, c.revoked})
	}
	raw, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("encode double: %w", err)
	}
	return raw, nil
}

// Restore replaces the accounts, tokens and keys by what Save returned. On an
// error nothing has changed.
func (d *Double) Restore(raw []byte) error {
	var in savedDouble
	if err := double.Read(raw, savedFormat, savedVersion, &in); err != nil {
		return fmt.Errorf("read saved double: %w", err)
	}
	if err := in.check(d.cfg.OrgID); err != nil {
		return fmt.Errorf("read saved double: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lastID, d.people, d.creds = in.Last, nil, nil
	for _, p := range in.People {
		d.people = append(d.people, &person{p.Person, p.Status, p.Unmanaged, p.Service})
	}
	for _, c := range in.Credentials {
		d.creds = append(d.creds, &credential{c.Token, c.ID, c.Sort, c.Secret, c.Revoked})
	}
	return nil
}

// check names no token.
func (in savedDouble) check(org string) error {
	if in.OrgID != org {
		return fmt.Errorf("it is the organisation %q, not %q", in.OrgID, org)
	}
	for _, p := range in.People {
		if p.ID == "" || p.Status != Active && p.Status != Inactive {
			return errors.New("an account is not whole")
		}
	}
	for _, c := range in.Credentials {
		if c.ID == "" || c.Secret == "" || c.Sort != userToken && c.Sort != serviceToken && c.Sort != orgKey {
			return errors.New("a token or key is not whole")
		}
	}
	return nil
}
