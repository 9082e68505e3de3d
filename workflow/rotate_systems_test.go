package workflow

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/atlassian"
	"latchkey/connectors/atlassian/atlassiantest"
	"latchkey/connectors/brokered"
	"latchkey/connectors/fake"
	"latchkey/connectors/gitlab"
	"latchkey/connectors/gitlab/gitlabtest"
	"latchkey/connectors/tempo"
	"latchkey/connectors/tempo/tempotest"
	"latchkey/connectors/timepiece"
	"latchkey/connectors/timepiece/timepiecetest"
	"latchkey/secret"
	"latchkey/storage"
)

// systems is every sort of system whose keys Latchkey rotates.
func systems() []system {
	return []system{fakeSystem(), gitlabSystem(), atlassianSystem(), brokeredSystem(), tempoSystem(), timepieceSystem()}
}

// fakeSystem has overlap, and proves its keys.
func fakeSystem() system {
	return system{name: "fake", way: storage.RotateOverlap, scopes: []string{"files:read"}, verb: fakeVerb,
		open: func(t *testing.T, rt http.RoundTripper, now func() time.Time) (connectors.Connector, func() []held) {
			t.Helper()
			c, vendor := fakeVendor(t, rt, now)
			return c, heldAt(vendor)
		}}
}

// rotator is the fake vendor as one that only gives a key another value: the
// old one is dead then. People make its keys, and Latchkey adopts them.
type rotator struct {
	connectors.Connector
	connectors.Lister
	connectors.Rotator
	connectors.Revoker
	connectors.Verifier
	connectors.ScopeLister
	connectors.Prover
}

// rotatorSystem has no overlap. vendor is set when it is opened.
func rotatorSystem(vendor **fake.Vendor) system {
	return system{name: "rotator", way: storage.RotateInPlace, scopes: []string{"files:read"}, verb: fakeVerb,
		open: func(t *testing.T, rt http.RoundTripper, now func() time.Time) (connectors.Connector, func() []held) {
			t.Helper()
			c, v := fakeVendor(t, rt, now)
			*vendor = v
			return rotator{c, c, c, c, c, c, c}, heldAt(v)
		}}
}

func fakeVendor(t *testing.T, rt http.RoundTripper, now func() time.Time) (*fake.Connector, *fake.Vendor) {
	t.Helper()
	vendor := fake.NewVendor()
	vendor.SetClock(now)
	c, err := fake.Open(vendor.Settings("acme", vendor.Start(t)), rt)
	if err != nil {
		t.Fatal(err)
	}
	return c, vendor
}

func heldAt(v *fake.Vendor) func() []held {
	return func() []held {
		var out []held
		for _, k := range v.Live() {
			out = append(out, held{k.Label, k.Scopes, k.State == fake.StateActive, k.Secret})
		}
		return out
	}
}

func fakeVerb(r *http.Request) string {
	keys, one := strings.CutPrefix(r.URL.Path, "/v1/keys")
	switch {
	case r.URL.Path == "/v1/whoami":
		return wireProve
	case !one:
		return wireOther
	case r.Method == http.MethodPost && (keys == "" || strings.HasSuffix(keys, "/rotate")):
		return wireMake
	case r.Method == http.MethodDelete:
		return wireRevoke
	case r.Method == http.MethodGet && keys == "":
		return wireList
	}
	return wireLook
}

func gitlabSystem() system {
	admin := secret.New("glpat-the-admins-own-token")
	return system{name: "gitlab", way: storage.RotateOverlap, scopes: []string{"read_api"},
		verb: func(r *http.Request) string {
			switch own := r.Header.Get("PRIVATE-TOKEN") == admin.Expose(); {
			case strings.HasSuffix(r.URL.Path, "/personal_access_tokens/self") && !own:
				return wireProve
			case !strings.Contains(r.URL.Path, "access_tokens"):
				return wireOther
			case r.Method == http.MethodPost:
				return wireMake
			case r.Method == http.MethodDelete:
				return wireRevoke
			case strings.HasSuffix(r.URL.Path, "access_tokens"):
				return wireList
			}
			return wireLook
		},
		open: func(t *testing.T, rt http.RoundTripper, now func() time.Time) (connectors.Connector, func() []held) {
			t.Helper()
			d, base := gitlabtest.Start(t, gitlabtest.Config{PerMinute: -1, Tokens: []secret.Value{admin}, Now: now})
			c, err := gitlab.Open(connectors.Settings{Name: "acme", Kind: "gitlab", BaseURL: base, AllowPrivate: true, Token: admin,
				Group: gitlabtest.TopGroupPath}, rt)
			if err != nil {
				t.Fatal(err)
			}
			return c, func() []held {
				var out []held
				for _, h := range d.Holdings() {
					if h.Secret.Expose() != admin.Expose() {
						out = append(out, held{h.Label, h.Scopes, h.Works, h.Secret})
					}
				}
				return out
			}
		}}
}

