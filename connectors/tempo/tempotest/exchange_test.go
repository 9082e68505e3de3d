package tempotest_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"latchkey/connectors/tempo/tempotest"
	"latchkey/secret"
)

func TestExchangeRefusesMistakes(t *testing.T) {
	t.Parallel()
	const exchange = "grant_type=authorization_code&"
	redirect := "&redirect_uri=" + url.QueryEscape(callback)
	tests := map[string]struct{ form, want string }{
		"wrong redirect":  {exchange + clientAuth + "&code=CODE&redirect_uri=" + url.QueryEscape(callback+"/"), "invalid_grant"},
		"no redirect":     {exchange + clientAuth + "&code=CODE", "invalid_request"},
		"unknown code":    {exchange + clientAuth + "&code=nothing" + redirect, "invalid_grant"},
		"another's code":  {exchange + "client_id=app-2&client_secret=other-secret&code=CODE" + redirect, "invalid_grant"},
		"wrong secret":    {exchange + "client_id=app-1&client_secret=x&code=CODE" + redirect, "invalid_client"},
		"unknown app":     {exchange + "client_id=app-9&client_secret=x&code=CODE" + redirect, "invalid_client"},
		"no secret":       {exchange + "client_id=app-1&code=CODE" + redirect, "invalid_request"},
		"no grant type":   {clientAuth + "&code=CODE" + redirect, "invalid_request"},
		"other grant":     {"grant_type=client_credentials&" + clientAuth, "unsupported_grant_type"},
		"unknown field":   {exchange + clientAuth + "&code=CODE&scope=x" + redirect, "invalid_request"},
		"a field twice":   {exchange + clientAuth + "&code=CODE&code=x" + redirect, "invalid_request"},
		"both at once":    {exchange + clientAuth + "&code=CODE&refresh_token=x" + redirect, "invalid_request"},
		"needs no PKCE":   {exchange + clientAuth + "&code=CODE" + redirect, ""},
		"refresh: nobody": {"grant_type=refresh_token&" + clientAuth + "&refresh_token=x" + redirect, "invalid_grant"},
		"refresh: alone":  {"grant_type=refresh_token&" + clientAuth + "&refresh_token=x", "invalid_request"},
		"refresh: wrong":  {"grant_type=refresh_token&" + clientAuth + "&refresh_token=x&redirect_uri=x", "invalid_grant"},
	}
	w := connect(t)
	for name, tt := range tests {
		code := w.decide(w.authorizeURL(w.config()), tempotest.Bob, "allow").Get("code")
		status, body := w.post("/oauth/token/", strings.Replace(tt.form, "CODE", code, 1))
		switch {
		case tt.want == "" && status != http.StatusOK:
			t.Errorf("%s: %d %s", name, status, body)
		case tt.want != "" && !strings.Contains(body, `"error":"`+tt.want+`"`):
			t.Errorf("%s: %d %s, want %s", name, status, body, tt.want)
		}
	}
	if status, _ := w.post("/oauth/token", exchange+clientAuth); status != http.StatusNotFound {
		t.Errorf("without the slash at the end: %d", status)
	}
	if _, body := w.post("/oauth/token/?"+clientAuth, exchange); !strings.Contains(body, "invalid_request") {
		t.Errorf("with a query: %s", body)
	}
	resp, err := w.client.Post(w.base+"/oauth/token/", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("as JSON: %d", resp.StatusCode)
	}
}

func TestCodesEndQuickly(t *testing.T) {
	t.Parallel()
	w := connect(t)
	code := w.decide(w.authorizeURL(w.config()), tempotest.Bob, "allow").Get("code")
	w.pass(time.Minute)
	_, err := w.config().Exchange(t.Context(), code)
	wantRefusal(t, "a late code", err, "invalid_grant")
}

func TestProofKey(t *testing.T) {
	t.Parallel()
	w := connect(t)
	c := w.config()
	verifier := oauth2.GenerateVerifier()
	ask := func() string {
		return w.decide(w.authorizeURL(c, oauth2.S256ChallengeOption(verifier)), tempotest.Bob, "allow").Get("code")
	}
	if _, err := c.Exchange(t.Context(), ask(), oauth2.VerifierOption(verifier)); err != nil {
		t.Errorf("with the verifier: %v", err)
	}
	_, err := c.Exchange(t.Context(), ask())
	wantRefusal(t, "without it", err, "invalid_grant")
}

