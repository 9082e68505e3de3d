package gitlabtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"latchkey/connectors/double"
)

// savedFormat and savedVersion head every saved double.
const (
	savedFormat  = "gitlab-double"
	savedVersion = 1
)

// savedDouble is a double at rest, with its tokens in clear: it is for a demo's
// own directory only.
type savedDouble struct {
	Format   string         `json:"format"`
	Version  int            `json:"version"`
	Last     int64          `json:"last"` // the counter behind IDs
	Groups   []savedGroup   `json:"groups"`
	Projects []savedProject `json:"projects"`
	Users    []savedUser    `json:"users"`
	Tokens   []savedToken   `json:"tokens"`
}

type savedGroup struct {
	ID     int64  `json:"id"`
	Parent int64  `json:"parent,omitempty"`
	Path   string `json:"path"`
}

type savedProject struct {
	ID     int64  `json:"id"`
	Group  int64  `json:"group,omitempty"`
	Path   string `json:"path"`
	Shared bool   `json:"shared,omitempty"`
}

type savedUser struct {
	Person
	ID       int64     `json:"id"`
	Username string    `json:"username"`
	Kind     kind      `json:"kind"`
	Made     time.Time `json:"made"`
}

// savedToken spells its home out: a Token would not encode its value.
type savedToken struct {
	ID          int64     `json:"id"`
	Group       int64     `json:"group,omitempty"`
	Project     int64     `json:"project,omitempty"`
	Personal    int64     `json:"personal,omitempty"`
	Name        string    `json:"name"`
	Scopes      []string  `json:"scopes"`
	AccessLevel int       `json:"accessLevel"`
	CreatedAt   time.Time `json:"createdAt"`
	ExpiresAt   time.Time `json:"expiresAt,omitzero"`
	User        int64     `json:"user"`
	Family      int64     `json:"family"`
	Replaced    bool      `json:"replaced,omitempty"`
	Revoked     bool      `json:"revoked,omitempty"`
	Used        time.Time `json:"used,omitzero"`
	Value       string    `json:"value"`
}

// Save is the groups, projects, users and tokens as JSON, for Restore. Holds,
// limits and the calls so far are not in it. The result holds tokens in clear.
func (d *Double) Save() ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := savedDouble{Format: savedFormat, Version: savedVersion, Last: d.lastID}
	for _, g := range sorted(d.groups, func(*group) bool { return true }) {
		out.Groups = append(out.Groups, savedGroup{g.id, g.parent, g.path})
	}
	for _, p := range sorted(d.projects, func(*project) bool { return true }) {
		out.Projects = append(out.Projects, savedProject{p.id, p.group, p.path, p.shared})
	}
	for _, u := range sorted(d.users, func(*user) bool { return true }) {
		out.Users = append(out.Users, savedUser{u.Person, u.id, u.username, u.kind, u.made})
	}
	for _, t := range sorted(d.tokens, func(*token) bool { return true }) {
		h := t.home
		out.Tokens = append(out.Tokens, savedToken{
			ID: t.id, Group: h.Group, Project: h.Project, Personal: h.User, Name: h.Name, Scopes: h.Scopes, AccessLevel: h.AccessLevel,
			CreatedAt: h.CreatedAt, ExpiresAt: h.ExpiresAt, User: t.user, Family: t.family, Replaced: t.replaced, Revoked: t.revoked,
			Used: t.used, Value: t.value,
		})
	}
	raw, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("encode double: %w", err)
	}
	return raw, nil
}

// Restore replaces the groups, projects, users and tokens by what Save
// returned. On an error nothing has changed.
func (d *Double) Restore(raw []byte) error {
	var in savedDouble
	if err := double.Read(raw, savedFormat, savedVersion, &in); err != nil {
		return fmt.Errorf("read saved double: %w", err)
	}
	if err := in.check(); err != nil {
		return fmt.Errorf("read saved double: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lastID = in.Last
	d.groups, d.projects, d.users = map[int64]*group{}, map[int64]*project{}, map[int64]*user{}
	d.tokens, d.byValue = map[int64]*token{}, map[string]*token{}
	for _, g := range in.Groups {
		d.groups[g.ID] = &group{g.ID, g.Parent, g.Path}
	}
	for _, p := range in.Projects {
		d.projects[p.ID] = &project{p.ID, p.Group, p.Path, p.Shared}
	}
	for _, u := range in.Users {
		d.users[u.ID] = &user{u.Person, u.ID, u.Username, u.Kind, u.Made}
	}
	for _, t := range in.Tokens {
		home := Token{
			Group: t.Group, Project: t.Project, User: t.Personal, Name: t.Name, Scopes: t.Scopes, AccessLevel: t.AccessLevel,
			CreatedAt: t.CreatedAt, ExpiresAt: t.ExpiresAt,
		}
		d.tokens[t.ID] = &token{
			id: t.ID, home: home, user: t.User, family: t.Family, replaced: t.Replaced, revoked: t.Revoked, used: t.Used, value: t.Value,
		}
		d.byValue[t.Value] = d.tokens[t.ID]
	}
	return nil
}

// check names no token.
func (in savedDouble) check() error {
	groups, projects, users := map[int64]bool{0: true}, map[int64]bool{0: true}, map[int64]bool{}
	for _, g := range in.Groups {
		groups[g.ID] = true
	}
	for _, p := range in.Projects {
		projects[p.ID] = true
	}
	for _, u := range in.Users {
		users[u.ID] = true
	}
	if !groups[TopGroup] {
		return errors.New("the top-level group is missing")
	}
	for _, t := range in.Tokens {
		if t.Value == "" || !groups[t.Group] || !projects[t.Project] || !users[t.User] {
			return fmt.Errorf("the token %d is not whole", t.ID)
		}
	}
	return nil
}
