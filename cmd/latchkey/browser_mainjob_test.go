package main

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// player plays people at the demo in a browser, one at a time in one tab.
type player struct {
	tab
	w *world
}

// TestBrowserMainJob is the whole main job as people do it: every click in a
// browser, every picture of a station kept.
func TestBrowserMainJob(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	p := player{b, newWorld(t)}

	id := p.askForTempo()
	p.approveAsBob(id)
	p.approveAsCarol(id)
	key, token := p.collectAsAlice(id)

	if got, body := p.w.use(key, "/4/worklogs"); got != http.StatusOK {
		t.Fatalf("inside the scopes: %d %s", got, body)
	}
	got, body := p.w.use(key, "/4/accounts")
	if got != http.StatusForbidden {
		t.Fatalf("outside the scopes: %d %s", got, body)
	}
	p.w.says(body, "accounts:view")

	p.showUsedKey(token)
	p.revokeAsErin(token)
	p.w.until(key, "/4/worklogs", http.StatusUnauthorized)
	p.readTheEnd()
	p.lookAtPanel()
}

// at opens the workspace as somebody, at a channel, at "home" or, with "", in
// the direct messages with Latchkey.
func (p player) at(who, where string) {
	p.t.Helper()
	if where == "" {
		where = p.w.user(who).DM()
	}
	p.do(chromedp.Navigate(p.w.sim.URL() + "/?as=" + who + "&channel=" + where))
	p.find("navigation", "Channels and apps")
}

// command types a command in #general.
func (p player) command(text string) {
	p.t.Helper()
	p.fill("textbox", "Message #general", text)
	p.key(kb.Enter)
}

const reason = "Fix last month's import of worklogs"

// askForTempo files Alice's request and returns its ID.
func (p player) askForTempo() string {
	p.t.Helper()
	p.at("U0ALICE", "C0GENERAL")
	p.fill("textbox", "Message #general", "/tok")
	p.find("option", "/tokens request | mine | pending | list | systems | show | rotate | extend | edit | done | revoke | suspend | resume | cancel | why | audit | help Ask for API keys, approve them, and see who holds which.")
	p.picture("01-command")
	p.key(kb.Enter, "request tempo", kb.Enter)

	p.find("dialog", "Request an API key")
	p.find("radio", "Read and write")
	p.picture("02-form")
	p.press("radio", "Read and write")
	p.reads(".dialog", "worklogs:manage")
	p.press("combobox", "How long")
	p.find("option", "14 days")
	p.picture("03-how-long")
	p.press("option", "14 days")
	p.fill("textbox", "Why", reason)
	p.picture("04-form-filled")
	p.phonePicture("04-form-filled")
	p.press("button", "Preview")

	p.find("dialog", "Check and send")
	p.reads(".dialog", "tempo-approvers", "Bob Baker", "Carol Chen", "Dana Diaz", "14 days", reason)
	p.picture("05-preview")
	p.phonePicture("05-preview")
	p.press("button", "Send request")
	p.gone("dialog", "Check and send")
	p.gone("dialog", "Request an API key")
	p.find("button", "Latchkey 1 unread")
	p.reads(".log", "is sent to tempo-approvers")
	p.picture("06-sent")
	p.press("button", "Latchkey 1 unread")
	p.reads(".log", "Votes so far", "0 of 2 approvals")
	p.picture("07-status")
	id := requestIDs.FindString(p.text(".log"))
	if id == "" {
		p.t.Fatalf("the requester is told no ID:\n%s", p.text(".log"))
	}
	return id
}

func (p player) approveAsBob(id string) {
	p.t.Helper()
	p.at("U0BOB", "")
	approve := "Approve request " + id + " from Alice Archer"
	p.find("button", approve)
	p.reads(".log", "Alice Archer", "14 days", reason)
	p.picture("08-card")
	p.phonePicture("08-card")
	p.press("button", approve)
	p.find("dialog", "Approve "+id+"?")
	p.picture("09-confirm")
	p.press("button", "Approve")
	p.reads(".log", "Your approval of "+id+" is counted", "1 of 2 approvals", "You approved. 1 more approval is needed.")
	p.gone("button", approve)
	p.picture("10-approved-once")
}

