package gitlabtest

import (
	"fmt"
	"slices"
	"time"

	"latchkey/secret"
)

// Person is somebody to add. State is GitLab's, "active" when empty.
type Person struct {
	Name        string
	Email       string
	Unconfirmed bool // the address was never confirmed
	Admin       bool // of the instance; means something on a self-managed one only
	Owner       bool // of the top-level group
	Enterprise  bool // an enterprise user of the top-level group
	State       string
}

// Token is one to add. Exactly one of Group, Project and User says where it
// belongs; a group's or project's token gets a bot of its own.
type Token struct {
	Group, Project, User int64
	Name                 string
	Scopes               []string
	AccessLevel          int       // of a group's or project's token; 40 when zero
	CreatedAt            time.Time // now when zero
	ExpiresAt            time.Time // only the date counts; never when zero
	LastUsedAt           time.Time // never when zero
	Value                secret.Value
}

type kind int

const (
	human           kind = iota
	resourceBot          // of a group or project token
	groupService         // a service account of the top-level group
	instanceService      // a service account of no group
)

type user struct {
	Person
	id       int64
	username string
	kind     kind
	made     time.Time
}

type group struct {
	id, parent int64
	path       string
}

type project struct {
	id, group int64
	path      string
	shared    bool // with the top-level group, by another one
}

type token struct {
	id       int64
	home     Token // where it belongs; its other fields are not kept up to date
	user     int64
	family   int64 // ID of the first of the family
	replaced bool  // rotated out: its use revokes the family
	revoked  bool
	used     time.Time
	value    string
}

// TopGroup is the top-level group every double has.
const (
	TopGroup     = int64(9970)
	TopGroupPath = "acme"
)

// AddSubgroup makes a group below another one.
func (d *Double) AddSubgroup(parent int64, name string) int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	g := &group{id: d.newID(), parent: parent, path: d.groups[parent].path + "/" + name}
	d.groups[g.id] = g
	return g.id
}

// AddProject makes a project in a group.
func (d *Double) AddProject(in int64, name string) int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := &project{id: d.newID(), group: in, path: d.groups[in].path + "/" + name}
	d.projects[p.id] = p
	return p.id
}

// ShareProject makes a project of a foreign group that shares it with ours.
func (d *Double) ShareProject(path string) int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := &project{id: d.newID(), path: path, shared: true}
	d.projects[p.id] = p
	return p.id
}

// AddPerson makes a user.
func (d *Double) AddPerson(p Person) int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.addUser(p, human).id
}

// AddServiceAccount makes a service account of the top-level group.
func (d *Double) AddServiceAccount(name string) int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.addUser(Person{Name: name}, groupService).id
}

// AddInstanceServiceAccount makes a service account of the instance.
func (d *Double) AddInstanceServiceAccount(name string) int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.addUser(Person{Name: name}, instanceService).id
}

// AddToken makes a token and returns its ID and value.
func (d *Double) AddToken(t Token) (int64, secret.Value) {
	d.mu.Lock()
	defer d.mu.Unlock()
	made := d.addToken(t)
	return made.id, secret.New(made.value)
}

func (d *Double) addUser(p Person, k kind) *user {
	if p.State == "" {
		p.State = "active"
	}
	id := d.newID()
	u := &user{Person: p, id: id, username: fmt.Sprintf("user_%d", id), kind: k, made: d.now()}
	if k == groupService || k == instanceService {
		u.username = fmt.Sprintf("service_account_%d", id)
	}
	d.users[id] = u
	return u
}

func (d *Double) addToken(in Token) *token {
	if in.CreatedAt.IsZero() {
		in.CreatedAt = d.now()
	}
	if in.AccessLevel == 0 {
		in.AccessLevel = 40
	}
	if in.Value.Empty() {
		in.Value = secret.New("glpat-" + secret.Token(20).Expose())
	}
	t := &token{id: d.newID(), home: in, user: in.User, used: in.LastUsedAt, value: in.Value.Expose()}
	if t.user == 0 {
		bot := d.addUser(Person{Name: in.Name}, resourceBot)
		bot.username = fmt.Sprintf("project_%d_bot_%x", in.Project, bot.id)
		if in.Group != 0 {
			bot.username = fmt.Sprintf("group_%d_bot_%x", in.Group, bot.id)
		}
		t.user = bot.id
	}
	t.family = t.id
	d.tokens[t.id] = t
	d.byValue[t.value] = t
	return t
}

// succeed makes the token that replaces another one.
func (d *Double) succeed(old *token, ends time.Time) *token {
	in := old.home
	in.CreatedAt, in.ExpiresAt, in.LastUsedAt, in.User, in.Value = d.now(), ends, time.Time{}, old.user, secret.Value{}
	fresh := d.addToken(in)
	fresh.home.User, fresh.family = old.home.User, old.family
	old.revoked, old.replaced = true, true
	return fresh
}

// killFamily is the vendor's reuse detection.
func (d *Double) killFamily(of *token) {
	for _, t := range d.tokens {
		if t.family == of.family {
			t.revoked = true
		}
	}
}

func (d *Double) expired(t *token) bool {
	return !t.home.ExpiresAt.IsZero() && !d.now().Before(dateOf(t.home.ExpiresAt))
}

func dateOf(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// newID hands out IDs with gaps, as an instance with other users does.
func (d *Double) newID() int64 {
	d.lastID += 3
	return d.lastID
}

// Works is the truth about a token's value: neither revoked nor expired, and
// its user not blocked. Asking does not count as use.
func (d *Double) Works(v secret.Value) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.byValue[v.Expose()]
	return t != nil && !t.revoked && !d.expired(t) && d.users[t.user].State == "active"
}

// State is a user's state, such as "active" or "blocked".
func (d *Double) State(user int64) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.users[user].State
}

// Forget deletes a token without a trace, as GitLab does with dead ones after
// a while.
func (d *Double) Forget(id int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if t := d.tokens[id]; t != nil {
		delete(d.byValue, t.value)
		delete(d.tokens, id)
	}
}

// sorted is the rows of a table that a filter keeps, oldest first.
func sorted[T any](rows map[int64]*T, keep func(*T) bool) []*T {
	var out []*T
	ids := make([]int64, 0, len(rows))
	for id := range rows {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		if keep(rows[id]) {
			out = append(out, rows[id])
		}
	}
	return out
}

// inside tells whether a group is the top-level one or below it.
func (d *Double) inside(id int64) bool {
	for g := d.groups[id]; g != nil; g = d.groups[g.parent] {
		if g.id == TopGroup {
			return true
		}
	}
	return false
}