// atlassianSystem lets only people make keys.
func atlassianSystem() system {
	var d *atlassiantest.Double
	var alice string
	return system{name: "atlassian", way: storage.RotateGuided, scopes: []string{"read:jira-work"},
		verb: func(r *http.Request) string {
			if r.Method == http.MethodGet {
				return wireList
			}
			return wireRevoke
		},
		open: func(t *testing.T, rt http.RoundTripper, now func() time.Time) (connectors.Connector, func() []held) {
			t.Helper()
			var base string
			d, base = atlassiantest.Start(t, atlassiantest.Config{Now: now})
			admin := d.AddOrgKey(atlassiantest.OrgKey{Label: "Latchkey"}).Secret
			alice = d.AddPerson(atlassiantest.Person{Name: "Alice Ames", Email: "alice@example.com"})
			c, err := atlassian.Open(connectors.Settings{Name: "acme", Kind: "atlassian", BaseURL: base, AllowPrivate: true, OrgID: d.OrgID(), APIKey: admin}, rt)
			if err != nil {
				t.Fatal(err)
			}
			return c, func() []held {
				var out []held
				for _, h := range d.Holdings() {
					if h.Secret.Expose() != admin.Expose() {
						out = append(out, held{h.Label, h.Scopes, h.Works, h.Secret})
					}
				}
				return out
			}
		},
		byPerson: func(label string, scopes []string, ends time.Time) secret.Value {
			return d.AddUserToken(atlassiantest.Token{Owner: alice, Label: label, Scopes: scopes, ExpiresAt: ends}).Secret
		}}
}

// brokeredSystem and the two after it have keys of ours.
func brokeredSystem() system {
	get := []connectors.Rule{{Methods: []string{http.MethodGet}, Path: "/**"}}
	return ownKeys("brokered", "files:read", func(_ *testing.T, rt http.RoundTripper, _ func() time.Time) (connectors.Connector, error) {
		return brokered.Open(connectors.Settings{Name: "acme", Kind: "brokered", BaseURL: "https://acme.example.com", Token: secret.New("t"),
			Scopes: []connectors.Scope{{Name: "files:read", Access: connectors.Read, Rules: get}}}, rt)
	})
}

func tempoSystem() system {
	return ownKeys("tempo", "worklogs:view", func(t *testing.T, rt http.RoundTripper, now func() time.Time) (connectors.Connector, error) {
		t.Helper()
		token := secret.New("tempo-token")
		_, base := tempotest.Start(t, tempotest.Config{Tokens: []secret.Value{token}, PerSecond: -1, Now: now})
		return tempo.Open(connectors.Settings{Name: "acme", Kind: "tempo", BaseURL: base, AllowPrivate: true, Token: token}, rt)
	})
}

func timepieceSystem() system {
	return ownKeys("timepiece", "reports:view", func(t *testing.T, rt http.RoundTripper, now func() time.Time) (connectors.Connector, error) {
		t.Helper()
		d, base := timepiecetest.Start(t, timepiecetest.Config{Now: now})
		token := d.Make(timepiecetest.Alice, "gateway", now().AddDate(1, 0, 0))
		return timepiece.Open(connectors.Settings{Name: "acme", Kind: "timepiece", BaseURL: base, AllowPrivate: true, Token: token}, rt)
	})
}

func ownKeys(name, scope string, open func(*testing.T, http.RoundTripper, func() time.Time) (connectors.Connector, error)) system {
	return system{name: name, way: storage.RotateOverlap, scopes: []string{scope},
		open: func(t *testing.T, rt http.RoundTripper, now func() time.Time) (connectors.Connector, func() []held) {
			t.Helper()
			c, err := open(t, rt, now)
			if err != nil {
				t.Fatal(err)
			}
			return c, nil
		}}
}
