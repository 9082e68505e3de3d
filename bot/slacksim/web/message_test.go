package web_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"
)

var cardAt = document{"type": "message", "channel": "C0APPROVALS", "ts": "1763737320.000100"}

// testButton presses a button and expects exactly the act of the contract.
func testButton(t *testing.T, chromium *browser) {
	ws := newWorkspace(t, nil)
	p := chromium.open(t, ws.url+"/?as=U0ALICE&channel=C0APPROVALS")
	p.press("button", "Approve less")
	want := document{
		"as": "U0ALICE", "type": "block_action", "container": cardAt, "block_id": "card-actions", "action_id": "approve_less",
		"action": document{"type": "button", "value": "TK-7F3K"}, "values": document{},
	}
	if diff := cmp.Diff(want, ws.next("block_action")); diff != "" {
		t.Errorf("act (-want +got):\n%s", diff)
	}

	evaluate[bool](p, `Boolean(window.open = (...args) => { window.opened = args; })`)
	p.press("button", "Details")
	wantAction(t, ws.next("block_action"), "card-actions", "details", document{"type": "button", "value": "TK-7F3K"})
	if diff := cmp.Diff([]string{"https://latchkey.example.com/TK-7F3K", "_blank", "noopener,noreferrer"}, evaluate[[]string](p, `window.opened`)); diff != "" {
		t.Errorf("opened (-want +got):\n%s", diff)
	}
}

// testConfirm asks first, gives the focus back, and posts only after a yes.
func testConfirm(t *testing.T, chromium *browser) {
	ws := newWorkspace(t, nil)
	p := chromium.open(t, ws.url+"/?as=U0ALICE&channel=C0APPROVALS")
	const approve = "Approve request TK-7F3K from Alice Archer"
	p.press("button", approve)
	p.find("dialog", "Approve this request?")
	if got := p.text("#confirm-text strong"); got != "worklogs:manage" {
		t.Errorf("the question stresses %q", got)
	}
	p.gone("button", approve) // what lies behind is inert
	p.press("button", "Go back")
	p.gone("dialog", "Approve this request?")
	p.see(`document.activeElement.dataset.actionId === 'approve'`)
	p.key(kb.Enter)
	p.find("dialog", "Approve this request?")
	p.key(kb.Escape)
	p.gone("dialog", "Approve this request?")
	ws.none("block_action")

	p.press("button", approve)
	p.press("button", "Approve")
	wantAction(t, ws.next("block_action"), "card-actions", "approve", document{"type": "button", "value": "TK-7F3K"})
	p.gone("dialog", "Approve this request?")
}

// testOverflow opens an overflow menu by keyboard and chooses its second item.
func testOverflow(t *testing.T, chromium *browser) {
	ws := newWorkspace(t, nil)
	p := chromium.open(t, ws.url+"/?as=U0ALICE&channel=C0APPROVALS")
	p.press("button", "More actions")
	p.find("menuitem", "Open in web The audit page")
	p.key(kb.ArrowDown)
	p.see(`document.activeElement.dataset.value === 'copy'`)
	p.key(kb.ArrowDown, kb.Escape)
	p.gone("menu", "More actions")
	p.see(`document.activeElement.dataset.actionId === 'card_more'`)
	ws.none("block_action")
	p.key(kb.Enter, kb.End, kb.Enter)
	wantAction(t, ws.next("block_action"), "card-reason", "card_more", document{
		"type": "overflow", "selected_option": document{"value": "copy", "text": document{"type": "plain_text", "text": "Copy the ID"}},
	})
}

// testEphemeral reads the marks beside messages.
func testEphemeral(t *testing.T, chromium *browser) {
	p := chromium.open(t, newWorkspace(t, nil).url+"/?as=U0ALICE&channel=C0GENERAL")
	p.find("article", "Message from Latchkey at 10:02 AM")
	if got := p.text("[data-ephemeral] .only-you"); got != "Only visible to you" {
		t.Errorf("an ephemeral message says %q", got)
	}
	if got := p.text(`[data-user="U0CAROL"]`); !strings.Contains(got, "On it @Alice Archer") || !strings.Contains(got, "(edited)") {
		t.Errorf("an edited message says %q", got)
	}
	if got := p.text(`[data-user="U0GUS"] .message-head`); !strings.Contains(got, "Guest") {
		t.Errorf("a guest's message head says %q", got)
	}
	p.find("separator", "Today")
	p.find("separator", "Yesterday")
}

// testFiles shows what a message carries: every file by name and size, the start
// of a table where the workspace gives one.
func testFiles(t *testing.T, chromium *browser) {
	ws := newWorkspace(t, nil)
	ws.change(func(state document) {
		state["messages"].(document)["D0ALICE"] = []any{document{
			"ts": "1763737500.000100", "user": "U0LATCHBOT", "text": "Your export", "is_bot": true, "blocks": []any{}, "files": []any{
				document{"id": "F1", "name": "keys.csv", "title": "Keys & <b>owners</b>", "size": 12_345, "url": "/client/files/F1?as=U0ALICE",
					"preview": []any{[]any{"id", "owner"}, []any{"TK-1", "<i>alice</i>"}}},
				document{"id": "F2", "name": "proof.json", "title": "proof.json", "size": 1, "url": "/client/files/F2?as=U0ALICE", "preview": []any{}},
			},
		}}
	})
	p := chromium.open(t, ws.url+"/?as=U0ALICE&channel=D0ALICE")
	p.find("link", "Keys & <b>owners</b> keys.csv, 12.3 kB")
	p.find("link", "proof.json 1 byte")
	p.find("region", "Start of keys.csv")
	p.find("columnheader", "owner")
	p.find("cell", "<i>alice</i>")
	want := []string{"/client/files/F1?as=U0ALICE", "keys.csv", "/client/files/F2?as=U0ALICE", "proof.json"}
	got := evaluate[[]string](p, `[...document.querySelectorAll('.file')].flatMap((link) => [link.getAttribute('href'), link.download])`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
	p.see(`document.querySelectorAll('[data-file] table').length === 1`)
}

// testThread opens a thread, answers in it and closes it.
func testThread(t *testing.T, chromium *browser) {
	ws := newWorkspace(t, nil)
	p := chromium.open(t, ws.url+"/?as=U0ALICE&channel=C0GENERAL")
	p.see(`!document.querySelector('.main').innerText.includes('Thanks!')`)
	p.press("button", "1 reply")
	p.find("complementary", "Thread")
	p.find("log", "Thread replies")
	p.see(`document.querySelector('.thread').innerText.includes('Thanks!')`)
	p.see(`document.activeElement.getAttribute('aria-label') === 'Reply'`)
	p.key("You are welcome", kb.Enter)
	want := document{"as": "U0ALICE", "type": "message", "channel": "C0GENERAL", "text": "You are welcome", "thread_ts": "1763737260.000100"}
	if diff := cmp.Diff(want, ws.next("message")); diff != "" {
		t.Errorf("act (-want +got):\n%s", diff)
	}
	p.key("/tokens mine", kb.Enter)
	p.see(`document.querySelector('.toasts').innerText.includes('do not work in threads')`)
	ws.none("command")
	p.press("button", "Close thread")
	p.gone("complementary", "Thread")
}
