package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"time"

	"latchkey/connectors/atlassian/atlassiantest"
	"latchkey/connectors/fake"
	"latchkey/connectors/github/githubtest"
	"latchkey/connectors/gitlab/gitlabtest"
	"latchkey/connectors/tempo/tempotest"
	"latchkey/connectors/timepiece/timepiecetest"
	"latchkey/connectors/vault/vaulttest"
	"latchkey/secret"
)

// vendors are the simulated systems of the demo.
type vendors struct {
	tempo     *tempotest.Double
	acme      *fake.Vendor
	jira      *atlassiantest.Double
	github    *githubtest.Double
	gitlab    *gitlabtest.Double
	timepiece *timepiecetest.Double
	vault     *vaulttest.Double
	vaultDoor *breakable
	hr        *hr
}

// What demo.yaml reads of the vendors and a kept world must find again: names
// of variables, no values.
const (
	envTempoToken     = "DEMO_TEMPO_TOKEN"  //nolint:gosec // a name
	envTempoSecret    = "DEMO_TEMPO_SECRET" //nolint:gosec // a name
	envJiraKey        = "DEMO_JIRA_KEY"
	envJiraService    = "DEMO_JIRA_SERVICE"
	envGitHubKey      = "DEMO_GITHUB_KEY"
	envGitHubOwner    = "DEMO_GITHUB_OWNER"
	envGitLabToken    = "DEMO_GITLAB_TOKEN"    //nolint:gosec // a name
	envTimepieceToken = "DEMO_TIMEPIECE_TOKEN" //nolint:gosec // a name
	envTimepiece      = "DEMO_TIMEPIECE_"      // and a number from 1: a token to watch
)

// tempoApp is the OAuth app that an administrator of Tempo registered for us.
const tempoApp = "latchkey-demo"

// startVendors starts the doubles, with their world as it was kept or else
// anew, and returns what demo.yaml reads of them.
func (d *demo) startVendors(quiet bool) (map[string]string, error) {
	env, err := d.keptCredentials()
	if err != nil {
		return nil, err
	}
	fresh := env == nil
	if fresh {
		if env, err = newCredentials(); err != nil {
			return nil, err
		}
	}
	if err := d.makeVendors(env); err != nil {
		return nil, err
	}
	if fresh {
		d.settle(env, quiet)
	}
	d.credentials = maps.Clone(env)
	for name, restore := range d.restorers() {
		if err := d.restore(name, restore); err != nil {
			return nil, err
		}
	}
	d.tempo.Accept(secret.New(env[envTempoToken]))
	env["DEMO_ACME_TOKEN"] = d.acme.Token().Expose()
	for name, h := range map[string]http.Handler{
		"TEMPO": d.tempo.Handler(), "ACME": d.acme, "JIRA": d.jira.Handler(), "GITHUB": d.github.Handler(),
		"GITLAB": d.gitlab.Handler(), "TIMEPIECE": d.timepiece.Handler(), "VAULT": d.vaultDoor, "HR": d.hr.Handler(),
	} {
		url, err := d.serve("127.0.0.1:0", h)
		if err != nil {
			return nil, err
		}
		env["DEMO_"+name+"_URL"] = url
	}
	return env, nil
}

// newCredentials are those that exist before their vendor does.
func newCredentials() (map[string]string, error) {
	key, err := githubtest.NewKey()
	if err != nil {
		return nil, err
	}
	return map[string]string{
		envTempoToken: secret.Token(32).Expose(), envTempoSecret: secret.Token(32).Expose(),
		envHRKey: secret.Token(32).Expose(), envHRSecret: secret.Token(32).Expose(), envPSK: newKeeperKey(),
		envGitHubKey: key.Expose(), envGitHubOwner: "ghp_" + secret.Token(36).Expose(), envGitLabToken: "glpat-" + secret.Token(20).Expose(),
	}, nil
}

