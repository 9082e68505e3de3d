package githubtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"latchkey/connectors/double"
	"latchkey/secret"
)

// savedFormat and savedVersion head every saved double.
const (
	savedFormat  = "github-double"
	savedVersion = 1
)

// savedDouble is a double at rest, with its tokens in clear: it is for a demo's
// own directory only.
type savedDouble struct {
	Format         string               `json:"format"`
	Version        int                  `json:"version"`
	Org            string               `json:"org"`
	Last           int64                `json:"last"` // the counter behind numbers
	Users          []savedUser          `json:"users"`
	Tokens         []savedToken         `json:"tokens"`
	Grants         []savedGrant         `json:"grants"`
	Requests       []savedGrant         `json:"requests"`
	Authorizations []savedAuthorization `json:"authorizations"`
	Installations  []savedInstallation  `json:"installations"`
}

type savedUser struct {
	ID     int64  `json:"id"`
	Login  string `json:"login"`
	Member bool   `json:"member"`
}

type savedToken struct {
	ID     int64     `json:"id"`
	Value  string    `json:"value"`
	Ends   time.Time `json:"ends,omitzero"`
	Killed bool      `json:"killed,omitempty"`
}

type savedGrant struct {
	PAT
	ID    int64  `json:"id"`
	Token int64  `json:"token"`
	State string `json:"state,omitempty"`
}

type savedAuthorization struct {
	Authorization
	ID    int64 `json:"id"`
	Token int64 `json:"token"`
}

type savedInstallation struct {
	ID          int64             `json:"id"`
	App         int64             `json:"app"`
	Slug        string            `json:"slug"`
	Permissions map[string]string `json:"permissions"`
	Made        time.Time         `json:"made"`
}

// Save is the organisation with its tokens, requests, authorisations and apps
// as JSON, for Restore. The App's key and the owner's token, which the Config
// has, the App's own tokens, knobs and limits are not in it. The result holds
// people's tokens in clear.
func (d *Double) Save() ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := savedDouble{
		Format: savedFormat, Version: savedVersion, Org: d.cfg.Org, Last: d.lastID,
		Grants: savedGrants(d.grants), Requests: savedGrants(d.requests),
	}
	for _, login := range slices.Sorted(maps.Keys(d.users)) {
		u := d.users[login]
		out.Users = append(out.Users, savedUser{u.id, u.login, u.member})
	}
	for _, id := range slices.Sorted(maps.Keys(d.tokens)) {
		t := d.tokens[id]
		out.Tokens = append(out.Tokens, savedToken{t.id, t.value.Expose(), t.ends, t.killed})
	}
	for _, a := range d.authorizations {
		out.Authorizations = append(out.Authorizations, savedAuthorization{a.Authorization, a.id, a.token})
	}
	for _, i := range d.installations {
		out.Installations = append(out.Installations, savedInstallation{i.id, i.app, i.slug, i.permissions, i.made})
	}
	raw, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("encode double: %w", err)
	}
	return raw, nil
}

func savedGrants(all []*grant) []savedGrant {
	var out []savedGrant
	for _, g := range all {
		out = append(out, savedGrant{g.PAT, g.id, g.token, g.state})
	}
	return out
}

// Restore replaces the organisation by what Save returned. On an error nothing
// has changed.
func (d *Double) Restore(raw []byte) error {
	var in savedDouble
	if err := double.Read(raw, savedFormat, savedVersion, &in); err != nil {
		return fmt.Errorf("read saved double: %w", err)
	}
	if err := in.check(d.cfg.Org); err != nil {
		return fmt.Errorf("read saved double: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lastID, d.later = in.Last, nil
	d.users, d.tokens = map[string]*user{}, map[int64]*token{}
	d.authorizations, d.installations = nil, nil
	for _, u := range in.Users {
		d.users[strings.ToLower(u.Login)] = &user{u.ID, u.Login, u.Member}
	}
	for _, t := range in.Tokens {
		d.tokens[t.ID] = &token{t.ID, secret.New(t.Value), t.Ends, t.Killed}
	}
	d.grants, d.requests = d.restored(in.Grants), d.restored(in.Requests)
	for _, a := range in.Authorizations {
		d.authorizations = append(d.authorizations, &authorization{a.Authorization, a.ID, a.Token, d.user(a.Owner)})
	}
	for _, i := range in.Installations {
		d.installations = append(d.installations, &installation{i.ID, i.App, i.Slug, i.Permissions, i.Made})
	}
	return nil
}

func (d *Double) restored(all []savedGrant) []*grant {
	var out []*grant
	for _, g := range all {
		out = append(out, &grant{PAT: g.PAT, id: g.ID, token: g.Token, owner: d.user(g.Owner), state: g.State})
	}
	return out
}

// check names no token.
func (in savedDouble) check(org string) error {
	if in.Org != org {
		return fmt.Errorf("it is the organisation %q, not %q", in.Org, org)
	}
	users, tokens := map[string]bool{}, map[int64]bool{}
	for _, u := range in.Users {
		users[strings.ToLower(u.Login)] = true
	}
	for _, t := range in.Tokens {
		tokens[t.ID] = t.Value != ""
	}
	for _, g := range slices.Concat(in.Grants, in.Requests) {
		if !users[strings.ToLower(g.Owner)] || !tokens[g.Token] {
			return fmt.Errorf("the access %d has no owner or no token", g.ID)
		}
	}
	for _, a := range in.Authorizations {
		if !users[strings.ToLower(a.Owner)] || !tokens[a.Token] {
			return fmt.Errorf("the authorisation %d has no owner or no credential", a.ID)
		}
	}
	return nil
}