// approveAsCarol approves from App Home, then reads what the channel shows.
func (p player) approveAsCarol(id string) {
	p.t.Helper()
	p.at("U0CAROL", "home")
	approve := "Approve request " + id + " from Alice Archer"
	p.find("button", approve)
	p.picture("11-home-of-approver")
	p.press("button", approve)
	p.find("dialog", "Approve "+id+"?")
	p.press("button", "Approve")
	p.find("dialog", "Approved")
	p.reads(".dialog", "was the last one needed")
	p.picture("12-approved-from-home")
	p.press("button", "Close")
	p.gone("button", approve)
	p.at("U0CAROL", "C0APPROVALS")
	p.reads(".log", "Approved by Bob Baker and Carol Chen", "Active until")
	p.picture("13-channel")
	p.reads(".replies", "replies")
	p.press("button", strings.TrimSpace(p.text(".replies")))
	p.find("log", "Thread replies")
	p.reads(".thread", "was made")
	p.picture("14-thread")
}

// collectAsAlice reveals the key, and returns it with its ID.
func (p player) collectAsAlice(id string) (key, token string) {
	p.t.Helper()
	p.at("U0ALICE", "")
	p.reads(".log", id, "is ready to collect")
	token = keyIDs.FindString(p.text(".log"))
	p.picture("15-ready")
	p.press("button", "Reveal key "+token)

	page := p.opened("/reveal/")
	page.find("button", "Show the key")
	page.reads("main", token, "tempo")
	if ourKeys.MatchString(evaluate[string](page, `document.documentElement.outerHTML`)) {
		p.t.Fatal("the page has the key before anybody pressed its button")
	}
	page.picture("16-reveal")
	page.phonePicture("16-reveal")
	page.press("button", "Show the key")
	page.find("textbox", "The key")
	page.picture("17-key")
	page.phonePicture("17-key")
	key = evaluate[string](page, `document.getElementById("key").value`)
	if !ourKeys.MatchString(key) {
		p.t.Fatal("the page shows no key")
	}
	page.do(chromedp.Reload())
	page.find("heading", "This key was already shown")
	page.picture("18-shown-already")
	page.shut(p.tab)
	return key, token
}

// showUsedKey looks at a key in Slack once it was used.
func (p player) showUsedKey(token string) {
	p.t.Helper()
	p.reads(".log", "Lost it?")
	p.until("the use to be counted", func(context.Context) (bool, error) { // it is written in batches
		return p.w.count(`SELECT count(*) FROM credential WHERE last_used_at IS NOT NULL`) == 1, nil
	})
	p.press("button", "Show details of key "+token)
	p.find("dialog", "Key "+token)
	p.reads(".dialog", "What happened", "GET /4/worklogs")
	p.picture("19-details")
	p.press("button", "Close")
}

func (p player) revokeAsErin(token string) {
	p.t.Helper()
	p.at("U0ERIN", "C0GENERAL")
	p.command("/tokens list")
	p.reads(".log", token, "Alice Archer")
	p.picture("20-list")
	p.command("/tokens revoke " + token + " it leaked")
	p.reads(".log", token+" is revoked")
	p.picture("21-revoked")
}

// readTheEnd reads as Alice who revoked the key, why, and what Home says now.
func (p player) readTheEnd() {
	p.t.Helper()
	p.at("U0ALICE", "")
	p.reads(".log", "was revoked by Erin Evans", "it leaked")
	p.picture("22-told")
	p.press("tab", "Home")
	p.find("heading", "Your keys")
	p.picture("23-home")
	p.phonePicture("23-home")
}

func (p player) lookAtPanel() {
	p.t.Helper()
	p.do(chromedp.Navigate(p.w.panelURL))
	p.find("heading", "Control panel")
	p.picture("24-panel")
	p.phonePicture("24-panel")
	before := p.text("time")
	p.press("button", "Jump 1 day")
	p.changes("time", before)
	p.press("button", "Take Slack down")
	p.find("button", "Mend Slack")
	p.picture("25-panel-broken")
	p.press("button", "Mend Slack")
	p.find("button", "Take Slack down")
}
