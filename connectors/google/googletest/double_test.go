package googletest_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2/google"

	"latchkey/connectors/google/googletest"
)

const (
	scopeUser     = "https://www.googleapis.com/auth/admin.directory.user"
	scopeSecurity = "https://www.googleapis.com/auth/admin.directory.user.security"
)

type bundle struct {
	*googletest.Double
	t    *testing.T
	base string
}

func setup(t *testing.T, cfg googletest.Config) bundle {
	t.Helper()
	d, base := googletest.Start(t, cfg)
	return bundle{d, t, base}
}

// bearer signs in as a person for scopes.
func (b bundle) bearer(subject string, scopes ...string) (string, error) {
	b.t.Helper()
	file, err := b.KeyFile(b.base)
	if err != nil {
		b.t.Fatal(err)
	}
	conf, err := google.JWTConfigFromJSON([]byte(file.Expose()), scopes...)
	if err != nil {
		b.t.Fatal(err)
	}
	conf.Subject = subject
	token, err := conf.TokenSource(b.t.Context()).Token()
	if err != nil {
		return "", err
	}
	return "Bearer " + token.AccessToken, nil
}

// call answers the status, the error's reason where there is one, and the body.
func (b bundle) call(method, path, auth, body string) (status int, reason, answer string) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.base+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Authorization", auth)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	var e struct {
		Error struct{ Errors []struct{ Reason string } }
	}
	if json.Unmarshal(text, &e) == nil && len(e.Error.Errors) > 0 {
		reason = e.Error.Errors[0].Reason
	}
	return resp.StatusCode, reason, string(text)
}

func TestWrongRequestsFail(t *testing.T) {
	t.Parallel()
	b := setup(t, googletest.Config{})
	alice := b.AddPerson(googletest.Person{Name: "Alice", Email: "alice@example.com"})
	b.AddToken(alice, googletest.Token{ClientID: "payroll", App: "Payroll", Scopes: []string{"openid"}})
	b.AddPassword(alice, googletest.Password{Name: "mail"})
	all, err := b.bearer(b.Admin(), scopeUser, scopeSecurity)
	if err != nil {
		t.Fatal(err)
	}
	people, err := b.bearer(b.Admin(), scopeUser)
	if err != nil {
		t.Fatal(err)
	}
	hers, err := b.bearer("alice@example.com", scopeUser)
	if err != nil {
		t.Fatal(err)
	}
	const users = "/admin/directory/v1/users"
	tests := []struct {
		method, path, auth, body string
		status                   int
		reason                   string
	}{
		{"GET", users + "?customer=my_customer&alt=json&prettyPrint=false", all, "", 200, ""},
		{"GET", users + "?customer=my_customer", people, "", 200, ""},
		{"GET", users + "?customer=my_customer", hers, "", 403, "forbidden"},
		{"GET", users + "?customer=my_customer", "", "", 401, "authError"},
		{"GET", users + "?customer=my_customer", "Bearer x", "", 401, "authError"},
		{"GET", users, all, "", 400, "badRequest"},
		{"GET", users + "?customer=my_customer&maxResults=501", all, "", 400, "invalid"},
		{"GET", users + "?customer=my_customer&limit=5", all, "", 400, "invalid"},
		{"GET", users + "?customer=my_customer&alt=media", all, "", 400, "invalid"},
		{"GET", users + "?customer=my_customer&pageToken=x", all, "", 400, "invalid"},
		{"GET", users + "/999", all, "", 404, "notFound"},
		{"GET", users + "/" + alice + "/asps/9", all, "", 404, "notFound"},
		{"GET", users + "/" + alice + "/asps/x", all, "", 400, "invalid"},
		{"GET", users + "/" + alice + "/asps/0", all, "", 200, ""},
		{"GET", users + "/" + alice + "/asps/0", people, "", 403, "forbidden"},
		{"GET", users + "/" + alice + "/tokens/payroll", all, "", 200, ""},
		{"DELETE", users + "/" + alice + "/tokens/payroll", all, "{}", 400, "invalid"},
		{"DELETE", users + "/" + alice + "/tokens/payroll", all, "", 204, ""},
		{"DELETE", users + "/" + alice + "/tokens/payroll", all, "", 404, "notFound"},
		{"POST", users + "/" + alice + "/tokens", all, "", 405, ""},
		{"GET", "/admin/directory/v2/users", all, "", 404, ""},
		{"PATCH", users + "/" + alice, all, `{"suspended":true,"isAdmin":true}`, 400, "invalid"},
		{"PATCH", users + "/alice@example.com", all, `{"suspended":true}`, 200, ""},
	}
	for _, tt := range tests {
		status, reason, answer := b.call(tt.method, tt.path, tt.auth, tt.body)
		if status != tt.status || reason != tt.reason {
			t.Errorf("%s %s: %d %s, want %d %s: %s", tt.method, tt.path, status, reason, tt.status, tt.reason, answer)
		}
	}
	if b.Open(alice) {
		t.Error("the suspended person is open")
	}
}

// Times are numbers in strings, and a person without any leaves the list out.
func TestPasswordRows(t *testing.T) {
	t.Parallel()
	b := setup(t, googletest.Config{})
	auth, err := b.bearer(b.Admin(), scopeSecurity)
	if err != nil {
		t.Fatal(err)
	}
	path := "/admin/directory/v1/users/" + b.Admin() + "/asps"
	if _, _, answer := b.call("GET", path, auth, ""); strings.Contains(answer, "items") {
		t.Errorf("nothing made: %s", answer)
	}
	b.AddPassword(b.Admin(), googletest.Password{Name: "mail", CreatedAt: time.Unix(1700000000, 0)})
	_, _, answer := b.call("GET", path, auth, "")
	if !strings.Contains(answer, `"creationTime":"1700000000000"`) || !strings.Contains(answer, `"lastTimeUsed":"0"`) {
		t.Errorf("one made: %s", answer)
	}
}

func TestTokenEndpointRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t, googletest.Config{})
	for name, try := range map[string]func() error{
		"unknown subject": func() error { _, err := b.bearer("nobody@example.com", scopeUser); return err },
		"no subject":      func() error { _, err := b.bearer("", scopeUser); return err },
		"no scope":        func() error { _, err := b.bearer(b.Admin()); return err },
		"other scope": func() error {
			_, err := b.bearer(b.Admin(), "https://www.googleapis.com/auth/drive")
			return err
		},
		"another key": func() error { return signedByAnother(t.Context(), t, b) },
	} {
		if try() == nil {
			t.Errorf("%s: a token was given out", name)
		}
	}
	for _, form := range []url.Values{{}, {"grant_type": {"password"}}, {"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}}} {
		resp, err := http.PostForm(b.base+"/token", form)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%v: %d", form, resp.StatusCode)
		}
	}
}

// signedByAnother signs in with the key of another double.
func signedByAnother(ctx context.Context, t *testing.T, b bundle) error {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	other, err := googletest.New(googletest.Config{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	file, err := other.KeyFile(b.base)
	if err != nil {
		t.Fatal(err)
	}
	conf, err := google.JWTConfigFromJSON([]byte(file.Expose()), scopeUser)
	if err != nil {
		t.Fatal(err)
	}
	conf.Subject = b.Admin()
	_, err = conf.TokenSource(ctx).Token()
	return err
}
