package azurekeyvault_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"unicode"

	"latchkey/connectors"
	"latchkey/connectors/azurekeyvault"
	"latchkey/connectors/azurekeyvault/azurekeyvaulttest"
	"latchkey/secret"
)

const tokenCall = "POST login.microsoftonline.com/" + azurekeyvaulttest.TenantID + "/oauth2/v2.0/token"

func TestOpenNamesEveryProblem(t *testing.T) {
	t.Parallel()
	_, err := azurekeyvault.Open(connectors.Settings{Name: "vault"}, nil)
	if !errors.Is(err, connectors.ErrMissing) {
		t.Fatalf("err = %v, want ErrMissing", err)
	}
	for _, key := range []string{"base_url", "tenant_id", "client_id", "client_secret", "transport"} {
		if !strings.Contains(err.Error(), "missing setting: "+key) {
			t.Errorf("%v does not name %s", err, key)
		}
	}
	for base, want := range map[string]string{ // part of the error; empty for none
		"https://payroll.vault.azure.net":             "",
		"https://payroll.vault.usgovcloudapi.net/":    "",
		"https://payroll.vault.azure.cn":              "",
		"http://payroll.vault.azure.net":              "must be https",
		"https://vault.azure.net":                     "not the address of a vault",
		"https://a.b.vault.azure.net":                 "not the address of a vault",
		"https://payroll.vault.azure.net.evil.test":   "not the address of a vault",
		"https://payroll.vault.azure.net:8443":        "not the address of a vault",
		"https://payroll.vault.azure.net/secrets":     "not the address of a vault",
		"https://127.0.0.1":                           "not the address of a vault",
		"https://hunter2@payroll.vault.azure.net":     "holds a user",
		"https://payroll.vault.azure.net?x=hunter2":   "a query",
		"https://payroll.managedhsm.azure.net":        "not the address of a vault",
		"https://latchkey.privatelink.vaultcore.test": "not the address of a vault",
	} {
		s := settings(secret.New("hunter2"))
		s.BaseURL = base
		_, err := azurekeyvault.Open(s, http.DefaultTransport)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("%s: err = %v, want %q", base, err, want)
		}
	}
	for _, id := range []string{"payroll", "11111111-2222-3333-4444-55555555555g", "11111111x2222-3333-4444-555555555555"} {
		s := settings(secret.New("hunter2"))
		s.TenantID, s.ClientID = id, id
		_, err := azurekeyvault.Open(s, http.DefaultTransport)
		if err == nil || !strings.Contains(err.Error(), "tenant_id is not an ID") || !strings.Contains(err.Error(), "client_id is not an ID") {
			t.Errorf("%s: err = %v", id, err)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 2 {
		if err := b.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := b.d.Calls()[tokenCall]; n != 1 || b.d.Writes() != 0 {
		t.Errorf("%d tokens, want 1; %d writes", n, b.d.Writes())
	}
	b.d.Put("latchkey-check", "hers", nil)
	if err := b.Check(t.Context()); err != nil {
		t.Errorf("with a secret of that name: %v", err)
	}
	b.d.ForgetTokens()
	if err := b.Check(t.Context()); err != nil || b.d.Calls()[tokenCall] != 2 {
		t.Errorf("after the token was forgotten: %v, %d tokens", err, b.d.Calls()[tokenCall])
	}
	b.d.Down(true)
	if err := b.Check(t.Context()); err == nil || errors.Is(err, connectors.ErrUnrecoverable) {
		t.Errorf("down: err = %v, want one that is worth a retry", err)
	}
	b = setupWith(t, azurekeyvaulttest.Config{NoGet: true})
	if err := b.Check(t.Context()); !errors.Is(err, connectors.ErrUnrecoverable) || !strings.Contains(err.Error(), "ForbiddenByRbac") {
		t.Errorf("without the right to get: err = %v", err)
	}
}

// What is wrong with our application is said in the codes one looks up.
func TestTokenRefusals(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*connectors.Settings)
		want   string
	}{
		"secret": {func(s *connectors.Settings) { s.ClientSecret = secret.New("not~the~one") }, "401 Unauthorized: invalid_client AADSTS7000215"},
		"client": {func(s *connectors.Settings) { s.ClientID = azurekeyvaulttest.TenantID }, "400 Bad Request: unauthorized_client AADSTS700016"},
		"tenant": {func(s *connectors.Settings) { s.TenantID = azurekeyvaulttest.ClientID }, "another directory than tenant_id"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			good := secret.Token(40)
			d, base := azurekeyvaulttest.Start(t, azurekeyvaulttest.Config{ClientSecret: good})
			s := settings(good)
			tt.change(&s)
			c, err := azurekeyvault.Open(s, azurekeyvaulttest.Route(base, http.DefaultTransport))
			if err != nil {
				t.Fatal(err)
			}
			err = c.Check(t.Context())
			if !errors.Is(err, connectors.ErrUnrecoverable) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("err = %v, want %q", err, tt.want)
			}
			clean(t, err, good, s.ClientSecret)
			if n := d.Calls()[tokenCall]; n > 1 || name == "tenant" && n != 0 {
				t.Errorf("asked for a token %d times", n)
			}
		})
	}
}

