package web_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"
)

// testPersonaSwitch becomes somebody else in the same tab.
func testPersonaSwitch(t *testing.T, chromium *browser) {
	ws := newWorkspace(t, nil)
	p := chromium.open(t, ws.url+"/?as=U0ALICE&channel=C0APPROVALS")
	p.press("button", "Switch persona. You are Alice Archer, Engineer: asks for keys")
	p.see(`document.querySelector('[role=menuitemradio][aria-checked=true]').dataset.persona === 'U0ALICE'`)
	p.press("menuitemradio", "Bob Baker Approver")
	p.find("button", "Switch persona. You are Bob Baker, Approver")
	p.see(`location.search === '?as=U0BOB&channel=C0APPROVALS'`)
	p.press("button", "Approve less")
	if act := ws.next("block_action"); act["as"] != "U0BOB" {
		t.Errorf("acted as %v", act["as"])
	}
	if !strings.Contains(evaluate[string](p, `document.title`), "Bob Baker") {
		t.Error("the tab's title does not name the persona")
	}
}

// testPersonaUnknown opens the page for nobody and is told so.
func testPersonaUnknown(t *testing.T, chromium *browser) {
	p := chromium.open(t, newWorkspace(t, nil).url+"/?as=U0NOBODY")
	p.see(`document.querySelector('[role=alert]')?.innerText === 'Nobody here has that ID.'`)
	p.find("link", "Start again")
	p.problems.take() // the browser logs the 404
}

// testHomeTabs walks the app's tabs and expects the app to be told.
func testHomeTabs(t *testing.T, chromium *browser) {
	ws := newWorkspace(t, nil)
	p := chromium.open(t, ws.url+"/?as=U0ALICE&channel=C0GENERAL")
	p.press("button", "Home")
	ws.next("open_home")
	p.find("tab", "Home")
	p.find("heading", "Your keys")
	p.press("tab", "Messages 2 unread")
	ws.next("open_messages_tab")
	p.find("log", "Messages in Latchkey")
	p.press("tab", "Messages")
	p.key(kb.ArrowRight)
	p.find("heading", "Commands")
	p.see(`document.activeElement.innerText === 'About' && location.search.endsWith('channel=about')`)
	p.do(chromedp.NavigateBack())
	p.find("log", "Messages in Latchkey")
	ws.change(func(state document) { state["home"] = nil })
	p.press("tab", "Home")
	p.see(`document.querySelector('.empty').innerText.includes('has not drawn your Home yet')`)
}

// testHomeActions uses an overflow menu with a confirm dialog on the Home tab.
func testHomeActions(t *testing.T, chromium *browser) {
	ws := newWorkspace(t, nil)
	p := chromium.open(t, ws.url+"/?as=U0ALICE&channel=home")
	p.press("button", "More actions")
	p.press("menuitem", "Revoke")
	p.find("dialog", "Are you sure?")
	p.press("button", "Yes")
	act := ws.next("block_action")
	wantAction(t, act, "h-k1", "key_more", document{"type": "overflow", "selected_option": option("Revoke", "revoke")})
	if container := act["container"].(document); container["type"] != "view" || container["view_id"] != "V0HOME" {
		t.Errorf("container %v", container)
	}
}

// testDeactivate lets an admin of the workspace switch an account off, after a
// question; nobody else is offered that.
func testDeactivate(t *testing.T, chromium *browser) {
	ws := newWorkspace(t, nil)
	p := chromium.open(t, ws.url+"/?as=U0ALICE&channel=about")
	p.find("heading", "Commands")
	p.gone("button", "Deactivate Bob Baker")
	ws.change(func(state document) { state["me"].(document)["is_admin"] = true })
	p.press("button", "Deactivate Bob Baker")
	p.find("dialog", "Deactivate Bob Baker?")
	p.see(`document.activeElement.innerText === 'Cancel'`)
	p.press("button", "Deactivate")
	want := document{"as": "U0ALICE", "type": "deactivate", "id": "U0BOB"}
	if diff := cmp.Diff(want, ws.next("deactivate")); diff != "" {
		t.Errorf("act (-want +got):\n%s", diff)
	}
	p.gone("button", "Deactivate Alice Archer")
}

// testChannels reads a channel, which is then told to be read.
func testChannels(t *testing.T, chromium *browser) {
	ws := newWorkspace(t, nil)
	p := chromium.open(t, ws.url+"/?as=U0ALICE&channel=C0GENERAL")
	p.find("navigation", "Channels and apps")
	p.see(`document.title.startsWith('(3) #general')`)
	p.press("button", "access-approvals 1 unread")
	if act := ws.next("read"); act["channel"] != "C0APPROVALS" {
		t.Errorf("read %v", act["channel"])
	}
	p.find("heading", "#access-approvals")
	p.see(`document.querySelector('[aria-current=page]').dataset.channel === 'C0APPROVALS'`)
	ws.change(func(state document) {
		state["channels"] = append([]any{}, state["channels"].([]any)[0]) // removed from the others
	})
	p.find("heading", "#general")
}

// testPhone opens and closes the sidebar on a narrow screen.
func testPhone(t *testing.T, chromium *browser) {
	p := chromium.open(t, newWorkspace(t, nil).url+"/?as=U0ALICE&channel=C0GENERAL")
	p.do(chromedp.EmulateViewport(375, 740))
	p.gone("navigation", "Channels and apps")
	p.press("button", "Channels")
	p.find("navigation", "Channels and apps")
	p.press("button", "shared-with-partner shared")
	p.gone("navigation", "Channels and apps")
	p.find("heading", "#shared-with-partner")
}
