package atlassiantest

import (
	"errors"
	"slices"
	"time"

	"latchkey/secret"
)

// Token is a user's or a service account's API token, as somebody made it.
type Token struct {
	Owner        string // account ID
	Label        string
	Scopes       []string // nil: the row has no scopes; empty: it has none in its list
	CreatedAt    time.Time
	ExpiresAt    time.Time // zero: never, as tokens of before 2024-12-15 were made
	LastActiveAt time.Time // zero: null
	Blocked      bool
}

// OrgKey is an organisation API key. One without scopes may do everything.
type OrgKey struct {
	CreatedBy string // account ID; may be empty
	Label     string
	Scopes    []string
	CreatedAt time.Time
	ExpiresAt time.Time
}

// Made is what its maker sees once.
type Made struct {
	ID     string
	Secret secret.Value
}

type sort string

const (
	userToken    sort = "user"
	serviceToken sort = "service"
	orgKey       sort = "key"
)

// credential is any of the three sorts. A revoked one stays for the lists that
// may keep it.
type credential struct {
	Token
	id      string
	sort    sort
	secret  string
	revoked time.Time // zero unless revoked
}

// AddUserToken adds a token to a person.
func (d *Double) AddUserToken(t Token) Made { return d.add(userToken, t, "ATATT3x") }

// AddServiceAccountToken adds a token to a service account.
func (d *Double) AddServiceAccountToken(t Token) Made { return d.add(serviceToken, t, "ATSTT3x") }

// AddOrgKey adds an organisation API key. Its secret is accepted by the double
// as far as its scopes go.
func (d *Double) AddOrgKey(k OrgKey) Made {
	return d.add(orgKey, Token{
		Owner: k.CreatedBy, Label: k.Label, Scopes: k.Scopes, CreatedAt: k.CreatedAt, ExpiresAt: k.ExpiresAt,
	}, "ATCTT3x")
}

// CreateTokenAsUser is the person's own form in the browser, with its rules: a
// name, and an end between a day and a year from now. No scopes makes a token
// without them.
func (d *Double) CreateTokenAsUser(owner, label string, scopes []string, expires time.Time) (Made, error) {
	now := d.cfg.Now()
	day := 24 * time.Hour
	switch {
	case d.AccountStatus(owner) != Active:
		return Made{}, errors.New("the account can't sign in")
	case label == "":
		return Made{}, errors.New("a token needs a name")
	case expires.Before(now.Truncate(day).Add(day)) || expires.After(now.Add(366*day)):
		return Made{}, errors.New("choose a date between one day and one year from now")
	}
	return d.AddUserToken(Token{Owner: owner, Label: label, Scopes: scopes, ExpiresAt: expires.UTC().Truncate(day)}), nil
}

func (d *Double) add(s sort, t Token, prefix string) Made {
	d.mu.Lock()
	defer d.mu.Unlock()
	if t.CreatedAt.IsZero() {
		t.CreatedAt = d.cfg.Now()
	}
	c := &credential{Token: t, id: d.newID(), sort: s}
	made := Made{ID: c.id, Secret: newSecret(prefix)}
	c.secret = made.Secret.Expose()
	d.creds = append(d.creds, c)
	return made
}

// Remove revokes a token or key as an admin does in the browser.
func (d *Double) Remove(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.creds {
		if c.id == id && c.revoked.IsZero() {
			c.revoked = d.cfg.Now()
		}
	}
}

// Works is the truth about a secret: it is nobody's opinion that a revoked,
// expired or blocked one does not. A deactivated account's tokens do here,
// because nothing says that they stop (unverified).
func (d *Double) Works(s secret.Value) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.bearer(s.Expose()) != nil
}

// bearer is the working credential with a secret, under the lock, or nil.
func (d *Double) bearer(text string) *credential {
	i := slices.IndexFunc(d.creds, func(c *credential) bool { return c.secret == text })
	if i < 0 || text == "" {
		return nil
	}
	c := d.creds[i]
	if !c.revoked.IsZero() || c.Blocked || !c.ExpiresAt.IsZero() && !d.cfg.Now().Before(c.ExpiresAt) {
		return nil
	}
	return c
}

// listed is the credentials on a list, in the order they were made. The lock
// is held.
func (d *Double) listed(s sort, keepRevoked bool) []*credential {
	var out []*credential
	for _, c := range d.creds {
		if c.sort != s || !c.revoked.IsZero() && !keepRevoked {
			continue
		}
		if p := d.person(c.Owner); s == userToken && (p == nil || p.unmanaged) {
			continue
		}
		out = append(out, c)
	}
	return out
}