// makeVendors makes the doubles, which live by the demo's clock.
func (d *demo) makeVendors(env map[string]string) (err error) {
	now := d.pace.now
	d.tempo = tempotest.New(tempotest.Config{PerSecond: 50, Now: now})
	d.acme = fake.NewVendor()
	d.acme.SetClock(now)
	d.jira = atlassiantest.NewDouble(atlassiantest.Config{Now: now})
	d.gitlab = gitlabtest.New(gitlabtest.Config{Tokens: []secret.Value{secret.New(env[envGitLabToken])}, Now: now})
	d.timepiece = timepiecetest.New(timepiecetest.Config{Now: now})
	d.vault = vaulttest.New(vaulttest.Config{Now: now})
	d.vaultDoor = &breakable{Handler: d.vault.Handler()}
	d.hr = newHR(secret.New(env[envHRKey]), secret.New(env[envHRSecret]))
	d.github, err = githubtest.New(githubtest.Config{
		PrivateKey: secret.New(env[envGitHubKey]), Owner: secret.New(env[envGitHubOwner]), Now: now,
	})
	return err
}

// restorers and savers are the files of the kept world, by name.
func (v *vendors) restorers() map[string]func([]byte) error {
	return map[string]func([]byte) error{
		"tempo.json": v.tempo.Restore, "acme.json": v.acme.Restore, "jira.json": v.jira.Restore, "github.json": v.github.Restore,
		"gitlab.json": v.gitlab.Restore, "timepiece.json": v.timepiece.Restore, "vault.json": v.vault.Restore,
	}
}

func (v *vendors) savers() map[string]func() ([]byte, error) {
	return map[string]func() ([]byte, error){
		"tempo.json": v.tempo.Save, "acme.json": v.acme.Save, "jira.json": v.jira.Save, "github.json": v.github.Save,
		"gitlab.json": v.gitlab.Save, "timepiece.json": v.timepiece.Save, "vault.json": v.vault.Save,
	}
}

// registerApp tells Tempo and Slack of our OAuth app, whose redirects they
// compare byte by byte: so our address must be known.
func (d *demo) registerApp() {
	d.tempo.RegisterApp(tempotest.App{
		Name: "Latchkey", ClientID: tempoApp, ClientSecret: secret.New(d.env[envTempoSecret]),
		RedirectURLs: []string{d.main.URL() + "/oauth/tempo/callback"},
	})
	d.sim.AllowRedirect(d.main.URL() + "/console/sign-in/callback")
}

// keptCredentials reads what demo.yaml reads of the kept vendors, and sets the
// clock they were left at; nil when nothing was kept.
func (d *demo) keptCredentials() (map[string]string, error) {
	raw, err := d.kept(savedCredentials)
	if err != nil || raw == nil {
		return nil, err
	}
	var in keptVendors
	if err := json.Unmarshal(raw, &in); err != nil || in.Env == nil {
		return nil, errors.New("restore " + savedCredentials + ": it is not what was kept")
	}
	d.pace.ahead.Store(in.Ahead)
	return in.Env, nil
}

// keptVendors is the file of the demo's own credentials at the vendors.
type keptVendors struct {
	Ahead int64             `json:"ahead"` // seconds that the demo's clock is ahead
	Env   map[string]string `json:"env"`
}

func (d *demo) saveCredentials() ([]byte, error) {
	raw, err := json.Marshal(keptVendors{Ahead: d.pace.ahead.Load(), Env: d.credentials})
	if err != nil {
		return nil, fmt.Errorf("encode credentials: %w", err)
	}
	return raw, nil
}

// settle gives the vendors what the demo cannot do without and, unless it is
// quiet, the world of a company that never looked.
func (d *demo) settle(env map[string]string, quiet bool) {
	env[envVaultToken] = d.vault.Token().Expose()
	d.vault.Put("secret", "payroll/bank", map[string]any{"value": "somebody-elses-secret"})
	s := seeder{vendors: &d.vendors, now: d.pace.now().UTC().Truncate(time.Second)}
	s.jiraPeople()
	env[envJiraService] = s.jira.AddServiceAccount("deploy-bot")
	env[envJiraKey] = s.jira.AddOrgKey(atlassiantest.OrgKey{
		CreatedBy: s.jira.PersonByEmail("erin@example.com"), Label: "Latchkey", CreatedAt: s.day(-60), ExpiresAt: s.day(300),
	}).Secret.Expose()
	tokens := s.timepieceTokens(quiet)
	env[envTimepieceToken] = tokens[0].Expose()
	for i := range watchedTokens {
		env[envTimepiece+strconv.Itoa(i+1)] = tokens[min(i+1, len(tokens)-1)].Expose()
	}
	if !quiet {
		s.seedJira(env[envJiraService])
		s.seedGitHub()
		s.seedGitLab()
	}
}
