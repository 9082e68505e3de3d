package github_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/connectors"
	"latchkey/connectors/github"
	"latchkey/connectors/github/githubtest"
	"latchkey/secret"
)

const ourHook = "http://latchkey.example/hooks/hub"

func bodyOf(t testing.TB, r *http.Request) []byte {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// said is a leak with its secret in clear, to compare.
func said(all []connectors.Leak) []string {
	out := []string{}
	for _, l := range all {
		out = append(out, strings.Join([]string{l.Secret.Expose(), l.Type, l.Source, l.URL}, " "))
	}
	return out
}

func report(t *testing.T, b bundle, body string) *http.Request {
	t.Helper()
	r, err := b.d.Report(t.Context(), ourHook, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func reporting(t *testing.T) bundle {
	t.Helper()
	b := setup(t)
	if _, err := b.d.ReportKey(); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPartnerReports(t *testing.T) {
	t.Parallel()
	b := reporting(t)
	many := strings.Repeat(`{"token":"x","type":"latchkey_key","url":"","source":"npm"},`, 999) + `{"token":"last"}`
	for _, tt := range []struct {
		name, body string
		want       []string
		err        error
	}{
		{"one", `[{"token":"lk_live_1","type":"latchkey_key","url":"https://github.com/a/b/c.txt","source":"content"}]`,
			[]string{"lk_live_1 latchkey_key content https://github.com/a/b/c.txt"}, nil},
		{"no address, and a source in capitals", `[{"token":"t","type":"k","url":"","source":"Pull_Request_Title"}]`, []string{"t k Pull_Request_Title "}, nil},
		{"none", `[]`, []string{}, nil},
		{"an object", `{"token":"t"}`, nil, connectors.ErrMalformed},
		{"null", `null`, nil, connectors.ErrMalformed},
		{"one without a token beside another", `[{"type":"k"},{"token":"t"}]`, []string{" k  ", "t   "}, nil},
		{"not JSON", `[{`, nil, connectors.ErrMalformed},
	} {
		r := report(t, b, tt.body)
		leaks, err := b.Leaks(r, bodyOf(t, r))
		if !errors.Is(err, tt.err) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.err)
		}
		if diff := cmp.Diff(tt.want, said(leaks)); tt.err == nil && diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	r := report(t, b, "["+many+"]")
	if leaks, err := b.Leaks(r, bodyOf(t, r)); err != nil || len(leaks) != 1000 {
		t.Errorf("a thousand: %d, %v", len(leaks), err)
	}
	if n := b.d.Calls()["GET /meta/public_keys/secret_scanning"]; n != 1 {
		t.Errorf("the keys were read %d times, want once", n)
	}
}

// Nothing but GitHub's own signature over the very bytes is taken.
func TestPartnerReportsAreVerified(t *testing.T) {
	t.Parallel()
	b := reporting(t)
	const body = `[{"token":"t","type":"k","url":"","source":"commit"}]`
	other := reporting(t)
	for name, spoil := range map[string]func(*http.Request) []byte{
		"another space": func(*http.Request) []byte { return []byte(body + " ") },
		"another token": func(*http.Request) []byte { return []byte(strings.Replace(body, `"t"`, `"u"`, 1)) },
		"no signature": func(r *http.Request) []byte {
			r.Header.Del("Github-Public-Key-Signature")
			return []byte(body)
		},
		"no base64": func(r *http.Request) []byte {
			r.Header.Set("Github-Public-Key-Signature", "!!")
			return []byte(body)
		},
		"raw r and s": func(r *http.Request) []byte {
			r.Header.Set("Github-Public-Key-Signature", strings.Repeat("A", 86)+"==")
			return []byte(body)
		},
		"somebody else's key": func(r *http.Request) []byte {
			theirs := report(t, other, body)
			r.Header.Set("Github-Public-Key-Signature", theirs.Header.Get("Github-Public-Key-Signature"))
			return []byte(body)
		},
	} {
		r := report(t, b, body)
		if leaks, err := b.Leaks(r, spoil(r)); !errors.Is(err, connectors.ErrUnverified) || len(leaks) != 0 {
			t.Errorf("%s: %d leaks, %v", name, len(leaks), err)
		}
	}
	for range 3 { // it may be a new key: GitHub is to send the report again
		r := report(t, b, body)
		r.Header.Set("Github-Public-Key-Identifier", "nobody's")
		if leaks, err := b.Leaks(r, []byte(body)); err == nil || errors.Is(err, connectors.ErrUnverified) || len(leaks) != 0 {
			t.Errorf("an unknown key: %d leaks, %v", len(leaks), err)
		}
	}
	if n := b.d.Calls()["GET /meta/public_keys/secret_scanning"]; n != 1 {
		t.Errorf("made-up keys had GitHub's read %d times, want once", n)
	}
}

func TestAlerts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	open := b.d.AddAlert("shop", secret.New("lk_live_found"), false)
	hidden := b.d.AddAlert("shop", secret.New("lk_live_hidden"), true)
	for _, tt := range []struct {
		name, action string
		number       int
		want         []string
	}{
		{"created", "created", open, []string{"lk_live_found latchkey_api_key repository https://github.com/octo-org/shop/security/secret-scanning/1"}},
		{"public", "publicly_leaked", open, []string{"lk_live_found latchkey_api_key repository https://github.com/octo-org/shop/security/secret-scanning/1"}},
		{"resolved", "resolved", open, []string{}},
		{"hidden", "created", hidden, []string{" latchkey_api_key repository https://github.com/octo-org/shop/security/secret-scanning/2"}},
	} {
		r, err := b.d.AlertHook(t.Context(), ourHook, b.s.SigningSecret, tt.action, tt.number)
		if err != nil {
			t.Fatal(err)
		}
		leaks, err := b.Leaks(r, bodyOf(t, r))
		if err != nil {
			t.Fatal(err)
		}
		for i, l := range leaks {
			if leaks[i], err = b.FetchLeak(t.Context(), l.Ref); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(tt.want, said(leaks)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestAlertsAreVerified(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.d.AddAlert("shop", secret.New("lk_live_found"), false)
	const body = `{"action":"created","alert":{"number":%s},"repository":{"name":"%s","owner":{"login":"%s"}}}`
	hook := b.s.SigningSecret
	for _, tt := range []struct {
		name, event, body string
		hook              secret.Value
		err               error
	}{
		{"another secret", "secret_scanning_alert", fmt.Sprintf(body, "1", "shop", "octo-org"), secret.New("guessed"), connectors.ErrUnverified},
		{"another event", "push", "{}", hook, nil},
		{"a ping", "ping", `{"zen":"x"}`, hook, nil},
		{"another organisation", "secret_scanning_alert", fmt.Sprintf(body, "1", "shop", "evil"), hook, connectors.ErrMalformed},
		{"a path for a name", "secret_scanning_alert", fmt.Sprintf(body, "1", "../../x", "octo-org"), hook, connectors.ErrMalformed},
		{"no number", "secret_scanning_alert", fmt.Sprintf(body, "0", "shop", "octo-org"), hook, connectors.ErrMalformed},
		{"not JSON", "secret_scanning_alert", "{", hook, connectors.ErrMalformed},
	} {
		r, err := githubtest.SignHook(t.Context(), ourHook, tt.hook, tt.event, []byte(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		if leaks, err := b.Leaks(r, bodyOf(t, r)); !errors.Is(err, tt.err) || len(leaks) != 0 {
			t.Errorf("%s: %d leaks, %v, want %v", tt.name, len(leaks), err, tt.err)
		}
	}
	s := b.s
	s.SigningSecret = secret.Value{}
	r, err := githubtest.SignHook(t.Context(), ourHook, secret.Value{}, "secret_scanning_alert", []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, s).Leaks(r, bodyOf(t, r)); !errors.Is(err, connectors.ErrUnverified) {
		t.Errorf("without a secret of the webhook: %v", err)
	}
	for _, ref := range []string{"shop/99", "shop", "../x/1", "shop/0", "shop/-1", "shop/1/2", ""} {
		if _, err := b.FetchLeak(t.Context(), ref); !errors.Is(err, connectors.ErrUnrecoverable) {
			t.Errorf("an alert %q that GitHub does not have: %v", ref, err)
		}
	}
}

func FuzzLeaks(f *testing.F) {
	f.Add("secret_scanning_alert", []byte(`{"action":"created","alert":{"number":1},"repository":{"name":"shop","owner":{"login":"octo-org"}}}`))
	f.Add("ping", []byte(`{}`))
	k, err := appKey()
	if err != nil {
		f.Fatal(err)
	}
	refused := roundTripper(func(*http.Request) (*http.Response, error) { return nil, errors.New("no network") })
	s := settings("http://127.0.0.1:1", k)
	c, err := github.Open(s, refused)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, event string, body []byte) {
		r, err := githubtest.SignHook(t.Context(), ourHook, s.SigningSecret, "secret_scanning_alert", body)
		if err != nil {
			t.Skip()
		}
		r.Header.Set("X-Github-Event", event)
		leaks, _ := c.Leaks(r, bytes.Clone(body))
		for _, l := range leaks {
			if _, err := c.FetchLeak(t.Context(), l.Ref); err == nil || errors.Is(err, connectors.ErrUnrecoverable) {
				t.Errorf("the reference %q of an alert: %v", l.Ref, err)
			}
		}
	})
}