// Whatever stands in the vault's place may not have the client secret sent
// elsewhere, nor break the program.
func TestStrangeChallenges(t *testing.T) {
	t.Parallel()
	for challenge, refused := range map[string]bool{
		`Bearer authorization="https://login.windows.net", resource="https://vault.azure.net"`:                                    true,
		`Bearer authorization="x", resource="https://vault.azure.net"`:                                                            true,
		`Bearer authorization=//, authorization="", resource="https://vault.azure.net"`:                                           true,
		`Bearer authorization="https://login.windows.net/` + azurekeyvaulttest.ClientID + `", resource="https://vault.azure.net"`: true,
		`Bearer authorization="https://evil.test/` + azurekeyvaulttest.TenantID + `", resource="https://evil.test"`:               false,
		`Bearer authorization="https://evil.test/` + azurekeyvaulttest.TenantID + `"`:                                             false,
		`Bearer error="insufficient_claims", claims="*", authorization="https://evil.test/x", resource="https://vault.azure.net"`: false,
		`Basic realm="vault"`: false,
		``:                    true,
	} {
		b := setup(t)
		b.d.ChallengeNext(challenge)
		err := b.Check(t.Context())
		if err == nil || errors.Is(err, connectors.ErrUnrecoverable) != refused {
			t.Errorf("%s: err = %v, refused %t", challenge, err, refused)
		}
		if n := b.d.Calls()[tokenCall]; n != 0 {
			t.Errorf("%s: asked for a token", challenge)
		}
	}
	b := setup(t) // an authority of another name is not asked
	b.d.ChallengeNext(`Bearer authorization="https://evil.test/` + azurekeyvaulttest.TenantID + `", resource="https://vault.azure.net"`)
	if err := b.Check(t.Context()); err != nil || b.d.Calls()[tokenCall] != 1 {
		t.Errorf("err = %v, calls %v", err, b.d.Calls())
	}
}

func TestCheckPlace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, ok := range map[string]bool{
		"tempo-token": true, "A": true, "-": true, "9x": true, strings.Repeat("n", 127): true,
		"": false, strings.Repeat("n", 128): false, "a/b": false, "..": false, "tempo_token": false, "tempo.token": false,
		"a b": false, "tempö": false, "tempo/": false, "a\u202e": false, "%2e": false, "a?x=1": false,
	} {
		if err := b.CheckPlace(name); (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "name of a secret in a vault") {
			t.Errorf("%.80q: err = %v, ok %t", name, err, ok)
		}
		if ok {
			continue
		}
		if _, err := b.Deliver(t.Context(), connectors.Delivery{Place: name, Secret: secret.NewKey(), Label: "TK-1"}); !errors.Is(err, connectors.ErrUnrecoverable) {
			t.Errorf("deliver to %.80q: err = %v, want ErrUnrecoverable", name, err)
		}
	}
	if calls := b.d.Calls(); len(calls) != 0 {
		t.Errorf("calls for places that are none: %v", calls)
	}
}

func FuzzCheckPlace(f *testing.F) {
	f.Add("tempo-token")
	f.Add("../tempo")
	c, err := azurekeyvault.Open(settings(secret.Token(20)), http.DefaultTransport)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name string) {
		err := c.CheckPlace(name)
		if err == nil {
			if name == "" || len(name) > 127 || strings.ContainsFunc(name, func(r rune) bool { return r != '-' && (r > 'z' || !unicode.IsLetter(r) && !unicode.IsDigit(r)) }) {
				t.Errorf("%q is taken for a place", name)
			}
			return
		}
		if line := err.Error(); len(line) > 1000 || strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q is refused with %q", name, line)
		}
	})
}
