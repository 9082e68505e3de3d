package githubsecrets_test

import (
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/conformance"
	"latchkey/connectors/githubsecrets"
	"latchkey/connectors/githubsecrets/githubsecretstest"
	"latchkey/secret"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	good, bad := secret.New("ghp_"+secret.Token(36).Expose()), secret.New("ghp_"+secret.Token(36).Expose())
	strange, err := githubsecretstest.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	app := func(key secret.Value) connectors.Settings {
		return connectors.Settings{AppID: githubsecretstest.DefaultApp, InstallationID: githubsecretstest.DefaultInstallation, PrivateKey: key}
	}
	for name, as := range map[string][2]connectors.Settings{
		"token": {{Token: good}, {Token: bad}},
		"App":   {app(key(t)), app(strange)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conformance.RunTests(t, func(t *testing.T) conformance.Harness {
				t.Helper()
				d, base := githubsecretstest.Start(t, githubsecretstest.Config{Token: good, PrivateKey: key(t)})
				openAs := func(s connectors.Settings) connectors.Connector {
					s.Name, s.BaseURL, s.AllowPrivate = "actions", base, true
					c, err := githubsecrets.Open(s, connectors.NewTransport(s))
					if err != nil {
						t.Fatal(err)
					}
					return c
				}
				return conformance.Harness{
					Good: openAs(as[0]), Bad: openAs(as[1]), Secrets: []secret.Value{good, bad, key(t), strange},
					RateLimit: func() time.Duration {
						d.ExceedSecondary(time.Minute)
						return time.Minute
					},
					Refuse: d.RefuseNext,
					Hold:   d.Hold,
				}
			})
		})
	}
}