func TestRefreshKillsThePairBefore(t *testing.T) {
	t.Parallel()
	w := connect(t)
	old := w.exchange(w.config("worklogs:view"), tempotest.Bob)
	fresh, err := w.refresh(old.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	if fresh.AccessToken == old.AccessToken || fresh.RefreshToken == old.RefreshToken || w.Pairs() != 1 {
		t.Errorf("the pair is not new; %d are alive", w.Pairs())
	}
	if w.Works(secret.New(old.AccessToken)) || !w.Works(secret.New(fresh.AccessToken)) {
		t.Error("the old access token works, or the new one does not")
	}
	if got := w.status(old.AccessToken, "GET", "/4/worklogs"); got != http.StatusUnauthorized {
		t.Errorf("the old access token = %d", got)
	}
	if got := w.status(fresh.AccessToken, "GET", "/4/worklogs"); got != http.StatusOK || w.LastPerson() != tempotest.Bob {
		t.Errorf("the new one = %d as %q", got, w.LastPerson())
	}
	_, err = w.refresh(old.RefreshToken)
	wantRefusal(t, "the old refresh token", err, "invalid_grant")
}

// The plain refresh of RFC 6749 is not what the vendor documents.
func TestRefreshWithoutRedirect(t *testing.T) {
	t.Parallel()
	w := connect(t)
	pair := w.exchange(w.config(), tempotest.Bob)
	plain := func() error {
		_, err := w.config().TokenSource(t.Context(), &oauth2.Token{RefreshToken: pair.RefreshToken}).Token()
		return err
	}
	wantRefusal(t, "without redirect_uri", plain(), "invalid_request")
	w.Set(tempotest.Knobs{RefreshWithoutRedirect: true})
	if err := plain(); err != nil {
		t.Errorf("where it is not needed: %v", err)
	}
}

func TestRefreshWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	w := connect(t)
	old := w.exchange(w.config(), tempotest.Bob)
	w.LoseNextRefresh()
	var refused *oauth2.RetrieveError
	if _, err := w.refresh(old.RefreshToken); err == nil || errors.As(err, &refused) {
		t.Errorf("lost: %v, want no answer", err)
	}
	if w.Pairs() != 1 || !w.GrantAlive(tempotest.Bob) || w.Works(secret.New(old.AccessToken)) {
		t.Errorf("%d pairs: the vendor made a new one that nobody has", w.Pairs())
	}
	_, err := w.refresh(old.RefreshToken)
	wantRefusal(t, "the same again", err, "invalid_grant")
}

func TestRevokeEndsTokens(t *testing.T) {
	t.Parallel()
	w := connect(t)
	revoke := func(hint, token string) (int, string) {
		return w.post("/oauth/revoke_token/", clientAuth+"&token_type_hint="+hint+"&token="+token)
	}
	bob, alice := w.exchange(w.config(), tempotest.Bob), w.exchange(w.config(), tempotest.Alice)
	for range 2 {
		if status, body := revoke("refresh_token", bob.RefreshToken); status != http.StatusOK || body != "" {
			t.Errorf("revoke of a refresh token: %d %q", status, body)
		}
	}
	if w.GrantAlive(tempotest.Bob) || !w.GrantAlive(tempotest.Alice) {
		t.Error("the wrong grant is dead")
	}
	if got := w.status(bob.AccessToken, "GET", "/4/worklogs"); got != http.StatusUnauthorized {
		t.Errorf("the access token of it = %d", got)
	}
	_, err := w.refresh(bob.RefreshToken)
	wantRefusal(t, "the revoked one", err, "invalid_grant")

	if status, _ := revoke("access_token", alice.AccessToken); status != http.StatusOK || w.Works(secret.New(alice.AccessToken)) {
		t.Errorf("revoke of an access token: %d", status)
	}
	if _, err := w.refresh(alice.RefreshToken); err != nil {
		t.Errorf("the refresh token beside it: %v", err)
	}
	if status, _ := revoke("access_token", "unknown"); status != http.StatusOK {
		t.Errorf("revoke of an unknown token: %d", status)
	}
}

func TestRevokeRefusesMistakes(t *testing.T) {
	t.Parallel()
	w := connect(t)
	pair := w.exchange(w.config(), tempotest.Bob)
	for form, want := range map[string]string{
		clientAuth + "&token=TOKEN":                                                              "invalid_request",
		clientAuth + "&token_type_hint=id_token&token=TOKEN":                                     "invalid_request",
		"client_id=app-1&client_secret=x&token_type_hint=refresh_token&token=TOKEN":              "invalid_client",
		"client_id=app-2&client_secret=other-secret&token_type_hint=refresh_token&token=TOKEN":   "unauthorized_client",
		clientAuth + "&token_type_hint=refresh_token&token=TOKEN&redirect_uri=https://x.example": "invalid_request",
	} {
		_, body := w.post("/oauth/revoke_token/", strings.Replace(form, "TOKEN", pair.RefreshToken, 1))
		if !strings.Contains(body, `"error":"`+want+`"`) {
			t.Errorf("%s: %s", want, body)
		}
	}
	if !w.GrantAlive(tempotest.Bob) {
		t.Error("a mistake revoked something")
	}
}
