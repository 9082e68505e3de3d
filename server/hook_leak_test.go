package server

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"latchkey/connectors"
	"latchkey/connectors/github"
	"latchkey/connectors/github/githubtest"
	"latchkey/storage"
)

// GitHub reports a key of ours: it ends before GitHub is answered. Whoever
// only says to be GitHub ends nothing.
func TestGitHubReportsALeak(t *testing.T) {
	t.Parallel()
	d, base := githubtest.Start(t, githubtest.Config{})
	settings := connectors.Settings{Name: "hub", Kind: "github", BaseURL: base, AllowPrivate: true, OrgID: githubtest.DefaultOrg, AppID: githubtest.DefaultApp,
		InstallationID: githubtest.DefaultInstallation, PrivateKey: d.PrivateKey()}
	hub, err := github.Open(settings, http.DefaultTransport)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.ReportKey(); err != nil {
		t.Fatal(err)
	}
	b := setupWith(t, Deps{}, system{settings, hub})
	id, page := b.issueTempo(t)
	key := b.do(t, http.MethodPost, page).shownKey()
	if key == "" {
		t.Fatal("no key was shown")
	}
	b.guard(key)
	body := fmt.Sprintf(`[{"token":%q,"type":"latchkey_key","url":"https://github.com/a/b","source":"commit"},{"token":"another","type":"x","url":"","source":"npm"}]`, key)
	send := func(spoil func(*http.Request)) int {
		t.Helper()
		r, err := d.Report(t.Context(), b.http.URL+"/hooks/hub", []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		spoil(r)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		if said, err := io.ReadAll(resp.Body); err != nil || strings.Contains(string(said), key) {
			t.Errorf("the answer says %q, %v", said, err)
		}
		return resp.StatusCode
	}
	forged := func(r *http.Request) { r.Header.Set("Github-Public-Key-Signature", "AAAA") }
	if status := send(forged); status != http.StatusUnauthorized || b.stateOf(t, id) != storage.CredentialActive {
		t.Fatalf("a forged report: %d, the key is %s", status, b.stateOf(t, id))
	}
	for range 2 {
		if status := send(func(*http.Request) {}); status != http.StatusAccepted || b.stateOf(t, id) != storage.CredentialRevoking {
			t.Errorf("a report: %d, the key is %s", status, b.stateOf(t, id))
		}
	}
}
