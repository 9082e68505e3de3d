package githubsecretstest_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/crypto/nacl/box"

	"latchkey/connectors/githubsecrets/githubsecretstest"
	"latchkey/secret"
)

const actions = "/repos/octo-org/payroll/actions/"

// Wrong requests fail as they would at the vendor.
func TestStrictness(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		method, path, body string
		status             int
		text               string
	}{
		"get":                    {"GET", actions + "secrets/hers", "", 200, `"name":"HERS"`},
		"get a missing one":      {"GET", actions + "secrets/GONE", "", 404, "Not Found"},
		"get with a query":       {"GET", actions + "secrets/HERS?x=1", "", 422, ""},
		"get elsewhere":          {"GET", "/repos/octo-org/gone/actions/secrets/HERS", "", 404, ""},
		"no such environment":    {"GET", "/repos/octo-org/payroll/environments/x/secrets/HERS", "", 404, ""},
		"list":                   {"GET", actions + "secrets?per_page=1", "", 200, `"total_count":1`},
		"installation":           {"GET", "/installation/repositories", "", 403, ""},
		"put in clear":           {"PUT", actions + "secrets/X", `{"encrypted_value":"aHVudGVyMg==","key_id":"KEY"}`, 422, "Improperly encrypted"},
		"put with another key":   {"PUT", actions + "secrets/X", `{"encrypted_value":"SEALED","key_id":"1"}`, 422, "key_id"},
		"put without a key":      {"PUT", actions + "secrets/X", `{"encrypted_value":"SEALED"}`, 422, "key_id"},
		"put an unknown field":   {"PUT", actions + "secrets/X", `{"encrypted_value":"SEALED","key_id":"KEY","x":1}`, 422, ""},
		"put a bad name":         {"PUT", actions + "secrets/2X", `{"encrypted_value":"SEALED","key_id":"KEY"}`, 422, "name"},
		"put a reserved name":    {"PUT", actions + "secrets/github_x", `{"encrypted_value":"SEALED","key_id":"KEY"}`, 422, "name"},
		"put nothing":            {"PUT", actions + "secrets/X", "", 400, ""},
		"put a new one":          {"PUT", actions + "secrets/X", `{"encrypted_value":"SEALED","key_id":"KEY"}`, 201, ""},
		"put over an old one":    {"PUT", actions + "secrets/hers", `{"encrypted_value":"SEALED","key_id":"KEY"}`, 204, ""},
		"make a variable":        {"POST", actions + "variables", `{"name":"x","value":"y"}`, 201, ""},
		"make it again":          {"POST", actions + "variables", `{"name":"Mark","value":"y"}`, 409, ""},
		"make a bad one":         {"POST", actions + "variables", `{"name":"a-b","value":"y"}`, 422, ""},
		"make half of one":       {"POST", actions + "variables", `{"name":"x"}`, 422, ""},
		"change a variable":      {"PATCH", actions + "variables/MARK", `{"name":"MARK","value":"y"}`, 204, ""},
		"change a missing one":   {"PATCH", actions + "variables/GONE", `{"value":"y"}`, 404, ""},
		"change to another name": {"PATCH", actions + "variables/MARK", `{"name":"OTHER","value":"y"}`, 422, ""},
		"read a variable":        {"GET", actions + "variables/MARK", "", 200, `"value":"z"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token := secret.Token(30)
			d, base := githubsecretstest.Start(t, githubsecretstest.Config{Token: token})
			d.Put("octo-org/payroll", "HERS", "hers")
			d.PutVariable("octo-org/payroll", "MARK", "z")
			keyID, sealed := seal(t, base, token, "ours")
			body := strings.NewReplacer("KEY", keyID, "SEALED", sealed).Replace(tt.body)
			status, text := call(t, tt.method, base+tt.path, body, token.Expose())
			if status != tt.status || !strings.Contains(text, tt.text) {
				t.Errorf("answered %d %s, want %d with %q", status, text, tt.status, tt.text)
			}
			if status, _ := call(t, tt.method, base+tt.path, body, "x"); status != 401 {
				t.Errorf("with another token: answered %d, want 401", status)
			}
		})
	}
}

func seal(t *testing.T, base string, token secret.Value, value string) (keyID, sealed string) {
	t.Helper()
	_, text := call(t, "GET", base+actions+"secrets/public-key", "", token.Expose())
	var answer struct {
		KeyID string `json:"key_id"`
		Key   []byte `json:"key"`
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil || len(answer.Key) != 32 {
		t.Fatalf("no public key: %v", err)
	}
	closed, err := box.SealAnonymous(nil, []byte(value), (*[32]byte)(answer.Key), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return answer.KeyID, base64.StdEncoding.EncodeToString(closed)
}

func call(t *testing.T, method, url, body, token string) (status int, text string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/vnd.github+json")
	req.Header.Set("X-Github-Api-Version", "2022-11-28")
	req.Header.Set("Authorization", "Bearer "+token)
	if method != "GET" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}
