package main

import (
	"errors"
	"slices"
	"strings"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/atlassian/atlassiantest"
	"latchkey/connectors/fake"
	"latchkey/connectors/github/githubtest"
	"latchkey/connectors/gitlab/gitlabtest"
	"latchkey/connectors/tempo/tempotest"
	"latchkey/connectors/timepiece/timepiecetest"
	"latchkey/connectors/vault/vaulttest"
	"latchkey/secret"
)

// system is one simulated vendor as the control panel shows it: what it really
// has, whatever Latchkey thinks, and what people can do there without asking.
type system struct {
	Name     string // of the connection
	Title    string
	WhenDown string // what is to be seen while it is down
	Remove   string // what a person can do to a key there
	Makes    string // what a person can make there; empty: nothing
	People   []choice
	Scopes   []string
	Asks     bool // people can also ask there, as at GitHub

	set      func(down bool)
	holdings func() []holding
	remove   func(id string) bool
	make     func(wish) error
}

// choice is an option of a form.
type choice struct{ Value, Name string }

// holding is one thing that gives access at a vendor, by the vendor's own
// books. The doubles' types have the same fields.
type holding struct {
	ID        string
	Sort      string
	Owner     string
	Label     string
	Scopes    []string
	ExpiresAt time.Time
	Works     bool
	Secret    secret.Value
}

// wish is what somebody fills in at a vendor to get a key.
type wish struct {
	Person string
	Label  string
	Scopes []string
	Ends   time.Time
	Ask    bool // ask the organisation instead of having it at once
}

// Shown is an expiry as people read it.
func (h holding) Shown() string {
	if h.ExpiresAt.IsZero() {
		return "never"
	}
	return h.ExpiresAt.UTC().Format("2 Jan 2006")
}

// everybody who works here, as forms offer them.
func everybody() []choice {
	return []choice{
		{"alice@example.com", "Alice"}, {"bob@example.com", "Bob"}, {"carol@example.com", "Carol"},
		{"dana@example.com", "Dana"}, {"erin@example.com", "Erin"}, {"frank@example.com", "Frank"},
	}
}

// systems are the vendors in the order the panel shows them.
func (v *vendors) systems() []system {
	return []system{
		{
			Name: "tempo", Title: "Tempo", Remove: "Withdraw",
			WhenDown: "Its keys are made by Latchkey and work at the gateway. While it is down, calls fail; making and revoking keys does not.",
			set:      func(down bool) { v.tempo.Set(tempotest.Knobs{Down: down}) },
			holdings: func() []holding {
				return each(v.tempo.Holdings(), func(h tempotest.Holding) holding { return holding(h) })
			},
			remove: v.tempo.Remove,
		},
		{
			Name: "jira", Title: "Atlassian", Remove: "Delete", Makes: "API token", People: everybody(),
			Scopes:   []string{"read:jira-work", "read:jira-user", "write:jira-work", "manage:jira-project"},
			WhenDown: "While it is down, nothing new is found there and what is known is marked as old, never as gone.",
			set:      func(down bool) { v.jira.Set(atlassiantest.Knobs{Down: down}) },
			holdings: func() []holding {
				return each(v.jira.Holdings(), func(h atlassiantest.Holding) holding { return holding(h) })
			},
			remove: func(id string) bool {
				v.jira.Remove(id)
				return true
			},
			make: v.makeAtJira,
		},
		{
			Name: "github", Title: "GitHub", Remove: "Delete", Makes: "fine-grained token", Asks: true,
			People:   []choice{{aliceAtGitHub, "Alice"}, {bobAtGitHub, "Bob"}, {danaAtGitHub, "Dana"}, {frankAtGitHub, "Frank"}, {"somebody-else", "somebody nobody knows"}},
			Scopes:   []string{"contents:read", "contents:write", "pull_requests:read", "pull_requests:write", "administration:write"},
			WhenDown: "While it is down, tokens there can be neither approved nor revoked; Latchkey keeps trying.",
			set:      func(down bool) { v.github.Set(githubtest.Knobs{Down: down}) },
			holdings: func() []holding {
				return each(v.github.Holdings(), func(h githubtest.Holding) holding { return holding(h) })
			},
			remove: v.github.Remove,
			make:   v.makeAtGitHub,
		},
		{
			Name: "gitlab", Title: "GitLab", Remove: "Revoke", Makes: "personal access token",
			People:   []choice{{"alice@example.com", "Alice"}, {"bob@example.com", "Bob"}, {"carol@example.com", "Carol"}, {"frank@example.com", "Frank"}},
			Scopes:   []string{"read_api", "read_repository", "write_repository", "api"},
			WhenDown: "While it is down, keys there can be neither made nor revoked; Latchkey keeps trying.",
			set:      v.breakGitLab,
			holdings: func() []holding {
				return each(v.gitlab.Holdings(), func(h gitlabtest.Holding) holding { return holding(h) })
			},
			remove: v.gitlab.Remove,
			make:   v.makeAtGitLab,
		},
		{
			Name: "timepiece", Title: "Timepiece", Remove: "Delete",
			WhenDown: "Its keys are Latchkey's own. While it is down, calls fail and the tokens that are watched can't be asked whether they work.",
			set:      func(down bool) { v.timepiece.Set(timepiecetest.Knobs{Down: down}) },
			holdings: func() []holding {
				return each(v.timepiece.Holdings(), func(h timepiecetest.Holding) holding { return holding(h) })
			},
			remove: v.timepiece.Remove,
		},
		{
			Name: "acme", Title: "Acme", Remove: "Delete", Makes: "key", People: everybody(), Scopes: []string{"files:read", "files:write", "people:read", "people:admin"},
			WhenDown: "It makes its own keys. While it is down, they can be neither made nor revoked; Latchkey keeps trying.",
			set:      v.breakAcme,
			holdings: v.acmeHoldings,
			remove:   v.removeAtAcme,
			make:     v.makeAtAcme,
		},
		{
			Name: "vault", Title: "Vault", Remove: "Delete",
			WhenDown: "Approved keys can go here instead of to a person. While it is down, they wait, and what it has stays.",
			set:      func(down bool) { v.vaultDoor.down.Store(down) },
			holdings: func() []holding {
				return each(v.vault.Holdings(), func(h vaulttest.Holding) holding { return holding(h) })
			},
			remove: v.removeFromVault,
		},
	}
}

