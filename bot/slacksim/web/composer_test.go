package web_test

import (
	"testing"

	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"
)

// testSlash finds a command by typing and runs it, all by keyboard.
func testSlash(t *testing.T, chromium *browser) {
	ws := newWorkspace(t, nil)
	p := chromium.open(t, ws.url+"/?as=U0ALICE&channel=C0GENERAL")
	p.fill("textbox", "Message #general", "/to")
	p.find("listbox", "Commands")
	p.see(`document.querySelectorAll('[role=option]').length === 2`)
	p.key(kb.ArrowDown)
	p.see(`document.querySelector('[aria-selected=true]').dataset.command === '/toast'`)
	p.key(kb.Escape)
	p.gone("listbox", "Commands")
	p.key("k")
	p.see(`document.querySelectorAll('[role=option]').length === 1`)
	p.key(kb.Enter)
	p.see(`document.activeElement.value === '/tokens '`)
	if got, want := p.text(".composer-hint"), "/tokens [request | mine | pending | help]"; got != want {
		t.Errorf("the hint says %q, want %q", got, want)
	}
	ws.none("command")
	p.key("request tempo & co", kb.Enter)
	want := document{"as": "U0ALICE", "type": "command", "channel": "C0GENERAL", "text": "/tokens request tempo & co"}
	if diff := cmp.Diff(want, ws.next("command")); diff != "" {
		t.Errorf("act (-want +got):\n%s", diff)
	}
	p.see(`document.activeElement.value === ''`)

	p.key("/tokens", kb.Enter) // typed whole: Enter runs it
	if got := ws.next("command")["text"]; got != "/tokens" {
		t.Errorf("ran %q", got)
	}
}

// testMessage writes a message of two lines; what was typed is escaped and
// names become references.
func testMessage(t *testing.T, chromium *browser) {
	ws := newWorkspace(t, nil)
	p := chromium.open(t, ws.url+"/?as=U0ALICE&channel=C0GENERAL")
	p.fill("textbox", "Message #general", "@bob see #general")
	p.newLine()
	p.key("<!channel> a & b, @nobody", kb.Enter)
	want := "<@U0BOB> see <#C0GENERAL|general>\n&lt;!channel&gt; a &amp; b, @nobody"
	if diff := cmp.Diff(want, ws.next("message")["text"]); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
}

// testShortcuts opens the lightning menu and runs the app's shortcut.
func testShortcuts(t *testing.T, chromium *browser) {
	ws := newWorkspace(t, nil)
	p := chromium.open(t, ws.url+"/?as=U0ALICE&channel=C0GENERAL")
	p.press("button", "Shortcuts")
	p.press("menuitem", "Request a key Opens the request form")
	want := document{"as": "U0ALICE", "type": "shortcut", "callback_id": "request_key"}
	if diff := cmp.Diff(want, ws.next("shortcut")); diff != "" {
		t.Errorf("act (-want +got):\n%s", diff)
	}
	p.gone("menu", "Shortcuts")
}

// testRefused keeps what was typed when the workspace refuses it.
func testRefused(t *testing.T, chromium *browser) {
	ws := newWorkspace(t, func(act document) document {
		return document{"ok": act["type"] != "command", "error": "/nope is not a command here."}
	})
	p := chromium.open(t, ws.url+"/?as=U0ALICE&channel=C0GENERAL")
	p.fill("textbox", "Message #general", "/nope now")
	p.key(kb.Enter)
	ws.next("command")
	p.see(`document.querySelector('.toast').innerText.includes('/nope is not a command here.')`)
	p.see(`document.activeElement.value === '/nope now'`)
	p.press("button", "Dismiss notice")
	p.gone("button", "Dismiss notice")
}
