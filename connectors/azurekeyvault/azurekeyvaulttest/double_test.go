package azurekeyvaulttest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"latchkey/connectors/azurekeyvault/azurekeyvaulttest"
	"latchkey/secret"
)

const version = "?api-version=2026-04-01"

// Wrong requests fail as they would at the vendor.
func TestVaultIsStrict(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		method, path, body string
		status             int
		text               string
	}{
		"get":                 {"GET", "/secrets/HERS/" + version, "", 200, `"value":"hers"`},
		"get a missing one":   {"GET", "/secrets/gone/" + version, "", 404, "SecretNotFound"},
		"get a deleted one":   {"GET", "/secrets/deleted/" + version, "", 404, "SecretNotFound"},
		"get a disabled one":  {"GET", "/secrets/disabled/" + version, "", 403, "SecretDisabled"},
		"get without version": {"GET", "/secrets/hers/", "", 400, "BadParameter"},
		"get an old version":  {"GET", "/secrets/hers/?api-version=7.4", "", 400, "BadParameter"},
		"get with a query":    {"GET", "/secrets/hers/" + version + "&x=1", "", 400, "BadParameter"},
		"list":                {"GET", "/secrets" + version, "", 404, ""},
		"delete":              {"DELETE", "/secrets/hers" + version, "", 404, ""},
		"set":                 {"PUT", "/secrets/new" + version, `{"value":"x","tags":{"a":"b"}}`, 200, `"tags":{"a":"b"}`},
		"set over":            {"PUT", "/secrets/hers" + version, `{"value":"x"}`, 200, `/secrets/hers/`},
		"set a deleted one":   {"PUT", "/secrets/deleted" + version, `{"value":"x"}`, 409, "ObjectIsDeletedButRecoverable"},
		"set nothing":         {"PUT", "/secrets/new" + version, `{}`, 400, "BadParameter"},
		"set unknown fields":  {"PUT", "/secrets/new" + version, `{"value":"x","x":1}`, 400, "BadParameter"},
		"set a bad name":      {"PUT", "/secrets/a_b" + version, `{"value":"x"}`, 400, "BadParameter"},
		"set too much":        {"PUT", "/secrets/new" + version, `{"value":"` + strings.Repeat("x", 26<<10) + `"}`, 400, "BadParameter"},
		"set a long tag":      {"PUT", "/secrets/new" + version, `{"value":"x","tags":{"a":"` + strings.Repeat("x", 257) + `"}}`, 400, "BadParameter"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			for _, seeded := range []string{"hers", "deleted", "disabled"} {
				b.d.Put(seeded, "hers", nil)
			}
			b.d.Delete("deleted")
			b.d.Disable("disabled")
			status, text, _ := b.call(t, tt.method, azurekeyvaulttest.VaultURL+tt.path, tt.body, b.token(t))
			if status != tt.status || !strings.Contains(text, tt.text) {
				t.Errorf("answered %d %s, want %d with %q", status, text, tt.status, tt.text)
			}
			status, _, challenge := b.call(t, tt.method, azurekeyvaulttest.VaultURL+tt.path, tt.body, "x")
			if status != 401 || !strings.Contains(challenge, `resource="https://vault.azure.net"`) {
				t.Errorf("with another token: answered %d, challenge %q", status, challenge)
			}
		})
	}
}

func TestAuthorityIsStrict(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, wrong := range []func(url.Values){
		func(v url.Values) { v.Set("client_secret", "x") },
		func(v url.Values) { v.Set("client_id", "x") },
		func(v url.Values) { v.Set("scope", "https://graph.microsoft.com/.default") },
		func(v url.Values) { v.Set("grant_type", "password") },
		func(v url.Values) { v.Set("x", "y") },
		func(v url.Values) { v.Del("client_secret") },
	} {
		form := b.form()
		wrong(form)
		if status, text := b.exchange(t, azurekeyvaulttest.TenantID, form); status < 400 || !strings.Contains(text, "AADSTS") {
			t.Errorf("%v: answered %d", form, status)
		}
	}
	if status, _ := b.exchange(t, azurekeyvaulttest.ClientID, b.form()); status != 400 {
		t.Errorf("another directory: answered %d", status)
	}
	if status, _, _ := b.call(t, "GET", "https://other.vault.azure.net/secrets/hers/"+version, "", b.token(t)); status != 404 {
		t.Errorf("another vault: answered %d", status)
	}
}

type bundle struct {
	d      *azurekeyvaulttest.Double
	wire   http.RoundTripper
	secret secret.Value
}

func setup(t *testing.T) bundle {
	t.Helper()
	clientSecret := secret.Token(40)
	d, base := azurekeyvaulttest.Start(t, azurekeyvaulttest.Config{ClientSecret: clientSecret})
	return bundle{d: d, wire: azurekeyvaulttest.Route(base, http.DefaultTransport), secret: clientSecret}
}

func (b bundle) form() url.Values {
	return url.Values{
		"grant_type": {"client_credentials"}, "client_id": {azurekeyvaulttest.ClientID},
		"client_secret": {b.secret.Expose()}, "scope": {"https://vault.azure.net/.default"},
	}
}

func (b bundle) token(t *testing.T) string {
	t.Helper()
	_, text := b.exchange(t, azurekeyvaulttest.TenantID, b.form())
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil || answer.Token == "" {
		t.Fatalf("no token: %v", err)
	}
	return answer.Token
}

func (b bundle) exchange(t *testing.T, tenant string, form url.Values) (status int, text string) {
	t.Helper()
	target := "https://login.microsoftonline.com/" + tenant + "/oauth2/v2.0/token"
	status, text, _ = b.send(t, "POST", target, "application/x-www-form-urlencoded", form.Encode(), "")
	return status, text
}

func (b bundle) call(t *testing.T, method, target, body, token string) (status int, text, challenge string) {
	t.Helper()
	return b.send(t, method, target, "application/json", body, token)
}

func (b bundle) send(t *testing.T, method, target, contentType, body, token string) (status int, text, challenge string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := b.wire.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(answer), resp.Header.Get("WWW-Authenticate")
}