func (v *vendors) removeFromVault(id string) bool {
	mount, place, _ := strings.Cut(id, "/")
	known := slices.ContainsFunc(v.vault.Holdings(), func(h vaulttest.Holding) bool { return h.ID == id })
	if known {
		v.vault.Delete(mount, place)
	}
	return known
}

func each[A, B any](all []A, to func(A) B) []B {
	var out []B
	for _, a := range all {
		out = append(out, to(a))
	}
	return out
}

func (v *vendors) makeAtJira(w wish) error {
	_, err := v.jira.CreateTokenAsUser(v.jira.PersonByEmail(w.Person), w.Label, w.Scopes, w.Ends)
	return err
}

func (v *vendors) makeAtGitHub(w wish) error {
	if w.Label == "" || len(w.Scopes) == 0 {
		return errors.New("a token needs a name and a permission")
	}
	p := githubtest.PAT{Owner: w.Person, Name: w.Label, Repository: map[string]string{}, ExpiresAt: w.Ends}
	for _, s := range w.Scopes { // the later, larger level of two counts
		name, level, _ := strings.Cut(s, ":")
		p.Repository[name] = level
	}
	if !w.Ask {
		v.github.AddPAT(p)
		return nil
	}
	p.Reason = "Asked for on the control panel of the demo"
	v.github.AddPATRequest(p)
	return nil
}

func (v *vendors) makeAtGitLab(w wish) error {
	owner := v.gitlab.PersonByEmail(w.Person)
	if owner == 0 || w.Label == "" || len(w.Scopes) == 0 {
		return errors.New("a token needs an owner, a name and a scope")
	}
	v.gitlab.AddToken(gitlabtest.Token{User: owner, Name: w.Label, Scopes: w.Scopes, ExpiresAt: w.Ends})
	return nil
}

func (v *vendors) breakGitLab(down bool) {
	v.gitlab.Intercept(nil)
	if down {
		v.gitlab.Intercept(unavailable)
	}
}

func (v *vendors) makeAtAcme(w wish) error {
	if w.Label == "" || len(w.Scopes) == 0 {
		return errors.New("a key needs a name and a scope")
	}
	v.acme.Seed(fake.Key{Label: w.Label, Owner: connectors.AccountRef{ID: w.Person, Email: w.Person, Name: w.Person}, Scopes: w.Scopes, ExpiresAt: w.Ends})
	return nil
}

func (v *vendors) removeAtAcme(id string) bool {
	known := slices.ContainsFunc(v.acme.Live(), func(k fake.Key) bool { return k.ID == id })
	v.acme.SetState(id, fake.StateRevoked)
	return known
}

func (v *vendors) acmeHoldings() []holding {
	return each(v.acme.Live(), func(k fake.Key) holding {
		owner := k.Owner.Name
		if owner == "" {
			owner = k.Owner.Email
		}
		return holding{ID: k.ID, Sort: "Key", Owner: owner, Label: k.Label, Scopes: k.Scopes, ExpiresAt: k.ExpiresAt, Works: k.State == fake.StateActive, Secret: k.Secret}
	})
}

func (v *vendors) breakAcme(down bool) {
	v.acme.Heal()
	if !down {
		return
	}
	for _, verb := range []fake.Verb{fake.VerbIssue, fake.VerbRevoke, fake.VerbList} {
		v.acme.Inject(verb, fake.ServerError, 0) // until Heal
	}
}
