package githubsecrets_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"latchkey/connectors"
	"latchkey/connectors/githubsecrets"
	"latchkey/connectors/githubsecrets/githubsecretstest"
	"latchkey/secret"
)

func TestOpenWantsOneWayToAuthenticate(t *testing.T) {
	t.Parallel()
	token := secret.New("hunter2hunter2")
	for name, tt := range map[string]struct {
		s       connectors.Settings
		want    string // part of the error; empty for none
		missing bool
	}{
		"token":          {connectors.Settings{Token: token}, "", false},
		"App":            {connectors.Settings{AppID: 7, InstallationID: 42, PrivateKey: key(t)}, "", false},
		"Enterprise":     {connectors.Settings{Token: token, BaseURL: "https://github.example/api/v3"}, "", false},
		"nothing":        {connectors.Settings{}, "missing setting: token, or app_id with installation_id and private_key", true},
		"both":           {connectors.Settings{Token: token, AppID: 7}, "two ways to authenticate", false},
		"half an App":    {connectors.Settings{AppID: 7}, "missing setting: installation_id\nmissing setting: private_key", true},
		"no App":         {connectors.Settings{PrivateKey: key(t), InstallationID: -1}, "missing setting: app_id\nmissing setting: installation_id", true},
		"broken token":   {connectors.Settings{Token: secret.New("hunter2 hunter2")}, "token is too long, or holds", false},
		"broken key":     {connectors.Settings{AppID: 7, InstallationID: 42, PrivateKey: token}, "private_key is not an RSA", false},
		"http":           {connectors.Settings{Token: token, BaseURL: "http://github.example"}, "must be https", false},
		"many at a time": {connectors.Settings{BaseURL: "ftp://x"}, "neither https", true},
	} {
		_, err := githubsecrets.Open(tt.s, http.DefaultTransport)
		if tt.want == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) || errors.Is(err, connectors.ErrMissing) != tt.missing {
			t.Errorf("%s: err = %v, want %q", name, err, tt.want)
		}
		clean(t, err, token)
	}
	if _, err := githubsecrets.Open(connectors.Settings{Token: token}, nil); !errors.Is(err, connectors.ErrMissing) {
		t.Errorf("without a transport: err = %v", err)
	}
}

func TestCheckLooksAtNamedRepositories(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for places, want := range map[string]string{ // part of the error; empty for none
		"octo-org/*/TEMPO_*": "",
		repo + "/TEMPO_*":    "",
		"*":                  "",
		"octo-org/gone/*":    "check the secrets of octo-org/gone",
	} {
		c := open(t, connectors.Settings{Token: b.token, Places: []string{places, places}}, b.base)
		err := c.Check(t.Context())
		if want == "" && err != nil || want != "" && (!errors.Is(err, connectors.ErrUnrecoverable) || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: err = %v, want %q", places, err, want)
		}
	}
	calls := b.d.Calls()
	if calls["GET /repos/octo-org/payroll/actions/secrets"] != 1 || calls["GET /repos/octo-org/payroll/actions/variables"] != 1 {
		t.Errorf("calls = %v", calls)
	}
}

// The App's token is kept, and replaced once it is refused.
func TestInstallationToken(t *testing.T) {
	t.Parallel()
	const exchange = "POST /app/installations/42/access_tokens"
	clock := newClock()
	d, base := githubsecretstest.Start(t, githubsecretstest.Config{PrivateKey: key(t), Now: clock.Now})
	app := connectors.Settings{AppID: githubsecretstest.DefaultApp, InstallationID: githubsecretstest.DefaultInstallation, PrivateKey: key(t)}
	b := bundle{Connector: open(t, app, base), d: d, clock: clock}
	first := b.deliver(t, delivery("TK-1", ""))
	if n := d.Calls()[exchange]; n != 1 {
		t.Errorf("%d exchanges, want 1", n)
	}
	d.Between(http.MethodPut, d.ForgetTokens) // the body is sent again
	b.deliver(t, delivery("TK-2", first.Version))
	if n := d.Calls()[exchange]; n != 2 {
		t.Errorf("%d exchanges, want 2", n)
	}

	app.InstallationID = 43
	b.Connector = open(t, app, base)
	_, err := b.Deliver(t.Context(), delivery("TK-3", ""))
	if !errors.Is(err, connectors.ErrUnrecoverable) || errors.Is(err, connectors.ErrTaken) || !strings.Contains(err.Error(), "installation token") {
		t.Errorf("another installation: err = %v", err)
	}
}

func TestPrimaryLimit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.d.ExceedPrimary(10 * time.Minute)
	_, err := b.Deliver(t.Context(), delivery("TK-1", ""))
	var limited *connectors.RateLimitedError
	if !errors.As(err, &limited) || limited.After != 10*time.Minute {
		t.Errorf("err = %v, want RateLimitedError of 10m", err)
	}
}
