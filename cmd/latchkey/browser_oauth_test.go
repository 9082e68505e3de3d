package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"latchkey/connectors/tempo/tempotest"
)

// TestBrowserOAuth connects a person's own account at Tempo, as people do it:
// ask, approve, connect, call within the scopes, be refused outside of them,
// revoke, be refused.
func TestBrowserOAuth(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	p := player{b, newWorld(t)}

	id := p.askForOAuth()
	p.approveOAuth(id)
	token := p.connectAsAlice()
	key := p.collectConnected(token)

	if got, body := p.w.use(key, "/4/worklogs"); got != http.StatusOK {
		t.Fatalf("inside the scopes: %d %s", got, body)
	}
	if got := p.w.tempo.LastPerson(); got != tempotest.Alice {
		t.Errorf("the call ran as %q", got)
	}
	got, body := p.w.use(key, "/4/accounts")
	if got != http.StatusForbidden {
		t.Fatalf("outside the scopes: %d %s", got, body)
	}
	p.w.says(body, "accounts:view")

	p.revokeConnected(token)
	p.w.until(key, "/4/worklogs", http.StatusUnauthorized)
	p.w.eventually("Tempo to forget the app", func() bool { return !p.w.tempo.GrantAlive(tempotest.Alice) })
	p.w.eventually("the answer to be stored", func() bool { return p.w.state(token) == "revoked" })
	p.w.says(p.w.slash("U0ERIN", "/tokens show "+token), "What the system answered", "/oauth/revoke_token/")
	p.lookAtTempo()
}

// askForOAuth files Alice's request to use the app and returns its ID.
func (p player) askForOAuth() string {
	p.t.Helper()
	p.at("U0ALICE", "C0GENERAL")
	p.command("/tokens request tempo")
	p.find("dialog", "Request an API key")
	p.press("radio", "OAuth app")
	p.press("radio", "Read and write")
	p.reads(".dialog", "worklogs:manage")
	p.picture("oauth-01-form")
	p.phonePicture("oauth-01-form")
	p.fill("textbox", "Why", "Book my own time from the editor")
	p.press("button", "Preview")
	p.find("dialog", "Check and send")
	p.reads(".dialog", "tempo-approvers", "OAuth")
	p.picture("oauth-02-preview")
	p.press("button", "Send request")
	p.gone("dialog", "Check and send")
	p.at("U0ALICE", "")
	p.reads(".log", "0 of 1 approval")
	id := requestIDs.FindString(p.text(".log"))
	if id == "" {
		p.t.Fatalf("the requester is told no ID:\n%s", p.text(".log"))
	}
	return id
}

func (p player) approveOAuth(id string) {
	p.t.Helper()
	p.at("U0BOB", "")
	approve := "Approve request " + id + " from Alice Archer"
	p.find("button", approve)
	p.reads(".log", "OAuth", "Book my own time")
	p.picture("oauth-03-card")
	p.press("button", approve)
	p.find("dialog", "Approve "+id+"?")
	p.press("button", "Approve")
	p.reads(".log", "was the last one needed")
}

// connectAsAlice goes the whole way through Tempo and back, and returns the
// ID of the key that is made of it.
func (p player) connectAsAlice() string {
	p.t.Helper()
	p.at("U0ALICE", "")
	p.reads(".log", "Connect it with your account there")
	token := keyIDs.FindString(p.text(".log"))
	p.picture("oauth-04-approved")
	p.press("button", "Connect tempo for "+token)

	page := p.opened("/oauth/tempo/start/")
	page.reads("main", "tempo", "worklogs:manage", token)
	page.picture("oauth-05-connect")
	page.phonePicture("oauth-05-connect")
	page.press("button", "Go to tempo and allow it")
	page.find("link", "Continue to tempo")
	page.picture("oauth-06-leave")
	page.press("link", "Continue to tempo")
	page.find("heading", "Allow Latchkey to use Tempo as you?")
	page.picture("oauth-07-consent")
	page.press("radio", "Alice Archer")
	page.press("button", "Allow")
	page.find("button", "Show the key")
	page.reads("main", token, "tempo")
	page.picture("oauth-08-back")
	if here := evaluate[string](page, `location.href`); strings.Contains(here, "code=") {
		p.t.Errorf("the code is still in the address: %s", here)
	}
	return token
}

// collectConnected reveals the key on the page that the way back led to.
func (p player) collectConnected(token string) string {
	p.t.Helper()
	page := p.opened("/reveal/")
	page.press("button", "Show the key")
	page.find("textbox", "The key")
	page.picture("oauth-09-key")
	key := evaluate[string](page, `document.getElementById("key").value`)
	if !ourKeys.MatchString(key) {
		p.t.Fatal("the page shows no key")
	}
	page.shut(p.tab)
	p.reads(".log", token, "Active until")
	p.picture("oauth-10-active")
	return key
}

func (p player) revokeConnected(token string) {
	p.t.Helper()
	p.at("U0ERIN", "C0GENERAL")
	p.command("/tokens list tempo --grants")
	p.reads(".log", token, "Alice Archer")
	p.picture("oauth-11-list")
	p.command("/tokens revoke " + token + " her laptop is gone")
	p.reads(".log", token)
	p.at("U0ALICE", "")
	p.reads(".log", "her laptop is gone", "Erin Evans")
	p.picture("oauth-12-told")
}

// lookAtTempo reads on the control panel that Tempo has nothing any more.
func (p player) lookAtTempo() {
	p.t.Helper()
	p.do(chromedp.Navigate(p.w.panelURL + "/at/tempo"))
	p.find("heading", "Tempo, as it is itself")
	p.reads("main", "nobody has connected an account yet")
	p.key(kb.Tab)
	p.picture("oauth-13-panel")
	p.phonePicture("oauth-13-panel")
}
