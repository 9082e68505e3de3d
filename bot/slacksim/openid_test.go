package slacksim

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

const signInVerifier = "a-verifier-of-at-least-forty-three-characters-in-all"

// authorize asks for a sign-in as Alice and returns the status and the code.
func authorize(t *testing.T, s *Sim, change func(url.Values)) (int, string) {
	t.Helper()
	sum := sha256.Sum256([]byte(signInVerifier))
	q := url.Values{"response_type": {"code"}, "scope": {"openid"}, "client_id": {s.ClientID()}, "state": {"s"}, "nonce": {"n"},
		"redirect_uri": {"http://127.0.0.1:1/back"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}}
	if change != nil {
		change(q)
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/openid/connect/authorize?"+q.Encode(), strings.NewReader("as=U0ALICE"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	back, err := url.Parse(res.Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, back.Query().Get("code")
}

// exchanged is what openid.connect.token says to a code.
func exchanged(t *testing.T, s *Sim, code string, change func(url.Values)) map[string]any {
	t.Helper()
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {"http://127.0.0.1:1/back"}, "client_id": {s.ClientID()},
		"client_secret": {s.ClientSecret()}, "code_verifier": {signInVerifier}}
	if change != nil {
		change(form)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.APIURL()+"openid.connect.token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var out map[string]any
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("openid.connect.token = %d: %v", res.StatusCode, err)
	}
	return out
}

func set(name, value string) func(url.Values) { return func(v url.Values) { v.Set(name, value) } }

func TestSignInWithSlackIsStrict(t *testing.T) {
	t.Parallel()
	s, err := Start(t.Context(), Config{Logger: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	s.AllowRedirect("http://127.0.0.1:1/back")
	for name, change := range map[string]func(url.Values){
		"another redirect": set("redirect_uri", "http://127.0.0.1:1/back/"), "another app": set("client_id", "1.2"), "a scope of old": set("scope", "identity.basic"),
		"a token at once": set("response_type", "id_token"), "a plain challenge": set("code_challenge_method", "plain"), "an unknown name": set("nothing", "1"),
	} {
		if status, code := authorize(t, s, change); status != http.StatusBadRequest || code != "" {
			t.Errorf("%s: %d, and a code: %t", name, status, code != "")
		}
	}
	for want, change := range map[string]func(url.Values){
		"invalid_client_id": set("client_id", "1.2"), "bad_client_secret": set("client_secret", "x"), "invalid_grant_type": set("grant_type", "password"),
		"bad_redirect_uri": set("redirect_uri", "http://127.0.0.1:1/"), "invalid_grant": set("code_verifier", "another"), "invalid_code": set("code", "x"),
	} {
		_, code := authorize(t, s, nil)
		if got := exchanged(t, s, code, change); got["ok"] != false || got["error"] != want {
			t.Errorf("got %v, want %s", got["error"], want)
		}
	}
	_, code := authorize(t, s, nil)
	if got := exchanged(t, s, code, nil); got["ok"] != true || got["id_token"] == "" {
		t.Errorf("the right code brings %v", got["error"])
	}
	if got := exchanged(t, s, code, nil); got["error"] != "invalid_code" {
		t.Errorf("the same code again: %v", got["error"])
	}
}
